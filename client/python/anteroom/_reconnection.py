"""When a broken stream is tried again, and for how long."""

from __future__ import annotations

import asyncio
import random
from typing import Optional

import grpc

from anteroom import _errors

#: Seconds: the longest that the first pause may be, and any pause.
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

#: What a connection that broke looks like, where the server gave no reason.
_BROKEN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
)


def is_break(error: BaseException) -> bool:
    """Whether the connection is to blame, and not the scope or the request."""
    if not isinstance(error, _errors.Error):
        return False
    return error.reason == "SLOW_READER" or (not error.reason and error.code in _BROKEN)


class Reconnection:
    """The pauses between attempts, random and ever longer, until `grace`
    seconds have passed since the break."""

    def __init__(self, grace: float) -> None:
        self.grace = grace
        #: The loop's time at which the grace is over; None: nothing is broken.
        self.deadline: Optional[float] = None
        self._attempts = 0

    def succeeded(self) -> None:
        """The server has answered: the next break is another one."""
        self.deadline = None
        self._attempts = 0

    async def pause(self, given_up: asyncio.Event) -> bool:
        """Waits until the next attempt. False: there is to be none, because the
        grace is over or `given_up` is set."""
        now = asyncio.get_running_loop().time()
        if self.deadline is None:
            self.deadline = now + self.grace
        longest = min(_FIRST_PAUSE * 2.0**self._attempts, _LONGEST_PAUSE)
        self._attempts = min(self._attempts + 1, 30)
        until = min(now + random.uniform(0, longest), self.deadline)
        try:
            async with asyncio.timeout_at(until):
                await given_up.wait()
            return False
        except TimeoutError:
            return until < self.deadline

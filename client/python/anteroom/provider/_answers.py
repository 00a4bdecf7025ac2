"""The answers of calls that may be made again."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import itertools
from typing import Any, Awaitable, Callable, Coroutine, Hashable, Optional, Set

from anteroom._calls import retrieve
from anteroom.provider import _failures

#: Answers kept, and for how many seconds.
_KEPT = 10_000
_KEPT_SECONDS = 600.0
#: The oldest, some of which may still be under way.
_LOOKED_AT = 100


@dataclasses.dataclass
class _Answer:
    task: asyncio.Task[Any]
    #: What the call was for.
    call: Hashable
    time: float


class Answers:
    """By their keys: a call that is made again joins the first, or has its
    answer, be it an error. The oldest are forgotten.

    A call goes on where whoever made it is gone. For one event loop.
    """

    def __init__(
        self, kept: int = _KEPT, now: Optional[Callable[[], float]] = None
    ) -> None:
        self._kept = kept
        self._now = now or asyncio.get_running_loop().time
        self._answers: collections.OrderedDict[str, _Answer] = collections.OrderedDict()
        self._running: Set[asyncio.Task[Any]] = set()

    def once(
        self, key: str, call: Hashable, run: Callable[[], Coroutine[Any, Any, Any]]
    ) -> Awaitable[Any]:
        """The answer of `run`, or of the first call of this key; empty: there
        was none. INVALID_REQUEST if that one was for something else."""
        known = self._answers.get(key)
        if known is not None:
            if known.call != call:
                raise _failures.invalid(
                    "idempotency_key: it was used for another call; choose a new one"
                )
            return asyncio.shield(known.task)
        task = asyncio.create_task(run())
        task.add_done_callback(retrieve)
        task.add_done_callback(self._running.discard)
        self._running.add(task)
        if key:
            self._answers[key] = _Answer(task, call, self._now())
            self._forget()
        return asyncio.shield(task)

    async def join(self) -> None:
        """Waits for all calls under way."""
        if self._running:
            await asyncio.wait(self._running)

    def _forget(self) -> None:
        for key in [
            key
            for key, answer in itertools.islice(self._answers.items(), _LOOKED_AT)
            if answer.task.done()
            and (
                len(self._answers) > self._kept
                or self._now() - answer.time > _KEPT_SECONDS
            )
        ][
            :2
        ]:  # faster than they come
            del self._answers[key]

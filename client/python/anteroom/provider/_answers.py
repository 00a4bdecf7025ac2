"""The answers of calls that may be made again."""

from __future__ import annotations

import asyncio
import collections
import itertools
from typing import Any, Callable, Coroutine, Hashable, Optional, Set

from anteroom._calls import retrieve
from anteroom.provider import _failures

#: Answers kept, and for how many seconds.
_KEPT = 10_000
_KEPT_SECONDS = 600.0
#: The oldest, some of which may still be under way.
_LOOKED_AT = 100


class _Answer:
    def __init__(self, task: asyncio.Task[Any], call: Hashable, time: float) -> None:
        self.task = task
        #: What the call was for.
        self.call = call
        self.time = time
        #: The latest of those that asked. None: for ever.
        self.deadline: Optional[float] = 0.0
        self._timer: Optional[asyncio.TimerHandle] = None

    def allow(self, deadline: Optional[float]) -> None:
        """Somebody asks, and will wait so long."""
        if deadline is None or self.deadline is None:
            self.deadline = None
        else:
            self.deadline = max(self.deadline, deadline)

    def leave(self) -> None:
        """Somebody does not wait any more: past the deadline it is cancelled."""
        if self._timer is None and self.deadline is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self.deadline, self._cancel, self.deadline)
            self.task.add_done_callback(lambda done: self._stop_timer())

    def _cancel(self, deadline: float) -> None:
        self._timer = None
        if deadline == self.deadline:
            self.task.cancel()
        elif not self.task.done():
            self.leave()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Answers:
    """By their keys: a call that is made again joins the first, or has its
    answer, be it an error. The oldest are forgotten.

    A call goes on where whoever made it is gone, until its deadline. For one
    event loop.
    """

    def __init__(
        self, kept: int = _KEPT, now: Optional[Callable[[], float]] = None
    ) -> None:
        self._kept = kept
        self._now = now or asyncio.get_running_loop().time
        self._answers: collections.OrderedDict[str, _Answer] = collections.OrderedDict()
        self._running: Set[asyncio.Task[Any]] = set()

    async def once(
        self,
        key: str,
        call: Hashable,
        run: Callable[[], Coroutine[Any, Any, Any]],
        remaining: Optional[float] = None,
    ) -> Any:
        """The answer of `run`, or of the first call of this key; empty: there
        was none. INVALID_REQUEST if that one was for something else. `remaining`:
        the seconds that this call has; None: no bound."""
        answer = self._answers.get(key) or self._begin(key, call, run)
        if answer.call != call:
            raise _failures.invalid(
                "idempotency_key: it was used for another call; choose a new one"
            )
        answer.allow(
            None if remaining is None else asyncio.get_running_loop().time() + remaining
        )
        try:
            return await asyncio.shield(answer.task)
        except asyncio.CancelledError:
            if not answer.task.done():
                answer.leave()
            raise

    def _begin(
        self, key: str, call: Hashable, run: Callable[[], Coroutine[Any, Any, Any]]
    ) -> _Answer:
        task = asyncio.create_task(run())
        task.add_done_callback(retrieve)
        task.add_done_callback(self._running.discard)
        self._running.add(task)
        answer = _Answer(task, call, self._now())
        if key:
            self._answers[key] = answer
            self._forget()
        return answer

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

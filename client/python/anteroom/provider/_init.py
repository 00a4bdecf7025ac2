"""The awaiting of one object, shared by all that await it."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, List, Optional, Protocol

import grpc

from anteroom import _errors


class Listener(Protocol):
    """Who awaits an init, and is told of it."""

    def initializing(self) -> None:
        ...

    def progress(self, fraction: float, message: str) -> None:
        ...

    def initialized(self) -> None:
        ...


class _Attempt:
    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.waiters: List[Optional[Listener]] = []
        self.abandoned = False


class Init:
    """Runs `start` once, however many join, and again only after it failed.

    Whoever leaves leaves the others theirs; when the last one leaves, it is
    cancelled. For one event loop.
    """

    def __init__(self, start: Callable[[Init], Awaitable[Any]]) -> None:
        self._start = start
        self._attempt: Optional[_Attempt] = None
        self._result: Any = None
        self.done = False

    async def join(self, listener: Optional[Listener] = None) -> Any:
        """Waits until it has completed, and answers what it answered. Raises
        what this attempt raised. `listener` hears of it unless it is over."""
        while self._attempt is not None and self._attempt.abandoned:
            await asyncio.wait({self._attempt.task})
            self._settle()
        if self.done:
            return self._result
        if self._attempt is None:
            self._attempt = _Attempt(asyncio.create_task(self._run()))
        attempt = self._attempt
        attempt.waiters.append(listener)
        if listener is not None:
            listener.initializing()
        try:
            result = await asyncio.shield(attempt.task)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if attempt.task.cancelled() and task is not None and not task.cancelling():
                raise _errors.Error(
                    "the init was cancelled", code=grpc.StatusCode.CANCELLED
                ) from None
            raise
        finally:
            await self._leave(attempt, listener)
        if listener is not None:
            listener.initialized()
        return result

    def progress(self, fraction: float, message: str) -> None:
        """Told to all that wait: the server listens to one of them."""
        for listener in self._attempt.waiters if self._attempt is not None else ():
            if listener is not None:
                listener.progress(fraction, message)

    async def cancel(self) -> None:
        """Ends an attempt that is under way."""
        if self._attempt is not None:
            self._attempt.abandoned = True
            self._attempt.task.cancel()
            await asyncio.wait({self._attempt.task})

    async def _run(self) -> Any:
        try:
            self._result = await self._start(self)
            self.done = True
            return self._result
        finally:
            self._attempt = None

    def _settle(self) -> None:
        # A task that was cancelled before it ran has not settled anything.
        if self._attempt is not None and self._attempt.task.done():
            self._attempt = None

    async def _leave(self, attempt: _Attempt, listener: Optional[Listener]) -> None:
        attempt.waiters.remove(listener)
        if not attempt.waiters and not attempt.task.done():
            attempt.abandoned = True
            attempt.task.cancel()
            await asyncio.wait({attempt.task})
        self._settle()

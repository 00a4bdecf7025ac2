"""A resource by name, to be entered with `async with` or awaited."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generator, Optional, Type

from anteroom import _errors
from anteroom._hold import Hold
from anteroom._scope import OnEvent, Scope
from anteroom.v1 import resource_service_pb2 as pb

if TYPE_CHECKING:
    from anteroom._connection import Server


class Resource:
    """What `server.resource(...)` answers. Each `async with`, and each await,
    is a hold of its own; one `Resource` may be used for many, side by side in
    many tasks, nested within a task.

    async with:  enters; the body runs while the object is held; leaving hands
        the body's exception to the object's exit, which may suppress it. A
        lease that is lost cancels the body, and `LeaseLost` is raised instead.
        An exit that fails raises `ExitError` if the body went well.
        Leaving waits for the exit, even of a cancelled body; where the
        connection is broken, for disconnect_grace at most.
    await:  enters and answers a `Hold` that lives until its `release()`, or
        the end of the connection.
    """

    def __init__(
        self,
        server: Server,
        acquire: pb.AcquireRequest,
        on_event: Optional[OnEvent],
    ) -> None:
        self._server = server
        self._acquire = acquire
        self._on_event = on_event
        self._bodies: list[_Body] = []

    def __await__(self) -> Generator[Any, None, Hold]:
        return self._hold(lambda lost: None).__await__()

    async def __aenter__(self) -> Hold:
        body = _Body(asyncio.current_task())
        body.begin(await self._hold(body.lose))
        self._bodies.append(body)
        return body.hold

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> bool:
        return await self._leave().exit(error)

    def _leave(self) -> _Body:
        """Forgets the innermost body of this task (of all tasks, where it is
        left by another task than entered it)."""
        task = asyncio.current_task()
        for index in reversed(range(len(self._bodies))):
            if self._bodies[index].task is task:
                return self._bodies.pop(index)
        return self._bodies.pop()

    async def _hold(self, on_lost: Any) -> Hold:
        scope = Scope(self._server._stub, self._acquire, self._on_event, on_lost)
        lease = await scope.enter()
        hold = Hold(scope, lease)
        self._server._keep(hold, scope)
        return hold


class _Body:
    """The body of one `async with`, and the task that runs it."""

    def __init__(self, task: Optional[asyncio.Task[Any]]) -> None:
        self.task = task
        self.hold: Hold
        self._lost: Optional[_errors.LeaseLost] = None
        self._running = False
        self._cancelled = False  # by us

    def begin(self, hold: Hold) -> None:
        if self._lost is not None:  # as soon as it was entered
            raise self._lost
        self.hold = hold
        self._running = True

    def lose(self, lost: _errors.LeaseLost) -> None:
        self._lost = lost
        if self.task is not None and self._running:
            self._cancelled = True
            self.task.cancel()

    async def exit(self, error: Optional[BaseException]) -> bool:
        self._running = False
        if self._lost is not None:
            return await self._exit_lost(self._lost, error)
        try:
            receipt = await self.hold.release(error)
        except _errors.LeaseLost:
            if error is None:
                raise
            return False  # the body's own error goes on
        if error is None and receipt.exit_error is not None:
            raise _errors.ExitError(
                f"the exit failed: {receipt.exit_error.message}",
                code=receipt.exit_error.code,
                reason=receipt.exit_error.reason,
            ) from receipt.exit_error
        return receipt.error_suppressed

    async def _exit_lost(
        self, lost: _errors.LeaseLost, error: Optional[BaseException]
    ) -> bool:
        # As asyncio.timeout does: take back the cancellation that was ours.
        others = 0
        if self._cancelled and self.task is not None:
            others = self.task.uncancel()
        with contextlib.suppress(_errors.LeaseLost):
            await self.hold.release(error)  # its receipt, if one came
        if error is None or (isinstance(error, asyncio.CancelledError) and not others):
            raise lost
        return False

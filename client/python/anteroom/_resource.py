"""A resource by name, to be entered with `async with` or awaited."""

from __future__ import annotations

import asyncio
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
    is a hold of its own; one `Resource` may be used for many, one at a time
    within a task.

    async with:  enters; the body runs while the object is held; leaving hands
        the body's exception to the object's exit, which may suppress it. A
        lease that is lost cancels the body, and `LeaseLost` is raised instead.
        An exit that fails raises `ExitError` if the body went well.
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
        body.hold = await self._hold(body.lose)
        self._bodies.append(body)
        return body.hold

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> bool:
        body = self._bodies.pop()
        return await body.exit(error)

    async def _hold(self, on_lost: Any) -> Hold:
        scope = Scope(
            self._server._stub, self._acquire, self._on_event, on_lost
        )
        lease = await scope.enter()
        hold = Hold(scope, lease)
        self._server._keep(hold, scope)
        return hold


class _Body:
    """The body of one `async with`, and the task that runs it."""

    def __init__(self, task: Optional[asyncio.Task[Any]]) -> None:
        self._task = task
        self._lost: Optional[_errors.LeaseLost] = None
        self._leaving = False
        self.hold: Hold

    def lose(self, lost: _errors.LeaseLost) -> None:
        self._lost = lost
        if self._task is not None and not self._leaving:
            self._task.cancel()

    async def exit(self, error: Optional[BaseException]) -> bool:
        self._leaving = True
        if self._lost is not None:
            # As asyncio.timeout does: the cancellation was ours.
            if isinstance(error, asyncio.CancelledError):
                if self._task is not None and self._task.uncancel() > 0:
                    return False  # somebody else's too
            elif error is not None and error is not self._lost:
                return False
            raise self._lost from error
        receipt = await self.hold.release(error)
        if error is None and receipt.exit_error is not None:
            raise _errors.ExitError(
                f"the exit failed: {receipt.exit_error.message}",
                code=receipt.exit_error.code,
                reason=receipt.exit_error.reason,
            ) from receipt.exit_error
        return receipt.error_suppressed

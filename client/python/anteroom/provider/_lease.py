"""One lease of an object, from its enter to its exit."""

from __future__ import annotations

import asyncio
from typing import Any, Optional, Tuple

import grpc

from anteroom import _errors
from anteroom._calls import retrieve
from anteroom.provider import _arguments, _hook
from anteroom.provider._kind import Kind
from anteroom.v1 import lease_pb2


class Lease:
    """Enter and exit run in one task, so that what wants to be left by the task
    that entered it (a cancel scope, a timeout, a task group) is.

    An enter that nobody waits for any more is cancelled, or followed by its
    exit; an exit goes on. For one event loop.
    """

    def __init__(self, kind: Kind, instance: Any, hook: _hook.Context) -> None:
        self._kind = kind
        self._instance = instance
        self._hook = hook
        loop = asyncio.get_running_loop()
        self._entered: asyncio.Future[lease_pb2.Payload] = loop.create_future()
        self._cause: asyncio.Future[Optional[BaseException]] = loop.create_future()
        self._ended: asyncio.Future[Tuple[bool, bool]] = loop.create_future()
        for future in (self._entered, self._ended):
            future.add_done_callback(retrieve)
        self._task: Optional[asyncio.Task[None]] = None
        #: Nobody waits for its enter any more.
        self.abandoned = False

    def begin(self) -> None:
        """Begins to enter, where the kind has something to enter."""
        self._task = asyncio.create_task(self._run())

    @property
    def held(self) -> bool:
        return (
            self._entered.done()
            and not self._entered.cancelled()
            and self._entered.exception() is None
            and not self._cause.done()
        )

    async def enter(self) -> lease_pb2.Payload:
        """What it entered with. Raises what __aenter__ raised."""
        return await asyncio.shield(self._entered)

    async def exit(self, cause: Optional[BaseException]) -> Tuple[bool, bool]:
        """Whether `cause` is suppressed, and whether the object is tainted.
        Raises what __aexit__ raised."""
        if not self._cause.done():
            self._cause.set_result(cause)
        return await asyncio.shield(self._ended)

    def cancel(self) -> None:
        """Cancels the hook that runs; a lease that is held exits as cancelled."""
        if self._task is not None:
            self._task.cancel()

    async def abandon(self, cause: BaseException) -> None:
        """Ends it, however far it is, and waits for its end. Cancelled, it cancels
        the hook that runs."""
        self.abandoned = True
        if self.held:
            self._cause.set_result(cause)
        elif not self._cause.done():
            self.cancel()
        try:
            await self.join()
        except asyncio.CancelledError:
            self.cancel()
            await self.join()
            raise

    async def join(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        _hook.begin(self._hook)
        try:
            value = await self._enter()
        except BaseException as error:
            self._entered.set_exception(_outside(error, "enter"))
            return
        self._entered.set_result(value)
        try:
            cause = await asyncio.shield(self._cause)
        except asyncio.CancelledError as error:
            cause = self._cause.result() if self._cause.done() else error
            _forgive()
        try:
            self._ended.set_result(await self._exit(cause))
        except BaseException as error:
            self._ended.set_exception(_outside(error, "exit"))

    async def _enter(self) -> lease_pb2.Payload:
        if not self._kind.enters:
            return lease_pb2.Payload()
        value = await self._kind.enter(self._instance)
        try:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # whom it was for is gone
            return _arguments.result(value, self._instance)
        except BaseException as error:
            # It is entered, but its lease is not to be.
            _forgive()
            await self._exit(error)
            raise

    async def _exit(self, cause: Optional[BaseException]) -> Tuple[bool, bool]:
        if not self._kind.exits:
            return False, self._hook.tainted
        suppress = await self._kind.exit(self._instance, cause)
        return suppress and cause is not None, self._hook.tainted


def _outside(error: BaseException, hook: str) -> BaseException:
    """A future of an exception that is a cancellation would cancel those who
    wait for it."""
    if isinstance(error, asyncio.CancelledError):
        return _errors.Error(
            f"the {hook} was cancelled", code=grpc.StatusCode.CANCELLED
        )
    if isinstance(error, Exception):
        return error
    return RuntimeError(repr(error))


def _forgive() -> None:
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()

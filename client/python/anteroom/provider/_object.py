"""One object that is lent, and its leases."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Dict, Mapping, Optional, Tuple

import grpc

from anteroom import _errors
from anteroom._calls import retrieve
from anteroom.provider import _failures, _hook
from anteroom.provider._init import Init, Listener
from anteroom.provider._kind import Kind
from anteroom.provider._lease import Lease


class Object:
    """An object of a plain class. For one event loop."""

    def __init__(
        self, kind: Kind, hook: _hook.Context, parameters: Mapping[str, Any]
    ) -> None:
        self.kind = kind
        self._hook = hook
        self._init = Init(self._await)
        self._leases: Dict[str, Lease] = {}
        self._closed: Optional[asyncio.Task[None]] = None
        # In a context of its own: the constructor may ask what it is made for.
        self.instance = self._construct(parameters)

    def _construct(self, parameters: Mapping[str, Any]) -> Any:
        _hook.begin(self._hook)
        instance = self.kind.construct(self._hook.key, parameters)
        self.kind.keep_init(instance, self._join_from_hook)
        return instance

    @property
    def instance_id(self) -> str:
        return self._hook.instance_id

    @property
    def closing(self) -> bool:
        return self._closed is not None

    def hook(self, lease: Optional[_hook.Lease] = None, **more: Any) -> _hook.Context:
        """What a hook of this object runs for."""
        return _hook.Context(
            self._hook.resource,
            self._hook.key,
            self._hook.instance_id,
            lease=lease,
            **more,
        )

    async def init(self, listener: Optional[Listener] = None) -> None:
        if self.kind.awaits:
            await self._init.join(listener)

    def lease(self, ref: _hook.Lease) -> Lease:
        """The lease of this name, which must have entered."""
        lease = self._leases.get(ref.name)
        if lease is None or not lease.held:
            raise _failures.Refused(
                f"lease {ref.name!r} has not entered this object, or has exited",
                code=grpc.StatusCode.FAILED_PRECONDITION,
                reason="LEASE_NOT_HELD",
            )
        return lease

    async def enter(self, ref: _hook.Lease, argument: Any, listener: Listener) -> Lease:
        """Begins to enter, or finds that it has entered already."""
        lease = self._leases.get(ref.name)
        if lease is not None and lease.abandoned:
            await self.forget(ref)
            lease = None
        if lease is None:
            lease = self._begin(ref, argument=argument, listener=listener)
        elif not lease.held:
            raise _failures.Refused(
                f"lease {ref.name!r} is being entered by another call, or exits",
                code=grpc.StatusCode.ABORTED,
                reason="ENTERING",
            )
        return lease

    def expect_held(self, ref: _hook.Lease) -> None:
        """Refuses a lease that is not held, where leases are known."""
        if self.kind.enters and self.kind.exits:
            self.lease(ref)

    async def exit(
        self, ref: _hook.Lease, cause: Optional[BaseException]
    ) -> Tuple[bool, bool]:
        lease = self.lease(ref) if self.kind.enters else self._begin(ref)
        try:
            return await lease.exit(cause)
        except asyncio.CancelledError:
            lease.cancel()
            raise
        finally:
            await self.forget(ref)

    async def forget(self, ref: _hook.Lease) -> None:
        """A lease that has ended."""
        if (lease := self._leases.get(ref.name)) is not None:
            await lease.join()
            self._leases.pop(ref.name, None)

    async def check(self) -> None:
        if await self.instance.acheck() is False:
            raise _errors.Error(
                "acheck answered False", code=grpc.StatusCode.FAILED_PRECONDITION
            )

    async def close(self) -> None:
        """Ends what is left of it, and closes it, once. Cancelled, it cancels the
        hooks that it waits for."""
        if self._closed is None:
            self._closed = asyncio.create_task(self._close())
            self._closed.add_done_callback(retrieve)
        closed = self._closed
        try:
            await asyncio.shield(closed)
        except asyncio.CancelledError:
            closed.cancel()
            await asyncio.wait({closed})
            raise

    async def _close(self) -> None:
        _hook.begin(self.hook())
        lost = _errors.LeaseLost("the object is closed", code=grpc.StatusCode.ABORTED)
        leases = list(self._leases.values())
        await asyncio.gather(*(lease.abandon(lost) for lease in leases))
        self._leases.clear()
        await self._init.cancel()
        if self.kind.closes:
            await self.instance.aclose()

    def _begin(
        self,
        ref: _hook.Lease,
        argument: Any = None,
        listener: Optional[Listener] = None,
    ) -> Lease:
        hook = self.hook(ref, argument=argument, listener=listener)
        lease = self._leases[ref.name] = Lease(self.kind, self.instance, hook)
        lease.begin()
        return lease

    async def _await(self, init: Init) -> Any:
        _hook.begin(self.hook(on_progress=init.progress))
        return await self.kind.init(self.instance)

    def _join_from_hook(self) -> Awaitable[Any]:
        """What `await self` is: an enter's server hears of it."""
        return self._init.join(_hook.listener())

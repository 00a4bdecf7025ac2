"""A lease by unary calls, renewed in the background: it outlives any stream,
and ends by release or when nobody renews it any more."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, AsyncIterator, Awaitable, Callable, Optional

import grpc

from anteroom import _errors, _payload
from anteroom._method_call import results
from anteroom._views import Lease, Receipt
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc

#: Renewals a time to live: two may be lost.
_RENEWALS_PER_TTL = 3

_LOST = (_errors.LeaseEnded, _errors.LeaseNotFound)


class UnaryLease:
    """A lease that lives by its time to live. For one event loop."""

    def __init__(
        self,
        stub: pb_grpc.ResourceServiceStub,
        acquire: pb.AcquireRequest,
        on_lost: Callable[[_errors.LeaseLost], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stub = stub
        self._acquire = acquire
        self._on_lost = on_lost
        self._sleep = sleep
        self._lease: Optional[Lease] = None
        self._lost: Optional[_errors.LeaseLost] = None
        self._released = False
        self._renewal: Optional[asyncio.Task[None]] = None
        #: Renewals that succeeded.
        self.renewals = 0

    async def enter(self) -> Lease:
        """Acquires, retry-safe: a request_id makes a repeated call harmless."""
        if not self._acquire.request_id:
            self._acquire.request_id = str(uuid.uuid4())
        response = await _call(self._stub.Acquire(self._acquire))
        self._lease = Lease.from_proto(response.lease)
        self._renewal = asyncio.create_task(self._renew())
        return self._lease

    async def use(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        if self._lost is not None:
            raise self._lost
        assert self._lease is not None
        response = await _call(
            self._stub.Use(
                pb.UseRequest(
                    lease_id=self._lease.id,
                    method_name=method,
                    argument=_payload.encode(*args, **kwargs),
                    fencing_token=self._lease.fencing_token,
                )
            )
        )
        return _payload.decode(response.result)

    async def stream(
        self, method: str, /, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        if self._lost is not None:
            raise self._lost
        assert self._lease is not None
        request = pb.UseStreamRequest(
            lease_id=self._lease.id,
            method_name=method,
            argument=_payload.encode(*args, **kwargs),
            fencing_token=self._lease.fencing_token,
        )
        async for result in results(self._stub, request):
            yield result

    async def release(self, request: pb.ReleaseRequest) -> Receipt:
        assert self._lease is not None
        self._released = True
        request.lease_id = self._lease.id
        response = await _call(self._stub.Release(request))
        await self.join()
        return Receipt.from_proto(response.receipt)

    async def abandon(self) -> None:
        """Stops renewing: the server ends the lease when its time is over."""
        await self.join()

    async def join(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    async def _renew(self) -> None:
        assert self._lease is not None and self._lease.ttl is not None
        interval = self._lease.ttl / _RENEWALS_PER_TTL
        failures = 0
        while True:
            await self._sleep(interval)
            try:
                await _call(self._stub.Renew(pb.RenewRequest(lease_id=self._lease.id)))
                self.renewals += 1
                failures = 0
            except _errors.Error as error:
                if self._released and isinstance(error, _LOST):
                    return  # not lost, but given back
                failures += 1
                # A server that does not answer may be back in time; once the
                # time to live is over nothing is left to renew.
                if not isinstance(error, _LOST) and (failures < _RENEWALS_PER_TTL):
                    continue
                self._lost = _errors.LeaseLost(
                    f"the lease is lost: {error.message}",
                    code=error.code,
                    reason=error.reason,
                    metadata=error.metadata,
                )
                self._lost.__cause__ = error
                self._on_lost(self._lost)
                return


async def _call(call: grpc.aio.UnaryUnaryCall) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise _errors.from_rpc_error(error) from None

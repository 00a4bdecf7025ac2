"""A connection to a server."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import (
    Any,
    AsyncIterator,
    Dict,
    Mapping,
    Optional,
    Type,
    Union,
)

import grpc
from google.protobuf import duration_pb2

from anteroom import _errors, _payload
from anteroom._hold import Hold
from anteroom._lease import UnaryLease
from anteroom._resource import Resource
from anteroom._scope import OnEvent, Scope
from anteroom._views import Event, Lease
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc

#: A server that froze is noticed after the two together.
_KEEPALIVE_MS = 20_000
_KEEPALIVE_TIMEOUT_MS = 10_000
#: The pauses between attempts to connect: short, as a scope may wait for them
#: to take up its broken stream.
_FIRST_RECONNECT_MS = 100
_LONGEST_RECONNECT_MS = 1_000


def connect(address: str) -> Server:
    """A connection to the server at `address`, host:port or unix:PATH.

    Use it with `async with`: leaving releases whatever is still held, then
    closes the connection. Nothing is sent before the first call.
    """
    return Server(address)


class Server:
    """A server, seen from one event loop."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._holds: Dict[Hold, Union[Scope, UnaryLease]] = {}
        self._channel: Optional[grpc.aio.Channel] = None

    async def __aenter__(self) -> Server:
        self._channel = grpc.aio.insecure_channel(
            self._address,
            options=(
                ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
                ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
                ("grpc.initial_reconnect_backoff_ms", _FIRST_RECONNECT_MS),
                ("grpc.max_reconnect_backoff_ms", _LONGEST_RECONNECT_MS),
            ),
        )
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        assert self._channel is not None
        holds, self._holds = self._holds, {}
        # What could not be released (the server is gone) is waited for no
        # longer than its disconnect_grace.
        await asyncio.gather(
            *(hold.release(error) for hold in holds), return_exceptions=True
        )
        await asyncio.gather(
            *(kept.join() for kept in holds.values()), return_exceptions=True
        )
        await self._channel.close()

    def resource(
        self,
        name: str,
        *,
        key: str = "",
        argument: Any = None,
        max_wait: Optional[float] = None,
        no_wait: bool = False,
        labels: Optional[Mapping[str, str]] = None,
        deferred: bool = False,
        request_id: str = "",
        disconnect_grace: Optional[float] = None,
        on_event: Optional[OnEvent] = None,
    ) -> Resource:
        """The resource `name`: enter it with `async with`, or await it.

        Args:
          key: which object of a keyed resource.
          argument: what its enter is given.
          max_wait: seconds to wait until it is entered; None: for ever.
          no_wait: raise `WouldWait` rather than queue.
          labels: words for operators.
          deferred: enter as soon as an object is its own; the first call then
            awaits its init and enter; if they fail, the hold is lost.
          request_id: names the acquire, 16 to 128 printable characters, so that
            it may be repeated: for a resource that is entered once. Empty: each
            hold has its own if it needs one.
          disconnect_grace: seconds that the hold survives a broken connection;
            None or 0: it is lost at once. The server may allow less (60 by
            default). See below.
          on_event: called with each `Event` of this hold, in order with the
            answers to its calls. It must not block. If it raises, the hold
            breaks off: with that error before it is entered, else with
            `LeaseLost`.

        With a disconnect_grace a broken connection is not noticed by the body:
        the client connects again, with random and growing pauses, until the
        grace has passed since the break. Calls under way go on, and those made
        meanwhile wait; each runs once at most (one that never arrived is sent
        again; `ReplyLost`: its reply was too large to be kept). Events are
        delivered once, a release is not forgotten, and a wait to be entered
        keeps its turn. Once the grace is over the hold is lost: its calls, and
        the body, raise `LeaseLost`, and the object has exited as DISCONNECTED.
        """
        acquire = _acquire_request(
            name,
            key=key,
            argument=argument,
            max_wait=max_wait,
            no_wait=no_wait,
            labels=labels,
            deferred=deferred,
            request_id=request_id,
        )
        if disconnect_grace:
            acquire.disconnect_grace.CopyFrom(_duration(disconnect_grace))
        acquire.events = (
            pb.AcquireRequest.EVENTS_NONE
            if on_event is None
            else pb.AcquireRequest.EVENTS_ALL
        )
        return Resource(self, acquire, on_event)

    async def acquire(
        self,
        name: str,
        *,
        ttl: Optional[float] = None,
        key: str = "",
        argument: Any = None,
        max_wait: Optional[float] = None,
        no_wait: bool = False,
        labels: Optional[Mapping[str, str]] = None,
        deferred: bool = False,
        request_id: str = "",
    ) -> Hold:
        """A hold that does not hang on a stream: it lives by its time to live
        of `ttl` seconds (None: the server's default), which is renewed in the
        background until `release()` or the end of the connection. The other
        arguments are those of `resource()`; a repeated `request_id` answers
        with the hold that it has already."""
        request = _acquire_request(
            name,
            key=key,
            argument=argument,
            max_wait=max_wait,
            no_wait=no_wait,
            labels=labels,
            deferred=deferred,
            request_id=request_id,
        )
        if ttl is not None:
            request.ttl.CopyFrom(_duration(ttl))
        kept = UnaryLease(self._stub, request, lambda lost: None)
        hold = Hold(kept, await kept.enter())
        self._keep(hold, kept)
        return hold

    async def get_lease(self, lease_id: str) -> Lease:
        """What became of a hold, its receipt included."""
        try:
            response = await self._stub.GetLease(pb.GetLeaseRequest(lease_id=lease_id))
        except grpc.aio.AioRpcError as error:
            raise _errors.from_rpc_error(error) from None
        return Lease.from_proto(response.lease)

    async def watch_events(
        self,
        resource: str = "",
        *,
        from_sequence: int = 0,
        lease_name: str = "",
    ) -> AsyncIterator[Event]:
        """What happens, as it happens, from `from_sequence` on (0: from now
        on). Raises `Error` with reason EVENTS_LOST if that is no longer kept.
        """
        call = self._stub.WatchEvents(
            pb.WatchEventsRequest(
                resource=resource,
                from_sequence=from_sequence,
                lease_name=lease_name,
            )
        )
        try:
            async for response in call:
                yield Event.from_proto(response.event)
        except grpc.aio.AioRpcError as error:
            raise _errors.from_rpc_error(error) from None
        finally:
            call.cancel()

    @property
    def _stub(self) -> pb_grpc.ResourceServiceStub:
        if self._channel is None:
            raise RuntimeError("not connected: use `async with anteroom.connect(...)`")
        return pb_grpc.ResourceServiceStub(self._channel)

    def _keep(self, hold: Hold, kept: Union[Scope, UnaryLease]) -> None:
        """Remembers a hold until the connection's end; forgets ended ones."""
        self._holds = {old: its for old, its in self._holds.items() if not old.receipt}
        self._holds[hold] = kept


def _acquire_request(
    name: str,
    *,
    key: str,
    argument: Any,
    max_wait: Optional[float],
    no_wait: bool,
    labels: Optional[Mapping[str, str]],
    deferred: bool,
    request_id: str,
) -> pb.AcquireRequest:
    request = pb.AcquireRequest(
        resource=name,
        key=key,
        no_wait=no_wait,
        labels=labels,
        request_id=request_id,
        readiness=(
            pb.AcquireRequest.READINESS_DEFERRED
            if deferred
            else pb.AcquireRequest.READINESS_ENTERED
        ),
    )
    if argument is not None:
        request.argument.CopyFrom(_payload.encode(argument))
    if max_wait is not None:
        request.max_wait.CopyFrom(_duration(max_wait))
    return request


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration

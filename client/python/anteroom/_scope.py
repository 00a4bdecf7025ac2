"""One With stream: the scope of an `async with`.

Two tasks own the stream, a reader and a writer, so that a cancelled caller
never cancels the stream under its scope (grpc.aio cancels a call whose read or
write is cancelled).
"""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, Optional

import grpc

from anteroom import _errors, _payload
from anteroom._views import Event, Lease, Receipt
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc

OnEvent = Callable[[Event], None]


class Scope:
    """A lease that lives as long as its stream.

    For one event loop; all methods may be called from any of its tasks.
    """

    def __init__(
        self,
        stub: pb_grpc.ResourceServiceStub,
        acquire: pb.AcquireRequest,
        on_event: Optional[OnEvent],
        on_lost: Callable[[_errors.LeaseLost], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._on_event = on_event
        self._on_lost = on_lost
        self._entered: asyncio.Future[Lease] = loop.create_future()
        self._exited: asyncio.Future[Receipt] = loop.create_future()
        for future in (self._entered, self._exited):
            future.add_done_callback(_retrieve)
        self._calls: Dict[int, asyncio.Future[Any]] = {}
        self._last_call = 0
        self._released = False
        self._requests: asyncio.Queue[Optional[pb.WithRequest]] = asyncio.Queue()
        self._stream = stub.With()
        self._send(pb.WithRequest(acquire=acquire))
        self._writer = asyncio.create_task(self._write())
        self._reader = asyncio.create_task(self._read())

    async def enter(self) -> Lease:
        """Waits until the lease is held. Cancelled, it gives the lease up."""
        try:
            return await asyncio.shield(self._entered)
        except asyncio.CancelledError:
            await self.abandon()
            raise

    async def use(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Calls a method. Cancelled, it cancels the call on the server."""
        if self._exited.done() or self._released:
            raise self._gone()
        self._last_call += 1
        call_id = self._last_call
        argument = _payload.encode(*args, **kwargs)
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieve)
        self._calls[call_id] = answer
        self._send(
            pb.WithRequest(
                use=pb.UseCall(call_id=call_id, method_name=method, argument=argument)
            )
        )
        try:
            return await answer
        except asyncio.CancelledError:
            self._send(pb.WithRequest(cancel=pb.CancelCall(call_id=call_id)))
            raise

    async def release(self, request: pb.ReleaseRequest) -> Receipt:
        """Ends the scope and waits for its exit. Idempotent. Cancelled, the
        exit goes on all the same."""
        if not self._released and not self._exited.done():
            self._released = True
            self._send(pb.WithRequest(release=request))
            self._requests.put_nowait(None)
        return await asyncio.shield(self._exited)

    async def abandon(self) -> None:
        """Breaks the stream: the server ends the scope with DISCONNECTED."""
        self._released = True
        self._stream.cancel()
        await self.join()

    async def join(self) -> None:
        """Waits until the stream is over."""
        await asyncio.gather(self._reader, self._writer, return_exceptions=True)

    def _send(self, request: pb.WithRequest) -> None:
        self._requests.put_nowait(request)

    async def _write(self) -> None:
        try:
            while (request := await self._requests.get()) is not None:
                await self._stream.write(request)
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader hears why

    async def _read(self) -> None:
        error: BaseException
        try:
            while True:
                response = await self._stream.read()
                if response is grpc.aio.EOF:
                    break
                self._handle(response)
            error = _errors.Error(
                await self._stream.details() or "the stream ended",
                code=await self._stream.code(),
            )
        except grpc.aio.AioRpcError as rpc_error:
            error = _errors.from_rpc_error(rpc_error)
        except asyncio.CancelledError:
            error = _errors.Error(
                "the stream was cancelled", code=grpc.StatusCode.CANCELLED
            )
        except Exception as raised:  # by on_event
            self._stream.cancel()
            error = raised
        finally:
            self._writer.cancel()
        self._over(error)

    def _handle(self, response: pb.WithResponse) -> None:
        kind = response.WhichOneof("response")
        if kind == "event":
            if self._on_event is not None:
                self._on_event(Event.from_proto(response.event))
        elif kind == "entered":
            self._entered.set_result(Lease.from_proto(response.entered.lease))
        elif kind == "used":
            self._answer(response.used)
        elif kind == "exited":
            self._end(Receipt.from_proto(response.exited))

    def _answer(self, reply: pb.UseReply) -> None:
        answer = self._calls.pop(reply.call_id, None)
        if answer is None or answer.done():
            return
        if reply.HasField("error"):
            answer.set_exception(_errors.from_status(reply.error))
        else:
            answer.set_result(_payload.decode(reply.result))

    def _end(self, receipt: Receipt) -> None:
        self._exited.set_result(receipt)
        if not self._released:
            self._lose(
                _errors.LeaseLost(
                    f"the lease has ended: {receipt.reason}",
                    reason="LEASE_ENDED",
                    code=grpc.StatusCode.FAILED_PRECONDITION,
                    metadata={"exit_reason": receipt.reason},
                )
            )

    def _over(self, error: BaseException) -> None:
        """The stream is over: whoever still waits hears why."""
        if not self._entered.done():
            self._entered.set_exception(error)
        elif not self._exited.done() and not self._released:
            self._lose(self._lost_by(error))
        if not self._exited.done():
            self._exited.set_exception(self._lost_by(error))
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(self._gone())
        self._calls.clear()

    def _lose(self, lost: _errors.LeaseLost) -> None:
        if not self._exited.done():
            self._exited.set_exception(lost)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(lost)
        self._on_lost(lost)

    def _lost_by(self, error: BaseException) -> _errors.LeaseLost:
        lost = _errors.LeaseLost(
            f"the connection broke: {error}",
            code=getattr(error, "code", grpc.StatusCode.UNAVAILABLE),
            reason=getattr(error, "reason", ""),
        )
        lost.__cause__ = error
        return lost

    def _gone(self) -> _errors.Error:
        if self._exited.done() and self._exited.exception() is not None:
            error = self._exited.exception()
            assert isinstance(error, _errors.Error)
            return error
        reason = "RELEASED"
        if self._exited.done():
            reason = self._exited.result().reason
        return _errors.LeaseEnded(
            f"the lease has ended: {reason}",
            reason="LEASE_ENDED",
            code=grpc.StatusCode.FAILED_PRECONDITION,
            metadata={"exit_reason": reason},
        )


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Nobody may be left to await it: that is no reason for a warning."""
    if not future.cancelled():
        future.exception()

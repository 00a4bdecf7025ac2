"""The scope of an `async with`: a lease that lives as long as its stream, or,
with a disconnect_grace, as its streams.

One task owns the streams, one after the other. Where a grace was asked for, a
stream that breaks is followed by another, which takes the scope up where the
first has left it: it names the events and replies that are lacking, and the
server tells them again, runs no call twice, and says of each call that is
unknown to it that it never arrived, whereupon it is sent again.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, AsyncIterator, Callable, Optional

import grpc

from anteroom import _errors, _payload
from anteroom._calls import Call, Calls, retrieve
from anteroom._method_call import results
from anteroom._reconnection import Reconnection, is_break
from anteroom._stream import Stream
from anteroom._views import Event, Lease, Receipt
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc

OnEvent = Callable[[Event], None]


class Scope:
    """A lease that lives as long as its stream, or within its grace.

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
        self._stub = stub
        self._on_event = on_event
        self._on_lost = on_lost
        self._entered: asyncio.Future[Lease] = loop.create_future()
        self._exited: asyncio.Future[Receipt] = loop.create_future()
        for future in (self._entered, self._exited):
            future.add_done_callback(retrieve)
        self._acquire = pb.AcquireRequest()
        self._acquire.CopyFrom(acquire)
        grace = acquire.disconnect_grace.ToTimedelta().total_seconds()
        self._reconnection = Reconnection(grace) if grace > 0 else None
        if self._reconnection is not None and not acquire.request_id:
            # Until it is entered nothing else could name it.
            self._acquire.request_id = str(uuid.uuid4())
        self._calls = Calls(acknowledges=self._reconnection is not None)
        self._last_event = 0
        self._release: Optional[pb.ReleaseRequest] = None
        # The last of the ids that a resume asks about, of no call: whatever the
        # server has to say of the others has come once this is answered.
        self._resumed_id: Optional[int] = None
        self._given_up = asyncio.Event()
        self._stream: Optional[Stream] = Stream(stub)
        self._send(pb.WithRequest(acquire=self._acquire))
        self._task = asyncio.create_task(self._run())

    async def enter(self) -> Lease:
        """Waits until the lease is held. Cancelled, it gives the lease up."""
        try:
            return await asyncio.shield(self._entered)
        except asyncio.CancelledError as cancelled:
            self._give_up(cancelled)
            await self.join()
            raise
        except Exception:
            await self.join()
            raise

    async def use(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Calls a method. Cancelled, it cancels the call on the server."""
        if self._exited.done() or self._release is not None:
            raise self._gone()
        call = self._calls.begin(method, _payload.encode(*args, **kwargs))
        self._send_call(call)
        try:
            return await call.answer
        except asyncio.CancelledError:
            self._send_cancel(call)
            raise

    async def stream(
        self, method: str, /, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Calls a streaming method, on a call of its own."""
        if self._exited.done() or self._release is not None:
            raise self._gone()
        request = pb.UseStreamRequest(
            lease_id=self._entered.result().id,
            method_name=method,
            argument=_payload.encode(*args, **kwargs),
        )
        async for result in results(self._stub, request):
            yield result

    async def release(self, request: pb.ReleaseRequest) -> Receipt:
        """Ends the scope and waits for its exit. Idempotent. Cancelled, the
        exit goes on all the same."""
        if self._release is None and not self._exited.done():
            self._release = request
            self._send_release()
        receipt = await asyncio.shield(self._exited)
        await asyncio.wait([self._task])  # the stream ends by itself
        return receipt

    async def join(self) -> None:
        """Waits until there is no stream any more."""
        await asyncio.gather(self._task, return_exceptions=True)

    # ---- what is said; what no stream carries is said by the next ----

    def _send(self, request: pb.WithRequest) -> None:
        if self._stream is not None:
            self._stream.send(request)

    def _send_call(self, call: Call) -> None:
        if self._stream is not None:
            call.sent = True
            self._send(pb.WithRequest(use=call.request))

    def _send_cancel(self, call: Call) -> None:
        if call.sent:
            cancel = pb.CancelCall(call_id=call.request.call_id)
            self._send(pb.WithRequest(cancel=cancel))

    def _send_release(self) -> None:
        # A call made before it may have to be sent again: before it, too.
        if self._stream is None or self._resumed_id is not None:
            return
        self._send(pb.WithRequest(release=self._release))
        self._stream.finish()

    def _give_up(self, why: BaseException) -> None:
        """Ends the scope, whatever becomes of it."""
        self._given_up.set()
        if self._stream is None:
            return  # the server's grace ends it
        if self._reconnection is None or not self._stream.connected:
            self._stream.cancel()
            return
        # A stream that breaks would begin the grace.
        cancelled = isinstance(why, asyncio.CancelledError)
        release = pb.ReleaseRequest(
            outcome=pb.ReleaseRequest.OUTCOME_ERROR,
            error=_errors.to_status(why, cancelled=cancelled),
        )
        self._send(pb.WithRequest(release=release))
        self._stream.finish()
        self._stream.cancel_after(self._reconnection.grace)

    # ---- the streams ----

    async def _run(self) -> None:
        error: BaseException = _errors.Error(
            "the stream was cancelled", code=grpc.StatusCode.CANCELLED
        )
        try:
            error = await self._follow()
        finally:
            self._over(error)

    async def _follow(self) -> BaseException:
        """One stream after the other; then why none follows."""
        while True:
            error = await self._serve_stream()
            if self._exited.done() or self._given_up.is_set():
                return error
            if self._reconnection is None:
                return error
            if not is_break(error):
                if self._entered.done():
                    await self._end_without_stream(error, self._reconnection.grace)
                return error
            if not await self._reconnection.pause(self._given_up):
                return _errors.Error(
                    f"not back within {self._reconnection.grace:g} s: {error.message}",
                    code=grpc.StatusCode.UNAVAILABLE,
                )
            try:
                self._open(self._reconnection)
            except grpc.aio.UsageError as closed:  # by the end of the connection
                return _errors.Error(str(closed), code=grpc.StatusCode.CANCELLED)

    async def _serve_stream(self) -> _errors.Error:
        """Reads the stream that there is to its end; then how it ended."""
        stream = self._stream
        assert stream is not None
        try:
            while isinstance(said := await stream.read(), pb.WithResponse):
                if self._reconnection is not None:
                    self._reconnection.succeeded()
                if not self._given_up.is_set():
                    self._handle_or_give_up(said)
        finally:
            self._stream = None
            await stream.close()
        if self._reconnection is not None and self._reconnection.deadline is not None:
            now = asyncio.get_running_loop().time()
            if stream.connected and now > self._reconnection.deadline:
                self._reconnection.succeeded()  # it had nothing to say
        return said

    def _open(self, reconnection: Reconnection) -> None:
        """Takes the scope up by another stream."""
        stream = self._stream = Stream(self._stub, connect_by=reconnection.deadline)
        self._resumed_id = None
        if not self._entered.done():
            stream.send(pb.WithRequest(acquire=self._acquire))
            return
        resume = pb.Resume(
            lease_id=self._entered.result().id, after_sequence=self._last_event
        )
        unanswered = self._calls.unanswered()
        if unanswered:
            self._resumed_id = self._calls.new_id()
            resume.unanswered_call_ids.extend(
                [call.request.call_id for call in unanswered] + [self._resumed_id]
            )
        stream.send(pb.WithRequest(resume=resume))
        for call in unanswered:
            if call.answer.done():
                self._send_cancel(call)
        for call in self._calls.unsent():
            self._send_call(call)
        if self._release is not None:
            self._send_release()

    async def _end_without_stream(self, error: _errors.Error, timeout: float) -> None:
        """No stream can take the scope up. Of a lease that has ended meanwhile
        it tells the receipt; another is not left to the grace."""
        if error.reason in ("SUPERSEDED", "LEASE_NOT_FOUND"):
            return  # it is not ours any more
        request = pb.ReleaseRequest(
            lease_id=self._entered.result().id,
            outcome=pb.ReleaseRequest.OUTCOME_ERROR,
            error=_errors.to_status(error, cancelled=False),
        )
        if error.reason != "LEASE_ENDED":
            self._over(error)
        try:
            response = await self._stub.Release(request, timeout=timeout)
        except grpc.aio.AioRpcError:
            return  # the server's grace ends it
        if not self._exited.done():
            self._end(Receipt.from_proto(response.receipt))

    # ---- what is heard ----

    def _handle_or_give_up(self, response: pb.WithResponse) -> None:
        try:
            self._handle(response)
        except Exception as raised:  # by on_event
            self._give_up(raised)
            self._over(raised)

    def _handle(self, response: pb.WithResponse) -> None:
        kind = response.WhichOneof("response")
        if kind == "event":
            self._tell(Event.from_proto(response.event))
        elif kind == "entered":
            if not self._entered.done():
                self._entered.set_result(Lease.from_proto(response.entered.lease))
        elif kind == "used":
            self._answer(response.used)
        elif kind == "exited":
            self._end(Receipt.from_proto(response.exited))

    def _tell(self, event: Event) -> None:
        if event.sequence <= self._last_event:
            return  # told by an earlier stream
        self._last_event = event.sequence
        if self._on_event is not None:
            self._on_event(event)

    def _answer(self, reply: pb.UseReply) -> None:
        if reply.call_id == self._resumed_id:
            self._resumed_id = None
            if self._release is not None:
                self._send_release()
            return
        again = self._calls.answer(reply)
        if again is not None:
            self._send_call(again)
        ack = self._calls.acknowledgement()
        if ack is not None:
            self._send(pb.WithRequest(ack=ack))

    def _end(self, receipt: Receipt) -> None:
        self._exited.set_result(receipt)
        if self._release is None:
            self._lose(
                _errors.LeaseLost(
                    f"the lease has ended: {receipt.reason}",
                    reason="LEASE_ENDED",
                    code=grpc.StatusCode.FAILED_PRECONDITION,
                    metadata={"exit_reason": receipt.reason},
                )
            )

    def _over(self, error: BaseException) -> None:
        """No stream follows: whoever still waits hears why."""
        if not self._entered.done():
            self._entered.set_exception(error)
        elif not self._exited.done() and self._release is None:
            self._lose(self._lost_by(error))
        if not self._exited.done():
            self._exited.set_exception(self._lost_by(error))
        self._calls.fail(self._gone())

    def _lose(self, lost: _errors.LeaseLost) -> None:
        if not self._exited.done():
            self._exited.set_exception(lost)
        self._calls.fail(lost)
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

"""One With call: requests that queue up, and responses.

A task of its own writes the requests, so that a cancelled caller never cancels
the call under its scope (grpc.aio cancels a call whose read or write is
cancelled).
"""

from __future__ import annotations

import asyncio
from typing import Optional, Union

import grpc

from anteroom import _errors
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc


class Stream:
    """A With call. For one event loop, and one task that reads.

    `connect_by`: the loop's time at which it is cancelled unless it has reached
    the server; None: never.
    """

    def __init__(
        self,
        stub: pb_grpc.ResourceServiceStub,
        connect_by: Optional[float] = None,
    ) -> None:
        self._call = stub.With()
        #: A request has left, so there is a connection.
        self.connected = False
        self._finished = False
        self._requests: asyncio.Queue[Optional[pb.WithRequest]] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())
        self._timer: Optional[asyncio.TimerHandle] = None
        if connect_by is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(connect_by, self._cancel_unless_connected)

    def send(self, request: pb.WithRequest) -> None:
        """Queues a request. Without effect after finish()."""
        if not self._finished:
            self._requests.put_nowait(request)

    def finish(self) -> None:
        """No request follows. Idempotent."""
        if not self._finished:
            self._finished = True
            self._requests.put_nowait(None)

    def cancel(self) -> None:
        """Breaks it. Idempotent."""
        self._call.cancel()

    def cancel_after(self, seconds: float) -> None:
        """Breaks it unless it has ended by itself until then."""
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.cancel)

    async def read(self) -> Union[pb.WithResponse, _errors.Error]:
        """The next response, or why there is none any more. Cancelled, it
        breaks the stream."""
        try:
            response = await self._call.read()
            if response is not grpc.aio.EOF:
                return response
            code = await self._call.code()
            details = await self._call.details()
            return _errors.Error(details or "the stream ended", code=code)
        except grpc.aio.AioRpcError as error:
            return _errors.from_rpc_error(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _errors.Error(
                "the stream was cancelled", code=grpc.StatusCode.CANCELLED
            )

    async def close(self) -> None:
        """Ends what is left of it."""
        self._stop_timer()
        self._call.cancel()
        self._writer.cancel()
        self.finish()  # gRPC's write may swallow the cancellation
        await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        try:
            while (request := await self._requests.get()) is not None:
                await self._call.write(request)
                self.connected = True
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader hears why

    def _cancel_unless_connected(self) -> None:
        if not self.connected:
            self.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

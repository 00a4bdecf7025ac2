"""A call of a method, as `h.a_method(...)` answers it: awaited it is one call
and one result, iterated over it is a stream of results."""

from __future__ import annotations

import collections.abc
from typing import Any, AsyncIterator, Callable, Coroutine, Optional

import grpc

from anteroom import _errors, _payload
from anteroom.v1 import resource_service_pb2 as pb
from anteroom.v1 import resource_service_pb2_grpc as pb_grpc


class MethodCall(collections.abc.Coroutine):  # type: ignore[type-arg]
    """`await call`, or `async for result in call`; once. A coroutine to all that
    takes one (`asyncio.create_task`)."""

    def __init__(
        self,
        use: Callable[[], Coroutine[Any, Any, Any]],
        stream: Callable[[], AsyncIterator[Any]],
    ) -> None:
        self._use = use
        self._stream = stream
        self._call: Optional[Coroutine[Any, Any, Any]] = None

    def __await__(self) -> Any:
        return self._coroutine().__await__()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._stream()

    def send(self, value: Any) -> Any:
        return self._coroutine().send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine().throw(*error)

    def close(self) -> None:
        if self._call is not None:
            self._call.close()

    def _coroutine(self) -> Coroutine[Any, Any, Any]:
        if self._call is None:
            self._call = self._use()
        return self._call


async def results(
    stub: pb_grpc.ResourceServiceStub, request: pb.UseStreamRequest
) -> AsyncIterator[Any]:
    """What the streaming method of `request` says, as it comes. Leaving the loop
    early cancels the call."""
    call = stub.UseStream()
    try:
        await call.write(request)
        await call.done_writing()
        async for response in call:
            yield _payload.decode(response.result)
    except grpc.aio.AioRpcError as error:
        raise _errors.from_rpc_error(error) from None
    finally:
        call.cancel()

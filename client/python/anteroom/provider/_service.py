"""ProviderService over plain classes: decodes, calls, encodes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import uuid
from typing import Any, AsyncIterator, Callable, Dict, List, Mapping, Tuple, Type

import grpc
from google.protobuf import json_format

from anteroom import _payload
from anteroom.provider import _arguments, _cause, _failures, _hook
from anteroom.provider._answers import Answers
from anteroom.provider._kind import Kind
from anteroom.provider._object import Object
from anteroom.provider._updates import Updates
from anteroom.provider.v1 import provider_service_pb2 as pb
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc


def _handler(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose exceptions become statuses."""

    @functools.wraps(handler)
    async def call(self: Service, request: Any, context: Any) -> Any:
        try:
            return await handler(self, request, context)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            failed: BaseException = error
        except Exception as error:
            failed = error
        await _failures.abort(context, failed)

    return call


class Service(pb_grpc.ProviderServiceServicer):
    """The objects of these kinds. For one event loop."""

    def __init__(self, kinds: Mapping[str, Type[Any]]) -> None:
        self._kinds = {name: Kind(name, kind) for name, kind in kinds.items()}
        self._objects: Dict[bytes, Object] = {}
        self._answers = Answers()

    async def close(self, timeout: float) -> None:
        """Closes all objects; past `timeout` seconds their hooks are cancelled."""
        closing = [asyncio.create_task(each.close()) for each in self._objects.values()]
        self._objects.clear()
        if closing:
            await asyncio.wait(closing, timeout=timeout)
        for each in closing:
            each.cancel()
        ended = await asyncio.gather(*closing, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                _failures.report(error)
        await self._answers.join()

    @_handler
    async def Describe(self, request: pb.DescribeRequest, context: Any) -> Any:
        return pb.DescribeResponse(
            kinds=[kind.describe() for kind in self._kinds.values()]
        )

    @_handler
    async def Construct(self, request: pb.ConstructRequest, context: Any) -> Any:
        return await self._once(request, context, lambda: self._construct(request))

    async def _construct(self, request: pb.ConstructRequest) -> pb.ConstructResponse:
        kind = self._kinds.get(request.object.kind)
        if kind is None:
            raise _failures.Refused(
                f"there is no kind {request.object.kind!r} here, but "
                f"{', '.join(map(repr, self._kinds))}",
                code=grpc.StatusCode.NOT_FOUND,
                reason="KIND_NOT_FOUND",
            )
        hook = _hook.Context(
            request.object.resource, request.key, request.object.instance_id
        )
        handle = uuid.uuid4().bytes
        self._objects[handle] = Object(kind, hook, _parameters(request.parameters))
        return pb.ConstructResponse(handle=handle)

    @_handler
    async def Init(self, request: pb.InitRequest, context: Any) -> None:
        updates = Updates(pb.InitResponse, tells_init=False)
        await updates.write(context, self._object(request).init(updates))
        await context.write(pb.InitResponse(initialized=pb.Initialized()))

    @_handler
    async def Enter(self, request: pb.EnterRequest, context: Any) -> None:
        lent = self._object(request)
        if not lent.kind.enters:
            raise _no_hook(lent, "__aenter__")
        ref = _lease(request)
        updates = Updates(pb.EnterResponse, tells_init=True)
        lease = await lent.enter(ref, _payload.decode(request.argument), updates)
        try:
            value = await updates.write(context, lease.enter())
            await context.write(pb.EnterResponse(entered=pb.Entered(value=value)))
        except BaseException:
            # Where it failed, or nobody hears that it has not: no exit will come.
            await lease.abandon(asyncio.CancelledError())
            await lent.forget(ref)
            raise
        if not lent.kind.exits:
            await lease.abandon(asyncio.CancelledError())
            await lent.forget(ref)

    @_handler
    async def Use(self, request: pb.UseRequest, context: Any) -> pb.UseResponse:
        lent, method = self._method(request, stream=False)
        result = await _arguments.call(method, request.argument)
        return pb.UseResponse(result=_arguments.result(result, lent.instance))

    @_handler
    async def UseStream(self, requests: AsyncIterator[Any], context: Any) -> None:
        async for request in requests:
            break
        else:
            raise _failures.invalid("the stream ended before it said what to call")
        lent, method = self._method(request, stream=True, messages=_said(requests))
        results = _arguments.call(method, request.argument)
        async with contextlib.aclosing(results):
            async for result in results:
                payload = _arguments.result(result, lent.instance)
                await context.write(pb.UseStreamResponse(result=payload))

    @_handler
    async def Exit(self, request: pb.ExitRequest, context: Any) -> Any:
        return await self._once(request, context, lambda: self._exit(request))

    async def _exit(self, request: pb.ExitRequest) -> pb.ExitResponse:
        lent = self._object(request)
        cause = _cause.exception(request)
        suppress, tainted = await lent.exit(_lease(request), cause)
        return pb.ExitResponse(suppress=suppress, tainted=tainted)

    @_handler
    async def Close(self, request: pb.CloseRequest, context: Any) -> Any:
        return await self._once(request, context, lambda: self._close(request))

    async def _close(self, request: pb.CloseRequest) -> pb.CloseResponse:
        for handle, lent in self._meant(request.object):
            try:
                await lent.close()
            finally:
                self._objects.pop(handle, None)
        return pb.CloseResponse()

    def _meant(self, ref: pb.ObjectRef) -> List[Tuple[bytes, Object]]:
        """The object of this handle; without one, of this instance: the server
        did not hear what became of its Construct."""
        if ref.handle:
            lent = self._objects.get(ref.handle)
            return [(ref.handle, lent)] if lent is not None else []
        return [
            (handle, lent)
            for handle, lent in self._objects.items()
            if lent.instance_id == ref.instance_id
        ]

    @_handler
    async def Check(self, request: pb.CheckRequest, context: Any) -> Any:
        lent = self._object(request)
        if not lent.kind.checks:
            raise _no_hook(lent, "acheck")
        _hook.begin(lent.hook())
        await lent.check()
        return pb.CheckResponse()

    def _once(self, request: Any, context: Any, run: Callable[[], Any]) -> Any:
        """The answer of a call that may be made again."""
        call = (
            type(request).__name__,
            request.object.instance_id,
            request.object.handle,
            request.lease.name if isinstance(request, pb.ExitRequest) else "",
        )
        return self._answers.once(
            request.idempotency_key, call, run, context.time_remaining()
        )

    def _object(self, request: Any) -> Object:
        lent = self._objects.get(request.object.handle)
        if lent is None or lent.closing:
            raise _failures.object_not_found()
        return lent

    def _method(self, request: Any, *, stream: bool, messages: Any = None) -> Any:
        """The object, and its method, about to be called by this task."""
        lent = self._object(request)
        method = lent.kind.method(lent.instance, request.method_name, stream=stream)
        ref = _lease(request)
        lent.expect_held(ref)
        _hook.begin(lent.hook(ref, messages=messages))
        return lent, method


async def _said(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _payload.decode(request.argument)


def _lease(request: Any) -> _hook.Lease:
    ref = request.lease
    return _hook.Lease(ref.name, ref.fencing_token, ref.holder, dict(ref.labels))


def _no_hook(lent: Object, name: str) -> _failures.Refused:
    return _failures.Refused(
        f"kind {lent.kind.name!r} has no {name}",
        code=grpc.StatusCode.UNIMPLEMENTED,
        reason="NOT_IMPLEMENTED",
    )


def _parameters(parameters: Any) -> Dict[str, Any]:
    """A Struct knows only doubles; what is whole was an integer."""
    return _whole(json_format.MessageToDict(parameters))  # type: ignore[no-any-return]


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    return value

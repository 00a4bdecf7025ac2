"""An object of the provider that is checked, and its hooks as calls."""

from __future__ import annotations

import json
import uuid
from typing import Any, Dict, List, Mapping, Optional

from google.protobuf import json_format

from anteroom import _payload
from anteroom._google_rpc import status_pb2
from anteroom.provider.v1 import provider_service_pb2 as pb
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc
from anteroom.v1 import lease_pb2


def new_key() -> str:
    return str(uuid.uuid4())


def payload(value: Any) -> lease_pb2.Payload:
    """One JSON value; None: an empty payload."""
    if value is None:
        return lease_pb2.Payload()
    if isinstance(value, lease_pb2.Payload):
        return value
    return lease_pb2.Payload(
        content_type=_payload.JSON, data=json.dumps(value).encode()
    )


class Subject:
    """An object. Its calls have a bound; those of `start_...` are answered as
    gRPC's calls, the others awaited."""

    def __init__(
        self, stub: pb_grpc.ProviderServiceStub, kind: str, bound: float
    ) -> None:
        self.stub = stub
        self.bound = bound
        self.ref = pb.ObjectRef(
            kind=kind, resource="conformance", instance_id=f"conformance/{new_key()}"
        )

    async def construct(
        self,
        parameters: Mapping[str, Any],
        *,
        key: str = "",
        idempotency_key: Optional[str] = None,
    ) -> bytes:
        """Its handle, which later calls use."""
        request = pb.ConstructRequest(
            object=pb.ObjectRef(
                kind=self.ref.kind,
                resource=self.ref.resource,
                instance_id=self.ref.instance_id,
            ),
            key=key,
            idempotency_key=idempotency_key or new_key(),
        )
        json_format.ParseDict(dict(parameters), request.parameters)
        response = await self.stub.Construct(request, timeout=self.bound)
        self.ref.handle = response.handle
        return bytes(response.handle)

    def start_init(self) -> Any:
        return self.stub.Init(
            pb.InitRequest(object=self.ref, idempotency_key=new_key()),
            timeout=self.bound,
        )

    async def init(self) -> List[pb.InitResponse]:
        return [update async for update in self.start_init()]

    def start_enter(self, lease: pb.LeaseRef, argument: Any = None) -> Any:
        return self.stub.Enter(
            pb.EnterRequest(
                object=self.ref,
                lease=lease,
                argument=payload(argument),
                idempotency_key=new_key(),
            ),
            timeout=self.bound,
        )

    async def enter(
        self, lease: pb.LeaseRef, argument: Any = None
    ) -> List[pb.EnterResponse]:
        return [update async for update in self.start_enter(lease, argument)]

    def start_use(self, lease: pb.LeaseRef, method: str, argument: Any = None) -> Any:
        return self.stub.Use(
            pb.UseRequest(
                object=self.ref,
                lease=lease,
                method_name=method,
                argument=payload(argument),
                idempotency_key=new_key(),
            ),
            timeout=self.bound,
        )

    async def use(self, lease: pb.LeaseRef, method: str, argument: Any = None) -> Any:
        """What the method answered, out of its JSON."""
        response = await self.start_use(lease, method, argument)
        return _payload.decode(response.result)

    def start_stream(
        self, lease: pb.LeaseRef, method: str, arguments: List[Any]
    ) -> Any:
        """The first argument starts it, the others follow."""
        requests = [pb.UseStreamRequest(argument=payload(each)) for each in arguments]
        requests[0].object.CopyFrom(self.ref)
        requests[0].lease.CopyFrom(lease)
        requests[0].method_name = method
        requests[0].idempotency_key = new_key()
        return self.stub.UseStream(iter(requests), timeout=self.bound)

    def start_exit(
        self,
        lease: pb.LeaseRef,
        *,
        reason: str = "RELEASED",
        error: Optional[status_pb2.Status] = None,
        attempt: int = 1,
        idempotency_key: Optional[str] = None,
    ) -> Any:
        return self.stub.Exit(
            pb.ExitRequest(
                object=self.ref,
                lease=lease,
                reason=lease_pb2.ExitReason.Value(f"EXIT_REASON_{reason}"),
                error=error,
                attempt=attempt,
                idempotency_key=idempotency_key or new_key(),
            ),
            timeout=self.bound,
        )

    async def exit(self, lease: pb.LeaseRef, **how: Any) -> pb.ExitResponse:
        return await self.start_exit(lease, **how)

    def start_close(self, idempotency_key: Optional[str] = None) -> Any:
        return self.stub.Close(
            pb.CloseRequest(
                object=self.ref,
                reason="conformance",
                idempotency_key=idempotency_key or new_key(),
            ),
            timeout=self.bound,
        )

    async def close(self, idempotency_key: Optional[str] = None) -> None:
        await self.start_close(idempotency_key)

    async def check(self) -> None:
        await self.stub.Check(
            pb.CheckRequest(object=self.ref, idempotency_key=new_key()),
            timeout=self.bound,
        )


class Leases:
    """New leases, whose tokens grow."""

    def __init__(self) -> None:
        self._token = 0

    def new(self, labels: Optional[Dict[str, str]] = None) -> pb.LeaseRef:
        self._token += 1
        return pb.LeaseRef(
            name=f"conformance/{new_key()}",
            fencing_token=self._token,
            holder="conformance",
            labels=labels,
        )

"""What a scope costs where Anteroom's place is taken by a server of asyncio.

A grpc.aio server of anteroom.v1.ResourceService as one would write it: a queue
of idle objects a resource, leases in a dict, a timer of the loop for each
lease's time to live. Acquire takes an object from the queue, waiting if there is
none, Use calls it, Release puts it back; what they answer says as much as
Anteroom's answers do. With does these three where one batch asks for them. No
events, no exits, no policies.

Says "listening on ADDRESS" on stderr and serves until it is killed. Run with
client/python on the path.
"""

import asyncio
import secrets
import sys
import time

import grpc

from anteroom.v1 import lease_pb2, resource_service_pb2_grpc
from anteroom.v1.resource_service_pb2 import (
    AcquireResponse,
    ReleaseResponse,
    UseReply,
    UseResponse,
    WithResponse,
    WithResponseBatch,
)

RESOURCE = "scoped"
OBJECTS = 1024
DEFAULT_TTL = 30


class Echo:
    """An object that is lent."""

    async def echo(self, argument):
        return argument


class Hold:
    """A lease, and what it is of."""

    def __init__(self, pool, instance):
        self.lease_id = secrets.token_hex(16)
        self.pool = pool
        self.instance = instance
        self.begin = time.time()
        self.timer = None


def receipt_of(hold):
    now = time.time()
    receipt = lease_pb2.Receipt(reason=lease_pb2.EXIT_REASON_RELEASED, attempts=1)
    receipt.held.FromNanoseconds(int((now - hold.begin) * 1e9))
    receipt.end_time.FromNanoseconds(int(now * 1e9))
    return receipt


class Service(resource_service_pb2_grpc.ResourceServiceServicer):
    def __init__(self):
        self._pools = {RESOURCE: asyncio.Queue()}
        for _ in range(OBJECTS):
            self._pools[RESOURCE].put_nowait(Echo())
        self._holds = {}
        self._token = 0

    async def Acquire(self, request, context):
        hold, lease = await self._begin(request, context)
        ttl = request.ttl.seconds or DEFAULT_TTL
        loop = asyncio.get_running_loop()
        hold.timer = loop.call_later(ttl, self._end, hold.lease_id)
        lease.ttl.seconds = ttl
        lease.expire_time.FromNanoseconds(int((hold.begin + ttl) * 1e9))
        return AcquireResponse(lease=lease)

    async def Use(self, request, context):
        hold = self._holds.get(request.lease_id)
        if hold is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such lease")
        method = getattr(hold.instance, request.method_name)
        return UseResponse(result=await method(request.argument))

    async def Release(self, request, context):
        hold = self._end(request.lease_id)
        if hold is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such lease")
        hold.timer.cancel()
        return ReleaseResponse(receipt=receipt_of(hold))

    async def With(self, requests, context):
        acquire, use, release = (await anext(requests)).batch.requests
        assert acquire.HasField("acquire") and release.HasField("release")
        hold, lease = await self._begin(acquire.acquire, context)
        try:
            method = getattr(hold.instance, use.use.method_name)
            result = await method(use.use.argument)
        finally:
            self._end(hold.lease_id)
        responses = [
            WithResponse(entered=AcquireResponse(lease=lease)),
            WithResponse(used=UseReply(call_id=use.use.call_id, result=result)),
            WithResponse(exited=receipt_of(hold)),
        ]
        yield WithResponse(batch=WithResponseBatch(responses=responses))

    async def _begin(self, request, context):
        pool = self._pools.get(request.resource)
        if pool is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such resource")
        hold = Hold(pool, await pool.get())
        self._token += 1
        self._holds[hold.lease_id] = hold
        lease = lease_pb2.Lease(
            lease_id=hold.lease_id,
            name=f"{request.resource}/{self._token:x}",
            resource=request.resource,
            fencing_token=self._token,
            state=lease_pb2.Lease.STATE_HELD,
        )
        lease.create_time.FromNanoseconds(int(hold.begin * 1e9))
        return hold, lease

    def _end(self, lease_id):
        hold = self._holds.pop(lease_id, None)
        if hold is not None:
            hold.pool.put_nowait(hold.instance)
        return hold


async def main():
    server = grpc.aio.server()
    resource_service_pb2_grpc.add_ResourceServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    await server.wait_for_termination()


asyncio.run(main())

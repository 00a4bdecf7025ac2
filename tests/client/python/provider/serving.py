"""Plain classes, served within a test and driven by calls."""

import asyncio
import contextlib

import grpc

from anteroom.provider import Provider
from anteroom.provider._conformance.subject import Leases, Subject
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc
from anteroomd import BOUND


class Driver:
    """Calls to a provider."""

    def __init__(self, channel):
        self.stub = pb_grpc.ProviderServiceStub(channel)
        self.leases = Leases()

    def subject(self, kind="x"):
        """An object that is not constructed yet."""
        return Subject(self.stub, kind, BOUND)

    async def constructed(self, kind="x", *, key="", **parameters):
        subject = self.subject(kind)
        await subject.construct(parameters, key=key)
        return subject


@contextlib.asynccontextmanager
async def driving(address):
    async with grpc.aio.insecure_channel(address) as channel:
        yield Driver(channel)


@contextlib.asynccontextmanager
async def serving(**kinds):
    """The classes, each by its name, and calls to them; for a body that has a
    bound."""
    async with Provider(kinds, "127.0.0.1:0", stop_grace=0) as provider:
        async with driving(provider.address) as driver:
            async with asyncio.timeout(BOUND):
                yield driver


def names(updates):
    return [update.WhichOneof("update") for update in updates]

"""A provider with a fault that a test plants, and what the check says of it."""

import unittest

import grpc

from anteroom.provider import check, conformance_kind
from anteroom.provider._service import Service
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc

#: Seconds that an answer is waited for: far more than any takes.
BOUND = 30.0
#: The same, where none will come.
HANGS_BOUND = 1.0


class Written:
    """A call's context, of which `alter` decides what is written: for each
    response a list of them."""

    def __init__(self, context, alter):
        self._context = context
        self._alter = alter

    def __getattr__(self, name):
        return getattr(self._context, name)

    async def write(self, response):
        for each in self._alter(response):
            await self._context.write(each)


async def check_service(service, **how):
    """What the check says of a provider with this service."""
    server = grpc.aio.server()
    pb_grpc.add_ProviderServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        return await check(f"127.0.0.1:{port}", **how)
    finally:
        await server.stop(None)
        await service.close(BOUND)


class PlantedTest(unittest.IsolatedAsyncioTestCase):
    async def expect(self, name, service=Service, kind=None, hangs=False):
        """The check of this name, and only because of the fault, finds one."""
        kinds = {"conformance": kind or conformance_kind()}
        bound = HANGS_BOUND if hangs else BOUND
        report = await check_service(service(kinds), checks=[name], bound=bound)
        self.assertEqual([fault.check for fault in report.faults], [name], report)
        self.assertFalse(report)
        right = Service({"conformance": conformance_kind()})
        self.assertTrue(await check_service(right, checks=[name], bound=BOUND))
        return report.faults[0].found

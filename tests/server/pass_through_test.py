"""Tests of the README's "Call its own service": a program that serves gRPC is
held, and called with stubs of its own at the server's address."""

import asyncio
import os
import pathlib
import signal
import sys
import tempfile
import unittest

import anteroom
import anteroomd
import grpc

MODEL = pathlib.Path(__file__).with_name("model_server.py")
CONFIG = f"""
resources {{
  name: "model"
  policy {{ use_grace {{}} }}
  process {{
    command: ["{sys.executable}", "{MODEL}", "{{PORT}}"]
    tcp: true
    proxy: true
  }}
}}
resources {{
  name: "closed"
  process {{ command: ["{sys.executable}", "{MODEL}", "{{PORT}}"] tcp: true }}
}}
"""


class PassThroughTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        config = os.path.join(folder, "model.textproto")
        pathlib.Path(config).write_text(CONFIG)
        self.running = self.enterContext(
            anteroomd.Running(f"--config={config}", anteroomd.FREE_PORT)
        )
        address = self.running.address()
        self.server = await self.enterAsyncContext(anteroom.connect(address))
        self.channel = await self.enterAsyncContext(grpc.aio.insecure_channel(address))

    async def predict(self, lease, request=b"hello"):
        call = self.channel.unary_unary("/test.Model/Predict")
        return await call(
            request,
            metadata=[("anteroom-lease", lease)] if lease else None,
            timeout=anteroomd.BOUND,
        )

    def hang(self, lease):
        return self.channel.unary_stream("/test.Model/Hang")(
            b"", metadata=[("anteroom-lease", lease)], timeout=anteroomd.BOUND
        )

    async def refusal(self, call):
        with self.assertRaises(grpc.aio.AioRpcError) as caught:
            await call
        return caught.exception

    async def test_a_stub_of_the_programs_own_calls_it_through_the_lease(self):
        async with self.server.resource("model") as h:
            self.assertEqual(await self.predict(h.lease.id), b"HELLO")
            million = os.urandom(1 << 20)
            self.assertEqual(await self.predict(h.lease.id, million), million.upper())
            stream = self.channel.unary_stream("/test.Model/Stream")(
                b"abc", metadata=[("anteroom-lease", h.lease.id)]
            )
            self.assertEqual([said async for said in stream], [b"a", b"b", b"c"])

    async def test_without_a_lease_or_after_it_the_program_is_out_of_reach(self):
        refused = await self.refusal(self.predict(None))
        self.assertEqual(refused.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assertIn("anteroom-lease", refused.details())
        async with self.server.resource("model") as h:
            await self.predict(h.lease.id)
        refused = await self.refusal(self.predict(h.lease.id))
        self.assertEqual(refused.code(), grpc.StatusCode.FAILED_PRECONDITION)
        async with self.server.resource("closed") as h:
            refused = await self.refusal(self.predict(h.lease.id))
        self.assertEqual(refused.code(), grpc.StatusCode.UNIMPLEMENTED)

    async def test_the_end_of_the_lease_is_the_end_of_its_calls(self):
        async with self.server.resource("model") as h:
            hanging = self.hang(h.lease.id)
            self.assertEqual(await hanging.read(), b"begun")
        refused = await self.refusal(hanging.read())
        self.assertEqual(refused.code(), grpc.StatusCode.ABORTED)

    async def test_a_program_that_is_killed_takes_its_calls_along(self):
        h = await self.server.acquire("model", ttl=30)
        hanging = self.hang(h.lease.id)
        self.assertEqual(await hanging.read(), b"begun")
        os.kill(program_below(self.running.pid), signal.SIGKILL)
        refused = await self.refusal(hanging.read())
        self.assertEqual(refused.code(), grpc.StatusCode.UNAVAILABLE)

    async def test_a_drain_ends_its_calls_and_the_server(self):
        h = await self.server.acquire("model", ttl=30)
        hanging = self.hang(h.lease.id)
        self.assertEqual(await hanging.read(), b"begun")
        self.running.terminate()
        refused = await self.refusal(hanging.read())
        self.assertEqual(refused.code(), grpc.StatusCode.ABORTED)
        status, _ = await asyncio.to_thread(self.running.ended)
        self.assertEqual(status, 0)


def program_below(pid):
    """The process that runs MODEL, among the descendants of another."""
    todo = [pid]
    while todo:
        parent = todo.pop()
        command = pathlib.Path(f"/proc/{parent}/cmdline").read_text().split("\0")
        if command[:2] == [sys.executable, str(MODEL)]:
            return parent
        for task in pathlib.Path(f"/proc/{parent}/task").iterdir():
            todo += map(int, (task / "children").read_text().split())
    raise AssertionError("it does not run")


if __name__ == "__main__":
    unittest.main()

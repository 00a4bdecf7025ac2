"""Objects of plain Python classes, lent by a real server."""

import asyncio
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import anteroom
from anteroomd import BOUND, Running
from provider_process import ENVIRONMENT, HELLO, ROOT, ProviderProcess, readme
from server_process import ServerProcess

HOLDER = """
import asyncio, sys
import anteroom

async def main(address, resource):
    async with anteroom.connect(address) as server:
        async with server.resource(resource) as h:
            print("context")
            await h.a_method()

asyncio.run(main(*sys.argv[1:]))
"""
KILLED_HOLDER = """
import asyncio, sys
import anteroom

async def main(address):
    async with anteroom.connect(address) as server:
        events = []
        async with server.resource("told", on_event=events.append) as h:
            print(events[0].sequence)
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
#: A class that prints what it is told.
TOLD = """
import asyncio
from anteroom import provider

class Told:
    def __init__(self, size, key):
        print("init", size, key)

    def __await__(self):
        return self._init().__await__()

    async def _init(self):
        print("await")
        provider.context().progress(0.5, "half")

    async def __aenter__(self):
        await self
        return {"given": provider.context().argument}

    async def __aexit__(self, kind, error, traceback):
        print("exit", repr(error), getattr(error, "reason", ""))
        return kind is ValueError

    async def aclose(self):
        print("close")

    async def fail(self):
        raise LookupError("nowhere")

    async def count(self, to):
        for n in range(to):
            yield n

asyncio.run(provider.serve({"told": Told}, "127.0.0.1:0"))
"""
TOLD_CONFIG = """
resources {
  name: "told"
  policy { max_holders: 0 }
  provider {
    address: "%s"
    kind: "told"
    parameters { fields { key: "size" value { number_value: 3 } } }
  }
}
"""


def hello_config(address):
    """What the README configures, for a provider at this address."""
    config = readme("provider { address").replace("127.0.0.1:50061", address)
    assert address in config
    return config


class ArticleTest(unittest.TestCase):
    """What the article prints is printed by two processes, to one file."""

    def assert_prints_the_article(self, *holder):
        with tempfile.NamedTemporaryFile("a+") as output:
            with ProviderProcess(HELLO, stdout=output) as process:
                with ServerProcess(hello_config(process.address)) as server:
                    ran = subprocess.run(
                        [*holder, server.address, "hello-py"],
                        env=ENVIRONMENT,
                        stdout=output,
                        stderr=subprocess.PIPE,
                        text=True,
                        timeout=BOUND,
                    )
            self.assertEqual((ran.stderr, ran.returncode), ("", 0))
            output.seek(0)
            expected = (ROOT / "tests/article/program_4.expected").read_text()
            self.assertEqual(output.read(), expected)

    def test_held_from_python(self):
        self.assert_prints_the_article(sys.executable, "-c", HOLDER)

    @unittest.skipUnless(
        shutil.which("ruby") and shutil.which("grpc_ruby_plugin"),
        "Ruby is missing: install ruby-grpc and protobuf-compiler-grpc",
    )
    def test_held_from_ruby_by_plain_stubs(self):
        stubs = self.enterContext(tempfile.TemporaryDirectory())
        subprocess.run(
            [
                "protoc",
                f"--ruby_out={stubs}",
                f"--grpc_out={stubs}",
                f"--plugin=protoc-gen-grpc={shutil.which('grpc_ruby_plugin')}",
                "-I.",
                *("anteroom/v1/" + name for name in PROTOS),
                *("google/rpc/" + name for name in ("status.proto",)),
            ],
            cwd=ROOT / "proto",
            check=True,
            timeout=BOUND,
        )
        holder = pathlib.Path(__file__).with_name("holder.rb")
        self.assert_prints_the_article("ruby", holder, stubs)


PROTOS = ("event.proto", "lease.proto", "resource_service.proto")


class ToldTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.stack = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.stack.aclose)
        self.process = self.stack.enter_context(ProviderProcess(TOLD))
        self.server = self.stack.enter_context(
            ServerProcess(TOLD_CONFIG % self.process.address)
        )
        self.client = await self.stack.enter_async_context(
            anteroom.connect(self.server.address)
        )

    async def printed(self):
        """What the objects printed, once all has ended."""
        await self.stack.aclose()
        return self.process.printed.splitlines()

    async def test_leases_that_share_an_object_await_it_once(self):
        phases = []

        def on_event(event):
            phases.append(event.phase)

        barrier = asyncio.Barrier(10)

        async def hold():
            shared = self.client.resource("told", on_event=on_event)
            async with shared:
                await barrier.wait()

        await asyncio.gather(*(hold() for _ in range(10)))
        self.assertEqual(phases.count("INITIALIZING"), 1)
        self.assertEqual(phases.count("ENTERED"), 10)
        self.assertEqual(
            await self.printed(), ["init 3 ", "await", *["exit None "] * 10, "close"]
        )

    async def test_values_errors_and_streams_reach_the_holder(self):
        async with self.client.resource("told", argument={"a": [1]}) as h:
            self.assertEqual(h.value, {"given": {"a": [1]}})
            self.assertEqual([n async for n in h.count(3)], [0, 1, 2])
            with self.assertRaises(anteroom.UseFailed) as failed:
                await h.fail()
            self.assertEqual(failed.exception.code.name, "INTERNAL")
            self.assertIn("LookupError: nowhere", failed.exception.message)
            with self.assertRaises(anteroom.MethodNotFound):
                await h.aclose()

    async def test_progress_of_the_init_reaches_the_holder(self):
        said = []

        def on_event(event):
            if event.phase == "PROGRESS":
                said.append((event.progress, event.message))

        async with self.client.resource("told", on_event=on_event):
            pass
        self.assertEqual(said, [(0.5, "half")])

    async def test_the_bodys_exception_reaches_exit_which_may_suppress_it(self):
        async with self.client.resource("told") as h:
            raise ValueError("x")
        self.assertTrue(h.receipt.error_suppressed)
        with self.assertRaises(KeyError):
            async with self.client.resource("told") as h:
                raise KeyError("y")
        self.assertIn("exit ValueError('x') ", await self.printed())

    async def test_a_holder_that_is_killed_exits_as_disconnected(self):
        holder = subprocess.Popen(
            [sys.executable, "-c", KILLED_HOLDER, self.server.address],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            sequence = int(holder.stdout.readline())
            holder.kill()
        watch = self.client.watch_events("told", from_sequence=sequence)
        async with contextlib.aclosing(watch):
            async for event in watch:
                if event.phase == "CLOSED":
                    break
        init, init_await, exit, close = await self.printed()
        self.assertRegex(exit, "exit LeaseLost.* DISCONNECTED")
        self.assertEqual(close, "close")


class RestartedTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_provider_that_was_killed_is_taken_up_again(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        address = f"unix:{folder}/socket"
        program = TOLD.replace('"127.0.0.1:0"', repr(address))
        config = TOLD_CONFIG.replace(
            "max_holders: 0", "idle_timeout { seconds: 600 } init_retry { attempts: 9 }"
        )
        # The second one outlives the server, which closes its object.
        with contextlib.ExitStack() as later, ServerProcess(config % address) as server:
            async with anteroom.connect(server.address) as client:
                with ProviderProcess(program) as killed:
                    async with client.resource("told") as h:
                        first = h.lease.instance_id
                    killed.kill()
                second = later.enter_context(ProviderProcess(program))
                # Who enters the object that went with it finds that it is lost.
                with self.assertRaises(anteroom.Error):
                    async with client.resource("told"):
                        self.fail("it was entered")
                async with client.resource("told") as h:
                    self.assertNotEqual(h.lease.instance_id, first)
        life = ["init 3 ", "await", "exit None "]
        self.assertEqual(killed.printed.splitlines(), life)
        self.assertEqual(second.printed.splitlines(), [*life, "close"])


class RefusedTest(unittest.TestCase):
    def test_a_provider_without_an_address_is_refused_by_its_field(self):
        with tempfile.NamedTemporaryFile("w", suffix=".textproto") as config:
            config.write('resources { name: "x" provider { kind: "x" } }')
            config.flush()
            with Running("--listen=127.0.0.1:0", f"--config={config.name}") as program:
                status, said = program.ended()
        self.assertEqual(status, 2)
        self.assertIn("resources[0].provider.address", "\n".join(said))


if __name__ == "__main__":
    unittest.main()

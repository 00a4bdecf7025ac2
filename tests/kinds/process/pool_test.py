"""A pool of real programs with an HTTP server inside: used, killed at random,
drained, and left behind by a server that is killed itself."""

import asyncio
import contextlib
import os
import pathlib
import random
import select
import signal
import tempfile
import unittest

import anteroom
from anteroomd import BOUND, FREE_PORT, Running

PROGRAMS = pathlib.Path(__file__).parent
POOL = 4
CYCLES = 200
KILLS = 24
#: In the environment of each process that a test is to see gone.
MARK = "ANTEROOM_POOL_TEST"

CONFIG = """
resources {
  name: "web"
  policy {
    max_instances: %(pool)d min_idle: %(min_idle)d
    idle_timeout { seconds: 3600 } init_timeout { seconds: 60 }
  }
  process {
    command: "/usr/bin/python3" command: "%(program)s" command: "{PORT}"
    command: "0"
    env { key: "%(mark)s" value: "%(value)s" }
    http_get: "/"
  }
}
resources { name: "hello" hello {} }
resources { name: "missing" process { command: "/does/not/exist" } }
"""


def marked(value):
    """The processes, zombies left out, that have the mark."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={value}".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def parent(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def children(pid):
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if parent(process.name) == pid:
                found.append(int(process.name))
    return found


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Ends:
    """The ends of processes that live."""

    def __init__(self, pids):
        self._descriptors = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self._descriptors.append(os.pidfd_open(pid))

    def wait(self):
        """Waits until each has ended."""
        for descriptor in self._descriptors:
            if not select.select([descriptor], [], [], BOUND)[0]:
                raise AssertionError("a process lives on")
            os.close(descriptor)


async def get(endpoint):
    """What the HTTP server at `endpoint` answers to a GET."""
    host, port = endpoint.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        return (await reader.read()).split(b"\r\n\r\n")[1].decode()
    finally:
        writer.close()
        await writer.wait_closed()


class PoolTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.scratch = pathlib.Path(folder.name, "scratch")
        self.scratch.mkdir()
        self.config = pathlib.Path(folder.name, "config.textproto")
        os.environ["TMPDIR"] = str(self.scratch)
        self.addCleanup(os.environ.pop, "TMPDIR")
        self.value = folder.name

    def serve(self, min_idle=0):
        words = {
            "pool": POOL,
            "min_idle": min_idle,
            "program": PROGRAMS / "http_server.py",
            "mark": MARK,
            "value": self.value,
        }
        self.config.write_text(CONFIG % words)
        return Running(FREE_PORT, f"--config={self.config}", bound=4 * BOUND)

    def assert_nothing_left(self):
        self.assertEqual(marked(self.value), [])
        self.assertEqual(list(self.scratch.iterdir()), [])

    async def test_it_survives_200_cycles_and_the_death_of_any_process(self):
        with self.serve() as program:
            address = program.address()
            async with asyncio.timeout(4 * BOUND):
                async with anteroom.connect(address) as server:
                    await self.cycle(server)
                    before = descriptors(program.pid)
                    await self.lose_some(server)
                    await self.cycle(server)
                    self.assertEqual(descriptors(program.pid), before)
            self.assertEqual(len(children(program.pid)), POOL)  # and no zombie
            program.terminate()
            status, _ = program.ended()
            self.assertEqual(status, 0)
            self.assert_nothing_left()

    async def cycle(self, server):
        """CYCLES holds by twice as many clients as there are programs."""
        left = iter(range(CYCLES))
        pids = set()

        async def hold():
            for number in left:
                async with server.resource("web") as h:
                    pid = h.value["pid"]
                    self.assertEqual(await get(h.value["endpoint"]), str(pid))
                    self.assertEqual(
                        await h.request(f"line {number}"), f"line {number}"
                    )
                    pids.add(pid)

        await asyncio.gather(*(hold() for _ in range(2 * POOL)))
        self.assertEqual(len(pids), POOL)

    async def lose_some(self, server):
        """Kills programs, their supervisors and those's guards under holders."""
        dice = random.Random(7)

        async def hold(held, others):
            async with server.resource("web") as h:
                held.put_nowait(h)
                await others.wait()

        for _ in range(KILLS // POOL):
            held = asyncio.Queue()
            never = asyncio.Event()
            tasks = [asyncio.create_task(hold(held, never)) for _ in range(POOL)]
            holds = [await held.get() for _ in range(POOL)]
            for h in holds:
                victim = h.value["pid"]
                for _ in range(dice.randrange(3)):
                    victim = parent(victim)
                os.kill(victim, signal.SIGKILL)
            lost = await asyncio.gather(*tasks, return_exceptions=True)
            for h, error in zip(holds, lost):
                self.assertIsInstance(error, anteroom.LeaseLost)
                self.assertEqual(error.metadata["exit_reason"], "INSTANCE_LOST")
                self.assertEqual(h.receipt.reason, "INSTANCE_LOST")

    async def test_what_cannot_start_is_nobody_elses_problem(self):
        with self.serve() as program:
            async with asyncio.timeout(4 * BOUND):
                async with anteroom.connect(program.address()) as server:
                    with self.assertRaises(anteroom.InitFailed) as raised:
                        await server.resource("missing")
                    self.assertIn("No such file", raised.exception.message)
                    async with server.resource("hello") as h:
                        self.assertEqual(await h.a_method(), "a_method")
                    async with server.resource("web") as h:
                        await get(h.value["endpoint"])
            program.terminate()
            self.assertEqual(program.ended()[0], 0)
            self.assert_nothing_left()

    async def test_a_killed_server_leaves_nothing(self):
        with self.serve(min_idle=POOL - 1) as program:
            address = program.address()
            async with asyncio.timeout(4 * BOUND):
                async with anteroom.connect(address) as server:
                    hold = await server.resource("web")
                    await get(hold.value["endpoint"])
                    ends = Ends(marked(self.value))
                    program.kill()
                    await asyncio.to_thread(ends.wait)
            self.assert_nothing_left()

    async def test_a_forced_drain_leaves_nothing(self):
        with self.serve(min_idle=POOL) as program:
            address = program.address()
            async with asyncio.timeout(4 * BOUND):
                async with anteroom.connect(address) as server:
                    hold = await server.resource("web")
                    await get(hold.value["endpoint"])
                    ends = Ends(marked(self.value))
                    program.terminate()
                    program.terminate()
                    await asyncio.to_thread(ends.wait)
            program.ended()
            self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()

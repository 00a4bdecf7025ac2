"""Many holds at once: all of them exit, and the server's memory levels off."""

import asyncio
import contextlib
import pathlib
import re
import tempfile
import unittest

import anteroom
from anteroomd import FREE_PORT, Running
from load_client import BOUND, FULL, LoadClient

LEASES, SCOPES = (100_000, 10_000) if FULL else (10_000, 1_000)
CYCLES = 5
#: What the heaps of the server's threads happen to keep, a few MiB, is little at
#: the full sizes and more than the 5 % at these.
SLACK_KIB = 0 if FULL else 8 * 1024

#: Receipts are memory that is meant to be kept: few, so that it is not counted.
CONFIG = """
  resources {
    name: "shared"
    policy { max_holders: 0 default_ttl { seconds: 600 } }
    hello {}
  }
  receipts_max: 1000
  drain_timeout { seconds: 240 }
"""


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1])


async def closed(address, instance):
    """Waits until an instance is closed, which is after its last exit."""
    sequence = 1
    async with asyncio.timeout(BOUND), anteroom.connect(address) as server:
        while True:
            watch = server.watch_events("shared", from_sequence=sequence)
            try:
                async with contextlib.aclosing(watch):
                    async for event in watch:
                        sequence = event.sequence + 1
                        if (event.phase, event.instance_id) == ("CLOSED", instance):
                            return
            except anteroom.Error as error:
                # It is the last event, so that it is kept.
                if error.reason != "EVENTS_LOST":
                    raise
                sequence = int(error.metadata["oldest_sequence"])


class MemoryTest(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        config = pathlib.Path(folder, "config.textproto")
        config.write_text(CONFIG)
        self.program = self.enterContext(
            Running(f"--config={config}", FREE_PORT, bound=2 * BOUND)
        )
        self.address = self.program.address()
        # One loop: gRPC's would outlive another.
        self.loop = self.enterContext(asyncio.Runner())

    def cycle(self, number):
        """Holds all at once, lets go of all; what is resident then, in KiB."""
        half = SCOPES // 2
        with LoadClient(self.address, "shared", LEASES, SCOPES - half) as released:
            with LoadClient(self.address, "shared", 0, half) as killed:
                held = resident_kib(self.program.pid)
                killed.kill()
            self.assertEqual(
                released.ask("release"), f"released {LEASES} {SCOPES - half}"
            )
        # The object that they shared; the next cycle builds another.
        self.loop.run(closed(self.address, f"shared#{number}"))
        left = resident_kib(self.program.pid)
        print(f"cycle {number}: {held} KiB while held, {left} KiB after", flush=True)
        return left

    def test_memory_levels_off_and_a_drain_ends_every_hold(self):
        left = [self.cycle(number) for number in range(1, CYCLES + 1)]
        self.assertLessEqual(left[4], 1.05 * left[1] + SLACK_KIB, left)
        with LoadClient(self.address, "shared", LEASES, SCOPES) as client:
            self.program.terminate()
            self.assertEqual(client.ask("await"), f"ended DRAINED {SCOPES}")
            self.assertEqual(client.line(), "ended")
            status, said = self.program.ended()
            self.assertEqual((status, len(said)), (0, 1), said)
            self.assertTrue(said[0].startswith("draining"), said)


if __name__ == "__main__":
    unittest.main()

"""Connections that are cut at random moments, through a proxy, while methods of
held objects run."""

import asyncio
import random
import unittest

import anteroom
from anteroomd import FREE_PORT, Running
from load_client import BOUND, FULL
from tcp_proxy import Cut, TcpProxy
from watch import Watch

CUTS = 200 if FULL else 40
#: Scopes side by side.
SIDE_BY_SIDE = 10
#: A cut comes before so many bytes have been forwarded, of some dozen calls.
MOST_BYTES = 3_000


class CutTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        program = self.enterContext(Running(FREE_PORT, bound=BOUND))
        self.address = program.address()
        self.server = await self.enterAsyncContext(anteroom.connect(self.address))
        self.watch = Watch(self.server)
        watching = asyncio.Event()
        watch = asyncio.create_task(self.watch.run(watching))
        self.addCleanup(watch.cancel)
        await watching.wait()
        self.random = random.Random(20260915)

    async def cut_scope(self, bytes_left, how):
        """Holds, and calls until the connection is cut, `bytes_left` after it
        was entered. The lease, and how many calls were made and answered."""
        made = answered = 0
        async with TcpProxy(self.address) as proxy:
            async with anteroom.connect(proxy.address) as server:
                with self.assertRaises(anteroom.LeaseLost):
                    async with server.resource("hello") as h:
                        proxy.cut_after(bytes_left, how)
                        while True:
                            made += 1
                            await h.echo(made)
                            answered += 1
            self.assertTrue(proxy.was_cut.is_set())
        return h.lease, made, answered

    async def expect_one_exit(self, lease, made, answered):
        """The scope ended by itself, as DISCONNECTED, and each of its calls ran
        at most once."""
        await self.watch.exited(lease)
        phases = self.watch.phases[lease.name]
        used = phases.count("USED")
        self.assertEqual(
            phases[-used - 3 :],
            ["ENTERED"] + ["USED"] * used + ["EXITING", "EXITED"],
        )
        self.assertLessEqual(answered, used)
        self.assertLessEqual(used, made)
        ended = await self.server.get_lease(lease.id)
        self.assertEqual(ended.receipt.reason, "DISCONNECTED")
        self.assertEqual(ended.receipt.attempts, 1)

    async def test_each_scope_exits_once_and_no_call_runs_twice(self):
        async def cut_some():
            for _ in range(CUTS // SIDE_BY_SIDE):
                moment = self.random.randrange(MOST_BYTES)
                how = self.random.choice(list(Cut))
                await self.expect_one_exit(*await self.cut_scope(moment, how))

        async with asyncio.timeout(BOUND):
            async with asyncio.TaskGroup() as group:
                for _ in range(SIDE_BY_SIDE):
                    group.create_task(cut_some())
        for lease, phases in self.watch.phases.items():
            if lease:
                self.assertEqual(phases.count("EXITED"), 1, (lease, phases))

    async def test_a_call_that_runs_at_the_cut_is_stopped_before_the_exit(self):
        async with asyncio.timeout(BOUND), TcpProxy(self.address) as proxy:
            async with anteroom.connect(proxy.address) as server:
                with self.assertRaises(anteroom.LeaseLost):
                    async with server.resource(
                        "hello",
                        on_event=lambda event: event.phase == "USED" and proxy.cut(),
                    ) as h:
                        await h.sleep(3600)
            await self.expect_one_exit(h.lease, made=1, answered=0)


if __name__ == "__main__":
    unittest.main()

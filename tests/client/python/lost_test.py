"""Holders that vanish, servers that vanish, and holds that must not."""

import asyncio
import datetime
import pathlib
import signal
import sys
import unittest

import anteroom
from server_process import (
    ENVIRONMENT,
    ServerProcess,
    connected,
    events_of_lease,
    serving,
)

HOLDER = pathlib.Path(__file__).with_name("holder.py")


class LostHolderTest(unittest.IsolatedAsyncioTestCase):
    async def killed_while_it_holds(self, server, process, how):
        """The lease, from its events and its end, of a holder that is killed."""
        holder = await asyncio.create_subprocess_exec(
            sys.executable,
            HOLDER,
            process.address,
            how,
            env=ENVIRONMENT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            lease_id, name, sequence = (await holder.stdout.readline()).decode().split()
            self.assertEqual((await server.get_lease(lease_id)).state, "HELD")
        finally:
            holder.kill()
            self.assertEqual(await holder.wait(), -signal.SIGKILL)
        events = await events_of_lease(server, name, int(sequence))
        ended = await server.get_lease(lease_id)
        self.assertEqual(ended.state, "ENDED")
        return [event.phase for event in events], ended.receipt

    async def test_a_killed_client_exits_as_disconnected(self):
        with ServerProcess() as process:
            async with connected(process) as server:
                phases, receipt = await self.killed_while_it_holds(
                    server, process, "with"
                )
                self.assertEqual(phases, ["ENTERING", "ENTERED", "EXITING", "EXITED"])
                self.assertEqual(receipt.reason, "DISCONNECTED")
                # The object is free for the next.
                async with server.resource("hello") as h:
                    self.assertEqual(await h.a_method(), "a_method")

    async def test_a_unary_hold_that_nobody_renews_expires(self):
        with ServerProcess() as process:
            async with connected(process) as server:
                phases, receipt = await self.killed_while_it_holds(
                    server, process, "acquire"
                )
                # It may have waited until the object before was closed.
                if phases[0] == "WAITING":
                    del phases[0]
                self.assertEqual(phases, ["ENTERING", "ENTERED", "EXITING", "EXITED"])
                self.assertEqual(receipt.reason, "TTL_EXPIRED")
                self.assertGreaterEqual(receipt.held, 1)


class LostServerTest(unittest.IsolatedAsyncioTestCase):
    async def lose(self, process, lose, wait=None):
        """The receipt, and what was raised, of a body during which lose() runs."""
        async with connected(process) as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with server.resource("hello") as h:
                    lose()
                    await (asyncio.Event().wait() if wait is None else wait(h))
                    self.fail("the body was not cancelled")
            self.assertEqual(asyncio.current_task().cancelling(), 0)
            with self.assertRaises(anteroom.Error):
                await h.a_method()
            return h.receipt, raised.exception

    async def test_a_killed_server_cancels_the_body(self):
        with ServerProcess() as process:
            receipt, lost = await self.lose(process, process.kill)
        self.assertEqual(lost.code.name, "UNAVAILABLE")
        self.assertIsNone(receipt)  # nobody knows

    async def test_a_killed_server_ends_a_call(self):
        with ServerProcess() as process:
            _, lost = await self.lose(process, process.kill, lambda h: h.sleep(3600))
        self.assertEqual(lost.code.name, "UNAVAILABLE")

    async def test_a_drained_server_cancels_the_body(self):
        with ServerProcess() as process:
            receipt, lost = await self.lose(process, process.terminate)
        self.assertEqual(lost.reason, "LEASE_ENDED")
        self.assertEqual(lost.metadata["exit_reason"], "DRAINED")
        self.assertEqual(receipt.reason, "DRAINED")

    async def test_a_server_whose_drain_is_forced_cancels_the_body(self):
        config = (
            'resources { name: "hello" hello { exit_takes { seconds: 3600 } } '
            "policy { exit_timeout { seconds: 3600 } } } "
            "drain_timeout { nanos: 100000000 }"
        )
        with ServerProcess(config, exit_status=1) as process:
            receipt, lost = await self.lose(process, process.terminate)
        self.assertEqual(lost.code.name, "UNAVAILABLE")
        self.assertIsNone(receipt)

    async def test_who_waits_hears_that_the_server_drains(self):
        waiting = asyncio.Event()

        def on_event(event):
            if event.phase == "WAITING":
                waiting.set()

        async def wait(server):
            await server.resource("hello", on_event=on_event)

        with ServerProcess() as process:
            async with connected(process) as server:
                hold = await server.resource("hello")
                task = asyncio.create_task(wait(server))
                await waiting.wait()
                process.terminate()
                with self.assertRaises(anteroom.Draining):
                    await task
                self.assertEqual((await hold.release()).reason, "DRAINED")

    async def test_a_cancellation_from_elsewhere_is_not_taken_for_a_loss(self):
        async def work(server, process):
            async with server.resource("hello"):
                process.kill()
                try:
                    await asyncio.Event().wait()
                finally:
                    asyncio.current_task().cancel()  # in somebody else's name

        with ServerProcess() as process:
            async with connected(process) as server:
                task = asyncio.create_task(work(server, process))
                with self.assertRaises(asyncio.CancelledError):
                    await task
                self.assertEqual(task.cancelling(), 1)

    async def test_what_the_body_makes_of_the_loss_goes_on(self):
        with ServerProcess() as process:
            async with connected(process) as server:
                with self.assertRaises(ZeroDivisionError):
                    async with server.resource("hello"):
                        process.kill()
                        try:
                            await asyncio.Event().wait()
                        finally:
                            1 / 0
                self.assertEqual(asyncio.current_task().cancelling(), 0)

    async def test_a_body_that_ignores_the_loss_hears_of_it_at_its_end(self):
        with ServerProcess() as process:
            async with connected(process) as server:
                with self.assertRaises(anteroom.LeaseLost):
                    async with server.resource("hello"):
                        process.kill()
                        try:
                            await asyncio.Event().wait()
                        except asyncio.CancelledError:
                            pass
                self.assertEqual(asyncio.current_task().cancelling(), 0)

    async def test_only_the_body_of_the_lost_lease_is_cancelled(self):
        with ServerProcess() as lost, ServerProcess() as kept:
            async with connected(lost) as server, connected(kept) as other:
                async with other.resource("hello") as h:
                    with self.assertRaises(anteroom.LeaseLost):
                        async with server.resource("hello"):
                            lost.kill()
                            await asyncio.Event().wait()
                    self.assertEqual(await h.a_method(), "a_method")
                self.assertEqual(h.receipt.reason, "RELEASED")


class RenewalTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_unary_hold_outlives_its_time_to_live_many_times(self):
        async with serving() as server:
            hold = await server.acquire("hello", ttl=1)
            self.assertEqual(hold.lease.ttl, 1)
            goal = hold.lease.expire_time + datetime.timedelta(seconds=4)
            lease = hold.lease
            while lease.expire_time < goal:
                lease = await server.get_lease(hold.lease.id)
                self.assertEqual(lease.state, "HELD")
            self.assertEqual(await hold.a_method(), "a_method")
            receipt = await hold.release()
            self.assertEqual(receipt.reason, "RELEASED")
            self.assertGreater(receipt.held, 3 * hold.lease.ttl)

    async def test_a_hold_that_is_released_meanwhile_is_not_lost(self):
        config = 'resources { name: "slow" hello { exit_takes { nanos: 500000000 } } }'
        async with serving(config) as server:
            hold = await server.acquire("slow", ttl=0.3)
            self.assertEqual((await hold.release()).reason, "RELEASED")
            with self.assertRaises(anteroom.LeaseEnded):
                await hold.a_method()


if __name__ == "__main__":
    unittest.main()

"""`async with`, and `await`, over the network."""

import asyncio
import unittest

import anteroom
from server_process import events_of_lease, serving

SUPPRESSING = 'resources { name: "suppressing" hello { suppress: true } }'


class Phases(list):
    """What a hold's events tell: methods by their name, the rest by phase."""

    def __call__(self, event):
        self.append(event.message if event.phase == "USED" else event.phase)


class WithTest(unittest.IsolatedAsyncioTestCase):
    async def test_it_enters_uses_and_exits(self):
        phases = Phases()
        async with serving() as server:
            async with server.resource("hello", on_event=phases) as h:
                phases.append("body")
                self.assertEqual(await h.a_method(), "a_method")
                self.assertIsNone(h.receipt)
                self.assertEqual((await server.get_lease(h.lease.id)).state, "HELD")
            phases.append("after")
            self.assertEqual(h.receipt.reason, "RELEASED")
            ended = await server.get_lease(h.lease.id)
            self.assertEqual(ended.state, "ENDED")
            self.assertEqual(ended.receipt, h.receipt)
        self.assertEqual(
            phases,
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED body a_method "
            "EXITING EXITED after".split(),
        )

    async def test_a_body_that_raises_fails_the_hold_and_the_error_goes_on(self):
        phases = Phases()
        async with serving() as server:
            error = ValueError("x")
            with self.assertRaises(ValueError) as raised:
                async with server.resource("hello", on_event=phases) as h:
                    raise error
            self.assertIs(raised.exception, error)
            self.assertEqual(h.receipt.reason, "BODY_FAILED")
            self.assertFalse(h.receipt.error_suppressed)
        self.assertEqual(phases[-2:], ["EXITING", "EXITED"])

    async def test_an_error_is_suppressed_where_the_receipt_says_so(self):
        async with serving(SUPPRESSING) as server:
            async with server.resource("suppressing") as h:
                raise ValueError("x")
            self.assertEqual(h.receipt.reason, "BODY_FAILED")
            self.assertTrue(h.receipt.error_suppressed)

    async def test_a_body_that_went_well_has_nothing_to_suppress(self):
        async with serving(SUPPRESSING) as server:
            async with server.resource("suppressing") as h:
                pass
            self.assertEqual(h.receipt.reason, "RELEASED")
            self.assertFalse(h.receipt.error_suppressed)

    async def test_any_text_of_an_error_can_be_told_to_the_exit(self):
        async with serving() as server:
            for text in ("", "\udcff", "x" * 5_000_000):
                with self.subTest(text[:10]), self.assertRaises(OSError):
                    async with server.resource("hello") as h:
                        raise OSError(text)
                self.assertEqual(h.receipt.reason, "BODY_FAILED")

    async def test_a_cancelled_body_exits_with_cancelled(self):
        entered = asyncio.Event()
        holds = []

        async def work(server):
            async with server.resource("hello") as h:
                holds.append(h)
                entered.set()
                await asyncio.Event().wait()

        async with serving() as server:
            task = asyncio.create_task(work(server))
            await entered.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(task.cancelled())
            self.assertEqual(holds[0].receipt.reason, "CANCELLED")

    async def test_a_body_cancelled_during_a_call_exits_after_the_call(self):
        used = asyncio.Event()
        phases = Phases()

        def on_event(event):
            phases(event)
            if event.phase == "USED":
                used.set()

        async def work(server):
            async with server.resource("hello", on_event=on_event) as h:
                await h.sleep(3600)

        async with serving() as server:
            task = asyncio.create_task(work(server))
            await used.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        self.assertEqual(phases[-3:], ["sleep", "EXITING", "EXITED"])

    async def test_a_task_cancelled_while_it_exits_does_not_stop_the_exit(self):
        holds = []

        def on_event(event):
            if event.phase == "EXITING":
                task.cancel()

        async def work(server):
            async with server.resource("hello", on_event=on_event) as h:
                holds.append(h)

        async with serving() as server:
            task = asyncio.create_task(work(server))
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual((await holds[0].release()).reason, "RELEASED")

    async def test_a_cancelled_enter_leaves_the_queue(self):
        waiting = asyncio.Event()

        def on_event(event):
            if event.phase == "WAITING":
                waiting.set()

        async def work(server):
            async with server.resource("hello", on_event=on_event):
                self.fail("it was entered")

        async with serving() as server:
            async with server.resource("hello"):
                task = asyncio.create_task(work(server))
                await waiting.wait()
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task
            async with server.resource("hello") as h:
                self.assertEqual(await h.a_method(), "a_method")

    async def test_an_exit_that_fails_raises_after_a_body_that_went_well(self):
        config = 'resources { name: "x" hello { exit_fails: 2 } }'
        async with serving(config) as server:
            with self.assertRaises(anteroom.ExitError) as raised:
                async with server.resource("x") as h:
                    pass
            self.assertEqual(raised.exception.code.name, "INTERNAL")
            self.assertEqual(h.receipt.exit_error.code.name, "INTERNAL")
            with self.assertRaises(ValueError):  # rather than the exit's
                async with server.resource("x"):
                    raise ValueError("x")

    async def test_release_twice_gives_the_same_receipt(self):
        async with serving() as server:
            hold = await server.resource("hello")
            first, second = await asyncio.gather(hold.release(), hold.release())
            third = await hold.release(ValueError("too late"))
            self.assertEqual(first.reason, "RELEASED")
            self.assertEqual([second, third], [first, first])

    async def test_release_in_the_body_is_the_end(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                receipt = await h.release()
            self.assertEqual(h.receipt, receipt)

    async def test_an_awaited_resource_is_held_until_its_release(self):
        phases = Phases()
        async with serving() as server:
            hold = await server.resource("hello-awaitable", on_event=phases)
            self.assertEqual(await hold.a_method(), "a_method")
            self.assertEqual((await server.get_lease(hold.lease.id)).state, "HELD")
            self.assertEqual((await hold.release()).reason, "RELEASED")
        self.assertEqual(
            phases,
            "CONSTRUCTED INITIALIZING READY ENTERED a_method EXITED".split(),
        )

    async def test_a_deferred_enter_does_not_await_the_init(self):
        config = 'resources { name: "x" hello { init_takes { seconds: 3600 } } }'
        async with serving(config) as server:
            for enter in (server.resource, server.acquire):
                hold = await enter("x", deferred=True)
                self.assertEqual(hold.lease.state, "ENTERING")
                await hold.release()

    async def test_the_first_call_of_a_deferred_hold_awaits_the_init(self):
        async with serving('resources { name: "x" hello { init_fails: 1 } }') as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with server.resource("x", deferred=True) as h:
                    # It has the init's own failure if it comes before that.
                    with self.assertRaises((anteroom.InitFailed, anteroom.LeaseLost)):
                        await h.a_method()
                    await h.a_method()
            self.assertEqual(raised.exception.metadata["exit_reason"], "ENTER_FAILED")
            async with server.resource("x", deferred=True) as h:
                self.assertEqual(await h.a_method(), "a_method")

    async def test_an_acquire_repeated_by_its_request_id_is_the_same_hold(self):
        async with serving() as server:
            first = await server.acquire("hello", request_id="a" * 16)
            second = await server.acquire("hello", request_id="a" * 16)
            # (The two views of its expiry may differ by what a clock is read at.)
            self.assertEqual(first.lease.id, second.lease.id)
            self.assertEqual(first.lease.fencing_token, second.lease.fencing_token)
            await first.release()

    async def test_the_end_of_the_connection_releases_what_is_held(self):
        async with serving() as server:
            async with anteroom.connect(server._address) as other:
                hold = await other.resource("hello")
                unary = await other.acquire("hello-plain")
            self.assertEqual(hold.receipt.reason, "RELEASED")
            for lease_id in (hold.lease.id, unary.lease.id):
                ended = await server.get_lease(lease_id)
                self.assertEqual(ended.receipt.reason, "RELEASED")

    async def test_a_watcher_sees_a_hold_as_its_holder_does(self):
        own = []
        async with serving() as server:
            async with server.resource("hello", on_event=own.append) as h:
                await h.a_method()
            watched = await events_of_lease(server, h.lease.name, own[0].sequence)
        self.assertEqual(
            watched, [event for event in own if event.lease_name == h.lease.name]
        )
        self.assertIn("EXITING", [event.phase for event in watched])

    async def test_on_event_that_raises_breaks_the_hold(self):
        def refuse(event):
            if event.phase == broken_phase:
                raise BrokenPipeError("nobody listens")

        async with serving() as server:
            broken_phase = "CONSTRUCTED"
            with self.assertRaises(BrokenPipeError):
                async with server.resource("hello", on_event=refuse):
                    self.fail("it was entered")
            broken_phase = "USED"
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with server.resource("hello", on_event=refuse) as h:
                    await h.a_method()
            self.assertIn("nobody listens", str(raised.exception))


if __name__ == "__main__":
    unittest.main()

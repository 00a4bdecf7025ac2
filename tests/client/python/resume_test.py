"""Holds that survive broken connections, through a proxy that breaks them."""

import asyncio
import collections
import contextlib
import random
import unittest
import unittest.mock

import anteroom
from anteroom._calls import Calls
from anteroom._reconnection import Reconnection
from anteroom.v1 import resource_service_pb2 as pb
from server_process import ServerProcess, connected
from tcp_proxy import Cut, TcpProxy, Way
from watch import Watch

CUTS = 200
#: Scopes side by side.
SIDE_BY_SIDE = 10
CONFIG = """
    resources { name: "hello" hello {} }
    resources { name: "many" policy { max_instances: 10 } hello {} }
    resources { name: "slow" hello { exit_takes { nanos: 100000000 } } }
"""
#: Seconds that no test waits for.
LONG = 50
#: Seconds that some tests wait for.
SHORT = 0.3


class Hook(list):
    """The events of a hold; `at(phase)` calls something at the first such."""

    def __init__(self):
        self._hooks = {}
        self._seen = collections.defaultdict(asyncio.Event)

    def at(self, phase, hook):
        self._hooks[phase] = hook

    def __call__(self, event):
        self.append(event)
        self._seen[event.phase].set()
        self._hooks.pop(event.phase, lambda: None)()

    async def saw(self, phase):
        """Waits until there was such an event, and answers it."""
        await self._seen[phase].wait()
        return next(event for event in self if event.phase == phase)


class ResumeBase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        process = self.enterContext(ServerProcess(CONFIG))
        # Never cut.
        self.direct = await self.enterAsyncContext(connected(process))
        self.watch = Watch(self.direct)
        watching = asyncio.Event()
        watch = asyncio.create_task(self.watch.run(watching))
        self.addAsyncCleanup(asyncio.wait, [watch])
        self.addCleanup(watch.cancel)
        await watching.wait()
        self.address = process.address
        self.proxy = await self.enterAsyncContext(TcpProxy(self.address))
        self.events = Hook()

    @contextlib.asynccontextmanager
    async def client(self):
        """A connection through the proxy, which leaves no task behind."""
        async with anteroom.connect(self.proxy.address) as server:
            yield server
        for task in asyncio.all_tasks():
            code = task.get_coro().cr_code  # None: of gRPC's own
            self.assertNotIn("/anteroom/", getattr(code, "co_filename", ""), task)

    def hello(self, server, name="hello", grace=LONG, **options):
        return server.resource(
            name, disconnect_grace=grace, on_event=self.events, **options
        )

    async def expect(self, hold, phases, reason="RELEASED"):
        """The hold has had these phases, each once, and ended so; its holder
        was told what a watcher saw."""
        await self.watch.exited(hold.lease)
        self.assertEqual(self.watch.phases[hold.lease.name], phases.split())
        ended = await self.direct.get_lease(hold.lease.id)
        self.assertEqual(ended.receipt.reason, reason)
        self.assertEqual(ended.receipt.attempts, 1)
        told = [event for event in self.events if event.lease_name == hold.lease.name]
        sequences = [event.sequence for event in self.events]
        self.assertEqual(sequences, sorted(set(sequences)))
        if reason == "RELEASED":
            self.assertEqual([event.phase for event in told], phases.split())

    async def expect_no_connection(self):
        async with anteroom.connect(self.proxy.address) as other:
            with self.assertRaises(anteroom.Error) as raised:
                await other.resource("hello")
        self.assertEqual(raised.exception.code.name, "UNAVAILABLE")


class ResumeTest(ResumeBase):
    # ---- calls ----

    async def test_a_call_that_runs_at_the_cut_goes_on_and_answers(self):
        for how in Cut:
            with self.subTest(how):
                self.events = Hook()
                self.events.at("USED", lambda: self.proxy.cut(how))
                async with self.client() as server:
                    async with self.hello(server) as h:
                        await h.sleep(0.05)
                        self.assertEqual(await h.echo("still held"), "still held")
                await self.expect(h, "ENTERING ENTERED USED USED EXITING EXITED")

    async def test_a_reply_that_was_lost_is_told_again(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.lose(Way.REPLIES)
                call = asyncio.create_task(h.echo("x"))
                await self.watch.saw(h.lease.name, "USED")
                self.proxy.cut()
                self.assertEqual(await call, "x")
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    async def test_a_call_that_never_arrived_is_sent_again(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.lose(Way.REQUESTS)
                calls = [asyncio.create_task(h.echo(i)) for i in range(3)]
                await asyncio.sleep(0)  # they are sent
                self.proxy.cut()
                self.assertEqual(await asyncio.gather(*calls), [0, 1, 2])
        await self.expect(h, "ENTERING ENTERED USED USED USED EXITING EXITED")

    async def test_a_cut_between_a_reply_and_its_acknowledgement(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                for i in range(3):
                    self.assertEqual(await h.echo(i), i)
                    self.proxy.cut()
        await self.expect(h, "ENTERING ENTERED USED USED USED EXITING EXITED")

    async def test_a_call_made_while_there_is_no_connection_waits(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.refuse()
                self.proxy.cut()
                await self.expect_no_connection()
                call = asyncio.create_task(h.echo("x"))
                await self.proxy.accept()
                self.assertEqual(await call, "x")
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    async def test_a_call_cancelled_meanwhile_is_cancelled_on_the_server(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                call = asyncio.create_task(h.sleep(3600))
                await self.events.saw("USED")
                self.proxy.refuse()
                self.proxy.cut()
                call.cancel()
                await asyncio.wait([call])
                self.assertTrue(call.cancelled())
                await self.proxy.accept()
                self.assertEqual(await h.echo("x"), "x")
            # Else its exit would wait for use_grace.
            self.assertLess(h.receipt.exited, 1)
        await self.expect(h, "ENTERING ENTERED USED USED EXITING EXITED")

    async def test_two_cuts_in_a_row(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                call = asyncio.create_task(h.sleep(0.2))
                await self.events.saw("USED")
                for _ in range(2):
                    connections = self.proxy.connections
                    self.proxy.cut()
                    await self.proxy.connected(connections + 1)
                await call
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    async def test_a_reply_that_is_not_kept_is_lost_and_says_so(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.lose(Way.REPLIES)
                large = asyncio.create_task(h.echo("x" * 1_500_000))
                await self.watch.saw(h.lease.name, "USED")
                released = asyncio.create_task(h.release())
                await self.watch.exited(h.lease)  # so it was answered
                self.proxy.cut()
                with self.assertRaises(anteroom.ReplyLost) as raised:
                    await large
                self.assertEqual(raised.exception.reason, "REPLY_LOST")
                self.assertEqual((await released).reason, "RELEASED")
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    # ---- entering ----

    async def test_a_cut_before_the_turn_has_come_keeps_the_turn(self):
        async with self.client() as server:
            first = await self.direct.resource("hello")
            second = asyncio.create_task(self.hello(server)._hold(lambda lost: None))
            await self.events.saw("WAITING")
            third = asyncio.create_task(self.direct.resource("hello").__aenter__())
            self.proxy.refuse()
            self.proxy.cut()
            await first.release()
            name = (await self.events.saw("WAITING")).lease_name
            await self.watch.saw(name, "ENTERED")
            await self.proxy.accept()
            h = await second
            self.assertFalse(third.done())
            await h.release()
            await (await third).release()

    async def test_a_cut_before_anything_was_heard_enters_once(self):
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseNotFound):
                await server.get_lease("none")  # so it is connected
            self.proxy.lose(Way.REPLIES)
            entering = asyncio.create_task(
                self.hello(server, "slow")._hold(lambda lost: None)
            )
            await self.watch.first_of("slow", "ENTERED")
            self.proxy.cut()
            h = await entering
            self.assertEqual(await h.echo("x"), "x")
            await h.release()
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    async def test_a_server_that_is_not_there_yet_is_waited_for(self):
        self.proxy.refuse()
        async with self.client() as server:
            entering = asyncio.create_task(self.hello(server).__aenter__())
            await self.expect_no_connection()
            await self.proxy.accept()
            h = await entering
            await h.release()
        await self.expect(h, "ENTERING ENTERED EXITING EXITED")

    async def test_a_server_that_never_comes_is_given_up_after_the_grace(self):
        self.proxy.refuse()
        async with self.client() as server:
            with self.assertRaises(anteroom.Error) as raised:
                await self.hello(server, grace=SHORT)
        self.assertEqual(raised.exception.code.name, "UNAVAILABLE")
        self.assertIn("not back within 0.3 s", str(raised.exception))

    async def test_a_cancelled_enter_leaves_the_queue_without_any_grace(self):
        async with self.client() as server:
            first = await self.direct.resource("hello")
            task = asyncio.create_task(self.hello(server).__aenter__())
            name = (await self.events.saw("WAITING")).lease_name
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            await self.watch.saw(name, "FAILED")
            await first.release()

    async def test_an_error_of_the_server_is_no_reason_to_try_again(self):
        async with self.client() as server:
            with self.assertRaises(anteroom.ResourceNotFound):
                await self.hello(server, "nothing")
            with self.assertRaises(anteroom.InvalidRequest):
                await self.hello(server, key="\n")
        self.assertEqual(self.proxy.connections, 1)

    # ---- leaving ----

    async def test_a_cut_during_the_exit_brings_the_receipt_all_the_same(self):
        self.events.at("EXITING", self.proxy.cut)
        async with self.client() as server:
            async with self.hello(server, "slow") as h:
                pass
        self.assertEqual(h.receipt.reason, "RELEASED")
        await self.expect(h, "ENTERING ENTERED EXITING EXITED")

    async def test_a_release_that_never_arrived_is_sent_again(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.lose(Way.REQUESTS)
                call = asyncio.create_task(h.echo("before it"))
                await asyncio.sleep(0)
                released = asyncio.create_task(h.release())
                await asyncio.sleep(0)
                self.proxy.cut()
                self.assertEqual((await released).reason, "RELEASED")
                self.assertEqual(await call, "before it")
        await self.expect(h, "ENTERING ENTERED USED EXITING EXITED")

    async def test_an_end_that_was_lost_on_its_way_is_told_again(self):
        async with self.client() as server:
            async with self.hello(server) as h:
                self.proxy.lose(Way.REPLIES)
                released = asyncio.create_task(h.release())
                await self.watch.exited(h.lease)
                self.proxy.cut()
                self.assertEqual((await released).reason, "RELEASED")
        await self.expect(h, "ENTERING ENTERED EXITING EXITED")

    async def test_a_body_cancelled_while_there_is_no_connection_exits(self):
        async def work(server):
            async with self.hello(server) as h:
                holds.append(h)
                self.proxy.refuse()
                self.proxy.cut()
                cut.set()
                await asyncio.Event().wait()

        cut, holds = asyncio.Event(), []
        async with self.client() as server:
            task = asyncio.create_task(work(server))
            await cut.wait()
            task.cancel()
            await self.proxy.accept()
            with self.assertRaises(asyncio.CancelledError):
                await task
        await self.expect(holds[0], "ENTERING ENTERED EXITING EXITED", "CANCELLED")

    async def test_on_event_that_raises_exits_without_any_grace(self):
        def refuse():
            raise BrokenPipeError("nobody listens")

        self.events.at("USED", refuse)
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseLost):
                async with self.hello(server) as h:
                    await h.a_method()
            await self.watch.exited(h.lease)

    async def test_the_end_of_the_connection_releases_what_was_cut(self):
        async with self.client() as server:
            h = await self.hello(server)
            self.proxy.cut()
        self.assertEqual(h.receipt.reason, "RELEASED")
        await self.expect(h, "ENTERING ENTERED EXITING EXITED")

    # ---- losing ----

    async def lose(self, wait):
        """A hold whose connection does not come back, and what was raised."""
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with self.hello(server, grace=SHORT) as h:
                    self.proxy.refuse()
                    self.proxy.cut()
                    await wait(h)
                    self.fail("the body was not cancelled")
            self.assertEqual(asyncio.current_task().cancelling(), 0)
            with self.assertRaises(anteroom.LeaseLost):
                await h.a_method()
        return h, raised.exception

    async def test_once_the_grace_is_over_the_body_is_cancelled(self):
        h, lost = await self.lose(lambda h: asyncio.Event().wait())
        self.assertEqual(lost.code.name, "UNAVAILABLE")
        self.assertIn("not back within 0.3 s", str(lost))
        await self.expect(h, "ENTERING ENTERED EXITING EXITED", "DISCONNECTED")

    async def test_once_the_grace_is_over_a_call_says_so(self):
        async def call(h):
            with self.assertRaises(anteroom.LeaseLost):
                await h.a_method()
            await asyncio.Event().wait()

        h, lost = await self.lose(call)
        await self.expect(h, "ENTERING ENTERED EXITING EXITED", "DISCONNECTED")

    async def test_once_the_grace_is_over_a_cancelled_body_stays_cancelled(self):
        async def cancel(h):
            asyncio.current_task().cancel()
            await asyncio.Event().wait()

        task = asyncio.create_task(self.lose(cancel))
        with self.assertRaises(asyncio.CancelledError):
            await task

    async def test_a_lease_that_ended_meanwhile_brings_its_receipt(self):
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with self.hello(server, grace=SHORT) as h:
                    self.proxy.lose(Way.REPLIES)
                    self.assertEqual(
                        await self.release_directly(h.lease.id), "RELEASED"
                    )
                    self.proxy.cut()
                    await asyncio.Event().wait()
        self.assertEqual(raised.exception.metadata["exit_reason"], "RELEASED")
        self.assertEqual(h.receipt.reason, "RELEASED")

    async def test_what_breaks_any_stream_ends_the_lease_without_any_grace(self):
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with self.hello(server) as h:
                    await h.echo("x" * 5_000_000)  # more than a message may have
            self.assertEqual(raised.exception.code.name, "RESOURCE_EXHAUSTED")
            await self.watch.exited(h.lease)

    async def release_directly(self, lease_id):
        """Ends the lease by a unary call; then why it ended."""
        await self.direct._stub.Release(pb.ReleaseRequest(lease_id=lease_id))
        return (await self.direct.get_lease(lease_id)).receipt.reason

    async def test_who_is_superseded_does_not_fight_back(self):
        async with self.client() as server:
            with self.assertRaises(anteroom.LeaseLost) as raised:
                async with self.hello(server) as h:
                    other = self.direct._stub.With()
                    resume = pb.Resume(lease_id=h.lease.id)
                    await other.write(pb.WithRequest(resume=resume))
                    await asyncio.Event().wait()
            self.assertEqual(raised.exception.reason, "SUPERSEDED")
            await other.write(pb.WithRequest(release=pb.ReleaseRequest()))
            await self.watch.exited(h.lease)


class CutTest(ResumeBase):
    """Cuts at random moments of calls, of entering and of leaving."""

    async def cut_scope(self, moments):
        """A hold that calls until the connection has been cut, and its calls
        that were answered."""

        def arm(most_bytes):
            how = moments.choice(list(Cut))
            proxy.cut_after(moments.randrange(most_bytes), how)

        answered = 0
        async with TcpProxy(self.address) as proxy:
            async with anteroom.connect(proxy.address) as server:
                if moments.random() < 0.2:
                    arm(1_000)  # before it is entered, as likely as not
                async with server.resource("many", disconnect_grace=LONG) as h:
                    if not proxy.was_cut.is_set():
                        arm(3_000)
                    while True:
                        calls = [h.sleep(0.002), h.echo("x"), h.sleep(0.005)]
                        self.assertEqual((await asyncio.gather(*calls))[1], "x")
                        answered += len(calls)
                        if proxy.was_cut.is_set():
                            break
                    if moments.random() < 0.2:
                        arm(200)  # while it exits
        self.assertEqual(h.receipt.reason, "RELEASED")
        return h.lease, answered

    async def test_each_scope_survives_and_each_call_runs_once(self):
        # Debug mode, which the runner switches on, takes half of the time.
        asyncio.get_running_loop().set_debug(False)
        moments = random.Random(20260916)

        async def cut_some():
            for _ in range(CUTS // SIDE_BY_SIDE):
                lease, answered = await self.cut_scope(moments)
                await self.watch.exited(lease)
                self.assertEqual(
                    self.watch.phases[lease.name],
                    ["ENTERING", "ENTERED"]
                    + ["USED"] * answered
                    + ["EXITING", "EXITED"],
                )
                ended = await self.direct.get_lease(lease.id)
                self.assertEqual(ended.receipt.attempts, 1)

        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(cut_some())
        held = [name for name in self.watch.phases if name.startswith("many/")]
        self.assertEqual(len(held), CUTS)  # none beside those that were told


class ReconnectionTest(unittest.IsolatedAsyncioTestCase):
    async def pause(self, reconnection, count):
        """The longest that each of `count` pauses might have been."""
        with unittest.mock.patch("random.uniform", return_value=0) as uniform:
            for _ in range(count):
                self.assertTrue(await reconnection.pause(asyncio.Event()))
        return [call.args[1] for call in uniform.call_args_list]

    async def test_pauses_are_random_and_grow_until_the_server_answers(self):
        reconnection = Reconnection(LONG)
        growing = [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
        self.assertEqual(await self.pause(reconnection, 7), growing)
        reconnection.succeeded()
        self.assertEqual(await self.pause(reconnection, 2), growing[:2])

    async def test_no_pause_goes_beyond_the_grace_or_a_scope_given_up(self):
        with unittest.mock.patch("random.uniform", return_value=3600):
            self.assertFalse(await Reconnection(0.01).pause(asyncio.Event()))
            given_up = asyncio.Event()
            given_up.set()
            self.assertFalse(await Reconnection(LONG).pause(given_up))


class CallsTest(unittest.IsolatedAsyncioTestCase):
    def answer(self, calls, result=b""):
        call = calls.begin("m", pb.UseCall().argument)
        reply = pb.UseReply(call_id=call.request.call_id)
        reply.result.data = result
        self.assertIsNone(calls.answer(reply))
        return calls.acknowledgement()

    async def test_replies_are_acknowledged_by_the_hundred(self):
        calls = Calls(acknowledges=True)
        acks = [self.answer(calls) for _ in range(200)]
        self.assertEqual([i for i, ack in enumerate(acks) if ack], [99, 199])
        self.assertEqual(list(acks[99].call_ids), list(range(1, 101)))
        self.assertEqual(list(acks[199].call_ids), list(range(101, 201)))

    async def test_large_replies_are_acknowledged_sooner(self):
        calls = Calls(acknowledges=True)
        acks = [self.answer(calls, b"x" * 100_000) for _ in range(6)]
        self.assertEqual([i for i, ack in enumerate(acks) if ack], [2, 5])

    async def test_without_a_grace_nothing_is_acknowledged(self):
        calls = Calls(acknowledges=False)
        self.assertFalse(any(self.answer(calls) for _ in range(200)))


if __name__ == "__main__":
    unittest.main()

"""What becomes of leases and objects when their calls, or all, come to an end."""

import asyncio
import contextlib
import unittest

import grpc

import anteroom
from anteroom.provider import Provider
from recorder import Recorder, recorder
from serving import driving, names, serving


class LeavingTest(unittest.IsolatedAsyncioTestCase):
    async def test_what_entered_though_it_was_cancelled_exits(self):
        entering, gate = asyncio.Event(), asyncio.Event()
        exited = []

        class Stubborn:
            async def __aenter__(self):
                entering.set()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

            async def __aexit__(self, kind, error, traceback):
                exited.append(kind)
                gate.set()

        async with serving(x=Stubborn) as driver:
            subject = await driver.constructed()
            call = subject.start_enter(driver.leases.new())
            reading = asyncio.ensure_future(call.read())
            await entering.wait()
            call.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await gate.wait()
        self.assertEqual(exited, [asyncio.CancelledError])

    async def test_what_entered_with_a_value_that_cannot_be_said_exits(self):
        exited = []

        class Kind:
            async def __aenter__(self):
                return object()

            async def __aexit__(self, kind, error, traceback):
                exited.append(kind)

        async with serving(x=Kind) as driver:
            subject = await driver.constructed()
            with (
                self.assertLogs("anteroom.provider"),
                self.assertRaises(grpc.aio.AioRpcError) as failed,
            ):
                await subject.enter(driver.leases.new())
            self.assertIn("TypeError", failed.exception.details())
        self.assertEqual(exited, [TypeError])

    async def test_an_enter_that_is_called_again_while_the_first_is_cancelled(self):
        begun, ending, gate = asyncio.Event(), asyncio.Event(), asyncio.Event()

        class Slow:
            enters = 0

            async def __aenter__(self):
                self.enters += 1
                if self.enters > 1:
                    return self.enters
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ending.set()
                    await gate.wait()

            async def __aexit__(self, *error):
                pass

            async def open(self):
                gate.set()

        async with serving(x=Slow) as driver:
            subject, lease = await driver.constructed(), driver.leases.new()
            call = subject.start_enter(lease)
            reading = asyncio.ensure_future(call.read())
            await begun.wait()
            call.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await ending.wait()
            again = asyncio.ensure_future(subject.enter(lease))
            other = driver.leases.new()
            await subject.enter(other)
            await subject.use(other, "open")
            self.assertEqual((await again)[-1].entered.value.data, b"3")

    async def test_an_exit_past_its_deadline_is_cancelled(self):
        cancelled = asyncio.Event()

        class Slow:
            async def __aexit__(self, *error):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.set()
                    raise

        async with serving(x=Slow) as driver:
            subject = await driver.constructed()
            subject.bound = 0.05
            with self.assertRaises(grpc.aio.AioRpcError) as failed:
                await subject.exit(driver.leases.new())
            self.assertEqual(failed.exception.code().name, "DEADLINE_EXCEEDED")
            await cancelled.wait()

    async def test_a_class_without_an_exit_keeps_no_leases(self):
        class Kind:
            async def __aenter__(self):
                pass

            async def work(self):
                return "done"

        async with Provider({"x": Kind}, "127.0.0.1:0", stop_grace=0) as served:
            async with driving(served.address) as driver:
                subject, lease = await driver.constructed(), driver.leases.new()
                await subject.enter(lease)
                self.assertEqual(await subject.use(lease, "work"), "done")
                await subject.enter(lease)
                (lent,) = served._service._objects.values()
                self.assertEqual(lent._leases, {})

    async def test_an_exit_that_hangs_does_not_keep_the_provider(self):
        begun, said = asyncio.Event(), []

        class Hangs:
            async def __aexit__(self, *error):
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    said.append("exit ended")

        served = Provider({"x": Hangs}, "127.0.0.1:0", stop_grace=0, close_timeout=0.1)
        async with served:
            async with driving(served.address) as driver:
                subject = await driver.constructed()
                call = subject.start_exit(driver.leases.new())
                await begun.wait()
                call.cancel()
        self.assertEqual(said, ["exit ended"])

    async def test_close_exits_what_is_still_held(self):
        causes = []

        class Kind(Recorder):
            said = []

            async def __aexit__(self, kind, error, traceback):
                causes.append(kind)
                await super().__aexit__()

        async with serving(x=Kind) as driver:
            subject = await driver.constructed()
            await subject.enter(driver.leases.new())
            await subject.enter(driver.leases.new())
            await subject.close()
            self.assertEqual(
                Kind.said, ["enter", "await", "enter", "exit", "exit", "close"]
            )
        self.assertEqual(causes, [anteroom.LeaseLost] * 2)

    async def test_close_ends_an_init_that_is_under_way_before_it_closes(self):
        said, begun = [], asyncio.Event()

        class Slow:
            def __await__(self):
                return self._init().__await__()

            async def _init(self):
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    said.append("init ended")

            async def aclose(self):
                said.append("closed")

        async with serving(x=Slow) as driver:
            subject = await driver.constructed()
            init = asyncio.ensure_future(subject.init())
            await begun.wait()
            await subject.close()
            with self.assertRaises(grpc.aio.AioRpcError) as failed:
                await init
            self.assertEqual(failed.exception.code().name, "CANCELLED")
        self.assertEqual(said, ["init ended", "closed"])

    async def test_the_end_of_a_provider_closes_each_object_once(self):
        Kind, said = recorder()
        async with serving(x=Kind) as driver:
            first, lease = await driver.constructed(), driver.leases.new()
            await first.enter(lease)
            closed = await driver.constructed()
            await closed.close()
            await driver.constructed()
        self.assertEqual(said[:3], ["enter", "await", "close"])
        self.assertEqual(sorted(said[3:]), ["close", "close", "exit"])

    async def test_an_object_of_another_life_of_the_provider_is_not_found(self):
        Kind, said = recorder()
        async with serving(x=Kind) as driver:
            subject, lease = await driver.constructed(), driver.leases.new()
            await subject.enter(lease)
        async with serving(x=Kind) as driver:
            subject.stub = driver.stub
            for call in (
                subject.use(lease, "any"),
                subject.exit(lease),
                subject.init(),
                subject.enter(lease),
                subject.check(),
            ):
                with self.assertRaises(grpc.aio.AioRpcError) as refused:
                    await call
                error = anteroom._errors.from_rpc_error(refused.exception)
                self.assertEqual(error.code.name, "NOT_FOUND")
                self.assertEqual(error.reason, "INSTANCE_LOST")
            await subject.close()

    async def test_an_enter_that_is_called_again_answers_as_it_did(self):
        Kind, said = recorder()
        async with serving(x=Kind) as driver:
            subject, lease = await driver.constructed(), driver.leases.new()
            await subject.enter(lease)
            self.assertEqual(names(await subject.enter(lease)), ["entered"])
            await subject.exit(lease)
            self.assertEqual(said, ["enter", "await", "exit"])

    async def test_a_key_is_refused_for_another_call(self):
        Kind, said = recorder()
        async with serving(x=Kind) as driver:
            await driver.subject().construct({}, idempotency_key="k" * 16)
            with self.assertRaises(grpc.aio.AioRpcError) as refused:
                await driver.subject().construct({}, idempotency_key="k" * 16)
            self.assertEqual(refused.exception.code().name, "INVALID_ARGUMENT")


if __name__ == "__main__":
    unittest.main()

"""When the hooks of a plain class run, and in which task."""

import asyncio
import contextlib
import tempfile
import unittest


import anteroom
from anteroom import provider
from recorder import Recorder, recorder
from serving import driving, names, serving


class OneTaskTest(unittest.IsolatedAsyncioTestCase):
    async def test_enter_and_exit_of_a_lease_run_in_one_task(self):
        tasks = []

        class Kind:
            async def __aenter__(self):
                tasks.append(asyncio.current_task())

            async def __aexit__(self, *error):
                tasks.append(asyncio.current_task())

        async with serving(x=Kind) as driver:
            subject = await driver.constructed()
            first, second = driver.leases.new(), driver.leases.new()
            await subject.enter(first)
            await subject.enter(second)
            await subject.exit(first)
            await subject.exit(second)
        self.assertIs(tasks[0], tasks[2])
        self.assertIs(tasks[1], tasks[3])
        self.assertIsNot(tasks[0], tasks[1])

    async def test_a_task_group_and_a_timeout_may_span_a_lease(self):
        ended = []

        class Kind:
            async def __aenter__(self):
                self.stack = contextlib.AsyncExitStack()
                await self.stack.enter_async_context(asyncio.timeout(3600))
                group = await self.stack.enter_async_context(asyncio.TaskGroup())
                group.create_task(self.work())

            async def work(self):
                ended.append("worked")

            async def __aexit__(self, *error):
                await self.stack.__aexit__(*error)
                ended.append("exited")

        async with serving(x=Kind) as driver:
            subject, lease = await driver.constructed(), driver.leases.new()
            await subject.enter(lease)
            await subject.exit(lease)
        self.assertEqual(ended, ["worked", "exited"])

    async def test_a_method_may_await_the_object_again(self):
        Kind, said = recorder()

        class Again(Kind):
            async def again(self):
                return await self is await self

        async with serving(x=Again) as driver:
            subject, lease = await driver.constructed(), driver.leases.new()
            await subject.enter(lease)
            self.assertTrue(await subject.use(lease, "again"))
            await subject.exit(lease)
        self.assertEqual(said, ["enter", "await", "exit", "close"])

    async def test_an_enter_that_awaits_again_tells_of_one_init(self):
        class Kind(Recorder):
            said = []

            async def _init(self):
                self.said.append("await")
                if self.said.count("await") == 1:
                    raise anteroom.Error("not yet")

            async def __aenter__(self):
                with contextlib.suppress(anteroom.Error):
                    await self
                await asyncio.gather(self._self(), self._self())

            async def _self(self):
                await self

        async with serving(x=Kind) as driver:
            subject = await driver.constructed()
            updates = await subject.enter(driver.leases.new())
            self.assertEqual(names(updates), ["initializing", "initialized", "entered"])
            self.assertEqual(Kind.said, ["await", "await"])


class ContextTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_hook_knows_for_whom_it_runs(self):
        seen = {}

        class Kind:
            def __init__(self):
                seen["init"] = provider.context()

            def __await__(self):
                return self._init().__await__()

            async def _init(self):
                seen["await"] = provider.context()

            async def __aenter__(self):
                await self
                seen["enter"] = provider.context()

            async def look(self):
                seen["method"] = provider.context()

            async def __aexit__(self, *error):
                seen["exit"] = provider.context()

            async def aclose(self):
                seen["close"] = provider.context()

        async with serving(x=Kind) as driver:
            subject = await driver.constructed(key="k")
            lease = driver.leases.new({"a": "b"})
            await subject.enter(lease, {"n": 1})
            await subject.use(lease, "look")
            await subject.exit(lease)
            await subject.close()
        for context in seen.values():
            self.assertEqual(context.key, "k")
            self.assertEqual(context.instance_id, subject.ref.instance_id)
        leases = {name: context.lease is not None for name, context in seen.items()}
        self.assertEqual(
            leases,
            {
                "init": False,
                "await": False,
                "enter": True,
                "method": True,
                "exit": True,
                "close": False,
            },
        )
        self.assertEqual(seen["enter"].argument, {"n": 1})
        self.assertEqual(seen["method"].lease.labels, {"a": "b"})
        self.assertEqual(seen["exit"].lease, seen["enter"].lease)

    async def test_outside_of_hooks_there_is_none(self):
        with self.assertRaisesRegex(RuntimeError, "no hook is running"):
            provider.context()


class AddressTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_provider_listens_on_a_unix_socket(self):
        Kind, said = recorder()
        with tempfile.TemporaryDirectory() as folder:
            address = f"unix:{folder}/socket"
            async with provider.Provider({"x": Kind}, address) as served:
                self.assertEqual(served.address, address)
                async with driving(address) as driver:
                    await driver.constructed()
        self.assertEqual(said, ["close"])

    async def test_an_address_that_is_taken_is_an_error(self):
        Kind, said = recorder()
        async with provider.Provider({"x": Kind}, "127.0.0.1:0") as served:
            with self.assertRaisesRegex(OSError, served.address):
                async with provider.Provider({"x": Kind}, served.address):
                    self.fail("it listens too")


if __name__ == "__main__":
    unittest.main()

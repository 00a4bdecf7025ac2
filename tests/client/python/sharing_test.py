"""Calls, tasks and holds side by side."""

import asyncio
import unittest

from server_process import serving

TWO_HOLDERS = 'resources { name: "shared" policy { max_holders: 2 } hello {} }'


class SharingTest(unittest.IsolatedAsyncioTestCase):
    async def test_calls_run_side_by_side(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                long = asyncio.create_task(h.sleep(3600))
                # Answered while the first call runs.
                answers = await asyncio.gather(*(h.echo(i) for i in range(100)))
                self.assertEqual(answers, list(range(100)))
                self.assertFalse(long.done())
                long.cancel()
                await asyncio.wait([long])
                self.assertTrue(long.cancelled())
                self.assertEqual(await h.a_method(), "a_method")

    async def test_two_tasks_share_one_object_and_its_one_init(self):
        events = []
        both = asyncio.Barrier(2)
        async with serving(TWO_HOLDERS) as server:
            shared = server.resource("shared", on_event=events.append)

            async def work():
                async with shared as h:
                    await both.wait()
                return h

            first, second = await asyncio.gather(work(), work())
        self.assertEqual(first.lease.instance_id, second.lease.instance_id)
        self.assertNotEqual(first.lease.fencing_token, second.lease.fencing_token)
        phases = [event.phase for event in events]
        for phase, count in (
            ("CONSTRUCTED", 1),
            ("INITIALIZING", 1),
            ("ENTERING", 2),
            ("EXITING", 2),
        ):
            self.assertEqual(phases.count(phase), count, phase)

    async def test_tasks_that_enter_one_resource_end_their_own_holds(self):
        first_entered = asyncio.Event()
        second_entered = asyncio.Event()
        async with serving(TWO_HOLDERS) as server:
            shared = server.resource("shared")
            holds = {}

            async def fail():
                async with shared as holds["first"]:
                    first_entered.set()
                    await second_entered.wait()
                    raise ValueError("x")

            failing = asyncio.create_task(fail())
            await first_entered.wait()
            async with shared as holds["second"]:
                second_entered.set()
                await asyncio.wait([failing])
                self.assertIsInstance(failing.exception(), ValueError)
                self.assertEqual(await holds["second"].a_method(), "a_method")
            self.assertEqual(holds["first"].receipt.reason, "BODY_FAILED")
            self.assertEqual(holds["second"].receipt.reason, "RELEASED")

    async def test_nested_holds_end_from_the_inside(self):
        async with serving(TWO_HOLDERS) as server:
            shared = server.resource("shared")
            async with shared as outer:
                with self.assertRaises(ValueError):
                    async with shared as inner:
                        raise ValueError("x")
                self.assertEqual(inner.receipt.reason, "BODY_FAILED")
                self.assertIsNone(outer.receipt)
            self.assertEqual(outer.receipt.reason, "RELEASED")
            self.assertEqual(inner.lease.instance_id, outer.lease.instance_id)


if __name__ == "__main__":
    unittest.main()

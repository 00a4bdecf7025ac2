"""`async for` over the network."""

import asyncio
import unittest

import anteroom
from server_process import serving

SLOW = """
resources {
  name: "slow"
  policy { use_grace {} }
  hello { use_takes { seconds: 3600 } }
}
"""


class StreamTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_stream_says_each_of_its_results_in_order(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                self.assertEqual([n async for n in h.count(5)], [0, 1, 2, 3, 4])
                self.assertEqual([n async for n in h.stream("count", 2)], [0, 1])
                self.assertEqual([n async for n in h.count(0)], [])

    async def test_a_lease_without_a_stream_of_its_own_streams_as_well(self):
        async with serving() as server:
            h = await server.acquire("hello", ttl=30)
            self.assertEqual([n async for n in h.count(3)], [0, 1, 2])
            await h.release()
            with self.assertRaises(anteroom.LeaseEnded):
                async for _ in h.count(3):
                    pass

    async def test_a_loop_that_is_left_early_leaves_the_lease_as_it_was(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                async for n in h.count(1_000_000):
                    if n == 10:
                        break
                self.assertEqual(await h.a_method(), "a_method")
            self.assertEqual(h.receipt.reason, "RELEASED")

    async def test_a_method_that_is_no_stream_is_not_found(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                with self.assertRaises(anteroom.MethodNotFound):
                    async for _ in h.a_method():
                        pass
                with self.assertRaises(anteroom.MethodNotFound):
                    await h.count(3)
                with self.assertRaises(anteroom.UseFailed) as refused:
                    async for _ in h.count("many"):
                        pass
                self.assertEqual(refused.exception.code.name, "INVALID_ARGUMENT")

    async def test_the_end_of_the_hold_ends_its_stream(self):
        used = asyncio.Event()

        def on_event(event):
            if event.phase == "USED":
                used.set()

        async with serving(SLOW) as server:
            async with server.resource("slow", on_event=on_event) as h:
                results = h.count(1).__aiter__()
                first = asyncio.ensure_future(results.__anext__())
                await used.wait()
            with self.assertRaises(anteroom.UseCancelled):
                await first


if __name__ == "__main__":
    unittest.main()

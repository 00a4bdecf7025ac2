"""Each error of the contract that a client can meet has its exception."""

import asyncio
import socket
import unittest

import anteroom
from server_process import serving


class ErrorsTest(unittest.IsolatedAsyncioTestCase):
    def assert_error(self, error, kind, code, reason):
        self.assertIs(type(error), kind)
        self.assertEqual((error.code.name, error.reason), (code, reason))

    async def assert_enter_fails(self, config, kind, code, reason, **options):
        """Both `async with` and acquire() on the resource "x" fail so."""
        async with serving(config) as server:
            with self.assertRaises(anteroom.Error) as raised:
                async with server.resource("x", **options):
                    self.fail("it was entered")
            self.assert_error(raised.exception, kind, code, reason)
            with self.assertRaises(anteroom.Error) as raised:
                await server.acquire("x", **options)
            self.assert_error(raised.exception, kind, code, reason)

    async def test_a_resource_that_is_not_there(self):
        await self.assert_enter_fails(
            None, anteroom.ResourceNotFound, "NOT_FOUND", "RESOURCE_NOT_FOUND"
        )

    async def test_an_init_that_fails(self):
        await self.assert_enter_fails(
            'resources { name: "x" hello { init_fails: 2 } }',
            anteroom.InitFailed,
            "UNAVAILABLE",
            "INIT_FAILED",
        )

    async def test_an_init_that_takes_too_long(self):
        await self.assert_enter_fails(
            'resources { name: "x" policy { init_timeout { nanos: 10000000 } } '
            "hello { init_takes { seconds: 3600 } } }",
            anteroom.InitFailed,
            "DEADLINE_EXCEEDED",
            "INIT_TIMED_OUT",
        )

    async def test_an_enter_that_fails(self):
        await self.assert_enter_fails(
            'resources { name: "x" hello { enter_fails: 2 } }',
            anteroom.EnterFailed,
            "INTERNAL",
            "ENTER_FAILED",
        )

    async def test_a_wait_for_an_init_that_is_too_long(self):
        await self.assert_enter_fails(
            'resources { name: "x" policy { init_timeout { seconds: 3600 } } '
            "hello { init_takes { seconds: 3600 } } }",
            anteroom.WaitTimedOut,
            "DEADLINE_EXCEEDED",
            "WAIT_TIMED_OUT",
            max_wait=0.01,
        )

    async def test_a_wrong_request_says_which_field(self):
        async with serving() as server:
            with self.assertRaises(anteroom.InvalidRequest) as raised:
                async with server.resource("hello", key="\n"):
                    self.fail("it was entered")
            self.assert_error(
                raised.exception,
                anteroom.InvalidRequest,
                "INVALID_ARGUMENT",
                "INVALID_REQUEST",
            )
            self.assertEqual(
                [at for at, _ in raised.exception.field_violations], ["key"]
            )

    async def test_an_init_that_failed_is_tried_anew_by_the_next(self):
        async with serving('resources { name: "x" hello { init_fails: 1 } }') as server:
            with self.assertRaises(anteroom.InitFailed):
                await server.resource("x")
            async with server.resource("x") as h:
                self.assertEqual(await h.a_method(), "a_method")

    async def test_an_object_that_is_taken(self):
        async with serving() as server:
            async with server.resource("hello"):
                for enter in (server.resource, server.acquire):
                    with self.assertRaises(anteroom.WouldWait) as raised:
                        await enter("hello", no_wait=True)
                    self.assert_error(
                        raised.exception,
                        anteroom.WouldWait,
                        "RESOURCE_EXHAUSTED",
                        "WOULD_WAIT",
                    )
                    self.assertGreater(raised.exception.retry_delay, 0)
                    with self.assertRaises(anteroom.WaitTimedOut) as raised:
                        await enter("hello", max_wait=0.01)
                    self.assert_error(
                        raised.exception,
                        anteroom.WaitTimedOut,
                        "DEADLINE_EXCEEDED",
                        "WAIT_TIMED_OUT",
                    )

    async def test_a_queue_that_is_full(self):
        config = 'resources { name: "x" policy { max_waiters: 0 } hello {} }'
        async with serving(config) as server:
            async with server.resource("x"):
                with self.assertRaises(anteroom.QueueFull) as raised:
                    await server.resource("x")
            self.assert_error(
                raised.exception,
                anteroom.QueueFull,
                "RESOURCE_EXHAUSTED",
                "QUEUE_FULL",
            )

    async def assert_use_fails(self, method, args, kind, code, reason, config=None):
        """So it does through either kind of hold, which outlives it."""
        async with serving(config) as server:
            for enter in (server.resource, server.acquire):
                hold = await enter("hello")
                with self.assertRaises(anteroom.Error) as raised:
                    await hold.use(method, *args)
                self.assert_error(raised.exception, kind, code, reason)
                self.assertEqual(await hold.echo("still held"), "still held")
                await hold.release()

    async def test_a_method_that_is_not_there(self):
        await self.assert_use_fails(
            "no_method",
            (),
            anteroom.MethodNotFound,
            "UNIMPLEMENTED",
            "METHOD_NOT_FOUND",
        )

    async def test_a_method_that_fails_has_its_own_code(self):
        for code in ("DATA_LOSS", "NOT_FOUND"):
            await self.assert_use_fails(
                "fail", (code,), anteroom.UseFailed, code, "USE_FAILED"
            )

    async def test_a_method_that_takes_too_long(self):
        await self.assert_use_fails(
            "sleep",
            (3600,),
            anteroom.UseTimedOut,
            "DEADLINE_EXCEEDED",
            "USE_TIMED_OUT",
            'resources { name: "hello" policy { use_timeout { nanos: 10000000 } } '
            "hello {} }",
        )

    async def test_a_method_that_outlasts_the_hold_is_cancelled(self):
        used = asyncio.Event()

        def on_event(event):
            if event.phase == "USED":
                used.set()

        config = 'resources { name: "x" policy { use_grace {} } hello {} }'
        async with serving(config) as server:
            hold = await server.resource("x", on_event=on_event)
            call = asyncio.create_task(hold.sleep(3600))
            await used.wait()
            await hold.release()
            with self.assertRaises(anteroom.UseCancelled) as raised:
                await call
            self.assert_error(
                raised.exception, anteroom.UseCancelled, "ABORTED", "USE_CANCELLED"
            )

    async def test_a_use_after_the_release(self):
        async with serving() as server:
            for enter in (server.resource, server.acquire):
                hold = await enter("hello")
                await hold.release()
                with self.assertRaises(anteroom.LeaseEnded) as raised:
                    await hold.a_method()
                self.assert_error(
                    raised.exception,
                    anteroom.LeaseEnded,
                    "FAILED_PRECONDITION",
                    "LEASE_ENDED",
                )
                self.assertEqual(raised.exception.metadata["exit_reason"], "RELEASED")

    async def test_a_lease_that_never_was(self):
        async with serving() as server:
            with self.assertRaises(anteroom.LeaseNotFound) as raised:
                await server.get_lease("garbage")
            self.assert_error(
                raised.exception,
                anteroom.LeaseNotFound,
                "NOT_FOUND",
                "LEASE_NOT_FOUND",
            )

    async def test_events_that_are_no_longer_kept(self):
        async with serving() as server:
            with self.assertRaises(anteroom.Error) as raised:
                async for _ in server.watch_events(from_sequence=1):
                    self.fail("there was one")
            self.assert_error(
                raised.exception, anteroom.Error, "OUT_OF_RANGE", "EVENTS_LOST"
            )

    async def test_a_server_that_is_not_there(self):
        with socket.socket() as taken:  # bound, but nobody listens
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            async with asyncio.timeout(30), anteroom.connect(address) as server:
                for enter in (server.resource, server.acquire):
                    with self.assertRaises(anteroom.Error) as raised:
                        await enter("hello")
                    self.assert_error(
                        raised.exception, anteroom.Error, "UNAVAILABLE", ""
                    )

    async def test_a_connection_that_was_not_entered(self):
        with self.assertRaisesRegex(RuntimeError, "async with anteroom.connect"):
            await anteroom.connect("127.0.0.1:1").resource("hello")


if __name__ == "__main__":
    unittest.main()

"""What becomes of values on their way: `echo` answers what it was given."""

import unittest

import anteroom
from anteroom._errors import to_status
from anteroom._google_rpc import error_details_pb2
from server_process import serving


class PayloadTest(unittest.IsolatedAsyncioTestCase):
    async def assert_echoes(self, *cases):
        """Each case: arguments, named arguments, and the answer."""
        async with serving() as server:
            async with server.resource("hello") as h:
                for args, kwargs, answer in cases:
                    with self.subTest(args=args, kwargs=kwargs):
                        self.assertEqual(await h.echo(*args, **kwargs), answer)

    async def test_no_argument_is_nothing(self):
        await self.assert_echoes(((), {}, None))

    async def test_one_positional_value_is_itself(self):
        values = (None, True, 0, -1.5, "", "häuser", [], [1, [2]], {}, {"a": {"b": 1}})
        await self.assert_echoes(*(((value,), {}, value) for value in values))

    async def test_several_or_named_values_are_args_and_kwargs(self):
        await self.assert_echoes(
            ((1, "b"), {}, {"args": [1, "b"], "kwargs": {}}),
            ((), {"x": 1}, {"args": [], "kwargs": {"x": 1}}),
            ((1,), {"x": 2}, {"args": [1], "kwargs": {"x": 2}}),
        )

    async def test_a_dict_that_looks_like_arguments_is_wrapped(self):
        look_alikes = (
            {"args": []},
            {"kwargs": 1},
            {"args": [1], "kwargs": {"x": 2}},
        )
        await self.assert_echoes(
            *(((value,), {}, {"args": [value], "kwargs": {}}) for value in look_alikes),
            (({"args": [], "more": 1},), {}, {"args": [], "more": 1}),
        )

    async def test_bytes_are_bytes(self):
        data = bytes(range(256))
        png = anteroom.Payload(data, "image/png")
        await self.assert_echoes(
            ((data,), {}, anteroom.Payload(data, "application/octet-stream")),
            ((b"",), {}, anteroom.Payload(b"", "application/octet-stream")),
            ((png,), {}, png),
        )

    async def test_what_only_says_that_it_is_json_stays_bytes(self):
        for data in (b"", b"{", b"\xff", b"[" * 100_000):
            wrong = anteroom.Payload(data, "application/json")
            await self.assert_echoes(((wrong,), {}, wrong))

    async def test_what_json_cannot_say_is_refused_before_it_is_sent(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                for value, error in (
                    (object(), TypeError),
                    (float("nan"), ValueError),
                    ({1, 2}, TypeError),
                ):
                    with self.subTest(value), self.assertRaises(error):
                        await h.echo(value)
                with self.assertRaises(TypeError):
                    await h.echo(1, b"bytes")
                self.assertEqual(await h.echo("still held"), "still held")

    async def test_a_unary_hold_follows_the_same_rules(self):
        async with serving() as server:
            hold = await server.acquire("hello")
            self.assertIsNone(await hold.echo())
            self.assertEqual(await hold.echo(1), 1)
            self.assertEqual(await hold.echo(1, x=2), {"args": [1], "kwargs": {"x": 2}})

    async def test_methods_are_also_reached_by_name(self):
        async with serving() as server:
            async with server.resource("hello") as h:
                self.assertEqual(await h.use("echo", 1), 1)
                answer = await h.use("echo", method="x", self="y")
                self.assertEqual(
                    answer, {"args": [], "kwargs": {"method": "x", "self": "y"}}
                )
                with self.assertRaises(AttributeError):
                    h._private


class BodysErrorTest(unittest.TestCase):
    """What an exit is told about the body's exception."""

    def test_it_is_the_type_and_the_message(self):
        status = to_status(KeyError("x"), cancelled=False)
        self.assertEqual(status.code, 2)  # UNKNOWN
        self.assertEqual(status.message, "KeyError: 'x'")

    def test_an_error_without_a_text_is_its_type(self):
        self.assertEqual(to_status(OSError(), cancelled=False).message, "OSError")

    def test_a_cancellation_has_the_code_that_says_so(self):
        self.assertEqual(to_status(OSError(), cancelled=True).code, 1)  # CANCELLED

    def test_its_class_is_in_an_error_info(self):
        info = error_details_pb2.ErrorInfo()
        status = to_status(anteroom.UseFailed("x"), cancelled=False)
        self.assertTrue(status.details[0].Unpack(info))
        self.assertEqual((info.domain, info.reason), ("python", "UseFailed"))
        self.assertEqual(info.metadata["module"], "anteroom._errors")

    def test_a_text_that_fails_does_not_hinder_the_exit(self):
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError

        status = to_status(Mute(), cancelled=False)
        self.assertTrue(status.message.startswith("Mute: "))


if __name__ == "__main__":
    unittest.main()

"""What a plain class offers, and what its hooks are given."""

import asyncio
import dataclasses
import sys
import unittest

import grpc

import anteroom
from anteroom import provider
from anteroom._google_rpc import error_details_pb2, status_pb2
from anteroom.provider.v1 import provider_service_pb2 as pb
from provider_process import EXAMPLES
from serving import names, serving

sys.path.append(str(EXAMPLES))
from hello import Hello  # noqa: E402


class Plain:
    """A class without hooks."""

    def __init__(self, size: int = 1, *, name="", key="") -> None:
        self.made = [size, name, key]

    async def given(self):
        return self.made

    async def add(self, a, b=10):
        return a + b

    async def numbers(self, to):
        for n in range(to):
            yield n

    async def me(self):
        return self

    async def unsayable(self):
        return object()

    async def raise_(self, how):
        raise {
            "ours": anteroom.Error("no", code=grpc.StatusCode.NOT_FOUND),
            "plain": ValueError("x"),
            "cancelled": asyncio.CancelledError(),
            "late": TimeoutError(),
        }[how]

    def not_a_coroutine(self):
        return 1

    async def _not_public(self):
        return 1


class All:
    def __await__(self):
        yield from ()

    async def __aenter__(self):
        await self

    async def __aexit__(self, *error):
        pass

    async def aclose(self):
        pass

    async def acheck(self):
        return False


class DescribeTest(unittest.IsolatedAsyncioTestCase):
    async def described(self, **kinds):
        async with serving(**kinds) as driver:
            response = await driver.stub.Describe(pb.DescribeRequest())
        return {
            kind.name: (
                [pb.Hook.Name(hook).removeprefix("HOOK_") for hook in kind.hooks],
                {method.name: method.stream for method in kind.methods},
            )
            for kind in response.kinds
        }

    async def test_a_class_has_the_hooks_that_it_defines(self):
        self.assertEqual(
            await self.described(plain=Plain, hello=Hello, all=All),
            {
                "plain": (
                    ["CLOSE"],
                    {
                        "add": False,
                        "given": False,
                        "me": False,
                        "numbers": True,
                        "raise_": False,
                        "unsayable": False,
                    },
                ),
                "hello": (
                    ["INIT", "ENTER", "EXIT", "CLOSE"],
                    {"a_method": False},
                ),
                "all": (["INIT", "ENTER", "EXIT", "CLOSE", "CHECK"], {}),
            },
        )

    async def test_what_is_no_class_is_refused(self):
        with self.assertRaisesRegex(TypeError, "must be served by a class"):
            async with serving(x=Plain()):
                self.fail("it was served")

    async def test_a_close_that_is_no_coroutine_is_refused(self):
        class Wrong:
            def aclose(self):
                pass

        with self.assertRaisesRegex(TypeError, "Wrong.aclose must be a coroutine"):
            async with serving(x=Wrong):
                self.fail("it was served")


class CallTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_constructor_is_given_what_it_asks_for(self):
        async with serving(x=Plain) as driver:
            for parameters, key, made in (
                ({}, "", [1, "", ""]),
                ({"size": 3, "name": "n"}, "k", [3, "n", "k"]),
                ({"size": 2.5}, "", [2.5, "", ""]),
                ({"size": {"deep": [1, 1.5, None]}}, "", None),
            ):
                subject = await driver.constructed(key=key, **parameters)
                given = await subject.use(driver.leases.new(), "given")
                made = made or [{"deep": [1, 1.5, None]}, "", ""]
                # As JSON tells 3 from 3.0, which == does not.
                self.assertEqual(repr(given), repr(made))

    async def test_a_parameter_that_it_does_not_take_is_refused_by_name(self):
        async with serving(x=Plain) as driver:
            for parameters in ({"sise": 3}, {"key": "k"}):
                with self.assertRaises(grpc.aio.AioRpcError) as refused:
                    await driver.subject().construct(parameters)
                self.assertEqual(refused.exception.code().name, "INVALID_ARGUMENT")
                self.assertIn(next(iter(parameters)), refused.exception.details())

    async def test_a_method_is_called_with_what_json_says(self):
        async with serving(x=Plain) as driver:
            subject = await driver.constructed()
            lease = driver.leases.new()
            for argument, answer in (
                (1, 11),
                ({"args": [1, 2], "kwargs": {}}, 3),
                ({"args": [1], "kwargs": {"b": 5}}, 6),
                ({"kwargs": {"a": 1, "b": 7}}, 8),
            ):
                self.assertEqual(await subject.use(lease, "add", argument), answer)
            call = subject.start_stream(lease, "numbers", [3])
            self.assertEqual(
                [response.result.data async for response in call], [b"0", b"1", b"2"]
            )
            self.assertIsNone(await subject.use(lease, "me"))

    async def test_arguments_that_a_method_does_not_take_are_invalid(self):
        async with serving(x=Plain) as driver:
            subject = await driver.constructed()
            for argument in (None, {"args": [1, 2, 3]}, {"args": 1}, {"kwargs": []}):
                with self.assertRaises(grpc.aio.AioRpcError) as refused:
                    await subject.use(driver.leases.new(), "add", argument)
                self.assertEqual(refused.exception.code().name, "INVALID_ARGUMENT")

    async def test_only_public_coroutines_are_methods(self):
        async with serving(x=Plain, all=All) as driver:
            subject = await driver.constructed()
            for method in ("not_a_coroutine", "_not_public", "__init__", "made"):
                with self.assertRaises(grpc.aio.AioRpcError) as refused:
                    await subject.use(driver.leases.new(), method)
                self.assertEqual(refused.exception.code().name, "UNIMPLEMENTED")
            error = anteroom._errors.from_rpc_error(refused.exception)
            self.assertEqual(error.reason, "METHOD_NOT_FOUND")
            subject = await driver.constructed("all")
            lease = driver.leases.new()
            await subject.enter(lease)
            with self.assertRaises(grpc.aio.AioRpcError) as refused:
                await subject.use(lease, "aclose")
            self.assertEqual(refused.exception.code().name, "UNIMPLEMENTED")

    async def test_an_exception_has_the_code_that_it_carries(self):
        async with serving(x=Plain) as driver:
            subject = await driver.constructed()
            for how, code, message in (
                ("ours", "NOT_FOUND", "no"),
                ("cancelled", "CANCELLED", "CancelledError"),
            ):
                with self.assertRaises(grpc.aio.AioRpcError) as failed:
                    await subject.use(driver.leases.new(), "raise_", how)
                self.assertEqual(failed.exception.code().name, code)
                self.assertEqual(failed.exception.details(), message)

    async def test_an_exception_without_a_code_is_internal_and_logged(self):
        async with serving(x=Plain) as driver:
            subject = await driver.constructed()
            for call, argument, message in (
                ("raise_", "plain", "ValueError: x"),
                ("unsayable", None, "TypeError: Object of type object"),
            ):
                with (
                    self.assertLogs("anteroom.provider", "ERROR") as log,
                    self.assertRaises(grpc.aio.AioRpcError) as failed,
                ):
                    await subject.use(driver.leases.new(), call, argument)
                self.assertEqual(failed.exception.code().name, "INTERNAL")
                self.assertIn(message, failed.exception.details())
                self.assertIn(message, log.output[0])
                self.assertIn("Traceback", log.output[0])

    async def test_a_check_that_answers_false_fails(self):
        async with serving(x=All) as driver:
            subject = await driver.constructed()
            with self.assertRaises(grpc.aio.AioRpcError) as failed:
                await subject.check()
            self.assertEqual(failed.exception.code().name, "FAILED_PRECONDITION")

    async def test_a_frozen_class_with_slots_is_served(self):
        @dataclasses.dataclass(frozen=True, slots=True)
        class Frozen:
            size: int = 5

            def __await__(self):
                yield from ()

            async def __aenter__(self):
                await self
                return self.size

        async with serving(x=Frozen) as driver:
            subject = await driver.constructed()
            updates = await subject.enter(driver.leases.new())
            self.assertEqual(names(updates), ["initializing", "initialized", "entered"])
            self.assertEqual(updates[-1].entered.value.data, b"5")

    async def test_an_object_goes_by_the_name_of_its_class(self):
        class Named(All):
            async def name(self):
                return [type(self).__qualname__, type(self).__module__, repr(self)[:9]]

        async with serving(x=Named) as driver:
            subject = await driver.constructed()
            lease = driver.leases.new()
            await subject.enter(lease)
            name = await subject.use(lease, "name")
            self.assertEqual(name[:2], [Named.__qualname__, __name__])


class ExitCauseTest(unittest.IsolatedAsyncioTestCase):
    """What __aexit__ is given."""

    async def given(self, reason, error=None):
        given = []

        class Kind:
            async def __aexit__(self, kind, error, traceback):
                given.append((kind, error))

        async with serving(x=Kind) as driver:
            subject = await driver.constructed()
            await subject.exit(driver.leases.new(), reason=reason, error=error)
        ((kind, error),) = given
        self.assertIs(kind, type(error) if error is not None else None)
        return error

    async def test_nothing_after_a_body_that_went_well(self):
        self.assertIsNone(await self.given("RELEASED"))

    async def test_the_bodys_exception_of_a_built_in_class(self):
        told = anteroom._errors.to_status(ValueError("x"), cancelled=False)
        error = await self.given("BODY_FAILED", told)
        self.assertEqual(repr(error), "ValueError('x')")

    async def test_another_classs_exception_by_its_name_and_words(self):
        class Special(Exception):
            pass

        told = anteroom._errors.to_status(Special("x"), cancelled=False)
        error = await self.given("BODY_FAILED", told)
        self.assertIsInstance(error, provider.BodyError)
        self.assertIsInstance(error, anteroom.Error)
        self.assertEqual(error.message, "Special: x")
        self.assertEqual(error.type_name, Special.__qualname__)
        self.assertEqual(error.module, __name__)

    async def test_an_exception_that_wants_more_than_a_text_by_its_name(self):
        original = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x")
        told = anteroom._errors.to_status(original, cancelled=False)
        error = await self.given("BODY_FAILED", told)
        self.assertIsInstance(error, provider.BodyError)
        self.assertEqual(error.type_name, "UnicodeDecodeError")

    async def test_an_exception_that_would_end_the_provider_is_not_made(self):
        told = anteroom._errors.to_status(SystemExit(1), cancelled=False)
        error = await self.given("BODY_FAILED", told)
        self.assertIsInstance(error, provider.BodyError)

    async def test_another_languages_error_with_its_code(self):
        told = status_pb2.Status(code=9, message="no rows")
        error = await self.given("BODY_FAILED", told)
        self.assertIsInstance(error, provider.BodyError)
        self.assertEqual(error.code.name, "FAILED_PRECONDITION")
        self.assertEqual(error.message, "no rows")

    async def test_garbage_that_a_holder_says_does_not_hinder_the_exit(self):
        told = status_pb2.Status(code=2, message="x")
        detail = told.details.add()
        detail.Pack(error_details_pb2.ErrorInfo())
        detail.value = b"\xff"
        error = await self.given("BODY_FAILED", told)
        self.assertEqual(error.message, "x")

    async def test_the_cancellation_of_a_body(self):
        self.assertIsInstance(await self.given("CANCELLED"), asyncio.CancelledError)

    async def test_how_a_lease_was_lost(self):
        for reason in ("TTL_EXPIRED", "DISCONNECTED", "REVOKED", "DRAINED"):
            error = await self.given(reason)
            self.assertIsInstance(error, anteroom.LeaseLost)
            self.assertEqual(error.reason, reason)


if __name__ == "__main__":
    unittest.main()

"""What a plain class offers, and what its hooks are given."""

import asyncio
import dataclasses
import sys
import unittest

import grpc

import anteroom
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


if __name__ == "__main__":
    unittest.main()

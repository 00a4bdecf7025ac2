"""What __aexit__ is given: why the lease ends, as an exception."""

import asyncio
import unittest

import anteroom
from anteroom import provider
from anteroom._google_rpc import error_details_pb2, status_pb2
from serving import serving


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

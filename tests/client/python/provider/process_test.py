"""Providers as processes of their own."""

import subprocess
import sys
import unittest

from anteroom.provider.v1 import provider_service_pb2 as pb
from provider_process import (
    BOUND,
    ENVIRONMENT,
    EXAMPLES,
    HELLO,
    ROOT,
    ProviderProcess,
)
from serving import driving, names

CONFORMANCE = """
import asyncio
from anteroom import provider
kinds = {"conformance": provider.conformance_kind()}
asyncio.run(provider.serve(kinds, "127.0.0.1:0"))
"""
BROKEN = """
import asyncio
from anteroom import provider
class Broken(provider.conformance_kind()):
    async def echo(self, payload):
        return None
asyncio.run(provider.serve({"conformance": Broken}, "127.0.0.1:0"))
"""
CLOSING = """
import asyncio
from anteroom import provider
class Kind:
    async def aclose(self):
        print("closed")
asyncio.run(provider.serve({"x": Kind}, "127.0.0.1:0"))
"""


class ServeTest(unittest.IsolatedAsyncioTestCase):
    async def test_the_readmes_provider_runs_the_articles_hooks_in_its_order(self):
        with ProviderProcess(HELLO) as process:
            async with driving(process.address) as driver:
                subject = await driver.constructed("hello-py")
                lease = driver.leases.new()
                updates = await subject.enter(lease)
                self.assertEqual(
                    names(updates), ["initializing", "initialized", "entered"]
                )
                self.assertEqual(updates[-1].entered.value.data, b"")
                await subject.use(lease, "a_method")
                await subject.exit(lease)
                await subject.close()
        self.assertEqual(
            process.printed.split(), "init enter await a_method exit".split()
        )

    async def test_the_class_it_serves_is_the_articles_program(self):
        ran = subprocess.run(
            [sys.executable, EXAMPLES / "hello.py"],
            env={**ENVIRONMENT, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=BOUND,
        )
        expected = (ROOT / "tests/article/program_4.expected").read_text()
        self.assertEqual(ran.stdout, expected)

    async def test_sigterm_closes_all_objects(self):
        with ProviderProcess(CLOSING) as process:
            async with driving(process.address) as driver:
                for _ in range(3):
                    await driver.constructed("x")
        self.assertEqual(process.printed.split(), ["closed"] * 3)

    async def test_a_provider_that_was_killed_knows_no_object_afterwards(self):
        with ProviderProcess(CLOSING) as process:
            async with driving(process.address) as driver:
                subject = await driver.constructed("x")
                process.kill()
        with ProviderProcess(CLOSING) as process:
            async with driving(process.address) as driver:
                subject.stub = driver.stub
                await subject.close()
                described = await driver.stub.Describe(pb.DescribeRequest())
                self.assertEqual(described.kinds[0].hooks, [pb.HOOK_CLOSE])
        self.assertEqual(process.printed, "")


class CheckCommandTest(unittest.TestCase):
    def check(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "anteroom.provider.check", *arguments],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=2 * BOUND,
        )

    def test_a_provider_without_faults_passes_clean(self):
        with ProviderProcess(CONFORMANCE) as process:
            ran = self.check(process.address, "--bound=30")
        self.assertEqual(ran.stderr, "")
        self.assertRegex(ran.stdout, r"^\d\d checks passed, 0 failed\n$")
        self.assertEqual(ran.returncode, 0)

    def test_the_articles_class_passes_clean(self):
        with ProviderProcess(HELLO) as process:
            ran = self.check(process.address, "--bound=30")
        self.assertIn("12 checks passed, 0 failed", ran.stdout)
        self.assertIn("there is no kind 'conformance'", ran.stdout)
        self.assertEqual(ran.returncode, 0)

    def test_faults_are_reported_and_the_status_is_1(self):
        with ProviderProcess(BROKEN) as process:
            ran = self.check(process.address, "--bound=30")
        self.assertIn("payloads_are_passed_on_as_they_are", ran.stdout)
        self.assertIn("values_come_back_as_they_are", ran.stdout)
        self.assertIn("2 failed", ran.stdout)
        self.assertEqual(ran.returncode, 1)

    def test_a_single_check_may_be_asked_for(self):
        with ProviderProcess(BROKEN) as process:
            ran = self.check(process.address, "--check=close_is_idempotent")
        self.assertEqual(ran.stdout, "1 checks passed, 0 failed\n")

    def test_where_nothing_can_be_checked_the_status_is_2(self):
        with ProviderProcess(CLOSING) as process:
            ran = self.check(process.address, "--kind=other")
            self.assertIn("no kind 'other'", ran.stderr)
            self.assertEqual(ran.returncode, 2)
        ran = self.check(process.address, "--bound=0.1")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("check: ", ran.stderr)


if __name__ == "__main__":
    unittest.main()

"""Tests of the program itself: its flags, what it says, and how it ends."""

import asyncio
import contextlib
import pathlib
import re
import signal
import socket
import tempfile
import unittest

import anteroom
import grpc
from anteroom.v1 import admin_service_pb2 as pb
from anteroom.v1 import admin_service_pb2_grpc as pb_grpc
from anteroomd import BOUND, FREE_PORT, Running, run

REAL_ADDRESS = re.compile(r"127\.0\.0\.1:[1-9][0-9]*")

#: An object whose exit outlasts any drain.
SLOW_EXIT = """
  drain_timeout {{ {drain_timeout} }}
  resources {{
    name: "slow"
    policy {{ exit_timeout {{ seconds: 3600 }} }}
    hello {{ exit_takes {{ seconds: 3600 }} }}
  }}
"""


async def say_a_method(address):
    """What the default object `hello` at `address` answers."""
    async with asyncio.timeout(BOUND), anteroom.connect(address) as server:
        async with server.resource("hello") as h:
            return await h.a_method()


class MainTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        """The path of a new file."""
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def assert_serves(self, address):
        self.assertEqual(asyncio.run(say_a_method(address)), "a_method")

    def assert_refused(self, ended, *parts):
        """It ended with 2, and one line of its own that has all of `parts`."""
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertEqual(ended.stdout, "")
        self.assertRegex(ended.stderr, r"\Aanteroomd: [^\n]+\n\Z")
        for part in parts:
            self.assertIn(part, ended.stderr)


class HelpTest(MainTest):
    def test_help_goes_to_stdout_and_names_every_flag(self):
        ended = run("--help")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        for flag in ("--help", "--version", "--config", "--listen"):
            self.assertIn(flag, ended.stdout)

    def test_version_goes_to_stdout(self):
        ended = run("--version")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertRegex(ended.stdout, r"\Aanteroomd \d+\.\d+\.\d+\n\Z")


class FlagTest(MainTest):
    def test_an_unknown_flag_is_refused_by_its_name(self):
        self.assert_refused(run("--bogus"), "--bogus", "--help")
        self.assert_refused(run("--bogus", FREE_PORT), "--bogus", "--help")

    def test_an_argument_that_is_no_flag_is_refused(self):
        self.assert_refused(run("server.textproto"), "server.textproto")

    def test_a_flag_without_its_value_is_refused_by_its_name(self):
        for flag in ("--config", "--listen", "--config=", "--listen="):
            with self.subTest(flag):
                self.assert_refused(run(flag), flag.rstrip("="))


class ConfigTest(MainTest):
    def assert_config_refused(self, name, text, *parts):
        path = self.write(name, text)
        ended = run(f"--config={path}", FREE_PORT)
        self.assert_refused(ended, *(part.format(path=path) for part in parts))

    def test_a_missing_file_is_refused_by_its_path(self):
        path = str(self.folder / "gone.textproto")
        self.assert_refused(run(f"--config={path}"), f"{path}: cannot be read")

    def test_a_syntax_error_in_text_is_told_with_its_place(self):
        self.assert_config_refused(
            "c.textproto", "resources {\n  name = 'a'\n}\n", "{path}:2:8: "
        )

    def test_a_syntax_error_in_json_is_told_with_its_place(self):
        self.assert_config_refused(
            "c.json", '{"resources": [\n  {"name" {}}\n]}\n', "{path}:2:11: "
        )

    def test_an_unknown_field_is_told_by_its_name(self):
        self.assert_config_refused(
            "c.textproto", "resources {\n  nmae: 'a'\n}\n", "{path}:2:", "nmae"
        )
        self.assert_config_refused(
            "c.json", '{"resources": [{"nmae": "a"}]}', "{path}: ", "nmae"
        )

    def test_a_refused_value_is_told_by_its_file_and_field(self):
        self.assert_config_refused(
            "c.textproto",
            "resources { name: 'a' hello {} policy { max_ttl { seconds: -1 } } }",
            "{path}: resources[0].policy.max_ttl: ",
        )

    def test_what_is_not_supported_yet_is_told_by_its_file_and_field(self):
        self.assert_config_refused(
            "c.textproto",
            "limits { max_message_bytes: 1 }",
            "{path}: limits: ",
            "not support",
        )


class ListenTest(MainTest):
    def test_the_port_that_was_picked_is_told(self):
        with Running(FREE_PORT) as program:
            address = program.address()
            self.assertRegex(address, REAL_ADDRESS)
            self.assert_serves(address)

    def test_every_address_is_told_in_order_and_served(self):
        path = self.folder / "socket"
        with Running(FREE_PORT, f"--listen=unix:{path}", FREE_PORT) as program:
            first, second, third = (program.address() for _ in range(3))
            self.assertEqual(second, f"unix:{path}")
            self.assertTrue(path.is_socket())
            self.assertNotEqual(first, third)
            for address in (first, second, third):
                self.assert_serves(address)

    def test_configured_listeners_are_served(self):
        config = self.write(
            "c.textproto",
            f"""resources {{ name: "hello" hello {{}} }}
            listeners {{ address: "127.0.0.1:0" }}
            listeners {{ address: "unix:{self.folder}/socket" }}""",
        )
        with Running(f"--config={config}") as program:
            first, second = program.address(), program.address()
            self.assertRegex(first, REAL_ADDRESS)
            self.assertEqual(second, f"unix:{self.folder}/socket")
            self.assert_serves(first)
            self.assert_serves(second)

    def test_the_flag_replaces_the_configured_listeners(self):
        path = self.folder / "socket"
        config = self.write("c.json", '{"listeners": [{"address": "unix:%s"}]}' % path)
        with Running(f"--config={config}", FREE_PORT) as program:
            self.assertRegex(program.address(), REAL_ADDRESS)
            program.send(signal.SIGTERM)
            status, said = program.ended()
            self.assertEqual(status, 0)
            self.assertFalse([line for line in said if "listening" in line])
            self.assertFalse(path.exists())

    def test_what_is_no_address_is_refused(self):
        for address in (
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:port",
            "127.0.0.1:65536",
            "127.0.0.1:-1",
            "::1",
            "50051",
        ):
            with self.subTest(address):
                self.assert_refused(
                    run(f"--listen={address}"), f"cannot listen on {address}: "
                )

    def test_what_is_no_address_is_refused_in_a_configuration_too(self):
        config = self.write("c.textproto", "listeners { address: 'nowhere' }")
        self.assert_refused(run(f"--config={config}"), "cannot listen on nowhere: ")

    def test_an_address_that_is_not_here_is_refused(self):
        for address in ("192.0.2.1:0", f"unix:{self.folder}/gone/socket"):
            with self.subTest(address):
                self.assert_refused(
                    run(FREE_PORT, f"--listen={address}"),
                    f"cannot listen on {address}: ",
                )

    def test_what_is_refused_leaves_no_object_that_was_to_be_kept_warm(self):
        warm = """resources {
            name: "warm" hello {}
            policy { max_instances: 2 min_idle: 2 }
        }"""
        config = self.write("warm.textproto", warm)
        self.assert_refused(
            run(f"--config={config}", "--listen=nowhere"), "cannot listen on nowhere: "
        )
        config = self.write("twice.textproto", warm + warm)
        self.assert_refused(
            run(f"--config={config}", FREE_PORT), "the resource warm exists already"
        )

    def test_a_second_server_on_the_same_port_is_refused(self):
        with Running(FREE_PORT) as program:
            address = program.address()
            self.assert_refused(
                run(f"--listen={address}"), f"cannot listen on {address}: "
            )
            self.assert_serves(address)

    def test_a_socket_that_another_server_listens_on_is_refused(self):
        address = f"unix:{self.folder}/socket"
        with Running(f"--listen={address}") as program:
            program.address()
            self.assert_refused(
                run(f"--listen={address}"), f"cannot listen on {address}: "
            )
            self.assert_serves(address)

    def test_a_socket_that_nobody_listens_on_any_more_is_taken(self):
        address = f"unix:{self.folder}/socket"
        with Running(f"--listen={address}") as program:
            program.address()
            program.kill()
        with Running(f"--listen={address}") as program:
            self.assertEqual(program.address(), address)
            self.assert_serves(address)

    def test_a_port_that_another_program_listens_on_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.assert_refused(
                run(f"--listen={address}"), f"cannot listen on {address}: "
            )

    def test_only_an_address_that_others_can_reach_is_warned_about(self):
        with Running(FREE_PORT, "--listen=0.0.0.0:0") as program:
            self.assertRegex(program.address(), REAL_ADDRESS)
            self.assertRegex(program.line(), r"\Awarning: 0\.0\.0\.0:\d+ can be ")
            self.assertRegex(program.address(), r"\A0\.0\.0\.0:\d+\Z")

    def test_without_a_configuration_it_has_the_four_objects_of_the_article(self):
        async def traces(address):
            phases = {}
            async with asyncio.timeout(BOUND), anteroom.connect(address) as server:
                for name in (
                    "hello-plain",
                    "hello-awaitable",
                    "hello-context",
                    "hello",
                ):
                    seen = phases[name] = []
                    async with server.resource(
                        name, on_event=lambda event: seen.append(event.phase)
                    ) as h:
                        await h.a_method()
            return {name: " ".join(seen) for name, seen in phases.items()}

        with Running(FREE_PORT) as program:
            self.assertEqual(
                asyncio.run(traces(program.address())),
                {
                    "hello-plain": "CONSTRUCTED ENTERED USED EXITED",
                    "hello-awaitable": "CONSTRUCTED INITIALIZING READY ENTERED "
                    "USED EXITED",
                    "hello-context": "CONSTRUCTED ENTERING ENTERED USED EXITING "
                    "EXITED",
                    "hello": "CONSTRUCTED ENTERING INITIALIZING READY ENTERED "
                    "USED EXITING EXITED",
                },
            )


class AdminTest(MainTest):
    @contextlib.contextmanager
    def admin(self, address):
        with grpc.insecure_channel(address) as channel:
            yield pb_grpc.AdminServiceStub(channel)

    def test_a_resource_is_shown_as_it_was_configured(self):
        config = self.write(
            "c.textproto",
            """resources {
              name: "a"
              labels { key: "team" value: "blue" }
              policy { max_instances: 3 }
              hello { style: STYLE_AWAITABLE }
            }""",
        )
        with Running(f"--config={config}", FREE_PORT) as program:
            with self.admin(program.address()) as admin:
                shown = admin.GetResource(
                    pb.GetResourceRequest(name="a"), timeout=BOUND
                ).resource
        self.assertEqual(dict(shown.labels), {"team": "blue"})
        self.assertEqual(shown.policy.max_instances, 3)
        self.assertEqual(shown.policy.max_ttl.seconds, 600)
        self.assertEqual(shown.hello.style, shown.hello.STYLE_AWAITABLE)

    def test_a_drained_server_goes_on_serving_until_a_signal(self):
        with Running(FREE_PORT) as program:
            address = program.address()
            self.assert_serves(address)
            with self.admin(address) as admin:
                drained = admin.Drain(pb.DrainRequest(), timeout=BOUND)
                self.assertFalse(drained.forced)
                with self.assertRaises(anteroom.Draining):
                    asyncio.run(say_a_method(address))
                listed = admin.ListResources(pb.ListResourcesRequest(), timeout=BOUND)
                self.assertEqual(len(listed.resources), 4)
                program.send(signal.SIGTERM)
                self.assertEqual(program.ended()[0], 0)

    def test_a_signal_while_an_operator_drains_awaits_the_same_drain(self):
        config = self.write(
            "c.textproto",
            """drain_timeout { seconds: 3600 }
            resources {
              name: "slow"
              hello { exit_takes { seconds: 1 } }
            }""",
        )

        async def drain_and_signal(program):
            address = program.address()
            async with asyncio.timeout(BOUND):
                async with anteroom.connect(address) as server:
                    drain = None
                    with self.assertRaises(anteroom.LeaseLost):
                        async with server.resource("slow"):
                            channel = grpc.aio.insecure_channel(address)
                            admin = pb_grpc.AdminServiceStub(channel)
                            drain = asyncio.ensure_future(
                                admin.Drain(pb.DrainRequest())
                            )
                            await asyncio.Event().wait()
                    program.send(signal.SIGTERM)
                    async with channel:
                        return (await drain).forced

        with Running(f"--config={config}", FREE_PORT) as program:
            self.assertFalse(asyncio.run(drain_and_signal(program)))
            self.assertEqual(program.ended()[0], 0)


class EndTest(MainTest):
    def test_a_signal_while_idle_ends_it_well(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Running(FREE_PORT) as program:
                program.address()
                program.send(number)
                status, said = program.ended()
                self.assertEqual(status, 0)
                self.assertEqual(len(said), 1, said)
                self.assertTrue(said[0].startswith("draining"), said)

    def test_a_held_object_is_drained_by_its_exit(self):
        async def hold_until_lost(program):
            events = []
            async with asyncio.timeout(BOUND):
                async with anteroom.connect(program.address()) as server:
                    with self.assertRaises(anteroom.LeaseLost) as lost:
                        async with server.resource("hello", on_event=events.append):
                            program.send(signal.SIGTERM)
                            await asyncio.Event().wait()
            return lost.exception, events

        with Running(FREE_PORT) as program:
            lost, events = asyncio.run(hold_until_lost(program))
            self.assertEqual(lost.metadata, {"exit_reason": "DRAINED"})
            self.assertEqual(
                [event.phase for event in events][-2:], ["EXITING", "EXITED"]
            )
            self.assertIsNone(events[-1].error)
            self.assertEqual(program.ended()[0], 0)

    def test_an_object_held_without_a_stream_is_drained_by_its_exit(self):
        async def hold_and_watch(program):
            async with asyncio.timeout(BOUND):
                async with anteroom.connect(program.address()) as server:
                    before = []
                    async with server.resource("hello", on_event=before.append):
                        pass
                    hold = await server.acquire("hello")
                    watch = server.watch_events(
                        from_sequence=before[-1].sequence + 1,
                        lease_name=hold.lease.name,
                    )
                    phases = []
                    async with contextlib.aclosing(watch):
                        async for event in watch:
                            phases.append(event.phase)
                            if event.phase == "ENTERED":
                                program.send(signal.SIGTERM)
                            if event.phase == "EXITED":
                                return phases

        with Running(FREE_PORT) as program:
            phases = asyncio.run(hold_and_watch(program))
            self.assertEqual(phases[-3:], ["ENTERED", "EXITING", "EXITED"])
            self.assertEqual(program.ended()[0], 0)

    def drain_of_a_slow_exit(self, drain_timeout, then=None):
        """How it ended that was asked to while its object was held. `then`
        comes once it drains."""

        async def hold_until_lost(program):
            async with asyncio.timeout(BOUND):
                async with anteroom.connect(program.address()) as server:
                    with self.assertRaises(anteroom.LeaseLost):
                        async with server.resource("slow"):
                            program.send(signal.SIGTERM)
                            self.assertIn("draining", program.line())
                            if then is not None:
                                program.send(then)
                            await asyncio.Event().wait()

        config = SLOW_EXIT.format(drain_timeout=drain_timeout)
        path = self.write("c.textproto", config)
        with Running(f"--config={path}", FREE_PORT) as program:
            asyncio.run(hold_until_lost(program))
            return program.ended()

    def test_a_drain_that_takes_longer_than_drain_timeout_is_forced(self):
        self.assertEqual(
            self.drain_of_a_slow_exit("nanos: 100000000"),
            (1, ["drain forced: drain_timeout has passed"]),
        )

    def test_a_second_signal_forces_the_drain(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.assertEqual(
                    self.drain_of_a_slow_exit("seconds: 3600", number),
                    (1, ["drain forced: a second signal came"]),
                )

    def test_its_port_is_free_again_afterwards(self):
        with Running(FREE_PORT) as program:
            address = program.address()
            self.assert_serves(address)
            program.send(signal.SIGTERM)
            self.assertEqual(program.ended()[0], 0)
        with Running(f"--listen={address}") as program:
            self.assertEqual(program.address(), address)


if __name__ == "__main__":
    unittest.main()

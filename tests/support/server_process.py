"""A real server for a test: a process of its own, on a port of its own."""

import asyncio
import contextlib
import os
import pathlib
import signal
import tempfile

import anteroom
from anteroomd import BOUND, FREE_PORT, Running

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


class ServerProcess:
    """`anteroomd` with a configuration (protobuf text; None: its default).

    Leaving it sends SIGTERM and demands that the server then ends with
    `exit_status`, unless it was killed.
    """

    def __init__(self, config=None, *, exit_status=0):
        self._exit_status = exit_status
        self._terminated = False
        self._leave = contextlib.ExitStack()
        folder = self._leave.enter_context(tempfile.TemporaryDirectory())
        arguments = [FREE_PORT]
        if config is not None:
            path = pathlib.Path(folder, "config.textproto")
            path.write_text(config)
            arguments.append(f"--config={path}")
        with contextlib.ExitStack() as failed:
            failed.push(self._leave)
            self._program = self._leave.enter_context(Running(*arguments))
            self.address = self._program.address()
            failed.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        with self._leave:
            self.terminate()
            status, said = self._program.ended()
            if status != self._exit_status:
                raise AssertionError(
                    f"the server's exit status is {status}, not "
                    f"{self._exit_status}:\n" + "\n".join(said)
                )

    def terminate(self):
        """Has it drain. Once: a second signal would force the drain."""
        if not self._terminated:
            self._program.terminate()
        self._terminated = True

    def kill(self):
        """Ends it without a chance to say anything."""
        self._program.kill()
        self._exit_status = -signal.SIGKILL


@contextlib.asynccontextmanager
async def connected(process):
    """A connection to a server's process, for a body that has a bound."""
    async with asyncio.timeout(2 * BOUND):
        async with anteroom.connect(process.address) as server:
            async with asyncio.timeout(BOUND) as bound:
                yield server
            # Even if the body took the cancellation for something else.
            if bound.expired():
                raise TimeoutError


@contextlib.asynccontextmanager
async def serving(config=None):
    """A connection to a server of its own, which ends well with the body."""
    with ServerProcess(config) as process:
        async with connected(process) as server:
            yield server


async def events_of_lease(server, name, from_sequence):
    """All events of a lease, up to its EXITED."""
    events = []
    watch = server.watch_events(lease_name=name, from_sequence=from_sequence)
    async with contextlib.aclosing(watch):
        async for event in watch:
            events.append(event)
            if event.phase == "EXITED":
                break
    return events

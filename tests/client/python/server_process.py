"""A real server for a test: a process of its own, on a port of its own.

Whatever is waited for has a bound: a hang becomes a failure.
"""

import asyncio
import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading

import anteroom

#: Seconds; far beyond what anything here takes.
BOUND = 30

ROOT = pathlib.Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


class ServerProcess:
    """`anteroomd` with a configuration (protobuf text; None: its default).

    Leaving it sends SIGTERM and demands that the server then ends with
    `exit_status`, unless it was killed.
    """

    def __init__(self, config=None, *, exit_status=0):
        self._exit_status = exit_status
        self._folder = tempfile.TemporaryDirectory()
        command = [os.environ["ANTEROOMD"], "--listen=127.0.0.1:0"]
        if config is not None:
            path = pathlib.Path(self._folder.name, "config.textproto")
            path.write_text(config)
            command.append(f"--config={path}")
        self._lines = queue.Queue()
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.address = self._await_address()
        except BaseException:
            self.kill()
            self._clean_up()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.terminate()
        try:
            status = self._process.wait(BOUND)
        except subprocess.TimeoutExpired:
            self.kill()
            status = "nothing: it did not end"
        finally:
            self._clean_up()
        if status != self._exit_status:
            raise AssertionError(
                f"the server's exit status is {status}, not {self._exit_status}:\n"
                + "\n".join(self._lines.queue)
            )

    def terminate(self):
        """Has it drain."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self):
        """Ends it without a chance to say anything."""
        self._process.kill()
        self._process.wait(BOUND)
        self._exit_status = -signal.SIGKILL

    def _read(self):
        for line in self._process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("(end of the server's output)")

    def _await_address(self):
        said = []
        while not said or said[-1] != "(end of the server's output)":
            try:
                said.append(self._lines.get(timeout=BOUND))
            except queue.Empty:
                break
            if said[-1].startswith("listening on "):
                return said[-1].removeprefix("listening on ")
        raise AssertionError("the server does not listen:\n" + "\n".join(said))

    def _clean_up(self):
        self._reader.join(BOUND)
        self._process.stderr.close()
        self._folder.cleanup()


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

"""A real provider for a test: a process of its own."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import threading

from anteroomd import BOUND

ROOT = pathlib.Path(__file__).resolve().parents[4]
EXAMPLES = ROOT / "client/python/examples"
ENVIRONMENT = {
    **os.environ,
    "PYTHONUNBUFFERED": "1",
    "PYTHONPATH": os.pathsep.join(
        [
            os.environ.get("PYTHONPATH", ""),
            str(EXAMPLES),
            str(pathlib.Path(__file__).parent),
        ]
    ),
}


class ProviderProcess:
    """Python, running `program`, which says on standard error where it listens.

    Leaving it sends SIGTERM and demands that it then ends with status 0, unless
    it was killed. `printed` is then what it said on standard output, unless that
    went to `stdout`.
    """

    def __init__(self, program, *arguments, stdout=subprocess.PIPE):
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            env=ENVIRONMENT,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._killed = False
        self.printed = None
        self._bound = threading.Timer(4 * BOUND, self._process.kill)
        self._bound.start()
        line = self._process.stderr.readline()
        if not line.startswith("listening on "):
            self.kill()
            self._end()
            raise AssertionError(f"not where it listens: {line}{self.complained}")
        self.address = line.removeprefix("listening on ").strip()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.terminate()
        self._end()
        status = self._process.returncode
        expected = -signal.SIGKILL if self._killed else 0
        if status != expected:
            raise AssertionError(
                f"the provider's exit status is {status}, not {expected}:\n"
                f"{self.complained}"
            )

    def terminate(self):
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self):
        """Ends it without a chance to say anything."""
        self._killed = True
        self._process.kill()
        self._process.wait(BOUND)

    def _end(self):
        try:
            self.printed, self.complained = self._process.communicate(timeout=BOUND)
        finally:
            self._bound.cancel()
            self._process.kill()


def readme(what):
    """The README's piece of code that contains `what`."""
    text = (ROOT / "README.md").read_text()
    for block in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL):
        if what in block:
            return block
    raise AssertionError(f"no code of the README contains {what!r}")


def on_any_port(program):
    """The README's program, on a port of its own."""
    own = program.replace(":50061", ":0")
    assert own != program
    return own


HELLO = on_any_port(readme("anteroom.provider.serve"))

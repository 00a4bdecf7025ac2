"""The server's program, run for a test.

Whatever is waited for has a bound: a hang becomes a failure.
"""

import os
import queue
import signal
import subprocess
import threading

#: Seconds; far beyond what anything here takes.
BOUND = 30

ANTEROOMD = os.environ["ANTEROOMD"]
FREE_PORT = "--listen=127.0.0.1:0"


def run(*arguments):
    """Runs the program, which is to end by itself."""
    return subprocess.run(
        [ANTEROOMD, *arguments], capture_output=True, text=True, timeout=BOUND
    )


class Running:
    """The program while it runs; killed on leaving if it still does, and once
    twice `bound` seconds are over, which ends whatever waits for it."""

    def __init__(self, *arguments, bound=BOUND, program=ANTEROOMD):
        self._seconds = bound
        self._process = subprocess.Popen(
            [program, *arguments], stderr=subprocess.PIPE, text=True
        )
        self._lines = queue.Queue()
        self._bound = threading.Timer(2 * bound, self._process.kill)
        self._bound.start()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self._bound.cancel()
        self._process.kill()
        self._process.wait(BOUND)
        self._reader.join(BOUND)
        self._process.stderr.close()

    def _read(self):
        for line in self._process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    @property
    def pid(self):
        return self._process.pid

    def line(self):
        """The next line of standard error; None: there will be none."""
        return self._lines.get(timeout=self._seconds)

    def address(self):
        """The address in the next line, which is to say where it listens."""
        line = self.line()
        if line is None or not line.startswith("listening on "):
            raise AssertionError(f"not where it listens: {line}")
        return line.removeprefix("listening on ")

    def send(self, number):
        if self._process.poll() is None:
            self._process.send_signal(number)

    def terminate(self):
        """Has it drain."""
        self.send(signal.SIGTERM)

    def kill(self):
        """Ends it without a chance to say anything."""
        self._process.kill()
        self._process.wait(BOUND)

    def ended(self):
        """The exit status, and what else it said."""
        status = self._process.wait(self._seconds)
        return status, list(iter(self.line, None))

"""The load client (client.cc), run for a test."""

import os
import subprocess
import threading

LOAD_CLIENT = os.environ["ANTEROOM_LOAD_CLIENT"]
#: Whether the sizes are asked for that are promised.
FULL = os.environ.get("ANTEROOM_LOAD") == "full"
#: Seconds; far beyond what anything here takes.
BOUND = 300


class LoadClient:
    """A client that holds; killed on leaving, and once BOUND is over."""

    def __init__(self, address, resource, leases, scopes):
        self._process = subprocess.Popen(
            [LOAD_CLIENT, address, resource, "hold", str(leases), str(scopes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._bound = threading.Timer(BOUND, self._process.kill)
        self._bound.start()
        self.line()  # once it holds

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self._bound.cancel()
        self.kill()
        self._process.stdin.close()
        self._process.stdout.close()

    def line(self):
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the client ended")
        return line.rstrip("\n")

    def ask(self, word):
        """The answer to a line of input."""
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self.line()

    def kill(self):
        """Ends it without a chance to say anything."""
        self._process.kill()
        self._process.wait(BOUND)

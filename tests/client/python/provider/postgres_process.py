"""A real PostgreSQL for a test: a process of its own, with a scratch folder,
reached by a Unix socket in it."""

import contextlib
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading

from anteroomd import BOUND

#: Debian keeps each version's programs in a folder of its own.
PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))

#: It refuses to run as root.
_USER = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
_READY = "database system is ready to accept connections"


class PostgresProcess:
    """Running while it is entered."""

    def __init__(self):
        self._leave = contextlib.ExitStack()
        folder = self._leave.enter_context(tempfile.TemporaryDirectory())
        self._folder = pathlib.Path(folder)
        self._process = None
        #: For a client: the database, by its socket.
        self.dsn = f"postgresql://postgres@/postgres?host={folder}"

    def __enter__(self):
        if _USER:
            shutil.chown(self._folder, "postgres", "postgres")
        self._run(
            "initdb",
            f"--pgdata={self._folder}/data",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        self.start()
        return self

    def __exit__(self, kind, error, traceback):
        with self._leave:
            self.stop()

    def start(self):
        """Returns once it accepts connections."""
        self._process = subprocess.Popen(
            [
                PROGRAMS[-1],
                "-D",
                f"{self._folder}/data",
                "--listen_addresses=",
                f"--unix_socket_directories={self._folder}",
                "--fsync=off",
            ],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            **_USER,
        )
        lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(lines,))
        self._reader.start()
        said = []
        while not said or _READY not in said[-1]:
            line = lines.get(timeout=BOUND)
            if line is None:
                raise AssertionError("it did not start:\n" + "".join(said))
            said.append(line)

    def stop(self):
        """As in a crash: no connection is told, nothing is tidied up."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(BOUND)
        finally:
            self._process.kill()
            self._reader.join(BOUND)
            self._process.stderr.close()
            self._process = None

    def _read(self, lines):
        for line in self._process.stderr:
            lines.put(line)
        lines.put(None)

    def _run(self, program, *arguments):
        ran = subprocess.run(
            [PROGRAMS[-1].with_name(program), *arguments],
            capture_output=True,
            text=True,
            timeout=BOUND,
            env={**os.environ, "LC_ALL": "C"},
            **_USER,
        )
        if ran.returncode != 0:
            raise AssertionError(f"{program} failed:\n{ran.stdout}{ran.stderr}")

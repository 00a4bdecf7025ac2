#!/usr/bin/env python3
"""Holds the simulation to what it is for: finding mistakes.

usage: mutate.py [--seeds=N] [--jobs=N] [NAME...]

Makes each mistake of mutants.py (or those named) in a copy of the sources under
build/mutants, builds the simulation, runs N seeds and expects a failure: a broken
guarantee, a failed check, a crash. Each job has a copy of its own. Prints a table;
exits 1 if a mutant survives, or does not apply or compile.
"""

import argparse
import concurrent.futures
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import time

from mutants import MUTANTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPIES = ROOT / "build/mutants"
COPIED = ["CMakeLists.txt", "CMakePresets.json", "proto", "server", "tests"]
# Far beyond what the seeds take. One that needs it is no kill: endless work is to
# be found by the steps that a world takes.
TIMEOUT = 600


def apply(text, mutant):
    """The text of the mutant's file with the mistake in it."""
    if text.count(mutant.before) != 1:
        raise ValueError(
            f"{mutant.name}: its line is {text.count(mutant.before)} times in "
            f"{mutant.file}"
        )
    return text.replace(mutant.before, mutant.after)


class Copy:
    """A copy of the sources, with a build of the simulation of its own."""

    def __init__(self, folder):
        self.folder = folder

    def prepare(self):
        """Copies what has changed, so that what is built already stays built."""
        for name in COPIED:
            source = ROOT / name
            files = [source] if source.is_file() else source.rglob("*")
            for file in files:
                if not file.is_file() or "__pycache__" in file.parts:
                    continue
                copy = self.folder / file.relative_to(ROOT)
                if copy.exists() and copy.read_bytes() == file.read_bytes():
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        # A mistake may leave a warning behind; and each is built anew.
        configured = self.run(
            ["cmake", "--preset", "simulation"]
            + ["-DCMAKE_CXX_FLAGS=-w", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF"]
        )
        if configured.returncode != 0:
            raise RuntimeError(configured.stdout)
        self.build()

    def run(self, command, **options):
        return subprocess.run(
            command,
            cwd=self.folder,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **options,
        )

    def build(self):
        built = self.run(["ninja", "-C", "build/simulation", "-j1", "simulate"])
        if built.returncode != 0:
            raise RuntimeError(built.stdout[-3000:])

    def simulate(self, seeds):
        """How a run ended: None if nothing was found, else a line that says what."""
        program = self.folder / "build/simulation/tests/simulate"
        try:
            ran = self.run([str(program), f"--seeds={seeds}"], timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return None
        if ran.returncode == 0:
            return None
        lines = [line for line in ran.stdout.splitlines() if "worlds from" not in line]
        text = " / ".join(lines[-2:])
        text = re.sub(r"/\S*/(server|tests)/", r"\1/", text)
        return text or f"ended by signal {-ran.returncode}"

    def judge(self, mutant, seeds):
        """(whether it was killed, what the table says)."""
        file = self.folder / "server/lifecycle" / mutant.file
        original = file.read_text()
        try:
            file.write_text(apply(original, mutant))
            self.build()
            found = self.simulate(seeds)
        except (ValueError, RuntimeError) as error:
            return False, str(error)
        finally:
            file.write_text(original)
        return found is not None, found or f"SURVIVED: {mutant.breaks}"


def judge_all(copies, chosen, seeds):
    """How many survive; prints each as it is known."""
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judge(mutant):
        copy = free.get()
        begin = time.monotonic()
        try:
            killed, text = copy.judge(mutant, seeds)
        finally:
            free.put(copy)
        print(
            f"{'killed' if killed else 'ALIVE '} {mutant.file:18} "
            f"{mutant.name:30} {time.monotonic() - begin:4.0f} s  {text}",
            flush=True,
        )
        return not killed

    with concurrent.futures.ThreadPoolExecutor(len(copies)) as workers:
        return sum(workers.map(judge, chosen))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]

    copies = [Copy(COPIES / str(job)) for job in range(max(1, options.jobs))]
    with concurrent.futures.ThreadPoolExecutor(len(copies)) as workers:
        try:
            list(workers.map(Copy.prepare, copies))
        except RuntimeError as error:
            sys.exit(str(error))
    found = copies[0].simulate(options.seeds)
    if found is not None:
        sys.exit(f"without any mutant: {found}")
    survivors = judge_all(copies, chosen, options.seeds)
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants killed")
    sys.exit(1 if survivors or not chosen else 0)


if __name__ == "__main__":
    main()

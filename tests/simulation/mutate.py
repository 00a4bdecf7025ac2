#!/usr/bin/env python3
"""Holds the simulation to what it is for: finding mistakes.

usage: mutate.py [--seeds=N] [--jobs=N] [NAME...]

Makes each mistake of mutants.py (or those named) in a copy of the sources under
build/mutants, builds the simulation, runs N seeds and expects a failure: a broken
guarantee, a failed check, a crash. Prints a table; exits 1 if a mutant survives,
or does not apply or compile.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import time

from mutants import MUTANTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build/mutants"
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


def copy_sources():
    """Copies what has changed, so that what is built already stays built."""
    for name in COPIED:
        source = ROOT / name
        files = [source] if source.is_file() else source.rglob("*")
        for file in files:
            if not file.is_file() or "__pycache__" in file.parts:
                continue
            copy = COPY / file.relative_to(ROOT)
            if copy.exists() and copy.read_bytes() == file.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def run(command, **options):
    return subprocess.run(
        command,
        cwd=COPY,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **options,
    )


def build(jobs):
    built = run(["ninja", "-C", "build/simulation", f"-j{jobs}", "simulate"])
    if built.returncode != 0:
        raise RuntimeError(built.stdout[-3000:])


def simulate(seeds):
    """How a run ended: None if nothing was found, else a line that says what."""
    program = COPY / "build/simulation/tests/simulate"
    try:
        ran = run([str(program), f"--seeds={seeds}"], timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return None
    if ran.returncode == 0:
        return None
    lines = [line for line in ran.stdout.splitlines() if "worlds from" not in line]
    text = " / ".join(lines[-2:])
    text = re.sub(r"/\S*/(server|tests)/", r"\1/", text)
    return text or f"ended by signal {-ran.returncode}"


def judge(mutant, seeds, jobs):
    """(whether it was killed, what the table says)."""
    file = COPY / "server/lifecycle" / mutant.file
    original = file.read_text()
    try:
        file.write_text(apply(original, mutant))
        build(jobs)
        found = simulate(seeds)
    except (ValueError, RuntimeError) as error:
        return False, str(error)
    finally:
        file.write_text(original)
    return found is not None, found or f"SURVIVED: {mutant.breaks}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]

    copy_sources()
    # A mistake may leave a warning behind; and each is built anew.
    configured = run(
        ["cmake", "--preset", "simulation"]
        + ["-DCMAKE_CXX_FLAGS=-w", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF"]
    )
    if configured.returncode != 0:
        sys.exit(configured.stdout)
    build(options.jobs)
    found = simulate(options.seeds)
    if found is not None:
        sys.exit(f"without any mutant: {found}")

    survivors = 0
    for mutant in chosen:
        begin = time.monotonic()
        killed, text = judge(mutant, options.seeds, options.jobs)
        survivors += not killed
        print(
            f"{'killed' if killed else 'ALIVE '} {mutant.file:18} "
            f"{mutant.name:30} {time.monotonic() - begin:4.0f} s  {text}",
            flush=True,
        )
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants killed")
    sys.exit(1 if survivors or not chosen else 0)


if __name__ == "__main__":
    main()

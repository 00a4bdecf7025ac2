"""Checks a provider: `python3 -m anteroom.provider.check ADDRESS`.

Says what it gets wrong. Exit status 0: nothing; 1: something; 2: it could not be
checked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

import anteroom
from anteroom import provider


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m anteroom.provider.check",
        description="Says what a provider gets wrong.",
    )
    parser.add_argument("address", help="host:port or unix:PATH")
    parser.add_argument(
        "--kind", action="append", help="a kind to check (repeatable; default: all)"
    )
    parser.add_argument(
        "--check", action="append", help="a check to run (repeatable; default: all)"
    )
    parser.add_argument(
        "--parameters",
        type=json.loads,
        default={},
        metavar="JSON",
        help='what constructors are given: {"KIND": {"NAME": VALUE}}',
    )
    parser.add_argument(
        "--bound",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how long an answer may take (default: 5)",
    )
    options = parser.parse_args()
    try:
        report = asyncio.run(
            provider.check(
                options.address,
                kinds=options.kind,
                checks=options.check,
                parameters=options.parameters,
                bound=options.bound,
            )
        )
    except anteroom.Error as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0 if report else 1


if __name__ == "__main__":
    sys.exit(main())

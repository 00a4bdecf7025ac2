"""Holds the source tree to the floors of the house.

check(root) returns one line for each violation, each naming file and line:

- the top level of the repository holds exactly what it should;
- a folder of server/ includes only itself and what stands below it;
- no kind includes another kind;
- the floors that do without gRPC and Protobuf include no header of theirs,
  and neither do their tests;
- a file of ours is included by its path from the root, and exists;
- nothing includes main.cc, or any other source file.
"""

import pathlib
import re
from typing import Iterator

TOP_LEVEL = frozenset(
    "proto server client tests docker CMakeLists.txt CMakePresets.json "
    "README.md LICENSE dev".split()
)
BUILD_FOLDER = "build"  # not tracked, so no part of the tree

# What a folder may include besides itself, the standard library and Abseil.
# RPC stands for the headers of gRPC, Protobuf and those generated from proto/.
# KINDS stands for every folder of server/kinds; its row is that of the folders
# that have none of their own.
RPC = "gRPC and Protobuf"
KINDS = "server/kinds/*"
MAY_INCLUDE = {
    "server/error": [],
    "server/coro": [],
    "server/lifecycle": ["server/coro", "server/error"],
    KINDS: ["server/lifecycle", "server/coro", "server/error"],
    **{
        f"server/kinds/{calls_out}": [
            "server/lifecycle",
            "server/rpc",
            "server/coro",
            "server/error",
            RPC,
        ]
        for calls_out in ("process", "provider")
    },
    "server/rpc": ["server/coro", "server/error", RPC],
    "server/service": [
        "server/lifecycle",
        "server/rpc",
        "server/coro",
        "server/error",
        RPC,
    ],
    "server/config": [KINDS, "server/lifecycle", "server/coro", "server/error", RPC],
    # run.cc, which puts it all together.
    "server": [
        "server/config",
        "server/service",
        "server/rpc",
        KINDS,
        "server/lifecycle",
        "server/coro",
        "server/error",
        RPC,
    ],
    # What a user's own server with a kind of its own may look like.
    "server/example": [
        "server",
        "server/lifecycle",
        "server/coro",
        "server/error",
    ],
}

SOURCES = (".h", ".cc")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
RPC_HEADER = re.compile(r"^(grpc|grpcpp|grpc\+\+|google)/|\.pb\.h$")


def check(root: pathlib.Path) -> list[str]:
    """Returns the violations found in the repository at `root`."""
    return [*_top_level(root), *_folders(root), *_includes(root)]


def _top_level(root: pathlib.Path) -> Iterator[str]:
    names = {p.name for p in root.iterdir() if not p.name.startswith(".")}
    for name in sorted(names - TOP_LEVEL - {BUILD_FOLDER}):
        yield f"{name}: has no place at the top level of the repository"
    for name in sorted(TOP_LEVEL - names):
        yield f"{name}: is missing at the top level of the repository"


def _folders(root: pathlib.Path) -> Iterator[str]:
    """A folder that the table does not know would go unchecked."""
    for path in _sources(root / "server"):
        folder = _folder(path.relative_to(root))
        if _rule(folder) not in MAY_INCLUDE:
            yield (
                f"{path.relative_to(root)}: {folder} is on no floor; give it "
                "one in MAY_INCLUDE (tests/architecture/includes.py)"
            )


def _includes(root: pathlib.Path) -> Iterator[str]:
    for path in [*_sources(root / "server"), *_sources(root / "tests")]:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            include = INCLUDE.match(line)
            if include:
                name = path.relative_to(root)
                for fault in _faults(root, name, *include.groups()):
                    yield f"{name}:{number}: {fault}"


def _faults(
    root: pathlib.Path, file: pathlib.PurePath, quote: str, header: str
) -> Iterator[str]:
    ours = header.startswith(("server/", "tests/"))
    if header.endswith((".cc", ".cpp")):
        yield f"includes the source file {header}"
    elif ours and not (root / header).is_file():
        yield f"includes {header}, which does not exist"
    elif quote == '"' and not ours and (root / file.parent / header).is_file():
        yield f"includes {header}: write its path from the repository's root"

    folder = _folder(file)
    allowed = MAY_INCLUDE.get(_rule(folder))
    if allowed is None:
        return  # an unknown folder is reported once; other tests are free
    if RPC_HEADER.search(header):
        if RPC not in allowed:
            yield f"includes {header}: {folder} knows neither gRPC nor Protobuf"
    elif file.parts[0] == "server" and ours:
        target = _folder(pathlib.PurePath(header))
        if target.startswith("tests"):
            yield f"includes {header}: the server does not know its tests"
        elif target != folder and _column(target) not in allowed:
            below = ", ".join(allowed) or "nothing of ours"
            yield f"includes {header}: {folder} may include {below}"


def _folder(file: pathlib.PurePath) -> str:
    """The unit a file belongs to: its folder below server/ or tests/, and for
    a kind the kind's own folder, however deep the file lies."""
    depth = 3 if file.parts[1] == "kinds" else 2
    return "/".join(file.parts[: min(depth, len(file.parts) - 1)])


def _rule(folder: str) -> str:
    """The row of MAY_INCLUDE for a folder. A folder of tests/ answers to the
    row of the folder it tests, as far as gRPC and Protobuf go."""
    if folder.startswith("tests/"):
        folder = "server/" + folder.removeprefix("tests/")
    if folder in MAY_INCLUDE or not folder.startswith("server/kinds/"):
        return folder
    return KINDS


def _column(folder: str) -> str:
    """What stands for a folder in the rows of those that may include it."""
    return KINDS if folder.startswith("server/kinds/") else folder


def _sources(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in SOURCES)

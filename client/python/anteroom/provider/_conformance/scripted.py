"""The kind that a provider serves so that `check` can drive it through slow,
failing, cancelled and repeated hooks.

A provider in another language that wants to be checked serves a kind of this
name, "conformance", with all five hooks, whose constructor takes parameters:

    board       where its objects write down what they do: objects of one board
                share it, in this order of words:
                  construct
                  HOOK begin   then one of   HOOK done · HOOK failed · HOOK cancelled
                  exit told REASON [MESSAGE]   before "exit done"
                for HOOK init, enter, exit, close; and in methods "wait begin",
                "wait done", "wait cancelled", "tick cancelled"
    waits       {HOOK: GATE}: the hook waits until the gate of its board is open
    fails       {HOOK: CODE}: it then fails with this canonical code, "HOOK fails"
                as the message; HOOK may be check, too. {HOOK: [CODE]}: only once
    suppress    exit suppresses the error
    taint       exit taints the object
    progress    init says that it is half done

Its enter awaits its init, and answers {"argument": what enter was given}. Its
methods take one JSON value, or none:

    trace {board}                     the words written there
    wait_for {board, word, count}     returns once they are that many
    open {board, gate}                opens it, for good
    about                             {key, parameters, lease: {name, fencing_token,
                                      holder, labels}}
    echo PAYLOAD                      the same bytes, of the same media type
    fail CODE                         fails with this code, "as asked for"
    wait GATE                         waits for a gate of its board
    count {to, fails}                 a stream: 0 to `to` - 1, then fails with this
                                      code if one is given
    tick N                            a stream: 0 to N - 1, then goes on for ever
                                      without a word
    repeat                            a stream: says what the caller says after its
                                      argument, until that has said all
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, AsyncIterator, Dict, Generator, List, Optional, Set, Type

import grpc

from anteroom import _errors
from anteroom.provider._cause import BodyError
from anteroom.provider._hook import context


class _Board:
    """What the objects of one check write down, and the gates they wait at."""

    def __init__(self) -> None:
        self.words: List[str] = []
        self._open: Set[str] = set()
        self._changed = asyncio.Condition()

    async def write(self, word: str) -> None:
        async with self._changed:
            self.words.append(word)
            self._changed.notify_all()

    async def open(self, gate: str) -> None:
        async with self._changed:
            self._open.add(gate)
            self._changed.notify_all()

    async def passed(self, gate: str) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: gate in self._open)

    async def saw(self, word: str, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self.words.count(word) >= count)


def conformance_kind() -> Type[Any]:
    """A class to be served as "conformance", with boards of its own."""
    boards: Dict[str, _Board] = {}

    class Served(_Conformance):
        _boards = boards

    return Served


def failed(code: str, message: str) -> _errors.Error:
    return _errors.Error(message, code=grpc.StatusCode[code])


class _Conformance:
    _boards: Dict[str, _Board]

    def __init__(
        self,
        board: str,
        key: str,
        waits: Optional[Dict[str, str]] = None,
        fails: Optional[Dict[str, Any]] = None,
        suppress: bool = False,
        taint: bool = False,
        progress: bool = False,
    ) -> None:
        self._key = key
        self._board = self._on(board)
        self._waits = waits or {}
        self._fails = fails or {}
        self._suppress = suppress
        self._taint = taint
        self._progress = progress
        self._parameters = {"board": board, "waits": waits, "fails": fails}
        self._board.words.append("construct")

    def __await__(self) -> Generator[Any, Any, _Conformance]:
        return self._init().__await__()

    async def _init(self) -> _Conformance:
        async with self._running("init"):
            if self._progress:
                context().progress(0.5, "half")
            await self._act("init")
        return self

    async def __aenter__(self) -> Dict[str, Any]:
        async with self._running("enter"):
            await self
            await self._act("enter")
        return {"argument": context().argument}

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        async with self._running("exit"):
            await self._act("exit")
            await self._board.write(_told(error))
            if self._taint:
                context().taint()
        return self._suppress

    async def aclose(self) -> None:
        async with self._running("close"):
            await self._act("close")

    async def acheck(self) -> None:
        await self._act("check")

    async def trace(self, what: Dict[str, Any]) -> List[str]:
        return list(self._on(what["board"]).words)

    async def wait_for(self, what: Dict[str, Any]) -> None:
        await self._on(what["board"]).saw(what["word"], what["count"])

    async def open(self, what: Dict[str, Any]) -> None:
        await self._on(what["board"]).open(what["gate"])

    async def about(self) -> Dict[str, Any]:
        lease = context().lease
        assert lease is not None
        return {
            "key": self._key,
            "parameters": self._parameters,
            "lease": {
                "name": lease.name,
                "fencing_token": lease.fencing_token,
                "holder": lease.holder,
                "labels": lease.labels,
            },
        }

    async def echo(self, payload: Any) -> Any:
        return payload

    async def fail(self, code: str) -> None:
        raise failed(code, "as asked for")

    async def wait(self, gate: str) -> None:
        async with self._running("wait"):
            await self._board.passed(gate)

    async def count(self, what: Dict[str, Any]) -> AsyncIterator[int]:
        for n in range(what["to"]):
            yield n
        if what.get("fails"):
            raise failed(what["fails"], "as asked for")

    async def tick(self, count: int) -> AsyncIterator[int]:
        try:
            for n in range(count):
                yield n
            await asyncio.Event().wait()  # for ever
        finally:
            await self._board.write("tick cancelled")

    async def repeat(self) -> AsyncIterator[Any]:
        messages = context().messages
        assert messages is not None
        async for message in messages:
            yield message

    @contextlib.asynccontextmanager
    async def _running(self, hook: str) -> AsyncIterator[None]:
        await self._board.write(f"{hook} begin")
        try:
            yield
        except asyncio.CancelledError:
            await self._board.write(f"{hook} cancelled")
            raise
        except Exception:
            await self._board.write(f"{hook} failed")
            raise
        await self._board.write(f"{hook} done")

    async def _act(self, hook: str) -> None:
        if hook in self._waits:
            await self._board.passed(self._waits[hook])
        code = self._fails.get(hook)
        if isinstance(code, list):
            code = code.pop() if code else None
        if code is not None:
            raise failed(code, f"{hook} fails")

    def _on(self, board: str) -> _Board:
        return self._boards.setdefault(board, _Board())


def _told(error: Optional[BaseException]) -> str:
    if error is None:
        return "exit told RELEASED"
    if isinstance(error, asyncio.CancelledError):
        return "exit told CANCELLED"
    if isinstance(error, BodyError):
        return f"exit told BODY_FAILED {error.message}"
    return f"exit told {getattr(error, 'reason', type(error).__name__)}"

"""What an init or an enter says while it runs, written as it comes."""

from __future__ import annotations

import asyncio
import collections
from typing import Any, Awaitable, Callable, Deque, TypeVar

import grpc

from anteroom.provider.v1 import provider_service_pb2 as pb

T = TypeVar("T")


class Updates:
    """A `Listener` whose words are the responses of one call: of an init it tells
    the first begin and the first end, however often the hook awaits it."""

    def __init__(self, response: Callable[..., Any], tells_init: bool) -> None:
        self._response = response
        #: What of an init is still to be told.
        self._untold = ["initialized", "initializing"] if tells_init else []
        self._pending: Deque[Any] = collections.deque()
        self._grew = asyncio.Event()

    def initializing(self) -> None:
        if self._untold[-1:] == ["initializing"]:
            self._untold.pop()
            self._add(self._response(initializing=pb.Initializing()))

    def progress(self, fraction: float, message: str) -> None:
        update = self._response(
            progress=pb.Progress(fraction=fraction, message=message)
        )
        if self._pending and self._pending[-1].HasField("progress"):
            self._pending[-1] = update  # nobody needs the older one
        else:
            self._add(update)

    def initialized(self) -> None:
        if self._untold[-1:] == ["initialized"]:
            self._untold.pop()
            self._add(self._response(initialized=pb.Initialized()))

    async def write(
        self, context: grpc.aio.ServicerContext, awaitable: Awaitable[T]
    ) -> T:
        """Writes what comes until `awaitable` is done, and answers its result.
        Cancelled, it cancels that and waits for its end."""
        task = asyncio.ensure_future(awaitable)
        task.add_done_callback(lambda done: self._grew.set())
        try:
            while True:
                self._grew.clear()
                while self._pending:
                    await context.write(self._pending.popleft())
                if task.done():
                    return task.result()
                await self._grew.wait()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _add(self, update: Any) -> None:
        self._pending.append(update)
        self._grew.set()

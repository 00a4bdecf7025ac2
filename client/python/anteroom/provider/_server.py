"""A provider's server, and its life as a process."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import TracebackType
from typing import Any, Callable, Mapping, Optional, Type

import grpc

from anteroom.provider import _service
from anteroom.provider.v1 import provider_service_pb2_grpc as pb_grpc

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # The server looks whether we are there, also while it has nothing to ask.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)


class Provider:
    """Serves objects while it is entered, with `async with`; leaving closes all
    of them.

    Args:
      kinds: the classes, by the names that configurations call them.
      address: host:port or unix:PATH; port 0 is a free one. There is no TLS:
        use loopback or a Unix socket.
      stop_grace: seconds that calls under way are given on leaving.
      close_timeout: seconds that the hooks which then close the objects are given.

    Raises TypeError for what is no class, OSError if it cannot listen.
    """

    def __init__(
        self,
        kinds: Mapping[str, Type[Any]],
        address: str,
        *,
        stop_grace: float = 5.0,
        close_timeout: float = 10.0,
    ) -> None:
        self._kinds = kinds
        self._stop_grace = stop_grace
        self._close_timeout = close_timeout
        #: Where it listens; once it is entered with the real port.
        self.address = address

    async def __aenter__(self) -> Provider:
        self._service = _service.Service(self._kinds)
        self._server = grpc.aio.server(options=_OPTIONS)
        pb_grpc.add_ProviderServiceServicer_to_server(self._service, self._server)
        try:
            port = self._server.add_insecure_port(self.address)
        except RuntimeError:  # a newer gRPC
            port = 0
        if port == 0:
            await self._server.stop(None)
            raise OSError(f"cannot listen on {self.address}")
        if not self.address.startswith("unix:"):
            self.address = f"{self.address.rpartition(':')[0]}:{port}"
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self._server.stop(self._stop_grace)
        await self._service.close(self._close_timeout)


async def serve(
    kinds: Mapping[str, Type[Any]],
    address: str,
    *,
    stop_grace: float = 5.0,
    close_timeout: float = 10.0,
    on_listening: Optional[Callable[[str], None]] = None,
) -> None:
    """Serves objects of plain classes until SIGTERM or SIGINT; then closes all
    of them and returns. At a second signal it does not wait for them.

        asyncio.run(serve({"hello-py": Hello}, "127.0.0.1:50061"))

    `on_listening` is called with the real address once it serves; by default
    that is said on standard error: "listening on ADDRESS". The rest is as for
    `Provider`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with Provider(
            kinds, address, stop_grace=stop_grace, close_timeout=close_timeout
        ) as provider:
            (on_listening or _say)(provider.address)
            await stop.wait()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _say(address: str) -> None:
    print(f"listening on {address}", file=sys.stderr, flush=True)

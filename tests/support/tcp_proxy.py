"""A TCP proxy on the loopback, which breaks connections when it is told to."""

import asyncio
import contextlib
import enum
import socket
import struct

_LINGER_NOT = struct.pack("ii", 1, 0)
_CHUNK = 1 << 16


class Cut(enum.Enum):
    """How a connection is broken, seen by both its ends."""

    #: As by a machine that has lost it: a reset.
    RESET = enum.auto()
    #: As by a process that has ended: a close.
    CLOSE = enum.auto()


class Way(enum.Enum):
    """Which way bytes go."""

    REQUESTS = enum.auto()
    REPLIES = enum.auto()


class TcpProxy:
    """Forwards connections to `target`, a host:port.

    Lives in one event loop: use it with `async with`, which cuts what is left.
    Where it listens is `address`; it does so after a cut too, unless it is told
    to refuse().
    """

    def __init__(self, target):
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._writers = set()
        self._tasks = set()
        self._left = None  # bytes until the cut; None: there will be none
        self._how = Cut.RESET
        self._lost = None  # the way on which bytes are lost until the cut
        self._taken = None  # the port, while nobody listens there
        #: Connections that have reached the target so far.
        self.connections = 0
        self._connected = asyncio.Condition()
        #: Set by the first cut.
        self.was_cut = asyncio.Event()

    async def __aenter__(self):
        self._taken = _bound(("127.0.0.1", 0))
        self._at = self._taken.getsockname()
        self.address = "{}:{}".format(*self._at)
        await self.accept()
        return self

    async def __aexit__(self, kind, error, traceback):
        self.refuse()
        self._taken.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def refuse(self):
        """Has new connections refused, until accept(). Idempotent."""
        if self._taken is None:
            self._server.close()
            self._taken = _bound(self._at)

    async def accept(self):
        """Has connections accepted again. Idempotent."""
        if self._taken is not None:
            listening, self._taken = self._taken, None
            self._server = await asyncio.start_server(self._accept, sock=listening)

    async def connected(self, count):
        """Waits until so many connections have reached the target, the broken
        ones included."""
        async with self._connected:
            await self._connected.wait_for(lambda: self.connections >= count)

    def lose(self, way):
        """Forwards nothing more that way on the connections that there are;
        they must be cut next."""
        self._lost = way

    def cut(self, how=Cut.RESET):
        """Breaks all connections at once, towards both ends."""
        self._left = self._lost = None
        writers, self._writers = self._writers, set()
        for writer in writers:
            if how is Cut.RESET:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT
                    )
            writer.transport.abort()
        self.was_cut.set()

    def cut_after(self, count, how=Cut.RESET):
        """Breaks all connections once `count` more bytes have been forwarded,
        of both directions: in the midst of a message, as likely as not."""
        self._left, self._how = count, how
        if count <= 0:
            self.cut(how)

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        ends = [writer]
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection(*self._target)
            ends.append(back)
            self._writers.add(back)
            async with self._connected:
                self.connections += 1
                self._connected.notify_all()
            await asyncio.gather(
                self._forward(reader, back, Way.REQUESTS),
                self._forward(there, writer, Way.REPLIES),
            )
        except OSError:
            pass  # one end is gone, so the other goes too
        finally:
            for end in ends:
                end.close()
            self._writers.difference_update(ends)
            self._tasks.discard(task)

    async def _forward(self, reader, writer, way):
        while chunk := await reader.read(_CHUNK):
            if self._lost is way:
                continue
            if self._left is not None and self._left <= len(chunk):
                writer.write(chunk[: self._left])
                # What is written is sent at once, or else was not to arrive.
                self.cut(self._how)
                return
            if self._left is not None:
                self._left -= len(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


def _bound(address):
    """A socket that takes an address without listening there."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(address)
    return taken

"""Connections that can be torn: a door in front of the server, as a process has that can die."""

from __future__ import annotations

import asyncio
import contextlib
import socket


class _Side(asyncio.Protocol):
    """One end of a connection; what comes goes to the other end."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._door.sides.add(self)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(data)
        else:
            self.other.transport.write(data)

    def join(self, other: _Side) -> None:
        """From now on both ends are one connection."""
        self.other, other.other = other, self
        assert other.transport is not None
        for data in self._early:
            other.transport.write(data)
        self._early.clear()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.left(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Door:
    """Listens, and passes connections on to another port of this machine."""

    def __init__(self) -> None:
        self.sides: set[_Side] = set()
        self._server: asyncio.Server | None = None
        self._joining: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()

    async def open(self, port: int, behind: int) -> int:
        """The port it listens at; 0 takes a free one."""
        loop = asyncio.get_running_loop()

        def came() -> _Side:
            side = _Side(self)
            task = loop.create_task(self._join(side, behind))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)
            return side

        self._server = await loop.create_server(came, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def _join(self, side: _Side, behind: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, other = await loop.create_connection(lambda: _Side(self), "127.0.0.1", behind)
        except OSError:
            if side.transport is not None:
                side.transport.abort()
            return
        if side.transport is None or side.transport.is_closing():
            other.transport.close() if other.transport is not None else None
            return
        side.join(other)

    def left(self, side: _Side) -> None:
        """One end is closed."""
        self.sides.discard(side)
        if not self.sides:
            self._empty.set()

    async def slam(self) -> None:
        """Nobody gets in any more, and all connections are reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._joining):
            task.cancel()
        for side in list(self.sides):
            if side.transport is not None:
                _reset(side.transport)
        if self.sides:
            self._empty.clear()
            await self._empty.wait()


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    transport.abort()

"""A TLS front before a plain HTTP server, as a proxy in production is one."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import trustme

HOST = "127.0.0.1"
START_SECONDS_MAX = 10


class TlsFront:
    """Forwards bytes to a port of 127.0.0.1. received: all that clients sent, decrypted."""

    def __init__(self, target_port: int) -> None:
        self.received = bytearray()
        self.port = 0
        self.listening = threading.Event()
        self._target_port = target_port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    async def serve(self, ca: trustme.CA) -> None:
        """Until `stop`; then connections that are still open are dropped."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert(HOST).configure_cert(context)
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._forward, HOST, 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        await self._stopped.wait()
        server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def stop(self) -> None:
        """End `serve`, from any thread."""
        assert self._loop is not None
        assert self._stopped is not None
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        behind_reader, behind_writer = await asyncio.open_connection(HOST, self._target_port)
        pumps = {
            asyncio.create_task(self._pump(reader, behind_writer, self.received)),
            asyncio.create_task(self._pump(behind_reader, writer)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for one in (writer, behind_writer):
                one.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await one.wait_closed()

    @staticmethod
    async def _pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if kept is not None:
                    kept += piece
                writer.write(piece)
                await writer.drain()


@contextmanager
def tls_front(target_port: int, ca: trustme.CA) -> Iterator[TlsFront]:
    """A front on a free port of 127.0.0.1, with a certificate of `ca`, in a thread of its own."""
    front = TlsFront(target_port)
    with ThreadPoolExecutor(1) as thread:
        serving = thread.submit(asyncio.run, front.serve(ca))
        if not front.listening.wait(START_SECONDS_MAX):
            serving.result(0)
        try:
            yield front
        finally:
            front.stop()
            serving.result(START_SECONDS_MAX)

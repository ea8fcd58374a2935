"""The cache of immutable blocks: small ones in memory too, all of them in a folder.

The disk is only touched in threads of the cache's own: a sweep that takes seconds holds up neither
the event loop nor anybody else's threads. A disk that does not take blocks, or a folder that cannot
be written, costs the cache and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from gateway.stores.pachyderm.blocks import BlockFolder, OpenBlock

SMALL_BYTES_MAX = 64 * 1024
"""Blocks up to this size are kept in memory as well."""

_MEMORY_BYTES_MAX = 32 * 1024 * 1024
_ENTRY_BYTES = 256
"""What a block in memory counts for beside its bytes."""

_WAITING_BYTES_MAX = 16 * 1024 * 1024
_PAUSE_SECONDS = 30.0
_THREADS = 4

_log = logging.getLogger(__name__)


class Cache:
    """Blocks by name. A name stands for the same bytes for ever; `bytes_max` 0: nothing is kept."""

    def __init__(
        self, folder: Path, bytes_max: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._disk = BlockFolder(folder, bytes_max)
        self._off = bytes_max <= 0
        self._recent = _Recent(min(_MEMORY_BYTES_MAX, bytes_max))
        self._threads = ThreadPoolExecutor(_THREADS, "content-cache")
        self._clock = clock
        self._paused_until = float("-inf")
        self._failures = 0
        self._sweep: asyncio.Task[None] | None = None
        self._waiting: dict[str, bytes] = {}
        self._waiting_bytes = 0
        self._writing: dict[str, bytes] = {}
        self._writer: asyncio.Task[None] | None = None

    @property
    def working(self) -> bool:
        """Whether what is written now is likely to be kept."""
        return not self._off and self._clock() >= self._paused_until

    def recent(self, name: str) -> bytes | None:
        """The block, if it is in memory."""
        return self._recent.get(name) or self._waiting.get(name) or self._writing.get(name)

    async def read(self, name: str, size: int, start: int, stop: int) -> bytes | None:
        """Bytes [start, stop) of a block of `size` bytes; None where it is not kept, or damaged."""
        if self._off:
            return None
        small = size <= SMALL_BYTES_MAX
        span = (0, size) if small else (start, stop)
        try:
            data = await asyncio.wrap_future(
                self._threads.submit(self._disk.read, name, size, *span)
            )
        except OSError as error:
            self._failed(error)
            return None
        if data is None or not small:
            return data
        self._recent.put(name, data)
        return data[start:stop]

    async def open(self, name: str, size: int) -> OpenBlock | None:
        """A block to be read bit by bit, by `read_open`; None as in `read`. Its user closes it."""
        if self._off:
            return None
        opening = self._threads.submit(self._disk.open, name, size)
        try:
            return await asyncio.wrap_future(opening)
        except OSError as error:
            self._failed(error)
            return None
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise

    async def read_open(self, block: OpenBlock, start: int, stop: int) -> bytes | None:
        """Bytes [start, stop) of an open block; None where the disk does not give them."""
        if self._off:
            return None
        try:
            return await asyncio.wrap_future(self._threads.submit(block.read, start, stop))
        except OSError as error:
            self._failed(error)
            return None

    async def write(self, name: str, data: bytes) -> bool:
        """Keep a block; whether that went well."""
        if not self.working:
            return False
        if len(data) <= SMALL_BYTES_MAX:
            self._recent.put(name, data)
        try:
            kept = await asyncio.wrap_future(self._threads.submit(self._disk.write, name, data))
        except OSError as error:
            self._failed(error)
            return False
        self._sweep_if_due()
        return kept

    def keep(self, name: str, data: bytes) -> None:
        """Keep a block soon: it can be read at once and is on disk a little later.

        Where the disk falls behind, blocks are left out.
        """
        if not self.working or self.recent(name) is not None:
            return
        if len(data) <= SMALL_BYTES_MAX:
            self._recent.put(name, data)
        if self._waiting_bytes + len(data) > _WAITING_BYTES_MAX:
            return
        self._waiting[name] = data
        self._waiting_bytes += len(data)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())

    async def close(self) -> None:
        """Finish what is being written. From then on nothing is kept or found."""
        self._off = True
        running = [task for task in (self._writer, self._sweep) if task is not None]
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown)

    def figures(self) -> dict[str, int]:
        """bytes: on disk, as last counted, small files at what they take. The rest only grow."""
        return {
            "bytes": self._disk.bytes,
            "memory_bytes": self._recent.bytes,
            "evictions": self._disk.evictions,
            "damaged": self._disk.damaged,
            "failures": self._failures,
        }

    async def _write_waiting(self) -> None:
        while self._waiting:
            self._writing, self._waiting, self._waiting_bytes = self._waiting, {}, 0
            try:
                await asyncio.wrap_future(self._threads.submit(self._write_all, self._writing))
            except OSError as error:
                self._failed(error)
            self._writing = {}
            self._sweep_if_due()

    def _write_all(self, blocks: dict[str, bytes]) -> None:
        for name, data in blocks.items():
            self._disk.write(name, data)

    def _sweep_if_due(self) -> None:
        if self._disk.sweep_due and (self._sweep is None or self._sweep.done()):
            self._sweep = asyncio.create_task(self._swept())

    async def _swept(self) -> None:
        try:
            await asyncio.wrap_future(self._threads.submit(self._disk.sweep))
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self._failures += 1
        self._paused_until = self._clock() + _PAUSE_SECONDS
        if self._failures == 1:
            _log.warning(
                "the content cache cannot use its folder (%s): contents are read from Pachyderm "
                "each time until it can; this is said once, the figures count on",
                error.strerror or error,
            )


class _Recent:
    """Small blocks in memory, the longest unused dropped first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._blocks: OrderedDict[str, bytes] = OrderedDict()
        self.bytes = 0

    def get(self, name: str) -> bytes | None:
        data = self._blocks.get(name)
        if data is not None:
            self._blocks.move_to_end(name)
        return data

    def put(self, name: str, data: bytes) -> None:
        if name in self._blocks:
            self._blocks.move_to_end(name)
            return
        self._blocks[name] = data
        self.bytes += len(data) + _ENTRY_BYTES
        while self.bytes > self._bytes_max and self._blocks:
            _, dropped = self._blocks.popitem(last=False)
            self.bytes -= len(dropped) + _ENTRY_BYTES


def _close_unwanted(opening: Future[OpenBlock | None]) -> None:
    """Close what a cancelled reader had a thread open."""
    if not opening.cancelled() and opening.exception() is None:
        block = opening.result()
        if block is not None:
            block.close()

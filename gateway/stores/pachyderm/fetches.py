"""Blocks on their way from pachd to the cache: each once, whoever waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, NamedTuple

from gateway.stores.pachyderm.cache import Cache
from gateway.stores.pachyderm.download import Download
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.words import Content
from gateway.versioning.errors import Unavailable

_LARGE_BYTES_MIN = 1024 * 1024
_LARGE_AT_ONCE = 4
_SMALL_AT_ONCE = 16
"""pachd sends 19 MiB at a time and makes room for as much for each call, however small."""

_IDLE_SECONDS = 2.0
"""A reader this slow has its call cancelled, so that no message is held for it."""


class Block(NamedTuple):
    """A block of a content. identity: of the content (contents.identity)."""

    identity: str
    number: int

    @property
    def name(self) -> str:
        """Its name in the cache."""
        return f"{self.identity}-{self.number:x}"


class Fetches:
    """What is being fetched now, and the calls that can go on where the last block ended."""

    def __init__(self, pfs: Pfs, cache: Cache, block_bytes: int) -> None:
        self._pfs = pfs
        self._cache = cache
        self._block_bytes = block_bytes
        self._flights: dict[Block, _Flight] = {}
        self._parked: dict[Block, _Parked] = {}
        self._followers: Counter[str] = Counter()
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._small = asyncio.Semaphore(_SMALL_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.bytes = 0

    def size(self, content: Content, number: int) -> int:
        """The size of that block: less than the others' for the last."""
        return min(self._block_bytes, content.size - number * self._block_bytes)

    async def block(self, content: Content, block: Block, file_set: str | None) -> bytes:
        """The bytes of a block. When nobody waits for it any more, its call is cancelled.

        Raises what Download.take raises, the same to all who wait.
        """
        flight = self._flights.get(block)
        if flight is None:
            flight = _Flight()
            flight.task = self._start(self._fetch(flight, content, block, file_set))
            self._flights[block] = flight
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.data)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.data.done():
                self._land(block, flight)
                flight.task.cancel()

    async def settle(self, block: Block) -> None:
        """Wait until a block that was fetched is in the cache, or will not be."""
        flight = self._flights.get(block)
        if flight is not None:
            await asyncio.wait({flight.task})

    def follow(self, identity: str) -> None:
        """Say that somebody reads a content from block to block: its calls are kept for the next.

        Until `leave`.
        """
        self._followers[identity] += 1

    async def leave(self, identity: str) -> None:
        """With the last follower of a content, the calls that were kept for it are cancelled."""
        self._followers[identity] -= 1
        if self._followers[identity] > 0:
            return
        del self._followers[identity]
        for block in [block for block in self._parked if block.identity == identity]:
            await self._unpark(block).close()

    async def close(self) -> None:
        """Cancel every call; who waits hears Unavailable."""
        for flight in self._flights.values():
            flight.fail(Unavailable("the store is being closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for block in list(self._parked):
            await self._unpark(block).close()

    async def _fetch(
        self, flight: _Flight, content: Content, block: Block, file_set: str | None
    ) -> None:
        size = self.size(content, block.number)
        try:
            # Who saw it missing may come here just after it has been kept.
            data = await self._cache.read(block.name, size, 0, size)
            if data is not None:
                flight.data.set_result(data)
                return
            async with self._large if size >= _LARGE_BYTES_MIN else self._small:
                await self._download(flight, content, block, file_set)
        except Exception as error:  # noqa: BLE001 - it is theirs who wait
            flight.fail(error)
        finally:
            self._land(block, flight)

    async def _download(
        self, flight: _Flight, content: Content, block: Block, file_set: str | None
    ) -> None:
        if block in self._parked:
            download = self._unpark(block)
        else:
            download = Download(self._pfs, content, block.number * self._block_bytes, file_set)
        try:
            data = await download.take(self.size(content, block.number))
            self.bytes += len(data)
            flight.data.set_result(data)
            await self._cache.write(block.name, data)
            self._park(download, content, await self._keep_ready(download, content, block))
        except BaseException:
            await download.close()
            raise

    async def _keep_ready(self, download: Download, content: Content, block: Block) -> Block:
        """Keep the blocks that came along in the same message; the first that did not come."""
        while True:
            block = block._replace(number=block.number + 1)
            size = self.size(content, block.number)
            if size <= 0 or download.ready < size:
                return block
            self.bytes += size
            await self._cache.write(block.name, await download.take(size))

    def _park(self, download: Download, content: Content, block: Block) -> None:
        over = download.position == content.size
        if over or block in self._parked or not self._followers[block.identity]:
            self._start(download.close())
            return
        download.trim()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_IDLE_SECONDS, self._expire, block)
        self._parked[block] = _Parked(download, timer)

    def _unpark(self, block: Block) -> Download:
        download, timer = self._parked.pop(block)
        timer.cancel()
        return download

    def _expire(self, block: Block) -> None:
        self._start(self._unpark(block).close())

    def _land(self, block: Block, flight: _Flight) -> None:
        if self._flights.get(block) is flight:
            del self._flights[block]

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Flight:
    """One block under way. data: its bytes, as soon as they are here; task: until it is kept."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.data: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting = 0

    def fail(self, error: Exception) -> None:
        if not self.data.done():
            self.data.set_exception(error)
            self.data.exception()  # with nobody left to hear it, asyncio would complain


class _Parked(NamedTuple):
    download: Download
    timer: asyncio.TimerHandle

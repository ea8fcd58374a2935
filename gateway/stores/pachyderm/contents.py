"""The bytes of committed objects: from the local cache, or from pachd and then from the cache.

A content never changes, so what was read once need not be asked for again. Large ones are kept in
blocks, since pachd sends 19 MiB for the smallest range. Where nothing can be kept, bytes pass
through.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

from gateway.stores.pachyderm.blocks import OpenBlock
from gateway.stores.pachyderm.cache import Cache
from gateway.stores.pachyderm.download import Download
from gateway.stores.pachyderm.fetches import Block, Fetches
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.words import INLINE_BYTES_MAX, Content
from gateway.versioning.names import RepoName

BLOCK_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 256 * 1024
_READ_BYTES = 1024 * 1024


class Contents:
    """Reads contents. The folder is the cache's own and may be removed while nothing runs.

    bytes_max: of the folder; 0 keeps nothing, neither there nor in memory.
    """

    def __init__(
        self, pfs: Pfs, folder: Path, bytes_max: int, *, block_bytes: int = BLOCK_BYTES
    ) -> None:
        self._pfs = pfs
        self._block_bytes = block_bytes
        self._cache = Cache(folder, bytes_max)
        self._fetches = Fetches(pfs, self._cache, block_bytes)
        self._hits = 0
        self._misses = 0

    async def read(
        self, content: Content, start: int, stop: int, *, file_set: str | None = None
    ) -> bytes | AsyncIterator[bytes]:
        """The bytes [start, stop): whole up to 256 KiB, larger spans in pieces of at most that.

        file_set: where the bytes are while the commit is not FINISHED, under the same path.
        Raises ValueError (no such span) and what Download.take raises.
        """
        if not 0 <= start <= stop <= content.size:
            raise ValueError(f"no bytes {start} to {stop} in a content of {content.size}")
        if start == stop:
            return b""
        if stop - start > PIECE_BYTES:
            return self._pieces(content, start, stop, file_set)
        parts = [
            await self._part(content, block, first, last, file_set)
            for block, first, last in self._cuts(content, start, stop)
        ]
        return b"".join(parts)

    def keep(self, digest: bytes, data: bytes, *, repo: RepoName) -> None:
        """Keep bytes that were just written to a repo, so that they need not be fetched.

        Returns at once: they can be read now, and the disk follows. Large ones are left out.
        """
        if 0 < len(data) <= min(self._block_bytes, INLINE_BYTES_MAX):
            identity = _identity(repo, digest, len(data), self._block_bytes)
            self._cache.keep(Block(identity, 0).name, data)

    async def close(self) -> None:
        """Cancel what is being fetched and finish what is being kept."""
        await self._fetches.close()
        await self._cache.close()

    def figures(self) -> dict[str, int]:
        """hits, misses: blocks looked for. fetched_bytes: for the cache. And `Cache.figures`."""
        return {
            "hits": self._hits,
            "misses": self._misses,
            "fetched_bytes": self._fetches.bytes,
            **self._cache.figures(),
        }

    async def _part(
        self, content: Content, block: Block, first: int, last: int, file_set: str | None
    ) -> bytes:
        """Bytes [first, last) of one block."""
        size = self._fetches.size(content, block.number)
        data = self._cache.recent(block.name)
        if data is not None:
            self._hits += 1
            return data[first:last]
        data = await self._cache.read(block.name, size, first, last)
        if data is not None:
            self._hits += 1
            return data
        self._misses += 1
        if self._cache.working:
            return (await self._fetches.block(content, block, file_set))[first:last]
        start = block.number * self._block_bytes + first
        async with aclosing(self._past(content, start, start + last - first, file_set)) as pieces:
            return await anext(pieces)  # a part is never larger than a piece

    async def _pieces(
        self, content: Content, start: int, stop: int, file_set: str | None
    ) -> AsyncIterator[bytes]:
        identity = self._identity(content)
        self._fetches.follow(identity)
        try:
            for block, first, last in self._cuts(content, start, stop):
                end = start + last - first
                async with aclosing(self._held(content, block, first, last, file_set)) as held:
                    async for data in held:
                        start += len(data)
                        for at in range(0, len(data), PIECE_BYTES):
                            yield data[at : at + PIECE_BYTES]
                if start < end:
                    break
            async with aclosing(self._past(content, start, stop, file_set)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await self._fetches.leave(identity)

    async def _held(
        self, content: Content, block: Block, first: int, last: int, file_set: str | None
    ) -> AsyncGenerator[bytes, None]:
        """Bytes [first, last) of one block, as far as cache and disk do what they should."""
        source = await self._source(content, block, file_set)
        try:
            while source is not None and first < last:
                data = await self._some(source, first, min(first + _READ_BYTES, last))
                if not data:
                    return
                first += len(data)
                yield data
        finally:
            if isinstance(source, OpenBlock):
                source.close()

    async def _source(
        self, content: Content, block: Block, file_set: str | None
    ) -> OpenBlock | bytes | None:
        """A block, if possible as a file: a slow reader should hold no memory. None: no cache."""
        size = self._fetches.size(content, block.number)
        found = await self._cache.open(block.name, size)
        if found is not None:
            self._hits += 1
            return found
        self._misses += 1
        if not self._cache.working:
            return None
        data = await self._fetches.block(content, block, file_set)
        await self._fetches.settle(block)
        return await self._cache.open(block.name, size) or data

    async def _some(self, source: OpenBlock | bytes, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of a block; none where the disk does not give what it has."""
        if isinstance(source, bytes):
            return source[start:stop]
        return await self._cache.read_open(source, start, stop) or b""

    async def _past(
        self, content: Content, start: int, stop: int, file_set: str | None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes [start, stop) from pachd, past the cache."""
        download = Download(self._pfs, content, start, file_set)
        try:
            while download.position < stop:
                yield await download.take(min(PIECE_BYTES, stop - download.position))
        finally:
            await download.close()

    def _cuts(self, content: Content, start: int, stop: int) -> Iterator[tuple[Block, int, int]]:
        """The blocks that hold [start, stop), each with the bytes of it that are meant."""
        identity = self._identity(content)
        while start < stop:
            number, first = divmod(start, self._block_bytes)
            last = min(self._block_bytes, first + stop - start)
            yield Block(identity, number), first, last
            start += last - first

    def _identity(self, content: Content) -> str:
        return _identity(content.repo, content.digest, content.size, self._block_bytes)


def _identity(repo: RepoName, digest: bytes, size: int, block_bytes: int) -> str:
    """What a content is called in the cache.

    The repo is part of it: a digest is what a record claims, and whoever may write records into one
    repo must not be able to name, or to spoil, the bytes of another.
    """
    text = f"{repo.project}/{repo.name} {size} {block_bytes} {digest.hex()}"
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()

"""Bodies on their way in: small ones wait in memory for their commit, large ones go ahead to pachd.

What goes ahead is a file set: pachd forgets it by itself when no commit takes it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

from gateway.stores.pachyderm.faults import PfsError, refused
from gateway.stores.pachyderm.pfs import Pfs, add_file
from gateway.stores.pachyderm.pfs_pb2 import ModifyFileRequest
from gateway.stores.pachyderm.words import BODY_PATH, INLINE_BYTES_MAX, PIECE_BYTES, Staged
from gateway.versioning.errors import Unavailable

_PIECES_WAITING = 2


class PfsStaging:
    """A body on its way in (versioning.store.Staging). Memory: a few MiB, whatever its size."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._held = bytearray()
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue(_PIECES_WAITING)
        self._upload: asyncio.Task[str] | None = None

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes, as fast as pachd takes them. Raises what `faults.refused` makes."""
        self._size += len(data)
        self._held += data
        if self._size > INLINE_BYTES_MAX:
            while len(self._held) >= PIECE_BYTES:
                piece = bytes(memoryview(self._held)[:PIECE_BYTES])
                del self._held[:PIECE_BYTES]
                await self._send(piece)

    async def finish(self, sha256: bytes | None = None) -> Staged:
        """The body, whole: in memory, or as a file set that pachd has complete."""
        held, self._held = bytes(self._held), bytearray()
        if self._size <= INLINE_BYTES_MAX:
            return Staged(self._size, sha256 or hashlib.sha256(held).digest(), data=held)
        if held:
            await self._send(held)
        await self._put(b"")
        file_set = await self._result()
        return Staged(self._size, sha256 or self._sha256.digest(), file_set=file_set)

    async def abort(self) -> None:
        """Forget the bytes: cancel the call. Of what is finished pachd disposes in its time."""
        self._held.clear()
        if self._upload is not None:
            self._upload.cancel()
            await asyncio.gather(self._upload, return_exceptions=True)

    async def _send(self, piece: bytes) -> None:
        await asyncio.to_thread(self._sha256.update, piece)
        await self._put(piece)

    async def _put(self, piece: bytes) -> None:
        """Hand a piece to the call; an empty one ends it. Raises when the call has failed."""
        if self._upload is None:
            self._upload = asyncio.create_task(self._pfs.create_file_set(self._messages()))
        put = asyncio.ensure_future(self._pieces.put(piece))
        try:
            await asyncio.wait({put, self._upload}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
        if piece and self._upload.done():
            await self._result()
            raise Unavailable("Pachyderm ended an upload before it was complete")

    async def _messages(self) -> AsyncIterator[ModifyFileRequest]:
        while piece := await self._pieces.get():
            yield add_file(BODY_PATH, piece)

    async def _result(self) -> str:
        assert self._upload is not None
        try:
            return await self._upload
        except PfsError as error:
            raise refused(error) from error


def staged_parts(parts: Sequence[Staged]) -> Staged:
    """The parts of a multipart upload, in order, as one body; nothing is copied.

    One part alone is that body itself. Of several the digest is that of their digests.
    """
    if len(parts) == 1:
        return parts[0]
    digests = b"".join(part.digest for part in parts)
    return Staged(
        sum(part.size for part in parts), hashlib.sha256(digests).digest(), parts=tuple(parts)
    )

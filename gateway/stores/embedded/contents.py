"""The bytes of objects: rows, files, and manifests that name either in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from gateway.stores.embedded.blobs import PIECE_BYTES, Blobs
from gateway.stores.timeline import rows
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Reader
from gateway.stores.timeline.rows import Change
from gateway.versioning.errors import Corrupt, Erased
from gateway.versioning.model import Json, ObjectInfo


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes of an object are: one of the three. digest: SHA-256 (see manifest_digest)."""

    digest: bytes
    body: int | None = None
    blob: int | None = None
    manifest: int | None = None

    def demand_kept(self, reader: Reader) -> None:
        """Raise Erased where the bytes went since this handle was given out."""
        for table, number in self.rows():
            if first_row(reader.connection, f"SELECT 1 FROM {table} WHERE id=?", (number,)) is None:  # noqa: S608
                raise Erased("the bytes that were to be copied were erased meanwhile")

    def rows(self) -> Iterator[tuple[str, int]]:
        """The table and the number of the row that has the bytes or names them."""
        for table in ("body", "blob", "manifest"):
            number = getattr(self, table)
            if number is not None:
                yield table, number


def object_info(row: Change, commit: bytes, side: Json) -> ObjectInfo:
    """The object that a put made; commit: id of the commit of that row; side: its side state."""
    assert row.digest is not None
    content = Content(row.digest, row.body, row.blob, row.manifest)
    return rows.object_info(row, commit, content, side)


class Contents:
    """Reads contents, on the event loop where they are rows, in threads where they are files."""

    def __init__(self, reader: Reader, blobs: Blobs) -> None:
        self._reader = reader
        self._blobs = blobs

    async def read(self, content: Content, start: int, stop: int) -> bytes | AsyncIterator[bytes]:
        """The bytes [start, stop): small spans whole, larger ones in pieces. Raises Corrupt."""
        if content.body is not None:
            return self._body(content.body)[start:stop]
        if content.manifest is not None:
            return self._manifest(content.manifest, start, stop)
        assert content.blob is not None
        file = self.file(content.blob)
        if stop - start <= PIECE_BYTES:
            return await asyncio.to_thread(self._blobs.read, file, start, stop)
        return self._blobs.pieces(file, start, stop)

    def file(self, blob: int) -> str:
        """The file of a large content. Raises Corrupt."""
        row = first_row(self._reader.connection, "SELECT file FROM blob WHERE id=?", (blob,))
        if row is None:
            raise Corrupt(f"the file of content {blob} is not known")
        return str(row[0])

    def _body(self, body: int) -> bytes:
        row = first_row(self._reader.connection, "SELECT data FROM body WHERE id=?", (body,))
        if row is None:
            raise Corrupt(f"content {body} is missing")
        return bytes(row[0])

    async def _manifest(self, manifest: int, start: int, stop: int) -> AsyncIterator[bytes]:
        """The parts that hold [start, stop), each cut to it."""
        parts = all_rows(
            self._reader.connection,
            "SELECT body, blob, size FROM manifest WHERE id=? ORDER BY ord",
            (manifest,),
        )
        begins = 0
        for body, blob, size in parts:
            first, last = max(start - begins, 0), min(stop - begins, size)
            begins += size
            if first >= last:
                continue
            if body is not None:
                yield self._body(body)[first:last]
            else:
                async for piece in self._blobs.pieces(self.file(blob), first, last):
                    yield piece

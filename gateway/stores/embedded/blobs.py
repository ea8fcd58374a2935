"""Bytes outside SQLite: bodies on their way in, and the files of large ones.

What must be durable before what: a file's bytes, then its name (rename, then its directory), then
the transaction that mentions it. So a crash leaves at most a file that nobody mentions.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.stores.timeline.database import sync_directory
from gateway.versioning.errors import Corrupt, Unavailable

INLINE_BYTES_MAX = 64 * 1024
PIECE_BYTES = 256 * 1024
_STALE_SECONDS = 24 * 3600


@dataclass(slots=True)
class Staged:
    """A body that is durable but not visible: in memory until the transaction, or a file.

    file: relative to the store's directory, named by the digest and a random suffix.
    taken: it was handed to a write, which from then on decides about the file.
    """

    digest: bytes
    size: int
    data: bytes | None = None
    file: str | None = None
    taken: bool = False

    def take(self) -> str | None:
        """Hand the body over; its file, if it has one. Raises ValueError the second time."""
        if self.file is not None and self.taken:
            raise ValueError("a staged body is written once: stage its bytes again")
        self.taken = True
        return self.file


class Blobs:
    """The folders `staging/` and `blobs/00` to `blobs/ff`, all made and synced beforehand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging = folder / "staging"

    def prepare(self) -> None:
        """Make the folders; forget what crashed uploads left more than a day ago."""
        self.staging.mkdir(exist_ok=True)
        blobs = self.folder / "blobs"
        blobs.mkdir(exist_ok=True)
        if not (blobs / "ff").is_dir():
            for number in range(256):
                (blobs / f"{number:02x}").mkdir(exist_ok=True)
        sync_directory(blobs)  # whoever made them may have been killed before this
        sync_directory(self.folder)
        oldest = time.time() - _STALE_SECONDS
        for left in self.staging.iterdir():
            with suppress(OSError):  # another process may have been first
                if left.stat().st_mtime < oldest:
                    left.unlink()

    def open_staging(self) -> IO[bytes]:
        """A new file for a body on its way in."""
        return (self.staging / secrets.token_hex(16)).open("xb", buffering=0)

    def settle(self, staging: IO[bytes], digest: bytes) -> str:
        """Make a staged file durable under its final name, which is never renamed over."""
        os.fsync(staging.fileno())
        staging.close()
        text = digest.hex()
        file = f"blobs/{text[:2]}/{text}-{secrets.token_hex(4)}"
        final = self.folder / file
        Path(staging.name).rename(final)
        # The rename can be lost in a power cut though the file's own bytes were synced.
        sync_directory(final.parent)
        return file

    def remove(self, files: Iterable[str | None]) -> None:
        """Take away files that no committed row mentions."""
        for file in filter(None, files):
            with suppress(FileNotFoundError):
                (self.folder / file).unlink()

    def remove_durably(self, files: Iterable[str]) -> None:
        """Take files away so that a power cut does not bring them back."""
        folders = set()
        for file in files:
            path = self.folder / file
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in folders:
            sync_directory(folder)

    def read(self, file: str, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of a file. Raises Corrupt, Unavailable (too many open files)."""
        try:
            descriptor = os.open(self.folder / file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Corrupt(f"the content file {file} is missing") from None
        except OSError as error:
            raise Unavailable(f"a content cannot be read: {error.strerror}") from error
        try:
            data = os.pread(descriptor, stop - start, start)
        finally:
            os.close(descriptor)
        if len(data) != stop - start:
            raise Corrupt(f"the content file {file} is shorter than it was")
        return data

    async def pieces(self, file: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes [start, stop) of a file, 256 KiB at a time, read outside the event loop."""
        while start < stop:
            upto = min(start + PIECE_BYTES, stop)
            yield await asyncio.to_thread(self.read, file, start, upto)
            start = upto


class BlobStaging:
    """A body on its way in (versioning.store.Staging): small ones stay in memory."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._held = bytearray()
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._staged: Staged | None = None

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes. Raises Unavailable when the disk does not."""
        self._size += len(data)
        self._held += data
        if self._size > INLINE_BYTES_MAX and len(self._held) >= PIECE_BYTES:
            await self._spill()

    async def finish(self, sha256: bytes | None = None) -> Staged:
        """Make the bytes durable (small ones: ready for the transaction)."""
        if self._size <= INLINE_BYTES_MAX:
            data = bytes(self._held)
            return Staged(sha256 or hashlib.sha256(data).digest(), self._size, data)
        await self._spill()
        digest = sha256 or self._sha256.digest()
        file = await asyncio.to_thread(self._settle, digest)
        self._staged = Staged(digest, self._size, file=file)
        return self._staged

    async def abort(self) -> None:
        """Forget the bytes, unless a write has taken them."""
        self._held.clear()
        if self._file is not None:
            await asyncio.to_thread(self._forget, self._file)

    def _forget(self, staging: IO[bytes]) -> None:
        staging.close()
        with suppress(FileNotFoundError):
            Path(staging.name).unlink()
        if self._staged is not None and not self._staged.taken:
            self._blobs.remove([self._staged.take()])

    async def _spill(self) -> None:
        held, self._held = self._held, bytearray()
        await asyncio.to_thread(self._append, held)

    def _append(self, data: bytearray) -> None:
        try:
            if self._file is None:
                self._file = self._blobs.open_staging()
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise Unavailable(f"a body cannot be written: {error.strerror}") from error
        self._sha256.update(data)

    def _settle(self, digest: bytes) -> str:
        assert self._file is not None
        try:
            return self._blobs.settle(self._file, digest)
        except OSError as error:
            raise Unavailable(f"a body cannot be made durable: {error.strerror}") from error

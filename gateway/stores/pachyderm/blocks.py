"""Blocks of bytes as files of one folder, bounded in bytes: everything that blocks, no event loop.

Nothing but the folder knows what is kept, so that several processes may share it and a crash needs
no repair: a block appears by rename, carries its length and CRC, and is removed when either is not
right. What was used longest ago goes first; the time of a file is when it was last used.
"""

from __future__ import annotations

import os
import secrets
import struct
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_HEAD = struct.Struct("<4sIQ")
_MAGIC = b"LGB1"
_STEP_BYTES = 1024 * 1024
_UNFINISHED = ".new"
_UNFINISHED_SECONDS = 3600
_TOUCH_SECONDS = 60
_CHECKED_MAX = 100_000
FILE_COST_MIN = 16 * 1024
"""What a small file counts for: file systems come with about an inode for so many bytes."""


def cost(size: int) -> int:
    """What a block of `size` bytes counts for against the bound."""
    return max(size + _HEAD.size, FILE_COST_MIN)


class OpenBlock:
    """A block that stays readable, though it be evicted meanwhile, until it is closed."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop) of the block. Raises OSError, also where the file became shorter."""
        data = os.pread(self._descriptor, stop - start, _HEAD.size + start)
        if len(data) != stop - start:
            raise OSError("a block of the cache became shorter")
        return data

    def last_used(self) -> float:
        """When the block was last used, as far as its file says: seconds since 1970."""
        return os.fstat(self._descriptor).st_mtime

    def touch(self) -> None:
        """Say that the block was used now."""
        with suppress(OSError):  # the folder may be read-only, its blocks are good all the same
            os.utime(self._descriptor)

    def is_sound(self, *, by_crc: bool) -> bool:
        """Whether header and length fit, and the CRC where asked."""
        head = os.pread(self._descriptor, _HEAD.size, 0)
        whole = os.fstat(self._descriptor).st_size == _HEAD.size + self.size
        if len(head) != _HEAD.size or not whole:
            return False
        magic, crc, size = _HEAD.unpack(head)
        if magic != _MAGIC or size != self.size:
            return False
        return not by_crc or bool(crc == self._crc())

    def _crc(self) -> int:
        crc = 0
        for start in range(0, self.size, _STEP_BYTES):
            crc = zlib.crc32(self.read(start, min(start + _STEP_BYTES, self.size)), crc)
        return crc

    def close(self) -> None:
        """Let go of the file, once."""
        os.close(self._descriptor)


class BlockFolder:
    """The folder. Every method may be called from several threads at once."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._checked: set[str] = set()
        self._counting = threading.Lock()
        self._sweeping = threading.Lock()
        self._unswept = True
        self._since_sweep = 0
        self._being_placed = 0
        self.bytes = 0
        self.evictions = 0
        self.damaged = 0

    def open(self, name: str, size: int) -> OpenBlock | None:
        """The block, if it is there and sound; a damaged one is removed. Raises OSError."""
        path = self._path(name)
        try:
            block = OpenBlock(os.open(path, os.O_RDONLY | os.O_CLOEXEC), size)
        except FileNotFoundError:
            return None
        sound = False
        try:
            # A crash of the machine can leave a file with its name but without its bytes.
            sound = block.is_sound(by_crc=name not in self._checked)
            if sound and time.time() - block.last_used() > _TOUCH_SECONDS:
                block.touch()
        finally:
            if not sound:
                block.close()
        if sound:
            self._mark_checked(name)
            return block
        self._checked.discard(name)
        with self._counting:
            self.damaged += 1
        path.unlink(missing_ok=True)
        return None

    def read(self, name: str, size: int, start: int, stop: int) -> bytes | None:
        """Bytes [start, stop) of a block of `size` bytes; None as in `open`. Raises OSError."""
        block = self.open(name, size)
        if block is None:
            return None
        try:
            return block.read(start, stop)
        finally:
            block.close()

    def write(self, name: str, data: bytes) -> bool:
        """Keep a block; False where there is no room for it. Raises OSError.

        Not synced: what a crash of the machine leaves of it fails its check.
        """
        needed = cost(len(data))
        if not self._reserve(needed):
            return False
        try:
            self._place(self._path(name), data)
        except OSError:
            with self._counting:
                self.bytes -= needed
            raise
        finally:
            with self._counting:
                self._being_placed -= needed
        self._mark_checked(name)
        return True

    @property
    def sweep_due(self) -> bool:
        """Whether a sweep should make room, or see what other processes have written."""
        return (
            self._unswept
            or self.bytes > self._bytes_max * 7 // 8
            or self._since_sweep > self._bytes_max // 16
        )

    def sweep(self, room: int = 0) -> None:
        """Count what is there; where it is much, or more than leaves `room`, remove the oldest.

        Cost: a look at every file. Blocks that come meanwhile stay. Raises OSError.
        """
        with self._sweeping:
            with self._counting:
                self._unswept = False
                self._since_sweep = 0
                unseen = self._being_placed
            ages = self._ages()
            total = sum(ages.values())
            if total > min(self._bytes_max * 7 // 8, self._bytes_max - room):
                goal = max(min(self._bytes_max * 3 // 4, self._bytes_max - room), 0)
                total -= self._evict(ages, total - goal)
            with self._counting:
                self.bytes = total + unseen + self._since_sweep

    def _reserve(self, needed: int) -> bool:
        for _ in range(2):
            with self._counting:
                if self.bytes + needed <= self._bytes_max:
                    self.bytes += needed
                    self._since_sweep += needed
                    self._being_placed += needed
                    return True
            if needed <= self._bytes_max:
                self.sweep(needed)
        return False

    def _place(self, path: Path, data: bytes) -> None:
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with unfinished.open("xb", buffering=0) as file:
                for part in (_HEAD.pack(_MAGIC, zlib.crc32(data), len(data)), data):
                    left = memoryview(part)
                    while left:
                        left = left[file.write(left) :]
            unfinished.rename(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _mark_checked(self, name: str) -> None:
        if len(self._checked) >= _CHECKED_MAX:
            self._checked.clear()
        self._checked.add(name)

    def _files(self) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        if not self._folder.is_dir():
            return
        with os.scandir(self._folder) as shards:
            names = [shard.path for shard in shards if len(shard.name) == 2 and shard.is_dir()]
        for name in names:
            with suppress(FileNotFoundError), os.scandir(name) as files:
                for file in files:
                    with suppress(FileNotFoundError):  # another process removed it
                        yield file, file.stat()

    def _ages(self) -> dict[int, int]:
        """Bytes by the second of last use; what crashed writers left behind is removed."""
        ages: dict[int, int] = defaultdict(int)
        stale = time.time() - _UNFINISHED_SECONDS
        for file, about in self._files():
            if file.name.endswith(_UNFINISHED) and about.st_mtime < stale:
                with suppress(FileNotFoundError):
                    Path(file.path).unlink()
                continue
            ages[int(about.st_mtime)] += cost(about.st_size - _HEAD.size)
        return ages

    def _evict(self, ages: dict[int, int], excess: int) -> int:
        """Remove the oldest files until `excess` bytes are gone; the bytes that went.

        By seconds rather than file by file: sorting a million files would hold up the event loop.
        """
        youngest, found = 0, 0
        for age in sorted(ages):
            youngest = age
            found += ages[age]
            if found >= excess:
                break
        # Of the last second only as much as is needed.
        spare = found - excess
        gone = 0
        for file, about in self._files():
            age, size = int(about.st_mtime), cost(about.st_size - _HEAD.size)
            if age > youngest or file.name.endswith(_UNFINISHED):
                continue
            if age == youngest and size <= spare:
                spare -= size
                continue
            with suppress(FileNotFoundError):
                Path(file.path).unlink()
                self._checked.discard(file.name)
                self.evictions += 1
            gone += size
        return gone

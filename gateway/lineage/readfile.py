"""Keeps the read log over restarts, in two files that take turns.

No read waits for them, and nothing is synced: a crash of the process costs the last second of the
log, one of the machine some more, and lineage then has weaker evidence. A line is a JSON list of
the fields of Place and Read. A file that is full, or whose first read has aged out, takes the place
of the one before it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.lineage.reads import AGE_MS_MAX, READS_MAX, Place, Read, ReadLog
from gateway.versioning.names import CommitId

log = logging.getLogger(__name__)

NAME = "reads.jsonl"
EARLIER = "reads.1.jsonl"
WRITE_SECONDS = 1.0

_Row = tuple[Place, Read]


@asynccontextmanager
async def kept_reads(
    folder: Path, *, clock: Callable[[], int], whole: bool, lines_max: int = READS_MAX
) -> AsyncIterator[ReadLog]:
    """A read log that begins with what is kept in `folder`, and is kept there while in context.

    whole: see ReadLog. lines_max: of one file.
    """
    kept = _ReadFile(folder, lines_max)
    reads = ReadLog(whole=whole, heard=kept.take)
    for place, read in await asyncio.to_thread(kept.load, clock() - AGE_MS_MAX):
        reads.recall(place, read)
    writing = asyncio.create_task(kept.write_always())
    try:
        yield reads
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        await kept.write()


class _ReadFile:
    def __init__(self, folder: Path, lines_max: int) -> None:
        self._path = folder / NAME
        self._earlier = folder / EARLIER
        self._lines_max = lines_max
        self._lines = 0
        self._begun_ms = 0
        self._fresh: list[_Row] = []
        self._writing = asyncio.Lock()

    def take(self, place: Place, read: Read) -> None:
        """Have a read written with the next ones."""
        self._fresh.append((place, read))

    def load(self, since_ms: int) -> list[_Row]:
        """What is kept, from that time on, oldest first."""
        earlier, rows = list(_rows(self._earlier)), list(_rows(self._path))
        self._lines, self._begun_ms = len(rows), _time(rows)
        return [row for row in earlier + rows if row[1].time_ms >= since_ms]

    async def write_always(self) -> None:
        """Write what was taken, once a second."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was taken. A file that cannot be written costs evidence, never a read."""
        async with self._writing:
            rows, self._fresh = self._fresh, []
            if not rows:
                return
            # A write once begun goes on in its thread: to be cancelled must not write it twice.
            try:
                await asyncio.shield(asyncio.to_thread(self._append, rows))
            except OSError as error:
                log.warning("the read log is not kept: %s", error)

    def _append(self, rows: list[_Row]) -> None:
        if self._lines >= self._lines_max or _time(rows) - self._begun_ms > AGE_MS_MAX:
            with suppress(FileNotFoundError):
                self._path.replace(self._earlier)
            self._lines, self._begun_ms = 0, _time(rows)
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(json.dumps([*place, *read]) + "\n" for place, read in rows)
        self._lines += len(rows)


def _time(rows: list[_Row]) -> int:
    """When the first of them was; 0 where there are none."""
    return rows[0][1].time_ms if rows else 0


def _rows(path: Path) -> Iterator[_Row]:
    """The rows of a file. The one that a crash cut off is passed over."""
    with suppress(FileNotFoundError), path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            with suppress(ValueError, TypeError):
                project, repo, branch, key, time_ms, version, key_name, presigned = json.loads(line)
                read = Read(time_ms, CommitId(version), key_name, presigned)
                yield Place(project, repo, branch, key), read

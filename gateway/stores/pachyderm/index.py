"""The index: what the commits of one PFS repo did, as local tables. Derived; safe to delete.

The tables, and all that is asked of them, are gateway/stores/timeline, as in the embedded store.
Several processes may have one file open.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import apsw

from gateway.stores.pachyderm import landing, paths
from gateway.stores.pachyderm.landing import Landing
from gateway.stores.pachyderm.words import Content, Recorded
from gateway.stores.timeline import history, lookup, rows, schema
from gateway.stores.timeline.database import Presence, ProcessLock, connect, first_row
from gateway.stores.timeline.flusher import Flusher
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import raw
from gateway.stores.timeline.queries import Queries
from gateway.stores.timeline.rows import Change
from gateway.stores.timeline.walks import Walkers
from gateway.stores.timeline.writer import Transaction, Writer
from gateway.versioning.errors import StoreError, Unavailable
from gateway.versioning.model import Commit, Json, ObjectInfo
from gateway.versioning.names import CommitId, RepoName, is_commit_id

__all__ = ["Point", "RepoIndex"]

_log = logging.getLogger(__name__)

_DAMAGED = (apsw.NotADBError, apsw.CorruptError, apsw.SQLError, StoreError)


class RepoIndex(Queries):
    """The commits of one repo. What Queries asks, and point reads on the event loop.

    reader: for the event loop's thread alone.
    """

    def __init__(self, file: Path, repo: RepoName) -> None:
        self._file = file
        self._repo = repo
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = ProcessLock(_beside(file, "lock"))
        self._presence = Presence(_beside(file, "open"))
        try:
            with self._lock.held():
                self.reader = Reader(self._prepared())
                self._presence.stay()
        except BaseException:
            self._presence.close()
            self._lock.close()
            raise
        self.walkers = Walkers(file)
        super().__init__(self.walkers)
        self._log_reader = Reader(connect(file))
        self._log_lock = threading.Lock()
        self._writer = Writer(file, self._lock, self._begin, self._landed, durable=False)
        self._flusher = Flusher(file, self._writer)

    @classmethod
    async def open(cls, file: Path, repo: RepoName) -> RepoIndex:
        """Open the index in `file`, made where it is missing, damaged or of another format.

        Raises Unavailable: the directory cannot be used, or other processes use what is damaged.
        """
        try:
            return await asyncio.to_thread(cls, file, repo)
        except OSError as error:
            raise Unavailable(f"{file} cannot be used: {error.strerror or error}") from error
        except apsw.Error as error:
            raise Unavailable(f"{file} cannot be used: {error}") from error

    async def close(self) -> None:
        """Finish what was accepted and let go of the file. Safe to call again."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._flusher.close()
        self._writer.close()
        self._walkers.close()
        with self._log_lock:
            self._log_reader.connection.close()
        self.reader.connection.close()
        self._presence.close()
        self._lock.close()

    def _prepared(self) -> apsw.Connection:
        """A connection to the tables; the caller holds the lock."""
        try:
            return self._connected()
        except _DAMAGED as error:
            if not self._presence.alone():
                raise Unavailable(
                    f"{self._file} is damaged or of another version, and other processes use it: "
                    "stop them all, then it is made anew"
                ) from error
            _log.warning("%s is made anew: %s", self._file, error)
            for name in ("", "-wal", "-shm"):
                self._file.with_name(self._file.name + name).unlink(missing_ok=True)
            return self._connected()

    def _connected(self) -> apsw.Connection:
        connection = connect(self._file)
        try:
            schema.prepare(connection, landing.TABLES, landing.FORMAT)
        except BaseException:
            connection.close()
            raise
        return connection

    # ---- writing

    async def apply(self, commits: Sequence[Recorded]) -> None:
        """Take commits, parents first, in one transaction; those that are there are passed over.

        Raises KeyError (a parent is not there: then none was taken), Unavailable. Costs about
        50 us a commit, 10 us a change, in a thread.
        """
        if not commits:
            return

        def work(tx: Transaction[Landing]) -> None:
            for recorded in commits:
                tx.batch.add(recorded)

        await self._writer.run(work)

    def _begin(self, reader: Reader) -> Landing:
        return Landing(reader, self._repo)

    def _landed(self, grown: Mapping[int, int]) -> None:
        self._flusher.landed(grown)

    # ---- commits

    @property
    def count(self) -> int:
        """How many commits there are."""
        return landing.last_number(self.reader)

    def point(self, commit: CommitId) -> Point | None:
        """Where a commit is; None where it is not there."""
        found = self.reader.point_of(bytes.fromhex(commit)) if is_commit_id(commit) else None
        return None if found is None else found[0]

    def commit_info(self, at: Point) -> Commit:
        """A commit as its record tells."""
        return history.commit_info(self.reader, at)

    def recorded(self, commit: CommitId) -> Recorded:
        """A commit as it was applied. Raises KeyError."""
        return landing.recorded(self.reader, commit)

    def since(self, number: int, limit: int) -> Sequence[tuple[int, Recorded]]:
        """Commits in the order in which they were applied, behind a number, each with its own.

        Takes about 50 us a commit: of thousands, in a thread, which this is safe for.
        """
        with self._log_lock:
            return landing.recorded_since(self._log_reader, number, limit)

    def file_set(self, commit: CommitId) -> str:
        """The file set that a commit was written from; "" where none is known."""
        return self._written("file_set", "c.id", bytes.fromhex(commit))

    def find_batch(self, batch: str) -> CommitId | None:
        """The first commit that a batch made; None where there is none."""
        found = self._written("lower(hex(c.id))", "w.batch", batch) if batch else ""
        return CommitId(found) if found else None

    def _written(self, what: str, which: str, value: str | bytes) -> str:
        row = first_row(
            self.reader.connection,
            f"SELECT {what} FROM written w JOIN commits c USING(n) "  # noqa: S608 (our own names)
            f"WHERE {which}=? ORDER BY n LIMIT 1",
            (value,),
        )
        return "" if row is None else str(row[0])

    # ---- objects

    def stat(self, at: Point, key: str) -> tuple[Change, CommitId] | None:
        """What made a key what it is: a put, or what it is absent by (`live` tells).

        None: it was never there. Cost of an absent key: one lookup a line of the history.
        """
        row = lookup.current(self.reader, at, raw(key))
        if row is None:
            return None
        return row, CommitId(self.reader.commit_at(Point(row.line, row.seq)).hex())

    def object_info(self, at: Point, key: str, version: CommitId | None = None) -> ObjectInfo:
        """The object at that state, or as `version` wrote it. Raises NoKey, NoVersion, InvalidKey.

        Its content is a words.Content.
        """
        row, commit = lookup.put(self.reader, at, key, version)
        place = first_row(
            self.reader.connection,
            "SELECT path FROM place WHERE line=? AND seq=? AND key=?",
            (row.line, row.seq, row.key),
        )
        path = paths.escape(key) if place is None else place[0]
        content = Content(
            self._repo, CommitId(commit.hex()), path, row.size, bytes(row.digest or b"")
        )
        return rows.object_info(row, commit, content, lookup.side(self.reader, row))

    def lineage(self, info: ObjectInfo) -> Json | None:
        """The lineage record of the write that made an object."""
        at = self.point(info.version)
        return None if at is None else history.lineage(self.reader, at, info.key.encode())

    def conflict(self, at: Point, key: str) -> str | None:
        """A live key that cannot be beside `key` in PFS, where it would be its folder or in it.

        Cost: a point read a folder of the key, and lookup.below: at most the changes since the
        newest tree (some thousand: milliseconds), however many objects there are.
        """
        for ancestor in paths.ancestors(key):
            row = self.reader.read(at, ancestor.encode())
            if row is not None and row.live:
                return ancestor
        return lookup.below(self.reader, at, key + "/")


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name}-{what}")

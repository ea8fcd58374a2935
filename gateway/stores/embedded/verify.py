"""Checks all that is stored: the chain, what its records commit to, contents, what is derived.

Reads a few rows at a time, so a server may go on working in the same directory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from gateway.stores.embedded.plan import change_digest
from gateway.stores.timeline import derived, finding, records, tombstones
from gateway.stores.timeline.database import all_rows, connect, first_row
from gateway.stores.timeline.history import parent_of
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.rows import COLUMNS, Change
from gateway.stores.timeline.schema import ERASED, POINT, PUT
from gateway.versioning.errors import Corrupt

FILE = "store.db"
_COMMITS_A_TURN = 200
_READ_BYTES = 1024 * 1024

Progress = Callable[[int, int, str], None]
"""Called with how much is done, of how much, and what is being checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not what was stored. where: a commit's id, a file, or a ref."""

    where: str
    problem: str


def verify(folder: Path, progress: Progress) -> list[Finding]:
    """Check a store's directory; empty when all is well. Raises Corrupt where it is no store."""
    if not (folder / FILE).exists():
        raise Corrupt(f"{folder} holds no store")
    try:
        connection = connect(folder / FILE, read_only=True)
    except apsw.Error as error:
        raise Corrupt(f"{folder / FILE} cannot be read: {error}") from error
    try:
        reader = Reader(connection)
        return [
            *_guarded("database", _database(connection, progress)),
            *_guarded("commits", _Commits(reader, progress).check()),
            *_guarded("refs", _refs(reader)),
            *_guarded("reflog", _reflog(connection)),
            *_guarded("states", _states(reader, progress)),
            *_guarded("contents", _blobs(connection, folder, progress)),
        ]
    finally:
        connection.close()


def _guarded(where: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is too broken to be read is a finding too."""
    try:
        yield from findings
    except (apsw.Error, Corrupt, ValueError) as error:
        yield Finding(where, f"it cannot be read: {error}")


def _undisturbed(
    reader: Reader, where: str, check: Callable[[], Iterable[Finding]]
) -> list[Finding]:
    """What a check found while nothing was erased: it reads more than one row."""
    while True:
        reader.refresh()
        found = list(_guarded(where, check()))
        if not found or not reader.refresh():
            return found


def _database(connection: apsw.Connection, progress: Progress) -> Iterator[Finding]:
    progress(0, 1, "database")
    for (text,) in all_rows(connection, "PRAGMA quick_check(10)"):
        if text != "ok":
            yield Finding(FILE, str(text))
    progress(1, 1, "database")


class _Commits:
    """Walks all commits in the order they were made."""

    def __init__(self, reader: Reader, progress: Progress) -> None:
        self._reader = reader
        self._connection = reader.connection
        self._progress = progress

    def check(self) -> Iterator[Finding]:
        last, total = first_row(
            self._connection, "SELECT coalesce(max(n), 0), count(*) FROM commits"
        )
        done, after = 0, 0
        self._progress(0, total, "commits")
        while rows := all_rows(
            self._connection,
            "SELECT n, id, line, seq, hash, record FROM commits "
            "WHERE n>? AND n<=? ORDER BY n LIMIT ?",
            (after, last, _COMMITS_A_TURN),
        ):
            for n, commit, line, seq, *kept in rows:
                where, at = commit.hex(), Point(line, seq)
                check = partial(self._commit, where, n, at, *kept)
                yield from _undisturbed(self._reader, where, check)
            done, after = done + len(rows), rows[-1][0]
            self._progress(done, total, "commits")

    def _commit(
        self, where: str, n: int, at: Point, full_hash: bytes, record: bytes
    ) -> Iterator[Finding]:
        if records.record_hash(record) != full_hash:
            yield Finding(where, "its record is not what was hashed")
            return
        form = records.decode(record)
        if records.commit_id(form["time"], full_hash).hex() != where:
            yield Finding(where, "its id does not follow from its record")
        yield from self._parents(where, at, form)
        yield from self._about(where, n, form)
        yield from self._changes(where, n, at, form)
        if derived.missing_entries(self._reader, at):
            yield Finding(where, "its changes are not found by key")

    def _parents(self, where: str, at: Point, form: dict[str, Any]) -> Iterator[Finding]:
        parent = parent_of(self._reader, at)
        expected = [] if parent is None else [self._hash_at(parent)]
        for line, seq in all_rows(
            self._connection,
            "SELECT src_line, src_seq FROM merge WHERE line=? AND seq=? ORDER BY src_line",
            at,
        ):
            expected.append(self._hash_at(Point(line, seq)))
        if form["parents"] != expected:
            yield Finding(where, "its parents are not the ones its record names")

    def _hash_at(self, at: Point) -> str | None:
        row = first_row(self._connection, "SELECT hash FROM commits WHERE line=? AND seq=?", at)
        return None if row is None else bytes(row[0]).hex()

    def _about(self, where: str, n: int, form: dict[str, Any]) -> Iterator[Finding]:
        row = first_row(self._connection, "SELECT salt, data FROM part WHERE n=? AND ord=0", (n,))
        if row is None or records.commitment(bytes(row[0]), bytes(row[1])).hex() != form["about"]:
            yield Finding(where, "its message or metadata are not what was committed")

    def _changes(self, where: str, n: int, at: Point, form: dict[str, Any]) -> Iterator[Finding]:
        rows = all_rows(
            self._connection,
            f"SELECT {COLUMNS} FROM change WHERE line=? AND seq=? ORDER BY key",  # noqa: S608
            at,
        )
        lineage = dict(
            self._connection.execute("SELECT ord, data FROM part WHERE n=? AND ord>0", (n,))
        )
        digests = []
        for row in map(Change._make, rows):
            if row.kind == ERASED:
                digest = self._erased_digest(where, row)
                if digest is None:
                    yield Finding(where, f"{row.key!r} was taken away and no commit says so")
                digests.append(digest or b"")
                continue
            to = self._pointed_hash(row)
            digests.append(change_digest(row, bytes(lineage.get(row.ord, b"")), to))
            if row.kind == PUT:
                yield from self._content(where, row)
        wanted = form["changes"]
        if (len(rows), records.changes_digest(digests)) != (wanted["count"], wanted["digest"]):
            yield Finding(where, "its changes or their lineage are not what was committed")
        elif finding.unfound(self._reader, n):
            yield Finding(where, "its changes are not found by their lineage")

    def _erased_digest(self, version: str, row: Change) -> bytes | None:
        """The digest of a change that was erased; None where no later commit names it."""
        left = tombstones.remains(self._reader, row)
        if left is None:
            return None
        was, commitments, by = left
        if tombstones.told(self._reader, by, row.key.decode(), version) is None:
            return None
        return commitments.change_digest(was, bool(row.nul))

    def _pointed_hash(self, row: Change) -> bytes | None:
        if row.kind != POINT or row.to_line is None or row.to_seq is None:
            return None
        found = self._hash_at(Point(row.to_line, row.to_seq))
        return None if found is None else bytes.fromhex(found)

    def _content(self, where: str, row: Change) -> Iterator[Finding]:
        """The content's row is there and is what was committed; files are hashed once, later."""
        if row.manifest is not None:
            parts = all_rows(
                self._connection,
                "SELECT body, blob, size, digest FROM manifest WHERE id=? ORDER BY ord",
                (row.manifest,),
            )
            sound = all(self._piece(*part) for part in parts)
            digest = records.manifest_digest((size, bytes(sha)) for _, _, size, sha in parts)
            sound = sound and digest == row.digest and sum(p[2] for p in parts) == row.size
        else:
            sound = row.digest is not None and self._piece(row.body, row.blob, row.size, row.digest)
        if not sound:
            key = row.key.decode(errors="replace")
            yield Finding(where, f"the content of {key!r} is not what was stored")

    def _piece(self, body: int | None, blob: int | None, size: int, digest: bytes) -> bool:
        if body is not None:
            row = first_row(self._connection, "SELECT data FROM body WHERE id=?", (body,))
            return row is not None and hashlib.sha256(row[0]).digest() == digest
        row = first_row(self._connection, "SELECT sha, size FROM blob WHERE id=?", (blob,))
        return row is not None and (bytes(row[0]), row[1]) == (digest, size)


def _refs(reader: Reader) -> Iterator[Finding]:
    rows = all_rows(
        reader.connection,
        "SELECT p.name, r.name FROM ref r JOIN repo p ON p.repo=r.repo "
        "LEFT JOIN commits c ON c.line=r.line AND c.seq=r.seq WHERE c.id IS NULL",
    )
    for repo, name in rows:
        yield Finding(f"{name}.{repo}", "the commit it names is missing")
    rows = all_rows(
        reader.connection,
        "SELECT p.name, r.name FROM ref r JOIN repo p ON p.repo=r.repo WHERE r.kind='tag' AND "
        "(r.line, r.seq) IS NOT (SELECT to_line, to_seq FROM reflog g "
        "WHERE g.repo=r.repo AND g.name=r.name ORDER BY n DESC LIMIT 1)",
    )
    for repo, name in rows:
        yield Finding(f"{name}.{repo}", "the tag is not where it was put")
    rows = all_rows(
        reader.connection,
        "SELECT l.line, l.tip, (SELECT max(seq) FROM commits c WHERE c.line=l.line) FROM line l",
    )
    for line, tip, newest in rows:
        if tip != (newest or 0):
            yield Finding(f"line {line}", "commits at its end are missing")


def _states(reader: Reader, progress: Progress) -> Iterator[Finding]:
    lines = derived.lines(reader)
    for done, line in enumerate(lines):
        progress(done, len(lines), "states")
        yield from _undisturbed(reader, f"line {line}", partial(_states_of, reader, line))
    progress(len(lines), len(lines), "states")


def _states_of(reader: Reader, line: int) -> Iterator[Finding]:
    for seq in derived.unsound_states(reader, line):
        yield Finding(f"line {line}", f"its state at {seq} is not what its changes lead to")


def _reflog(connection: apsw.Connection) -> Iterator[Finding]:
    names = "n, repo, name, action, from_line, from_seq, to_line, to_seq, who, at"
    previous = records.NO_HASH
    rows = all_rows(connection, f"SELECT {names}, hash FROM reflog ORDER BY n")  # noqa: S608
    for *values, stored in rows:
        move = dict(zip(names.split(", "), values, strict=True))
        if records.reflog_hash(previous, move) != stored:
            yield Finding(f"move {move['n']} of {move['name']}", "it is not what was logged")
        previous = stored


def _blobs(connection: apsw.Connection, folder: Path, progress: Progress) -> Iterator[Finding]:
    rows = all_rows(connection, "SELECT file, sha, size FROM blob ORDER BY id")
    total = sum(size for _, _, size in rows)
    done = 0
    progress(0, total, "contents")
    for file, sha, size in rows:
        digest = hashlib.sha256()
        try:
            with (folder / file).open("rb") as opened:
                while block := opened.read(_READ_BYTES):
                    digest.update(block)
                    done += len(block)
                    progress(done, total, "contents")
        except FileNotFoundError:
            if first_row(connection, "SELECT 1 FROM blob WHERE file=?", (file,)) is not None:
                yield Finding(file, "the file is missing")  # and not scrubbed meanwhile
            continue
        if digest.digest() != sha:
            yield Finding(file, f"its bytes are not the {size} that were stored")

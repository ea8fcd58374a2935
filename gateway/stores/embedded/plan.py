"""The rows of one transaction's commits, on their way into the tables all in one go."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.stores.embedded.blobs import Staged
from gateway.stores.embedded.contents import Content
from gateway.stores.timeline import finding, lookup, records, tombstones
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.records import Commitments
from gateway.stores.timeline.rows import INSERT, Change, attributes_form, side_rows
from gateway.stores.timeline.schema import DELETE, POINT, PUT
from gateway.versioning.model import NOTHING, About, Delete, Json, Put, Tombstone
from gateway.versioning.names import RepoName
from gateway.versioning.terms import terms


@dataclass(frozen=True, slots=True)
class Branch:
    """Which branch a commit is for. repo: its number in this store."""

    repo: int
    repo_name: RepoName
    name: str


@dataclass(frozen=True, slots=True)
class Back:
    """A key is again what an earlier change made it; None: as if it had never been."""

    to: Change | None


@dataclass(frozen=True, slots=True)
class Merged:
    """A commit that becomes a second parent. hash: the full one."""

    at: Point
    hash: bytes


@dataclass(frozen=True, slots=True)
class Worded:
    """A change with everything about it that can fail to be encoded already encoded."""

    wish: Put | Delete | Back
    key: bytes
    lineage: bytes
    terms: frozenset[bytes]
    attrs: str = ""
    side: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> int:
        """Of the row."""
        if isinstance(self.wish, Put):
            return PUT
        return DELETE if isinstance(self.wish, Delete) and self.wish.marker else POINT


@dataclass(frozen=True, slots=True)
class _Planned:
    """A commit whose rows are planned. number: its n."""

    number: int
    id: bytes
    at: Point
    hash: bytes
    record: bytes
    branch: Branch


def worded(wish: Put | Delete | Back, key: bytes) -> Worded:
    """Encode what stands beside a change's content. Raises TypeError, ValueError: no JSON."""
    record = NOTHING if isinstance(wish, Back) else wish.lineage
    lineage, found_by = records.canonical(dict(record)), terms(record)
    if not isinstance(wish, Put):
        return Worded(wish, key, lineage, found_by)
    if not isinstance(wish.content, Staged | Content):
        raise TypeError(f"the content of {wish.key!r} is none of this store's")
    side = tuple(side_rows(wish.side))
    return Worded(wish, key, lineage, found_by, attributes_form(wish.attributes), side)


def about_words(about: About, erased: Sequence[Tombstone] = ()) -> bytes:
    """What a commit's record holds a commitment to of its own words."""
    metadata = dict(about.metadata)
    return records.canonical(
        {"message": about.message, "metadata": metadata, **tombstones.words(erased)}
    )


class Plan:
    """Rows that are not in the tables yet, and the numbers they take."""

    def __init__(self, reader: Reader, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._clock = clock
        self.forget()

    def forget(self) -> None:
        """Drop the rows, and what is known of the tables."""
        self._counters: dict[str, int] = {}
        self._last_ms = 0
        self._clear()

    def _clear(self) -> None:
        self._newest: dict[tuple[int, bytes], Change] = {}
        self._changes: list[Change] = []
        self._commits: list[_Planned] = []
        self._parts: list[tuple[int, int, bytes | None, bytes]] = []
        self._found: list[finding.FoundRow] = []
        self._merges: list[tuple[int, int, int, int]] = []
        self._bodies: list[tuple[int, bytes]] = []
        self._blobs: dict[bytes, tuple[int, bytes, str, int]] = {}
        self._sides: list[tuple[int, int, bytes, str, str]] = []

    # ---- what is planned

    def newest(self, line: int, key: bytes) -> Change | None:
        """The newest planned change of a key on a line."""
        return self._newest.get((line, key))

    def side_of(self, row: Change) -> Json:
        """The side state of a version, planned or in the tables."""
        if self._newest.get((row.line, row.key)) != row:
            return lookup.side(self._reader, row)
        place = row[:3]
        return {
            name: json.loads(value)
            for line, seq, key, name, value in self._sides
            if (line, seq, key) == place
        }

    def commit_of(self, at: Point) -> bytes:
        """The id of a commit, planned or in the tables."""
        for planned in reversed(self._commits):
            if planned.at == at:
                return planned.id
        return self._reader.commit_at(at)

    # ---- planning

    def add(
        self,
        branch: Branch,
        at: Point,
        parent: bytes | None,
        changes: Sequence[Worded],
        about: About,
        *,
        erased: Sequence[Tombstone] = (),
        merged: Merged | None = None,
    ) -> tuple[_Planned, dict[bytes, Change], int]:
        """Plan a commit: it, its rows by key, and its time. parent: full hash.

        Times never go back, whatever the clock does.
        """
        words, salt = about_words(about, erased), records.new_salt()
        time_ms = self._time()
        number = self._next("commits", "n")
        rows: dict[bytes, Change] = {}
        digests = []
        for ord_, change in enumerate(sorted(changes, key=lambda one: one.key), start=1):
            row = rows[change.key] = self._row(at, ord_, change, time_ms)
            digests.append(change_digest(row, change.lineage, self._hash_pointed_at(row)))
            self._parts.append((number, ord_, None, change.lineage))
            self._found += finding.rows(branch.repo, number, ord_, change.terms)
            self._sides += [(*at, row.key, *one) for one in change.side]
        self._parts.append((number, 0, salt, words))
        record = records.encode(
            repo=str(branch.repo_name),
            branch=branch.name,
            time_ms=time_ms,
            kind=about.kind,
            author=about.author,
            parents=[one for one in (parent, merged and merged.hash) if one],
            about=records.commitment(salt, words),
            changes=digests,
            count=len(rows),
        )
        full_hash = records.record_hash(record)
        commit = records.commit_id(time_ms, full_hash)
        planned = _Planned(number, commit, at, full_hash, record, branch)
        self._commits.append(planned)
        if merged is not None:
            self._merges.append((*at, *merged.at))
        self._changes += rows.values()
        self._newest.update(((at.line, key), row) for key, row in rows.items())
        return planned, rows, time_ms

    def _row(self, at: Point, ord_: int, change: Worded, time_ms: int) -> Change:
        wish = change.wish
        content = self._content(wish.content) if isinstance(wish, Put) else None
        to = wish.to if isinstance(wish, Back) else None
        return Change(
            line=at.line,
            seq=at.seq,
            key=change.key,
            ord=ord_,
            kind=change.kind,
            nul=0 if isinstance(wish, Back) else int(wish.null),
            body=None if content is None else content.body,
            blob=None if content is None else content.blob,
            manifest=None if content is None else content.manifest,
            size=wish.size if isinstance(wish, Put) else 0,
            mtime=time_ms,
            etag=wish.etag if isinstance(wish, Put) else "",
            digest=None if content is None else content.digest,
            attrs=change.attrs,
            same_as=wish.same_as if isinstance(wish, Put) else None,
            origin=bytes.fromhex(wish.origin) if isinstance(wish, Put) and wish.origin else None,
            to_line=None if to is None else to.line,
            to_seq=None if to is None else to.seq,
            salt=records.new_salt(),
        )

    def _hash_pointed_at(self, row: Change) -> bytes | None:
        if row.to_line is None:
            return None
        (found,) = first_row(
            self._reader.connection,
            "SELECT hash FROM commits WHERE line=? AND seq=?",
            (row.to_line, row.to_seq),
        )
        return bytes(found)

    def _content(self, given: Staged | Content) -> Content:
        """Where the bytes are: those of a staged body get their row; a copy shares."""
        if isinstance(given, Content):
            return given
        if given.file is None:
            return Content(given.digest, body=self.body(given.data or b""))
        return Content(given.digest, blob=self.blob(given)[0])

    def blob(self, given: Staged) -> tuple[int, bool]:
        """The row of a staged file, and whether that row names this very file.

        A hit counts only on a row that is committed or planned here: a file that is merely there
        may be another process's, whose name is not durable yet.
        """
        assert given.file is not None
        row = first_row(
            self._reader.connection, "SELECT id, file FROM blob WHERE sha=?", (given.digest,)
        )
        if row is not None:
            return int(row[0]), row[1] == given.file
        pending = self._blobs.get(given.digest)
        if pending is not None:
            return pending[0], pending[2] == given.file
        blob = self._next("blob", "id")
        self._blobs[given.digest] = (blob, given.digest, given.file, given.size)
        return blob, True

    def body(self, data: bytes) -> int:
        """The row of a small content."""
        body = self._next("body", "id")
        self._bodies.append((body, data))
        return body

    def _next(self, table: str, column: str) -> int:
        """The next id; the write lock is ours, so nobody else takes it."""
        last = self._counters.get(table)
        if last is None:
            last = last_number(self._reader, table, column)
        self._counters[table] = last + 1
        return last + 1

    def _time(self) -> int:
        """Now, but not before the last commit."""
        if not self._last_ms:
            row = first_row(
                self._reader.connection, "SELECT id FROM commits ORDER BY n DESC LIMIT 1"
            )
            self._last_ms = records.id_time(row[0]) if row else 0
        self._last_ms = max(self._clock(), self._last_ms)
        return self._last_ms

    # ---- writing

    def flush(self) -> None:
        """Write what is planned into the tables, each in one go, and move the refs."""
        if not self._commits:
            return
        many = self._reader.connection.executemany
        many("INSERT INTO body(id, data) VALUES(?, ?)", self._bodies)
        many("INSERT INTO blob(id, sha, file, size) VALUES(?, ?, ?, ?)", self._blobs.values())
        many(INSERT, self._changes)
        many(
            "INSERT INTO entry(line, key, seq) VALUES(?, ?, ?)",
            [(row.line, row.key, row.seq) for row in self._changes],
        )
        many("INSERT INTO part(n, ord, salt, data) VALUES(?, ?, ?, ?)", self._parts)
        many(finding.INSERT, self._found)
        many("INSERT INTO merge(line, seq, src_line, src_seq) VALUES(?, ?, ?, ?)", self._merges)
        many("INSERT INTO side(line, seq, key, name, value) VALUES(?, ?, ?, ?, ?)", self._sides)
        many(
            "INSERT INTO commits(n, id, line, seq, hash, record) VALUES(?, ?, ?, ?, ?, ?)",
            [(one.number, one.id, *one.at, one.hash, one.record) for one in self._commits],
        )
        heads = {(one.branch.repo, one.branch.name): one.at for one in self._commits}
        many(
            "UPDATE ref SET line=?, seq=? WHERE repo=? AND name=?",
            [(*at, *ref) for ref, at in heads.items()],
        )
        tips = {one.at.line: one.at.seq for one in self._commits}  # the last of a line is its tip
        many("UPDATE line SET tip=? WHERE line=?", [(seq, line) for line, seq in tips.items()])
        self._clear()


def last_number(reader: Reader, table: str, column: str = "id") -> int:
    """The highest number of a table's rows that there ever was.

    None is given out twice, though its row was scrubbed: who holds an old handle of a content must
    not read another's.
    """
    (last,) = first_row(
        reader.connection,
        f"SELECT max(coalesce((SELECT max({column}) FROM {table}), 0), "  # noqa: S608 (our names)
        "coalesce((SELECT value FROM meta WHERE name=?), 0))",
        (f"last_{table}",),
    )
    return int(last)


def change_digest(row: Change, lineage: bytes, to: bytes | None) -> bytes:
    """The digest of one change as its commit's record holds it. to: see attribute_bytes."""
    return commitments_of(row, lineage, to).change_digest(row.kind, bool(row.nul))


def commitments_of(row: Change, lineage: bytes, to: bytes | None) -> Commitments:
    """What a change is bound by. lineage: its record; to: see attribute_bytes."""
    parts = records.ChangeParts(
        kind=row.kind,
        nul=bool(row.nul),
        key=row.key,
        digest=row.digest or b"",
        attributes=records.attribute_bytes(
            size=row.size,
            mtime=row.mtime,
            etag=row.etag,
            attrs=row.attrs,
            same_as=row.same_as,
            origin=row.origin,
            to=to,
        ),
        lineage=lineage,
    )
    return records.commitments(row.salt, parts)

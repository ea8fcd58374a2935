"""Commits of PFS as rows of the index, and back as they were.

The tables are those of a history (timeline/schema.py) with two beside them. Nothing here is judged
or made: ids and times are PFS's, and the commit's own record is in PFS, so the rows have no salts
and the record commits to nothing.
"""

from __future__ import annotations

import json
from typing import Any

from gateway.stores.pachyderm.record import merged
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.stores.timeline import finding, records, schema
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.history import parent_of
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.materialise import begin_line, fork
from gateway.stores.timeline.rows import INSERT, Change, attributes, attributes_form, side_rows
from gateway.versioning.model import NOTHING, ChangeKind
from gateway.versioning.names import CommitId, RepoName
from gateway.versioning.terms import terms

FORMAT = 4
"""Raised with any change here or in timeline/schema.py; an index of another format is made anew."""

TABLES = """
-- What a commit of ours was written by: its batch, and the file set it was written from.
CREATE TABLE written(
    n INTEGER PRIMARY KEY,
    batch TEXT NOT NULL,
    file_set TEXT NOT NULL
) STRICT;
CREATE INDEX written_batch ON written(batch);

-- Where a change's file is, when that is not the key's own path.
CREATE TABLE place(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key BLOB NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY(line, seq, key)
) STRICT, WITHOUT ROWID;
"""

REPO = 1
"""The number of the repo in a file, which holds one."""

_KINDS = {
    ChangeKind.PUT: schema.PUT,
    ChangeKind.DELETE: schema.DELETE,
    ChangeKind.POINT: schema.POINT,
}
_CHANGE_KINDS = {number: kind for kind, number in _KINDS.items()}


class Landing:
    """The commits of one transaction (writer.Pending): rows on their way in, all in one go."""

    first_id = None  # its transactions are known by their mark

    def __init__(self, reader: Reader, repo: RepoName) -> None:
        self._reader = reader
        self._repo = str(repo)
        self.grown: dict[int, int] = {}
        self.forget()

    def forget(self) -> None:
        """Drop the rows, and what is known of the tables."""
        self._points: dict[bytes, Point] = {}
        self._tips: dict[int, int] = {}
        self._last: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._commits: list[tuple[int, bytes, int, int, bytes, bytes]] = []
        self._changes: list[Change] = []
        self._parts: list[tuple[int, int, bytes]] = []
        self._found: list[finding.FoundRow] = []
        self._written: list[tuple[int, str, str]] = []
        self._places: list[tuple[int, int, bytes, str]] = []
        self._sides: list[tuple[int, int, bytes, str, str]] = []
        self._merges: list[tuple[int, int, int, int]] = []
        self._moved: dict[int, int] = {}

    def add(self, recorded: Recorded) -> None:
        """Take a commit; one that is there already is passed over. Raises KeyError: its parent."""
        commit = bytes.fromhex(recorded.id)
        if self._point(commit) is not None:
            return
        at = self._place(recorded.parent)
        number = self._number()
        # Where two files have one key (a name that is no path of ours), the last one counts.
        changes = {change.key: change for change in recorded.changes}
        record = records.encode(
            repo=self._repo,
            branch=recorded.branch,
            time_ms=recorded.time_ms,
            kind=recorded.kind,
            author=recorded.author,
            parents=(),
            about=b"",
            changes=(),
            count=len(changes),
        )
        words = {"message": recorded.message, "metadata": dict(recorded.metadata)}
        self._commits.append((number, commit, *at, records.record_hash(record), record))
        self._parts.append((number, 0, records.canonical(words)))
        second = merged(recorded)
        brought = None if second is None else self._point(bytes.fromhex(second))
        if brought is not None:
            self._merges.append((*at, *brought))
        if recorded.batch or recorded.file_set:
            self._written.append((number, recorded.batch, recorded.file_set))
        for ord_, change in enumerate(changes.values(), start=1):
            row = _row(at, ord_, recorded.time_ms, change)
            self._changes.append(row)
            self._parts.append((number, ord_, records.canonical(dict(change.lineage))))
            self._found += finding.rows(REPO, number, ord_, terms(change.lineage))
            if change.path is not None:
                self._places.append((*at, row.key, change.path))
            self._sides += [(*at, row.key, *one) for one in side_rows(change.side)]
        self._points[commit] = at
        self._tips[at.line] = self._moved[at.line] = at.seq
        self.grown[at.line] = self.grown.get(at.line, 0) + len(changes)

    def flush(self) -> None:
        """Write the rows, each table in one go."""
        if not self._commits:
            return
        many = self._reader.connection.executemany
        many(
            "INSERT INTO commits(n, id, line, seq, hash, record) VALUES(?,?,?,?,?,?)", self._commits
        )
        many(INSERT, self._changes)
        many(
            "INSERT INTO entry(line, key, seq) VALUES(?, ?, ?)",
            [(row.line, row.key, row.seq) for row in self._changes],
        )
        many("INSERT INTO part(n, ord, data) VALUES(?, ?, ?)", self._parts)
        many(finding.INSERT, self._found)
        many("INSERT INTO merge(line, seq, src_line, src_seq) VALUES(?, ?, ?, ?)", self._merges)
        many("INSERT INTO written(n, batch, file_set) VALUES(?, ?, ?)", self._written)
        many("INSERT INTO place(line, seq, key, path) VALUES(?, ?, ?, ?)", self._places)
        many("INSERT INTO side(line, seq, key, name, value) VALUES(?, ?, ?, ?, ?)", self._sides)
        tips = [(seq, line) for line, seq in self._moved.items()]
        many("UPDATE line SET tip=? WHERE line=?", tips)
        self._clear()

    def _place(self, parent: CommitId | None) -> Point:
        """Where a commit goes: on behind its parent, or on a new line where another one did."""
        if parent is None:
            return Point(begin_line(self._reader, REPO), 1)
        before = self._point(bytes.fromhex(parent))
        if before is None:
            raise KeyError(parent)
        if before.seq == self._tip(before.line):
            return Point(before.line, before.seq + 1)
        self.flush()
        return Point(fork(self._reader, REPO, before), 1)

    def _point(self, commit: bytes) -> Point | None:
        known = self._points.get(commit)
        if known is None:
            found = self._reader.point_of(commit)
            known = None if found is None else found[0]
        return known

    def _tip(self, line: int) -> int:
        tip = self._tips.get(line)
        if tip is None:
            (tip,) = first_row(
                self._reader.connection, "SELECT tip FROM line WHERE line=?", (line,)
            )
            self._tips[line] = tip
        return tip

    def _number(self) -> int:
        """The next n; the write lock is ours, so nobody else takes it."""
        if self._last is None:
            self._last = last_number(self._reader)
        self._last += 1
        return self._last


def last_number(reader: Reader) -> int:
    """The n of the newest commit: how many there are, as none ever goes."""
    row = first_row(reader.connection, "SELECT n FROM commits ORDER BY n DESC LIMIT 1")
    return 0 if row is None else int(row[0])


_COMMIT = (
    "SELECT c.n, c.id, c.line, c.seq, c.record, p.data, w.batch, w.file_set FROM commits c "
    "LEFT JOIN part p ON p.n=c.n AND p.ord=0 LEFT JOIN written w ON w.n=c.n "
)


def recorded(reader: Reader, commit: CommitId) -> Recorded:
    """A commit as it was applied. Raises KeyError."""
    row = first_row(reader.connection, _COMMIT + "WHERE c.id=?", (bytes.fromhex(commit),))
    if row is None:
        raise KeyError(commit)
    return _recorded(reader, row)[1]


def recorded_since(reader: Reader, number: int, limit: int) -> list[tuple[int, Recorded]]:
    """Commits in the order in which they were applied, those behind a number, with theirs."""
    rows = all_rows(
        reader.connection, _COMMIT + "WHERE c.n>? ORDER BY c.n LIMIT ?", (number, limit)
    )
    return [_recorded(reader, row) for row in rows]


def _row(at: Point, ord_: int, time_ms: int, change: Written) -> Change:
    return Change(
        *at,
        key=change.key.encode(),
        ord=ord_,
        kind=_KINDS[change.kind],
        nul=int(change.null),
        body=None,
        blob=None,
        manifest=None,
        size=change.size,
        mtime=time_ms,
        etag=change.etag,
        digest=change.digest,
        attrs=attributes_form(change.attributes),
        same_as=change.same_as,
        origin=None,
        to_line=None,
        to_seq=None,
        salt=b"",
    )


def _recorded(reader: Reader, row: tuple[Any, ...]) -> tuple[int, Recorded]:
    n, commit, line, seq, record, about, batch, file_set = row
    form, words = records.decode(record), json.loads(about)
    parent = parent_of(reader, Point(line, seq))
    changes = all_rows(
        reader.connection,
        "SELECT c.key, c.kind, c.size, c.etag, c.digest, c.attrs, c.same_as, c.nul, p.data, l.path,"
        "(SELECT json_group_object(name, json(value)) FROM side s "
        "WHERE s.line=c.line AND s.seq=c.seq AND s.key=c.key) "
        "FROM change c LEFT JOIN part p ON p.n=? AND p.ord=c.ord "
        "LEFT JOIN place l ON l.line=c.line AND l.seq=c.seq AND l.key=c.key "
        "WHERE c.line=? AND c.seq=? ORDER BY c.ord",
        (n, line, seq),
    )
    return n, Recorded(
        id=CommitId(commit.hex()),
        parent=None if parent is None else CommitId(reader.commit_at(parent).hex()),
        branch=form["branch"],
        time_ms=form["time"],
        kind=form["kind"],
        author=form["author"],
        message=words["message"],
        metadata=words["metadata"] or NOTHING,
        changes=tuple(_change(row) for row in changes),
        batch=batch or "",
        file_set=file_set or "",
    )


def _change(row: tuple[Any, ...]) -> Written:
    key, kind, size, etag, digest, attrs, same_as, nul, lineage, path, side = row
    return Written(
        key=key.decode(),
        kind=_CHANGE_KINDS[kind],
        size=size,
        etag=etag,
        digest=digest,
        attributes=attributes(attrs),
        same_as=same_as,
        null=bool(nul),
        lineage=json.loads(lineage) or NOTHING,
        path=path,
        side=json.loads(side) or NOTHING,
    )

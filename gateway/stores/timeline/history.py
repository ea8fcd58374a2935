"""History: the versions of keys, and the log of commits, along first parents."""

from __future__ import annotations

import heapq
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.stores.timeline import lookup, records, tombstones
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import BEHIND_ALL, first_position, raw, rolled_up, successor
from gateway.stores.timeline.rows import COLUMNS, Change
from gateway.stores.timeline.schema import DELETE, PUT
from gateway.versioning.errors import Corrupt
from gateway.versioning.model import NOTHING, ChangeInfo, ChangeKind, Commit, Version, VersionPage
from gateway.versioning.names import CommitId, RepoName

_VERSIONS_A_TURN = 500


def versions(
    reader: Reader,
    at: Point,
    *,
    prefix: str,
    after_key: str,
    after_version: Point | None,
    limit: int,
    delimiter: str,
) -> VersionPage:
    """A page of the history behind `at`. See Store.versions."""
    chain = list(reader.chain(at))
    shown: list[Version] = []
    prefixes: list[str] = []
    if after_key and after_version is not None:
        start: str | None = max(after_key, prefix)
    else:
        start = first_position(prefix, after_key, delimiter)
    while start is not None:
        following: str | None = None
        for key in _keys(reader, chain, start):
            if not key.startswith(prefix):
                break
            rolled = rolled_up(key, prefix, delimiter)
            behind = after_version if key == after_key else None
            rows = _key_versions(reader, at, chain, key, behind)
            if rolled is not None:
                if next(rows, None) is None:
                    continue
                if len(shown) + len(prefixes) >= limit:
                    return _cut(shown, prefixes)
                prefixes.append(rolled)
                following = successor(rolled)
                break
            for row in rows:
                if len(shown) + len(prefixes) >= limit:
                    return _cut(shown, prefixes)
                shown.append(row)
        start = following
    return VersionPage(tuple(shown), tuple(prefixes))


def _cut(shown: list[Version], prefixes: list[str]) -> VersionPage:
    """A full page; it goes on behind its last row, which is the greater of the two kinds'."""
    if not shown and not prefixes:
        return VersionPage((), ())
    last = shown[-1] if shown else None
    if prefixes and (last is None or prefixes[-1] > last.key):
        return VersionPage(tuple(shown), tuple(prefixes), prefixes[-1], None)
    assert last is not None
    return VersionPage(tuple(shown), tuple(prefixes), last.key, last.version)


def _keys(reader: Reader, chain: list[Point], start: str) -> Iterator[str]:
    """Keys >= start that any line of the chain has written, ascending, each once."""
    waiting: list[tuple[bytes, int]] = []
    for at, point in enumerate(chain):
        if (key := _next_key(reader, point.line, raw(start), ">=")) is not None:
            waiting.append((key, at))
    heapq.heapify(waiting)
    while waiting:
        key = waiting[0][0]
        yield key.decode()
        while waiting and waiting[0][0] == key:
            at = waiting[0][1]
            if (more := _next_key(reader, chain[at].line, key, ">")) is None:
                heapq.heappop(waiting)
            else:
                heapq.heapreplace(waiting, (more, at))


def _next_key(reader: Reader, line: int, key: bytes, than: str) -> bytes | None:
    row = first_row(
        reader.connection,
        f"SELECT key FROM entry WHERE line=? AND key{than}? ORDER BY key LIMIT 1",  # noqa: S608
        (line, key),
    )
    return None if row is None else row[0]


def _key_versions(
    reader: Reader, at: Point, chain: list[Point], key: str, behind: Point | None
) -> Iterator[Version]:
    """The versions of one key, newest first; behind: only those after that one."""
    current = lookup.current(reader, at, key.encode())
    for change in _shown(reader, at, chain, key.encode(), behind):
        place = Point(change.line, change.seq)
        yield Version(
            key=key,
            version=CommitId(reader.commit_at(place).hex()),
            latest=current is not None and place == (current.line, current.seq),
            marker=change.kind == DELETE,
            size=change.size,
            etag=change.etag,
            modified_ms=change.mtime,
            null=bool(change.nul),
        )


def shown(reader: Reader, at: Point, key: bytes) -> Iterator[Change]:
    """The puts and delete markers of a key that `versions` shows, newest first."""
    return _shown(reader, at, list(reader.chain(at)), key, None)


def _shown(
    reader: Reader, at: Point, chain: list[Point], key: bytes, behind: Point | None
) -> Iterator[Change]:
    """Puts and deletes, but of those that are `null` the newest alone, whatever became of it."""
    null_is_newer: bool | None = False if behind is None else None
    for change in _key_changes(reader, _older(chain, behind), key):
        if change.nul:
            if null_is_newer is None:
                newest = lookup.newest_null(reader, at, key)
                null_is_newer = newest is not None and newest != change
            if null_is_newer:
                continue
            null_is_newer = True
        if change.kind in (PUT, DELETE):
            yield change


def shows_anything(reader: Reader, at: Point) -> bool:
    """Whether `versions` has anything to show. Cost: at worst all changes of the history."""
    chain = list(enumerate(reader.chain(at)))
    history = ",".join("(?,?,?)" for _ in chain)
    row = first_row(
        reader.connection,
        f"WITH history(age, line, upto) AS (VALUES {history}) "  # noqa: S608 (question marks)
        "SELECT 1 FROM history h JOIN change c ON c.line=h.line AND c.seq<=h.upto "
        "WHERE c.kind IN (1, 2) AND (c.nul=0 OR NOT EXISTS("
        "SELECT 1 FROM history g JOIN entry e ON e.line=g.line AND e.key=c.key AND e.seq<=g.upto "
        "JOIN change d ON d.line=e.line AND d.seq=e.seq AND d.key=e.key WHERE d.nul=1 "
        "AND (g.age<h.age OR g.age=h.age AND e.seq>c.seq))) LIMIT 1",
        [value for age, point in chain for value in (age, *point)],
    )
    return row is not None


def _key_changes(reader: Reader, chain: Iterable[Point], key: bytes) -> Iterator[Change]:
    """All changes of a key, newest first, a bounded number at a time."""
    for line, seq in chain:
        upto = seq
        while True:
            rows = all_rows(
                reader.connection,
                f"SELECT {COLUMNS} FROM change WHERE line=?1 AND key=?2 AND seq IN ("  # noqa: S608
                "SELECT seq FROM entry WHERE line=?1 AND key=?2 AND seq<=?3 "
                f"ORDER BY seq DESC LIMIT {_VERSIONS_A_TURN}) ORDER BY seq DESC",
                (line, key, upto),
            )
            yield from map(Change._make, rows)
            if len(rows) < _VERSIONS_A_TURN:
                break
            upto = rows[-1][1] - 1


def _older(chain: Iterable[Point], than: Point | None) -> Iterator[Point]:
    """The part of a history that is older than one of its commits; all of it for None."""
    for point in chain:
        if than is None:
            yield point
        elif point.line == than.line:
            yield Point(point.line, min(point.seq, than.seq - 1))
            than = None


def log(
    reader: Reader, at: Point, *, path: str | None, after: Point | None, limit: int
) -> list[Commit]:
    """Commits from `at` back, newest first. See Store.log."""
    found: list[Commit] = []
    for point in _older(reader.chain(at), after):
        if len(found) >= limit:
            break
        seqs = _log_seqs(reader, point, path, limit - len(found))
        found += [commit_info(reader, Point(point.line, seq)) for seq in seqs]
    return found


def _log_seqs(reader: Reader, upto: Point, path: str | None, limit: int) -> list[int]:
    """The newest commits of a line up to a point, or of those that touched a path."""
    if not path:
        return list(range(upto.seq, max(upto.seq - limit, 0), -1))
    if path.endswith("/"):
        end = successor(path)
        found = all_rows(
            reader.connection,
            "SELECT DISTINCT seq FROM entry WHERE line=? AND key>=? AND key<? AND seq<=? "
            "ORDER BY seq DESC LIMIT ?",
            (upto.line, raw(path), raw(end) if end else BEHIND_ALL, upto.seq, limit),
        )
    else:
        found = all_rows(
            reader.connection,
            "SELECT seq FROM entry WHERE line=? AND key=? AND seq<=? ORDER BY seq DESC LIMIT ?",
            (upto.line, raw(path), upto.seq, limit),
        )
    return [seq for (seq,) in found]


def commit_info(reader: Reader, at: Point) -> Commit:
    """A commit as its record and its own words tell."""
    row = first_row(
        reader.connection,
        "SELECT c.id, c.record, p.data FROM commits c LEFT JOIN part p ON p.n=c.n AND p.ord=0 "
        "WHERE c.line=? AND c.seq=?",
        at,
    )
    if row is None:
        raise Corrupt(f"commit {at.seq} of line {at.line} is missing")
    commit, record, about = row
    form = records.decode(record)
    words: dict[str, Any] = json.loads(about) if about else {}
    return Commit(
        id=CommitId(commit.hex()),
        repo=_repo_name(form["repo"]),
        branch=form["branch"],
        parents=tuple(CommitId(one.hex()) for one in _parents(reader, at)),
        kind=form["kind"],
        author=form["author"],
        message=words.get("message", ""),
        time_ms=form["time"],
        metadata=words.get("metadata", NOTHING),
        change_count=form["changes"]["count"],
        erased=tombstones.listed(words),
    )


def as_of(reader: Reader, at: Point, time_ms: int) -> CommitId | None:
    """The newest commit behind `at`, along first parents, that is no younger; None: all are."""
    for line, upto in reader.chain(at):
        # Times never go back along a line.
        seq = bisect_right(range(1, upto + 1), time_ms, key=lambda one: _time(reader, line, one))
        if seq:
            return CommitId(reader.commit_at(Point(line, seq)).hex())
    return None


def _time(reader: Reader, line: int, seq: int) -> int:
    (record,) = first_row(
        reader.connection, "SELECT record FROM commits WHERE line=? AND seq=?", (line, seq)
    )
    return int(records.decode(record)["time"])


def parent_of(reader: Reader, at: Point) -> Point | None:
    """The first parent; None for the first commit of a history."""
    if at.seq > 1:
        return Point(at.line, at.seq - 1)
    return reader.line(at.line).hist


def _parents(reader: Reader, at: Point) -> Iterator[bytes]:
    first = parent_of(reader, at)
    if first is not None:
        yield reader.commit_at(first)
    merged = all_rows(
        reader.connection,
        "SELECT src_line, src_seq FROM merge WHERE line=? AND seq=? ORDER BY src_line",
        at,
    )
    for line, seq in merged:
        yield reader.commit_at(Point(line, seq))


def changes(reader: Reader, at: Point, after: str, limit: int) -> list[ChangeInfo]:
    """What a commit changed, by key, with the lineage of each write."""
    rows = all_rows(
        reader.connection,
        "SELECT c.key, c.kind, c.size, c.etag, p.data FROM change c "
        "JOIN commits m ON m.line=c.line AND m.seq=c.seq "
        "LEFT JOIN part p ON p.n=m.n AND p.ord=c.ord "
        "WHERE c.line=? AND c.seq=? AND c.key>? ORDER BY c.key LIMIT ?",
        (*at, raw(after), limit),
    )
    kinds = (ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.ERASED, ChangeKind.POINT)
    return [
        ChangeInfo(key.decode(), kinds[kind - 1], size, etag, json.loads(data) if data else None)
        for key, kind, size, etag, data in rows
    ]


def lineage(reader: Reader, at: Point, key: bytes) -> dict[str, Any] | None:
    """The lineage record of that commit's write of `key`; None where it was erased."""
    row = first_row(
        reader.connection,
        "SELECT p.data FROM change c JOIN commits m ON m.line=c.line AND m.seq=c.seq "
        "JOIN part p ON p.n=m.n AND p.ord=c.ord WHERE c.line=? AND c.seq=? AND c.key=?",
        (*at, key),
    )
    if row is None or not row[0]:
        return None
    form: dict[str, Any] = json.loads(row[0])
    return form


def _repo_name(text: str) -> RepoName:
    name, _, project = text.partition(".")
    return RepoName(name, project) if project else RepoName(name)

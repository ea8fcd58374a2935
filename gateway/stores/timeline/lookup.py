"""What one key is at one state, in the words of the domain. Point reads."""

from __future__ import annotations

import json

from gateway.stores.timeline import tombstones, tree
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import BEHIND_ALL, raw, successor
from gateway.stores.timeline.rows import Change
from gateway.stores.timeline.schema import DELETE, ERASED, POINT
from gateway.versioning.errors import Erased, NoKey, NoVersion
from gateway.versioning.model import NOTHING, Json
from gateway.versioning.names import NULL_VERSION, CommitId, check_key, is_commit_id


def known(reader: Reader, commit: CommitId) -> Point:
    """Where a commit is. Raises NoVersion."""
    found = reader.point_of(bytes.fromhex(commit)) if is_commit_id(commit) else None
    if found is None:
        raise NoVersion(f"there is no version {commit}")
    return found[0]


def current(reader: Reader, at: Point, key: bytes) -> Change | None:
    """What made a key what it is at that state; None: it never was there.

    Not only a put: a delete marker, what was erased, or a point to nothing.
    """
    return reader.read(at, key) or reader.gone_by(at, key)


def newest_null(reader: Reader, at: Point, key: bytes) -> Change | None:
    """The newest change of a key that is `null`, whatever became of it; None where there is none.

    Cost: the changes of the key since.
    """
    for line, upto in reader.chain(at):
        row = first_row(
            reader.connection,
            "SELECT e.seq FROM entry e "
            "JOIN change c ON c.line=e.line AND c.seq=e.seq AND c.key=e.key "
            "WHERE e.line=? AND e.key=? AND e.seq<=? AND c.nul=1 ORDER BY e.seq DESC LIMIT 1",
            (line, key, upto),
        )
        if row is not None:
            return reader.change(Point(line, row[0]), key)
    return None


def version(reader: Reader, at: Point, key: bytes, named: CommitId) -> Change | None:
    """The change of a key that is that version of the history behind `at`; None: there is none."""
    if named == NULL_VERSION:
        return newest_null(reader, at, key)
    found = reader.point_of(bytes.fromhex(named)) if is_commit_id(named) else None
    if found is None or not reader.in_history(found[0], at):
        return None
    return reader.change(found[0], key)


def side(reader: Reader, row: Change) -> Json:
    """The side state of a version."""
    rows = all_rows(
        reader.connection,
        "SELECT name, value FROM side WHERE line=? AND seq=? AND key=?",
        (row.line, row.seq, row.key),
    )
    return {name: json.loads(value) for name, value in rows} if rows else NOTHING


def below(reader: Reader, at: Point, prefix: str) -> str | None:
    """A key that begins with `prefix` and is there at that state; None for none.

    Cost: two lookups where nothing below the prefix was ever written or deleted, or where the
    first such key is there. Else the changes since the newest tree, some thousand; no state is
    built.
    """
    line = reader.line(at.line)
    base, root, _ = reader.epoch(at) or (0, line.root, 0)
    ranges = [(at.line, base, at.seq)]
    if base == 0 and line.pre is not None:
        ranges.insert(0, line.pre)
    end = successor(prefix)
    span = raw(prefix), raw(end) if end else BEHIND_ALL
    changed: dict[str, tree.Row | None] = {}
    for one in ranges:
        key = _first_touched(reader, one[0], *span)
        if key is None:
            continue
        row = reader.read(at, key)
        if row is not None and row.live:
            return key.decode()
        changed |= reader.fold(*one, *span)
    for there in changed.values():
        if there is not None:
            return there.key
    for found in tree.scan(reader, root, prefix):
        if not found.key.startswith(prefix):
            break
        if found.key not in changed:
            return found.key
    return None


def _first_touched(reader: Reader, line: int, start: bytes, stop: bytes) -> bytes | None:
    """The first key in [start, stop) that a line ever changed."""
    row = first_row(
        reader.connection,
        "SELECT key FROM entry WHERE line=? AND key>=? AND key<? ORDER BY key LIMIT 1",
        (line, start, stop),
    )
    return None if row is None else bytes(row[0])


def put(reader: Reader, at: Point, key: str, named: CommitId | None = None) -> tuple[Change, bytes]:
    """The put of a key and its commit, as Store.stat finds it and refuses it."""
    raw = check_key(key).encode()
    row = current(reader, at, raw) if named is None else version(reader, at, raw, named)
    if row is None or row.kind == POINT:
        if named is not None:
            raise NoVersion(f"{key!r} has no version {named} here")
        raise NoKey(key)
    commit = reader.commit_at(Point(row.line, row.seq))
    if row.kind == DELETE:
        raise NoKey(key, commit.hex(), null=bool(row.nul))
    if row.kind == ERASED:
        raise Erased(tombstones.epitaph(reader, row, commit.hex()))
    return row, commit

"""What one key is at one state, in the words of the domain. Point reads."""

from __future__ import annotations

from gateway.stores.timeline import tree
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import BEHIND_ALL, raw, successor
from gateway.stores.timeline.rows import Change
from gateway.stores.timeline.schema import DELETE, ERASED
from gateway.versioning.errors import Erased, NoKey, NoVersion
from gateway.versioning.names import CommitId, check_key, is_commit_id


def known(reader: Reader, commit: CommitId) -> Point:
    """Where a commit is. Raises NoVersion."""
    found = reader.point_of(bytes.fromhex(commit)) if is_commit_id(commit) else None
    if found is None:
        raise NoVersion(f"there is no version {commit}")
    return found[0]


def current(reader: Reader, at: Point, key: bytes) -> Change | None:
    """What made a key what it is at that state, the delete marker included; None: never there."""
    return reader.read(at, key) or reader.marker(at, key)


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


def put(
    reader: Reader, at: Point, key: str, version: CommitId | None = None
) -> tuple[Change, bytes]:
    """The put of a key and its commit, as Store.stat finds it and refuses it."""
    raw = check_key(key).encode()
    if version is None:
        row = current(reader, at, raw)
    else:
        found = known(reader, version)
        row = reader.change(found, raw)
        if row is None or not reader.in_history(found, at):
            raise NoVersion(f"{key!r} has no version {version} here")
    if row is None:
        raise NoKey(key)
    commit = reader.commit_at(Point(row.line, row.seq))
    if row.kind == DELETE:
        raise NoKey(key, commit.hex())
    if row.kind == ERASED:
        raise Erased(f"the content of version {commit.hex()} of {key!r} was erased")
    return row, commit

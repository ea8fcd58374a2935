"""What differs between two states: what their trees do not share, and the changes over them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from gateway.stores.timeline import tree
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.rows import attributes
from gateway.stores.timeline.state import States
from gateway.stores.timeline.tree import Row
from gateway.versioning.model import DiffEntry, Difference, DiffPage, Entry
from gateway.versioning.names import CommitId

NEAR = 4096


def diff(
    reader: Reader,
    states: States,
    old: Point,
    new: Point,
    *,
    prefix: str,
    after: str,
    limit: int,
) -> DiffPage:
    """A page of differences. See Store.diff."""
    found: list[DiffEntry] = []
    start = max(prefix, after + "\0" if after else "")
    for key, before, then in _candidates(reader, states, old, new, start):
        if not key.startswith(prefix):
            break
        entry = _difference(reader, key, before, then)
        if entry is None:
            continue
        if len(found) >= limit:
            return DiffPage(tuple(found), found[-1].key if found else None)
        found.append(entry)
    return DiffPage(tuple(found))


def _candidates(
    reader: Reader, states: States, old: Point, new: Point, start: str
) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Keys >= start that may differ, ascending, with their row on either side."""
    before, then = states.at(old), states.at(new)
    if old.line == new.line and abs(old.seq - new.seq) < NEAR:
        # Close together: what lies between them is all that can differ.
        lower, upper = sorted((old.seq, new.seq))
        between = reader.fold(old.line, lower, upper)
        for key in sorted(between):
            if key >= start:
                yield key, before.row(reader, key), then.row(reader, key)
        return
    below = (
        (a or b).key  # type: ignore[union-attr]  # one of the two is there
        for a, b in tree.differing(reader, before.root, then.root, start)
    )
    over = sorted(key for key in before.delta.keys() | then.delta.keys() if key >= start)
    last = None
    for key in heapq.merge(below, over):
        if key != last:
            last = key
            yield key, before.row(reader, key), then.row(reader, key)


def _difference(reader: Reader, key: str, old: Row | None, new: Row | None) -> DiffEntry | None:
    if old is None and new is None:
        return None
    if old is None:
        return DiffEntry(key, Difference.ADDED, None, _entry(reader, new))
    if new is None:
        return DiffEntry(key, Difference.REMOVED, _entry(reader, old), None)
    if (old.line, old.seq) == (new.line, new.seq) or _alike(reader, key, old, new):
        return None
    return DiffEntry(key, Difference.CHANGED, _entry(reader, old), _entry(reader, new))


def _alike(reader: Reader, key: str, old: Row, new: Row) -> bool:
    """The same bytes with the same declared attributes, written twice."""
    if (old.etag, old.size) != (new.etag, new.size):
        return False
    raw = key.encode()
    first = reader.change(Point(old.line, old.seq), raw)
    second = reader.change(Point(new.line, new.seq), raw)
    assert first is not None
    assert second is not None
    if first.digest != second.digest:
        return False
    return attributes(first.attrs).declared_like(attributes(second.attrs))


def _entry(reader: Reader, row: Row | None) -> Entry | None:
    return None if row is None else entry(reader, row)


def entry(reader: Reader, row: Row) -> Entry:
    """A row as the domain lists it."""
    commit = reader.commit_at(Point(row.line, row.seq))
    return Entry(row.key, row.size, row.etag, row.mtime, CommitId(commit.hex()))

"""What tells of a version that was erased: the words of the commit that did it, and a row.

The words of a commit (part 0) hold, under `erased`, one object {key, version, reason} for each copy
of a version that it took away. The record commits to them, so nothing can go without them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.stores.timeline import records
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.records import Commitments
from gateway.stores.timeline.rows import Change
from gateway.versioning.model import Tombstone

NAME = "erased"


def words(stones: Iterable[Tombstone]) -> dict[str, Any]:
    """What stands in the words of a commit that erased these; nothing where there are none."""
    forms = [stone._asdict() for stone in stones]
    return {NAME: forms} if forms else {}


def listed(form: Mapping[str, Any]) -> tuple[Tombstone, ...]:
    """The versions that the words of a commit say it erased."""
    return tuple(Tombstone(**stone) for stone in form.get(NAME, ()))


def remains(reader: Reader, row: Change) -> tuple[int, Commitments, Point] | None:
    """What an erased change was, what it is still bound by, and the commit that erased it."""
    found = first_row(
        reader.connection,
        "SELECT was, commitments, by_line, by_seq FROM erased WHERE line=? AND seq=? AND key=?",
        (row.line, row.seq, row.key),
    )
    if found is None:
        return None
    was, packed, *by = found
    return was, records.unpacked(packed), Point(*by)


def told(reader: Reader, by: Point, key: str, version: str) -> Tombstone | None:
    """What a commit says of a version that it erased; None: it names no such version."""
    row = first_row(
        reader.connection,
        "SELECT p.data FROM commits c JOIN part p ON p.n=c.n AND p.ord=0 "
        "WHERE c.line=? AND c.seq=?",
        by,
    )
    stones = listed(json.loads(row[0])) if row else ()
    return next((one for one in stones if (one.key, one.version) == (key, version)), None)


def epitaph(reader: Reader, row: Change, version: str) -> str:
    """Who erased that version, when and why."""
    key = row.key.decode()
    said = f"version {version} of {key!r} was erased"
    left = remains(reader, row)
    stone = None if left is None else told(reader, left[2], key, version)
    if left is None or stone is None:
        return said
    record = records.decode(
        first_row(reader.connection, "SELECT record FROM commits WHERE line=? AND seq=?", left[2])[
            0
        ]
    )
    when = dt.datetime.fromtimestamp(record["time"] // 1000, dt.UTC)
    why = f": {stone.reason}" if stone.reason else ""
    return f"{said} by {record['author']} at {when:%Y-%m-%dT%H:%M:%SZ}{why}"

"""The versions that one commit takes away: which, whether they may go, and what is left of them.

A row stays where it was, of kind `erased`: without its entry an old commit would show the version
before. Its content, salt, lineage and attributes go; the commitments that its commit's record was
made of stay, so the chain still verifies. The bytes go in a scrub (scrubbing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.stores.embedded.plan import Back, commitments_of
from gateway.stores.timeline import finding, history, lookup, records
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.rows import COLUMNS, Change
from gateway.stores.timeline.schema import DELETE, ERASED, PUT
from gateway.stores.timeline.stripping import strip
from gateway.versioning import holds
from gateway.versioning.errors import Held
from gateway.versioning.model import Erase, Tombstone

_Place = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class _Going:
    """A row that is to be erased. version: the id of its commit."""

    row: Change
    version: str
    reason: str


class Erasing:
    """The erasures of one commit, judged one after the other at a head, then carried out at once.

    Concerns what was committed before, never what the same commit writes.
    """

    def __init__(self, reader: Reader, at: Point, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._at = at
        self._clock = clock
        self._going: dict[_Place, _Going] = {}
        self._keys: set[bytes] = set()

    def take(self, wish: Erase, key: bytes) -> Change | None:
        """The version that is to go, with all its copies; None: there is none. Raises Held."""
        row = lookup.version(self._reader, self._at, key, wish.version)
        if row is None or row.kind not in (PUT, DELETE) or _place(row) in self._going:
            return None
        for copy in self._copies(row):
            why = holds.refusal(lookup.side(self._reader, copy), self._clock(), bypass=wish.bypass)
            if why is not None:
                raise Held(f"version {self._version(copy)} of {wish.key!r} stays: {why}")
            self._going[_place(copy)] = _Going(copy, self._version(copy), wish.reason)
        self._keys.add(key)
        return row

    def back(self) -> dict[bytes, Back]:
        """The keys whose current version goes, and what is current again."""
        found = {key: self.back_of(key) for key in self._keys}
        return {key: back for key, back in found.items() if back is not None}

    def back_of(self, key: bytes) -> Back | None:
        """What is current again of a key; None where its current version does not go.

        Cost: the versions of the key that go.
        """
        if key not in self._keys:
            return None
        now = lookup.current(self._reader, self._at, key)
        if now is None or _place(now) not in self._going:
            return None
        left = (
            row
            for row in history.shown(self._reader, self._at, key)
            if _place(row) not in self._going
        )
        return Back(next(left, None))

    def tombstones(self) -> list[Tombstone]:
        """What the commit has to say of what it takes away."""
        return [
            Tombstone(one.row.key.decode(), one.version, one.reason) for one in self._going.values()
        ]

    def _copies(self, row: Change) -> Iterator[Change]:
        """The row, and those of the same key that a merge or restore carried elsewhere."""
        yield row
        if row.kind == DELETE:
            return
        origin = row.origin or self._reader.commit_at(Point(row.line, row.seq))
        found = self._reader.point_of(origin)
        first = None if found is None else self._reader.change(found[0], row.key)
        copies = all_rows(
            self._reader.connection,
            f"SELECT {COLUMNS} FROM change WHERE origin=? AND key=? AND kind=?",  # noqa: S608
            (origin, row.key, PUT),
        )
        for copy in (first, *map(Change._make, copies)):
            if copy is not None and copy.live and copy != row:
                yield copy

    def _version(self, row: Change) -> str:
        return self._reader.commit_at(Point(row.line, row.seq)).hex()

    # ---- carrying out

    def carry_out(self, by: Point) -> None:
        """Take them away; inside a transaction. by: the commit whose words name them."""
        rows = [one.row for one in self._going.values()]
        for row in rows:
            self._bury(row, by)
        strip(self._reader, rows)
        self._reader.connection.execute(
            "INSERT INTO meta VALUES('erasures', 1) ON CONFLICT(name) DO UPDATE SET value=value+1"
        )

    def _bury(self, row: Change, by: Point) -> None:
        run = self._reader.connection.execute
        place = _place(row)
        n, record = first_row(
            self._reader.connection,
            "SELECT n, record FROM commits WHERE line=? AND seq=?",
            place[:2],
        )
        (lineage,) = first_row(
            self._reader.connection, "SELECT data FROM part WHERE n=? AND ord=?", (n, row.ord)
        )
        left = records.packed(commitments_of(row, lineage, None))
        run("INSERT INTO erased VALUES(?, ?, ?, ?, ?, ?, ?)", (*place, row.kind, left, *by))
        run(
            "UPDATE change SET kind=?, body=NULL, blob=NULL, manifest=NULL, size=0, etag='', "
            "digest=NULL, attrs='', same_as=NULL, origin=NULL, salt=x'' "
            "WHERE line=? AND seq=? AND key=?",
            (ERASED, *place),
        )
        finding.forget(self._reader.connection, self._reader.line(row.line).repo, n, row.ord)
        run("DELETE FROM part WHERE n=? AND ord=?", (n, row.ord))
        run("DELETE FROM side WHERE line=? AND seq=? AND key=?", place)
        # An upload that made it still tells of its attributes.
        run(
            "DELETE FROM upload WHERE repo=? AND branch=? AND key=? AND done_line=? AND done_seq=?",
            (
                self._reader.line(row.line).repo,
                records.decode(record)["branch"],
                row.key,
                *place[:2],
            ),
        )
        # Without any content it still has the log truncated, where the old pages are.
        run(
            "INSERT INTO scrub(body, blob, manifest) VALUES(?, ?, ?)",
            (row.body, row.blob, row.manifest),
        )


def _place(row: Change) -> _Place:
    return row.line, row.seq, row.key

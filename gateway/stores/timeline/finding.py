"""Finds writes by the terms of their lineage records: rows of `found`, derived from `part`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeAlias

import apsw

from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Reader
from gateway.stores.timeline.listing import raw
from gateway.stores.timeline.schema import FOUND
from gateway.versioning.errors import NoVersion
from gateway.versioning.model import FoundWrite
from gateway.versioning.names import CommitId
from gateway.versioning.terms import Terms, terms

FoundRow: TypeAlias = tuple[int, bytes, int, int]
INSERT = "INSERT INTO found(repo, term, back, ord) VALUES(?, ?, ?, ?)"
_RECORDS = (
    "SELECT l.repo, p.n, p.ord, p.data FROM part p JOIN commits c USING(n) JOIN line l USING(line) "
    "WHERE p.ord>0 "
)
_RECORDS_A_TURN = 10_000


def _nobody(_count: int) -> None:
    pass


def rows(repo: int, n: int, ord_: int, found_by: Iterable[bytes]) -> list[FoundRow]:
    """The rows of one write. n, ord_: of its part."""
    return [(repo, term, -n, ord_) for term in found_by]


def page(
    reader: Reader, repo: int, wanted: Terms, *, after: FoundWrite | None, limit: int
) -> list[FoundWrite]:
    """A page of writes. See Store.find_writes. Raises NoVersion: `after` is none of them."""
    behind = (repo, wanted.first, -(2**62), 0) if after is None else _row_of(reader, repo, after)
    found = all_rows(
        reader.connection,
        "SELECT f.term, c.id, p.data FROM found f JOIN commits c ON c.n=-f.back "
        "JOIN part p ON p.n=c.n AND p.ord=f.ord "
        "WHERE f.repo=?1 AND f.term<?5 AND (f.term, f.back, f.ord)>(?2, ?3, ?4) "
        "ORDER BY f.term, f.back, f.ord LIMIT ?6",
        (*behind, wanted.end, limit),
    )
    return [_write(*row) for row in found]


def forget(connection: apsw.Connection, repo: int, n: int, ord_: int) -> None:
    """Have a write no more found, as its record goes."""
    (record,) = first_row(connection, "SELECT data FROM part WHERE n=? AND ord=?", (n, ord_))
    connection.executemany(
        "DELETE FROM found WHERE repo=? AND term=? AND back=? AND ord=?",
        rows(repo, n, ord_, terms(json.loads(record))),
    )


def make(connection: apsw.Connection) -> None:
    """Make the table in a file that has none; inside a transaction."""
    connection.execute(FOUND)


def fill(connection: apsw.Connection, told: Callable[[int], None] = _nobody) -> None:
    """Make every row anew from the records; inside a transaction.

    told: how many records were read so far. Cost: some 20 us a record.
    """
    connection.execute("DELETE FROM found")
    count, after = 0, (0, 0)
    while records := all_rows(
        connection,
        _RECORDS + "AND (p.n, p.ord)>(?, ?) ORDER BY p.n, p.ord LIMIT ?",
        (*after, _RECORDS_A_TURN),
    ):
        for repo, n, ord_, data in records:
            connection.executemany(INSERT, rows(repo, n, ord_, terms(json.loads(data))))
        count, after = count + len(records), records[-1][1:3]
        told(count)


def unfound(reader: Reader, n: int) -> int:
    """How many rows of a commit are missing."""
    run = reader.connection
    return sum(
        first_row(run, "SELECT 1 FROM found WHERE repo=? AND term=? AND back=? AND ord=?", row)
        is None
        for repo, _, ord_, data in all_rows(run, _RECORDS + "AND p.n=?", (n,))
        for row in rows(repo, n, ord_, terms(json.loads(data)))
    )


def _row_of(reader: Reader, repo: int, write: FoundWrite) -> FoundRow:
    row = first_row(
        reader.connection,
        "SELECT c.n, h.ord FROM commits c JOIN change h ON h.line=c.line AND h.seq=c.seq "
        "WHERE c.id=? AND h.key=?",
        (bytes.fromhex(write.commit), raw(write.key)),
    )
    if row is None:
        raise NoVersion(f"commit {write.commit} did not write {write.key!r}")
    return repo, write.term, -row[0], row[1]


def _write(term: bytes, commit: bytes, data: bytes) -> FoundWrite:
    record = json.loads(data)
    return FoundWrite(term, CommitId(commit.hex()), record["key"], record)

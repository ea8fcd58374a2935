"""The tables of a history, and what each is for. A store adds its own and numbers the format.

The truth only grows: `commits`, `merge`, `change`, `part`. `line` is the only row that moves; an
erase alone takes something away, and leaves a row of `erased`. `entry`, `epoch` and `node` are
derived from `change`, and `found` from `part`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import apsw

from gateway.versioning.errors import StoreError

PAGE_BYTES = 8192
WAL_PAGES = (
    8192  # 64 MiB between checkpoints: a shorter log costs 5 to 14 ms at the 99th percentile
)

# Kinds of a change.
PUT, DELETE, ERASED, POINT = 1, 2, 3, 4

TABLES = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

-- A sequence of commits, 1 to tip. The state at seq 0 is tree `root`, changed by at most one range
-- (pre_from, pre_to] of another line; so no read walks a chain. History goes on at `hist`.
CREATE TABLE line(
    line INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    tip INTEGER NOT NULL,
    hist_line INTEGER,
    hist_seq INTEGER,
    root INTEGER,
    live INTEGER NOT NULL,             -- rows in `root`
    pre_line INTEGER,
    pre_from INTEGER,
    pre_to INTEGER
) STRICT;

-- id: ms(6 bytes) || first 10 bytes of hash, so that the index on it only appends.
CREATE TABLE commits(
    n INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    record BLOB NOT NULL,
    UNIQUE(line, seq)
) STRICT;

-- Second parents: what a merging promote brought in.
CREATE TABLE merge(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    src_line INTEGER NOT NULL,
    src_seq INTEGER NOT NULL,
    PRIMARY KEY(line, seq, src_line)
) STRICT, WITHOUT ROWID;

-- One key in one commit. `point`: the key is again what the change at (to_line, to_seq) made it,
-- or, where that is NULL, as if it had never been. `erased`: see the table of that name.
-- nul: written while the bucket's S3 state was unset or Suspended. origin: id of the commit that
-- first wrote the object, where a merge or restore carried it here. ord: where its lineage is.
CREATE TABLE change(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key BLOB NOT NULL,
    ord INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    nul INTEGER NOT NULL,
    body INTEGER,
    blob INTEGER,
    manifest INTEGER,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    etag TEXT NOT NULL,
    digest BLOB,                       -- SHA-256 of the content; goes when the content is erased
    attrs TEXT NOT NULL,
    same_as TEXT,
    origin BLOB,
    to_line INTEGER,
    to_seq INTEGER,
    salt BLOB NOT NULL,
    PRIMARY KEY(line, seq, key)
) STRICT, WITHOUT ROWID;
-- By which an erase finds what leads to a version and what carries it on; both are rare.
CREATE INDEX change_to ON change(to_line, to_seq, key) WHERE to_line IS NOT NULL;
CREATE INDEX change_origin ON change(origin, key) WHERE origin IS NOT NULL;

-- What is left of a change whose content was erased. was: its kind; commitments: to its key,
-- content, attributes and lineage, for the chain; by: the commit that did it, whose words name it.
CREATE TABLE erased(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key BLOB NOT NULL,
    was INTEGER NOT NULL,
    commitments BLOB NOT NULL,
    by_line INTEGER NOT NULL,
    by_seq INTEGER NOT NULL,
    PRIMARY KEY(line, seq, key)
) STRICT, WITHOUT ROWID;

-- What a commit's record holds only a commitment to: 0 is message and metadata, then one lineage
-- record a change.
CREATE TABLE part(
    n INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    salt BLOB,
    data BLOB NOT NULL,
    PRIMARY KEY(n, ord)
) STRICT, WITHOUT ROWID;

-- State of a version that makes no commit when it changes: tags, access lists. value: JSON.
CREATE TABLE side(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    key BLOB NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY(line, seq, key, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry(
    line INTEGER NOT NULL,
    key BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY(line, key, seq DESC)
) STRICT, WITHOUT ROWID;

-- Materialised states of a line: tree `root` is the state at `seq`, with `live` rows (those that
-- were erased since count too: they are taken out where they are).
CREATE TABLE epoch(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    root INTEGER,
    live INTEGER NOT NULL,
    PRIMARY KEY(line, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE node(node INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
"""

FOUND = """
-- By what a write is found: the terms of its lineage record (see finding.py). back: minus its
-- commit's n, so that the newest comes first.
CREATE TABLE found(
    repo INTEGER NOT NULL,
    term BLOB NOT NULL,
    back INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    PRIMARY KEY(repo, term, back, ord)
) STRICT, WITHOUT ROWID;
"""

Upgrade = Callable[[apsw.Connection], None]


def prepare(
    connection: apsw.Connection,
    own: str,
    version: int,
    upgrades: Mapping[int, Upgrade] = MappingProxyType({}),
) -> None:
    """Make the tables in a new file, or check that an old one is of that version of the format.

    own: the tables that a store has beside these. upgrades: from a version to the next one, in a
    transaction each. The caller holds the lock. Raises StoreError.
    """
    # Page size, auto-vacuum and WAL must come before the first table.
    made = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if made == (0,):
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        with connection:
            connection.execute(TABLES + FOUND + own)
            connection.execute("INSERT INTO meta VALUES('format', ?), ('next_node', 1)", (version,))
        return
    row: Any = connection.execute("SELECT value FROM meta WHERE name='format'").fetchone()
    found = row and row[0]
    while found != version and found in upgrades:
        with connection:
            upgrades[found](connection)
            found += 1
            connection.execute("UPDATE meta SET value=? WHERE name='format'", (found,))
    if found != version:
        raise StoreError(
            f"this directory's format is {found}, this program's is {version}: "
            "serve it with the version of labelgate that wrote it"
        )

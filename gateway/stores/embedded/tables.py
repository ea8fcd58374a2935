"""The embedded store's own tables, beside those of its history, and the version of its format.

`reflog` only grows, and but for what is erased so do `body`, `blob` and `manifest`; `ref` is the
row that moves. What is true of the
tables in timeline/schema.py is part of the format too: whoever changes one raises the number.
"""

from __future__ import annotations

from types import MappingProxyType

import apsw

from gateway.stores.timeline import finding

FORMAT = 4


def _to_4(connection: apsw.Connection) -> None:
    """The terms of tasks changed; a table that nothing ever used went."""
    connection.execute("DROP TABLE IF EXISTS outbox")
    finding.fill(connection)


UPGRADES = MappingProxyType({2: finding.make, 3: _to_4})

TABLES = """
CREATE TABLE repo(
    repo INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    account TEXT NOT NULL,
    created INTEGER NOT NULL,
    settings TEXT NOT NULL,
    deleted INTEGER                    -- ms; kept for the grace, its name is free again
) STRICT;
CREATE UNIQUE INDEX repo_name ON repo(project, name) WHERE deleted IS NULL;

-- A branch or tag: a pointer. Branches may share a line; the first to write keeps it.
CREATE TABLE ref(
    repo INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,                -- branch | tag
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    account TEXT NOT NULL,
    properties TEXT NOT NULL,
    PRIMARY KEY(repo, name)
) STRICT, WITHOUT ROWID;

-- Contents: small ones in the row, larger ones in files, those that came in parts by a manifest.
CREATE TABLE body(id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE blob(
    id INTEGER PRIMARY KEY,
    sha BLOB NOT NULL UNIQUE,
    file TEXT NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE TABLE manifest(
    id INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    body INTEGER,
    blob INTEGER,
    size INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY(id, ord)
) STRICT, WITHOUT ROWID;

-- What is left to do for what was erased: contents that it named, which go where nobody else has
-- them; files that nobody names any more; and, with nothing set, the log, which has the old pages.
-- No n is given out twice: two processes may scrub the same rows.
CREATE TABLE scrub(
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    body INTEGER,
    blob INTEGER,
    manifest INTEGER,
    file TEXT
) STRICT;

-- Moves of a ref that no commit tells of; chained like commits.
CREATE TABLE reflog(
    n INTEGER PRIMARY KEY,
    repo INTEGER NOT NULL,
    name TEXT NOT NULL,
    action TEXT NOT NULL,
    from_line INTEGER,
    from_seq INTEGER,
    to_line INTEGER,
    to_seq INTEGER,
    who TEXT NOT NULL,
    at INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE upload(
    id TEXT PRIMARY KEY,               -- ms of its start, then a random number
    repo INTEGER NOT NULL,
    branch TEXT NOT NULL,
    key BLOB NOT NULL,
    account TEXT NOT NULL,
    started INTEGER NOT NULL,
    attrs TEXT NOT NULL,
    about TEXT NOT NULL,
    done_line INTEGER,                 -- set once it is complete: where its object is
    done_seq INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_key ON upload(repo, branch, key, id);
-- The files of parts belong to nobody else until the upload is complete.
CREATE TABLE upload_part(
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    data BLOB,
    file TEXT,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    digest BLOB NOT NULL,
    modified INTEGER NOT NULL,
    checksums TEXT NOT NULL,
    PRIMARY KEY(upload, number)
) STRICT, WITHOUT ROWID;
"""

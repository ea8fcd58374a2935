"""The tables, what each is for, and the version of the format.

The truth only grows: `commits`, `change`, `part`, `body`, `blob`, `manifest`, `reflog`. `ref` and
`line` are the only rows that move. `entry`, `epoch` and `node` are derived from `change`.
"""

from __future__ import annotations

import apsw

from gateway.versioning.errors import StoreError

FORMAT = 1
PAGE_BYTES = 8192
WAL_PAGES = (
    8192  # 64 MiB between checkpoints: a shorter log costs 5 to 14 ms at the 99th percentile
)

# Kinds of a change.
PUT, DELETE, ERASED, POINT = 1, 2, 3, 4

TABLES = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;

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

-- One key in one commit. `point`: the key is again what the change at (to_line, to_seq) made it.
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

-- What a commit's record holds only a commitment to: 0 is message and metadata, then one lineage
-- record a change.
CREATE TABLE part(
    n INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    salt BLOB,
    data BLOB NOT NULL,
    PRIMARY KEY(n, ord)
) STRICT, WITHOUT ROWID;

-- State of a version that makes no commit when it changes: tags, access lists.
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

-- Materialised states of a line: tree `root` is the state at `seq`, with `live` rows.
CREATE TABLE epoch(
    line INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    root INTEGER,
    live INTEGER NOT NULL,
    PRIMARY KEY(line, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE node(node INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

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

-- Deliveries that must land with a commit.
CREATE TABLE outbox(
    n INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    commit_n INTEGER NOT NULL,
    data TEXT NOT NULL,
    due INTEGER NOT NULL,
    tries INTEGER NOT NULL
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


def prepare(connection: apsw.Connection) -> None:
    """Make the tables in a new file, or check that an old one is of our format. Raises StoreError.

    The caller holds the lock. Page size, auto-vacuum and WAL must come before the first table.
    """
    made = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if made == (0,):
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        with connection:
            connection.execute(TABLES)
            connection.execute("INSERT INTO meta VALUES('format', ?), ('next_node', 1)", (FORMAT,))
        return
    row = connection.execute("SELECT value FROM meta WHERE name='format'").fetchone()
    if row is None or row[0] != FORMAT:
        raise StoreError(
            f"this directory's format is {row and row[0]}, this program's is {FORMAT}: "
            "serve it with the version of labelgate that wrote it"
        )

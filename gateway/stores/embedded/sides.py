"""Side state: what may change of a version without making another (tags, holds, access lists)."""

from __future__ import annotations

from gateway.stores.embedded.commits import Transaction
from gateway.stores.embedded.contents import object_info
from gateway.stores.embedded.plan import Branch
from gateway.stores.timeline import lookup
from gateway.stores.timeline.rows import side_rows
from gateway.versioning import holds
from gateway.versioning.errors import Held
from gateway.versioning.model import Json, ObjectInfo
from gateway.versioning.names import CommitId


def change(
    tx: Transaction,
    branch: Branch,
    key: str,
    version: CommitId | None,
    changes: Json,
    *,
    bypass: bool,
) -> ObjectInfo:
    """Merge changes into the side state of a version. See Store.set_side."""
    row, commit = lookup.put(tx.reader, tx.batch.head(branch).point, key, version)
    old = lookup.side(tx.reader, row)
    if why := holds.loosening(old, changes, tx.batch.clock(), bypass=bypass):
        raise Held(f"version {commit.hex()} of {key!r} stays as it is: {why}")
    place = (row.line, row.seq, row.key)
    kept = {name: value for name, value in changes.items() if value is not None}
    tx.connection.executemany(
        "DELETE FROM side WHERE line=? AND seq=? AND key=? AND name=?",
        [(*place, name) for name in changes],
    )
    tx.connection.executemany(
        "INSERT INTO side(line, seq, key, name, value) VALUES(?, ?, ?, ?, ?)",
        [(*place, *one) for one in side_rows(kept)],
    )
    return object_info(row, commit, lookup.side(tx.reader, row))

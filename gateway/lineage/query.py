"""From a label to its sources: the lineage of one object."""

from __future__ import annotations

from typing import Any

from gateway.versioning.model import Snapshot
from gateway.versioning.names import BucketName, CommitId, check_key
from gateway.versioning.store import Store


async def object_lineage(
    store: Store, at: Snapshot, key: str, version: CommitId | None = None
) -> dict[str, Any]:
    """{object, version, commit, record} of `key` at that state, or of that version of it.

    object: its s3 URI, the key raw. version: its version id. commit: the one that was read.
    record: see gateway.lineage.record; null where it was erased.
    Raises NoKey, NoVersion, Erased, InvalidKey. Cost: two point reads.
    """
    info = await store.stat(at, check_key(key), version)
    found = await store.lineage(at, info)
    bucket = BucketName(at.repo.name, at.ref, None if at.writable else at.commit)
    return {
        "object": f"s3://{bucket}/{key}",
        "version": info.version,
        "commit": at.commit,
        "record": None if found is None else dict(found),
    }

"""From a label to its sources: the lineage of one object."""

from __future__ import annotations

from typing import Any

from gateway.lineage.written import used
from gateway.versioning.errors import Erased, NotFound
from gateway.versioning.model import Json, ObjectInfo, Snapshot
from gateway.versioning.names import BucketName, CommitId, check_key
from gateway.versioning.store import Store

COPIES_MAX = 16
# Kinds of records whose one source is what the object is a copy of.
CARRYING = frozenset({"copy", "promote", "revert", "restore"})


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


async def made_by(store: Store, at: Snapshot, info: ObjectInfo) -> Json | None:
    """The record of the write that made an object; of a copy that of what it is a copy of.

    None where it was erased. Raises Unavailable. Cost: two point reads, and three a copy.
    """
    record = await store.lineage(at, info)
    for _ in range(COPIES_MAX):
        if record is None or record.get("kind") not in CARRYING:
            break
        source = next(used(record), None)
        if source is None or source.repo is None or source.version is None:
            break
        try:
            then = await store.resolve(BucketName(source.repo, None, source.version))
            original = await store.lineage(then, await store.stat(then, source.key))
        except (NotFound, Erased):
            break
        if original is None:
            break
        record = original
    return record

"""Lineage in the forms that other programs read: what the API gives out of the house."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.admin.errors import Refusal
from gateway.admin.history import commit_id, read_commit
from gateway.admin.refs import resolve_ref
from gateway.admin.services import Caller
from gateway.admin.sources import SourcesSeen
from gateway.auth.access import Asked
from gateway.lineage import prov
from gateway.lineage.openlineage import Granularity, Style, run_event
from gateway.protocol.operations import Right
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit
from gateway.versioning.names import BucketName, check_key

CHANGES_MAX = 10_000


async def prov_of(caller: Caller, ref: str, key: str | None, version: str | None) -> dict[str, Any]:
    """PROV-JSON of the commit `ref` names, or of the write that made one object.

    Raises what resolve_ref and Store.stat do; Refusal where the commit is too large to be told in
    one document, or a version is asked for without its key.
    """
    if key is not None:
        commit, changes = await _write(caller, ref, key, version)
    elif version is None:
        commit, changes = await _commit(caller, ref)
    else:
        raise Refusal(400, "InvalidRequest", "version: whose? name the key too")
    # What takes long with many changes runs beside the other requests.
    return await asyncio.to_thread(prov.document, commit, changes)


async def event_of(caller: Caller, ref: str, datasets: Granularity) -> dict[str, Any]:
    """The OpenLineage event of the commit `ref` names. Raises as prov_of."""
    commit, changes = await _commit(caller, ref)
    style = Style(caller.services.version, granularity=datasets)
    return await asyncio.to_thread(run_event, commit, changes, style)


async def _commit(caller: Caller, ref: str) -> tuple[Commit, list[ChangeInfo]]:
    """A commit with all its changes, as far as the caller may read them and their sources."""
    at = await resolve_ref(caller, ref)
    commit, changes = await read_commit(caller, at, limit=CHANGES_MAX + 1)
    if len(changes) > CHANGES_MAX:
        raise Refusal(
            400,
            "TooLarge",
            f"commit {commit.id} has more than {CHANGES_MAX} changes, too many for one document; "
            "ask for single objects",
        )
    return commit, await SourcesSeen(caller).of_all(changes)


async def _write(
    caller: Caller, ref: str, key: str, version: str | None
) -> tuple[Commit, list[ChangeInfo]]:
    """The commit that made a version of an object, with that change alone."""
    at = await resolve_ref(caller, ref, Asked(Right.READ, "s3:GetObject", key))
    info = await caller.store.stat(at, check_key(key), commit_id(version, "version"))
    record = await caller.store.lineage(at, info)
    made = await caller.store.resolve(BucketName(at.repo.name, None, info.version))
    commit = await caller.store.commit_info(made)
    change = ChangeInfo(key, ChangeKind.PUT, info.size, info.etag, record)
    return commit, await SourcesSeen(caller).of_all([change])

"""Records too long for a description: kept in the companion repo, before their commit is begun."""

from __future__ import annotations

import zlib

from gateway.stores.pachyderm import faults, record
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, Place
from gateway.stores.pachyderm.words import COMPANION_REPO, Recorded
from gateway.versioning.names import RepoName

DESCRIPTION_BYTES_MAX = 1024 * 1024
"""Of a description: InspectCommit and every row of ListCommit carry it."""


def fits(record_bytes: int) -> bool:
    """Whether a record of that many bytes has its place in a description, packed or not."""
    return record_bytes < DESCRIPTION_BYTES_MAX


async def describe(
    companion: Companion, repo: RepoName, batch: str, json_text: str, requests: record.Requests
) -> str:
    """The description of a commit with that record, which is kept first where it is too long."""
    description = record.describe(json_text, batch, requests)
    if len(description) <= DESCRIPTION_BYTES_MAX:
        return description
    path = f"/records/{repo.name}/{batch}"
    commit = await companion.write(
        repo.project, {path: record.pack(json_text)}, f"a record of {repo.name}"
    )
    return record.describe_kept(record.Kept(commit, path), batch, requests)


async def recorded(pfs: Pfs, info: CommitInfo) -> Recorded | None:
    """What a commit of ours did, wherever its record is; None for a commit by another tool."""
    kept = record.kept_at(info.description)
    if kept is None:
        return record.decode(info)
    place = Place(RepoName(COMPANION_REPO, info.repo.project), kept.commit)
    try:
        packed = await pfs.read_file(place, kept.path)
        return record.decode_form(record.unpack(packed), info)
    except faults.NotFound:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error):
        return None

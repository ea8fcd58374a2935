"""Bytes that a collision took out of a branch: kept in the companion repo, for who misses them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.pfs import Pfs, Place
from gateway.versioning.errors import StoreError
from gateway.versioning.names import CommitId, RepoName

BYTES_MAX = 64 * 1024 * 1024
"""Of what is kept of one commit: it passes through memory."""

_log = logging.getLogger(__name__)


def folder(repo: RepoName, commit: CommitId) -> str:
    """Where they lie: under their own paths below this one."""
    return f"/spoiled/{repo.name}/{commit}"


async def keep(
    pfs: Pfs,
    companion: Companion,
    repo: RepoName,
    commit: CommitId,
    files: Iterable[tuple[Place, str]],
) -> None:
    """Keep files, given by place and path, as far as they can be read. Never raises for them."""
    kept: dict[str, bytes] = {}
    left = BYTES_MAX
    for place, path in files:
        try:
            size = (await pfs.inspect_file(place, path)).size
            if size > left:
                _log.error("%s of commit %s is too large to be kept aside", path, commit)
                continue
            data = await pfs.read_file(place, path)
        except faults.PfsError as error:
            _log.error("%s of commit %s cannot be kept aside: %s", path, commit, error)
            continue
        left -= len(data)
        kept[folder(repo, commit) + path] = data
    if not kept:
        return
    try:
        await companion.write(repo.project, kept, f"what a collision spoiled in {repo.name}")
    except (faults.PfsError, StoreError) as error:
        _log.error("what commit %s lost cannot be kept aside: %s", commit, error)

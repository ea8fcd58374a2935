"""Commits that the index does not hold yet: looked up newest first, until one that it does hold.

Then they are read, parents first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from gateway.stores.pachyderm import faults, foreign, overflow
from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, State
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import NoCommit
from gateway.versioning.names import CommitId, RepoName

STEPS = 16
"""So many commits are asked for one by one (6 ms each); a longer way is listed (20 ms a row)."""

PAGE = 200
CHUNK = 500
READ_AT_ONCE = 4


async def missing(pfs: Pfs, repo: RepoName, index: RepoIndex, commit: CommitId) -> list[CommitInfo]:
    """The commits from `commit` back to where the index goes on, newest first, all FINISHED.

    Waits for that. Raises NoCommit.
    """
    try:
        newest = await pfs.inspect_commit(repo, commit, wait=State.FINISHED)
        if (newest.repo, newest.id) != (repo, commit):
            # An id of another repo that this one's provenance knows.
            raise NoCommit(f"repo {repo} has no commit {commit}")
        found = [newest]
        while (parent := _unknown_parent(index, found[-1])) is not None:
            if len(found) < STEPS:
                found.append(await pfs.inspect_commit(repo, parent, wait=State.FINISHED))
            else:
                found += await _listed(pfs, repo, index, parent)
    except faults.NotFound as error:
        raise NoCommit(f"repo {repo} has no commit {commit}") from error
    return found


async def _listed(pfs: Pfs, repo: RepoName, index: RepoIndex, commit: CommitId) -> list[CommitInfo]:
    page: list[CommitInfo] = []
    async for info in pfs.list_commits(repo, to=commit, number=PAGE):
        if index.point(info.id) is not None:
            break
        page.append(info)
    if not page:
        raise NoCommit(f"repo {repo} has no commit {commit}")
    return page


def _unknown_parent(index: RepoIndex, info: CommitInfo) -> CommitId | None:
    if info.parent is None or index.point(info.parent) is not None:
        return None
    return info.parent


async def read(
    pfs: Pfs, repo: RepoName, infos: Sequence[CommitInfo]
) -> AsyncIterator[list[Recorded]]:
    """What these commits did (given newest first, each the parent of the one before), in chunks.

    Oldest first. Those of ours say so themselves; what others did is read from PFS.
    """
    limit = asyncio.Semaphore(READ_AT_ONCE)
    base = await _unspoiled(pfs, repo, infos[-1].parent) if infos else None

    async def one(info: CommitInfo, base: CommitId | None) -> Recorded:
        ours = await overflow.recorded(pfs, info)
        if ours is not None:
            # Also of one that PFS spoiled: what it says is written again (repair.py).
            return ours
        async with limit:
            return await foreign.read(pfs, repo, info, base)

    oldest_first = infos[::-1]
    for start in range(0, len(oldest_first), CHUNK):
        reading = []
        for info in oldest_first[start : start + CHUNK]:
            reading.append(one(info, base))
            base = base if info.error else info.id
        yield await asyncio.gather(*reading)


async def _unspoiled(pfs: Pfs, repo: RepoName, commit: CommitId | None) -> CommitId | None:
    """The nearest commit from this one back whose content PFS kept."""
    while commit is not None:
        info = await pfs.inspect_commit(repo, commit)
        if not info.error:
            return commit
        commit = info.parent
    return None

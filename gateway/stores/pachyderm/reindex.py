"""Building the indexes from nothing: every commit that a branch or a tag shows is read again.

What it makes is what a live index holds of those commits; segments are not read but written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.stores.pachyderm import catchup, faults, indexes
from gateway.stores.pachyderm.checkpoint import Checkpoints
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.known import Known
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.refs import Refs
from gateway.versioning.errors import NotFound
from gateway.versioning.names import CommitId, RepoName

Told = Callable[[RepoName, int], None]


def _nobody(_repo: RepoName, _count: int) -> None:
    return None


async def reindex(
    pfs: Pfs, folder: Path, *, clock: Callable[[], int], told: Told = _nobody
) -> dict[RepoName, int]:
    """Make the index of every repo anew; how many commits each one holds.

    folder: the indexes', used by no running store meanwhile. told: of the progress in a repo.
    Costs 20 ms a commit, and for those by other tools the files they changed. Interrupted, it
    leaves indexes that hold less and catch up when they are used. Raises StoreError.
    """
    refs = Refs(pfs, clock)
    checkpoints = Checkpoints(Companion(pfs), refs, folder, clock)
    try:
        rooms = _Rooms(pfs, refs, checkpoints, folder)
        return {known.info.name: await _one(rooms, known, told) for known in await refs.all_known()}
    except faults.PfsError as error:
        raise faults.refused(error) from error
    finally:
        await refs.close()


@dataclass(frozen=True, slots=True)
class _Rooms:
    pfs: Pfs
    refs: Refs
    checkpoints: Checkpoints
    folder: Path


async def _one(rooms: _Rooms, known: Known, told: Told) -> int:
    repo = known.info.name
    indexes.remove(rooms.folder, repo)
    index = await RepoIndex.open(indexes.index_file(rooms.folder, known), repo)
    try:
        for ref in await rooms.refs.refs(repo, None):
            await _read(rooms.pfs, repo, index, ref.commit, told)
        await rooms.checkpoints.rewrite(known, index)
        return index.count
    except NotFound:
        return 0  # deleted meanwhile
    finally:
        await index.close()


async def _read(pfs: Pfs, repo: RepoName, index: RepoIndex, commit: CommitId, told: Told) -> None:
    if index.point(commit) is not None:
        return
    infos = await catchup.missing(pfs, repo, index, commit)
    async for commits in catchup.read(pfs, repo, infos):
        await index.apply(commits)
        told(repo, index.count)

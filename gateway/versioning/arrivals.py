"""Commits of a branch as they land, from any writer: what triggers, lineage and syncs stand on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from gateway.versioning.errors import NotFound
from gateway.versioning.model import Commit, Snapshot
from gateway.versioning.names import BucketName, CommitId
from gateway.versioning.store import Store

LOOK_S = 0.5
_PAGE = 100


async def arrivals(
    store: Store, branch: BucketName, after: CommitId, *, look_s: float = LOOK_S
) -> AsyncIterator[Commit]:
    """The commits behind `after`, oldest first, then each new one. Endless.

    A commit is told once it is settled (Store.settled), so what follows from it never has to be
    taken back. Commits that an earlier one of this call told are not told again, however the
    branch is moved. look_s: how often a branch is looked at, in seconds; a look is a point read.
    Raises NoRepo, NoRef once the branch is gone, and what the store raises.
    """
    told = after
    while True:
        head = await store.resolve(branch)
        if head.commit != told:
            for commit in await _between(store, head, told):
                await store.settled(await _at(store, branch, commit.id))
                yield commit
            told = head.commit
        await asyncio.sleep(look_s)


async def _between(store: Store, head: Snapshot, told: CommitId) -> Sequence[Commit]:
    """Commits behind `told` up to the head, oldest first.

    Where `told` is not behind the head (the branch was moved), those of the head's history that
    are not in that of `told`.
    """
    known = {told} if await _behind(store, head, told) else await _history(store, head, told)
    found: list[Commit] = []
    after: CommitId | None = None
    while page := await store.log(head, after=after, limit=_PAGE):
        for commit in page:
            if commit.id in known:
                return found[::-1]
            found.append(commit)
        after = page[-1].id
    return found[::-1]


async def _behind(store: Store, head: Snapshot, commit: CommitId) -> bool:
    try:
        await store.log(head, after=commit, limit=1)
    except NotFound:
        return False
    return True


async def _history(store: Store, head: Snapshot, told: CommitId) -> set[CommitId]:
    """The ids behind a commit, itself among them; none where it is no commit of the repo now."""
    places = [one for one in await store.find_commit(told) if one.repo.name == head.repo.name]
    found: set[CommitId] = set()
    for at in places[:1]:
        after: CommitId | None = None
        while page := await store.log(at, after=after, limit=1000):
            found.update(commit.id for commit in page)
            after = page[-1].id
    return found


async def _at(store: Store, branch: BucketName, commit: CommitId) -> Snapshot:
    return await store.resolve(BucketName(branch.repo, branch.ref, commit))

"""Commits that came to a branch, from any writer: what deliveries and triggers stand on."""

from __future__ import annotations

from gateway.versioning.errors import NotFound
from gateway.versioning.model import Snapshot
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store

_PAGE = 100


async def arrived(
    store: Store, head: Snapshot, told: CommitId | None, *, since_ms: int = 0
) -> list[CommitId]:
    """The commits behind `told` up to the head, oldest first; without it those after a time.

    Where `told` is not behind the head, as the branch was moved or made anew, those of the head's
    history that are not in that of `told`. Cost: the commits that came; the whole history where
    the branch was moved. Raises NoRepo, NoCommit, Unavailable.
    """
    if head.commit == told:
        return []
    known: set[CommitId] = set()
    if told is not None:
        known = {told} if await is_behind(store, told, head) else await _history(store, head, told)
    found: list[CommitId] = []
    after: CommitId | None = None
    while page := await store.log(head, after=after, limit=_PAGE):
        for commit in page:
            if commit.id in known or commit.time_ms <= since_ms:
                return found[::-1]
            found.append(commit.id)
        after = page[-1].id
    return found[::-1]


async def is_behind(store: Store, commit: CommitId, at: Snapshot) -> bool:
    """Whether a commit is in the history of a state along first parents, or that state's own."""
    try:
        await store.log(at, after=commit, limit=1)
    except NotFound:
        return False
    return True


async def _history(store: Store, head: Snapshot, told: CommitId) -> set[CommitId]:
    """The ids behind a commit, itself among them; none where it is no commit of the repo now."""
    places = [one for one in await store.find_commit(told) if one.repo.name == head.repo.name]
    found: set[CommitId] = set()
    for at in places[:1]:
        after: CommitId | None = None
        while page := await store.log(at, after=after, limit=_PAGE):
            found.update(commit.id for commit in page)
            after = page[-1].id
    return found

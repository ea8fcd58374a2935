"""The state of a branch at a time: `master.labels@2026-11-01T12:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.versioning.errors import InvalidName, NoCommit
from gateway.versioning.model import RefKind, Snapshot
from gateway.versioning.names import BucketName, CommitId
from gateway.versioning.store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> int:
    """An ISO 8601 time in ms since 1970; without an offset it is UTC. Raises InvalidName."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidName(
            f"{text!r} is no time: write 2026-11-01T12:00Z, or 2026-11-01 for its beginning"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


async def state_at(store: Store, branch: Snapshot, time_ms: int) -> Snapshot:
    """What a branch was at a time, whichever way it was moved since.

    Raises InvalidName (no branch), NoCommit (there was none of that name then).
    """
    if branch.kind is not RefKind.BRANCH or branch.ref is None:
        raise InvalidName("only a branch has a state at a time: a commit or tag never changes")
    head = await _head_then(store, branch, time_ms)
    commit = None
    if head is not None:
        name = BucketName(branch.repo.name, None, head)
        commit = await store.as_of(await store.resolve(name), time_ms)
    if commit is None:
        raise NoCommit(f"branch {branch.ref} of repo {branch.repo.name} was not there then")
    return await store.resolve(BucketName(branch.repo.name, branch.ref, commit))


async def _head_then(store: Store, branch: Snapshot, time_ms: int) -> CommitId | None:
    """The head whose history leads through what the branch was then."""
    head: CommitId | None = branch.commit
    if not store.capabilities.forward:
        return head
    for move in await store.moves(branch.repo.name, branch.ref or ""):
        if move.time_ms <= time_ms:
            break
        head = move.old
    return head

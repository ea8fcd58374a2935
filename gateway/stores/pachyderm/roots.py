"""The first commit of a new branch: empty, and with a record that says who made the branch.

StartCommit makes a branch that is not there; that the commit then has no parent proves that it was
not.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from gateway.stores.pachyderm import faults, record
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, State
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import AlreadyExists, Unavailable
from gateway.versioning.model import About
from gateway.versioning.names import CommitId, RepoName

TRIES = 10


async def begin(
    pfs: Pfs, repo: RepoName, branch: str, account: str, clock: Callable[[], int]
) -> Recorded:
    """Make a branch with an empty commit of its own. Raises AlreadyExists, Unavailable."""
    batch = secrets.token_hex(16)
    about = About(account, "create", f"Create branch {branch}")
    text = record.encode(batch, "", branch, clock(), [(about, ())])
    info = await _started(pfs, repo, branch, text, batch)
    try:
        if info.parent is not None:
            raise AlreadyExists(f"repo {repo} has a branch {branch!r} already")
        await _finished(pfs, info)
    except BaseException:
        await asyncio.shield(_taken_back(pfs, info, branch))
        raise
    made = record.decode(info)
    if made is None:
        raise Unavailable(f"pachd changed the record of commit {info.id}")
    return made


async def _started(pfs: Pfs, repo: RepoName, branch: str, text: str, batch: str) -> CommitInfo:
    for _ in range(TRIES):
        try:
            commit = await pfs.start_commit(repo, branch, text)
        except faults.RolledBack:
            continue
        except faults.Busy as error:  # somebody's commit on it is open, so it is there
            raise AlreadyExists(f"repo {repo} has a branch {branch!r} already") from error
        except faults.Unreachable as error:
            started = await _found(pfs, repo, branch, batch) if error.sent else None
            if started is None:
                raise
            commit = started
        return await pfs.inspect_commit(repo, commit)
    raise Unavailable(f"pachd does not come to begin branch {branch} of repo {repo}")


async def _found(pfs: Pfs, repo: RepoName, branch: str, batch: str) -> CommitId | None:
    """The commit whose answer was lost, where it was made all the same."""
    try:
        head = (await pfs.inspect_branch(repo, branch)).head
    except faults.NotFound:
        return None
    made = record.decode(await pfs.inspect_commit(repo, head))
    return head if made is not None and made.batch == batch else None


async def _finished(pfs: Pfs, info: CommitInfo) -> None:
    try:
        await pfs.finish_commit(info.repo, info.id)
    except faults.AlreadyFinished:
        pass
    except faults.Unreachable as error:
        if not error.sent:
            raise
        now = await pfs.inspect_commit(info.repo, info.id)
        if now.state is State.STARTED:
            await pfs.finish_commit(info.repo, info.id)


async def _taken_back(pfs: Pfs, info: CommitInfo, branch: str) -> None:
    try:
        await pfs.drop_commit(info.repo, info.id)
        if info.parent is None:  # PFS gives the branch an empty commit instead
            await pfs.delete_branch(info.repo, branch)
    except faults.PfsError:
        pass  # an open commit that nobody finishes is dropped by the next writer

"""One commit of PFS, from StartCommit to FinishCommit: once, on the parent it was judged on.

Until FinishCommit nothing is written, however it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.batch import Prepared
from gateway.stores.pachyderm.opening import (
    DOUBT_S,
    ROLLBACKS_MAX,
    STEP_S,
    Gone,
    Opener,
    asked,
    in_time,
    is_open,
)
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs
from gateway.versioning.errors import Unavailable
from gateway.versioning.names import CommitId, RepoName

FINISH_S = 10.0
"""For FinishCommit to answer."""

FINISH_DOUBT_S = 20.0
"""How long its outcome is looked for: who is told that nobody knows has to look for himself."""

OPEN_S_MAX = 40.0
"""A commit that was open for longer is given up, since other gateways may drop it soon."""

TRIES_MAX = 4

SLOW = "Pachyderm is too slow at the moment"


class Moved(Exception):
    """Somebody else's commit came before ours. parent: what the branch is at now."""

    def __init__(self, parent: CommitId | None) -> None:
        super().__init__(f"the branch is at {parent}")
        self.parent = parent


class Doubtful(Exception):
    """Nobody can tell whether this commit was finished."""

    def __init__(self, info: CommitInfo) -> None:
        super().__init__(
            f"Pachyderm went away while commit {info.id} of repo {info.repo} was being finished"
        )
        self.info = info


class Expired(Exception):
    """The file set is gone: it has to be made again."""


class Issuer:
    """Issues commits, one at a time on each branch. retried: is told why a step was repeated."""

    def __init__(self, pfs: Pfs, opener: Opener, retried: Callable[[str], None]) -> None:
        self._pfs = pfs
        self._opener = opener
        self._retried = retried

    async def issue(
        self, repo: RepoName, prepared: Prepared, judged_on: CommitId | None
    ) -> CommitInfo:
        """The commit, with everything in it, once FinishCommit has answered.

        Raises Moved, Expired, faults.Busy (the head is open) and other PfsErrors, Unavailable: in
        all of these nothing was written. Only with Doubtful nobody can tell.
        """
        self._opener.live.add(prepared.batch)
        try:
            for _ in range(TRIES_MAX):
                with suppress(Gone):
                    return await self._once(repo, prepared, judged_on)
                self._retried("dropped")
            raise Unavailable(f"others keep dropping commits on branch {prepared.branch} of {repo}")
        finally:
            self._opener.live.discard(prepared.batch)

    async def _once(
        self, repo: RepoName, prepared: Prepared, judged_on: CommitId | None
    ) -> CommitInfo:
        until_s = time.monotonic() + OPEN_S_MAX
        commit = await self._opener.opened(repo, prepared.branch, prepared.batch, prepared.opening)
        try:
            # One after the other: two questions at once about a new commit take pachd longer.
            info = await self._opener.seen(repo, commit)
            if info.parent != judged_on:
                raise Moved(info.parent)
            filling = await prepared.filling
            await self._filled(repo, commit, filling.file_set)
        except Gone:
            raise
        except BaseException as error:
            # Without a parent: the branch was deleted, and StartCommit made it again.
            anew = isinstance(error, Moved) and error.parent is None
            branch = prepared.branch if anew else None
            await asyncio.shield(self._opener.dropped(repo, commit, branch))
            raise
        await self._finished(info, filling.description, until_s)
        return info

    async def _filled(self, repo: RepoName, commit: CommitId, file_set: str) -> None:
        """The file set is in the commit. Each of its paths begins with a delete: twice is once.

        file_set: "" for a commit that writes nothing.
        """
        if not file_set:
            return None
        rollbacks = 0
        while True:
            try:
                return await in_time(STEP_S, self._pfs.add_file_set(repo, commit, file_set))
            except faults.RolledBack as error:
                rollbacks = await self._opener.again(rollbacks, error)
            except faults.Unreachable as lost:
                now = await asked(lambda: self._opener.seen(repo, commit), DOUBT_S, lost)
                if not is_open(now):
                    raise _finished_by_another(repo, commit) from lost
                self._retried("lost answer")
            except faults.AlreadyFinished as error:
                raise _finished_by_another(repo, commit) from error
            except faults.NotFound as error:
                if error.what == "commit":
                    raise Gone from error
                if error.what == "file_set":
                    raise Expired from error
                raise

    async def _finished(self, info: CommitInfo, description: str, until_s: float) -> None:
        """The commit stands, described so. until_s: when that is asked for the last time."""
        repo, commit = info.repo, info.id
        doubtful, rollbacks = False, 0
        while True:
            if time.monotonic() > until_s:
                await self._opener.dropped(repo, commit)
                raise Unavailable(SLOW)
            try:
                finishing = self._pfs.finish_commit(repo, commit, description)
                return await in_time(FINISH_S, finishing)
            except faults.AlreadyFinished as error:
                await self._stands(info, description, error, doubtful=True)
                return None
            except faults.RolledBack as error:
                if rollbacks == ROLLBACKS_MAX:
                    await self._opener.dropped(repo, commit)
                rollbacks = await self._opener.again(rollbacks, error)
            except faults.NotFound as error:
                if error.what == "commit":
                    raise Gone from error
                raise
            except faults.Unreachable as lost:
                doubtful = doubtful or lost.sent
                if await self._stands(info, description, lost, doubtful=doubtful):
                    return None
                self._retried("lost answer")

    async def _stands(
        self, info: CommitInfo, description: str, why: faults.PfsError, *, doubtful: bool
    ) -> bool:
        """Whether the commit is finished, as it was to be.

        Raises Doubtful where that cannot be found out, and Unavailable where another writer
        finished it: the record is not there then, and what is there is nobody's of ours.
        """
        wait_s = FINISH_DOUBT_S if doubtful else DOUBT_S
        try:
            now = await asked(lambda: self._opener.seen(info.repo, info.id), wait_s, why)
        except (faults.Unreachable, faults.AlreadyFinished) as error:
            if doubtful:
                raise Doubtful(info) from error
            raise
        if is_open(now):
            return False
        if now.description != description:
            raise _finished_by_another(info.repo, info.id)
        return True


def _finished_by_another(repo: RepoName, commit: CommitId) -> Unavailable:
    return Unavailable(f"another writer finished commit {commit} of repo {repo} too soon")

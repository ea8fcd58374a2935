"""Something is committed to a branch, on whatever the head is by then, and told to everybody."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from gateway.stores.pachyderm import faults, record
from gateway.stores.pachyderm.batch import Prepared, Unsure
from gateway.stores.pachyderm.contents import Contents
from gateway.stores.pachyderm.follow import Events, Followed, Follower
from gateway.stores.pachyderm.heads import Heads
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.issue import Doubtful, Expired, Issuer, Moved
from gateway.stores.pachyderm.pfs import CommitInfo
from gateway.stores.pachyderm.turns import Turns
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import NoCommit, OutcomeUnknown, StoreError, Unavailable
from gateway.versioning.names import CommitId, RepoName

BUSY_S = 30.0
"""How long a request waits for other writers to leave the branch."""

BUSY_PAUSE_S, BUSY_PAUSE_S_MAX = 0.03, 1.0

_log = logging.getLogger(__name__)


class _HeadGone(Exception):
    """Whoever had it open dropped it since it was seen at the head."""


class Work(Protocol):
    """Something to be committed to a branch."""

    @property
    def urgent(self) -> bool:
        """Whether it goes although much is unfinished."""

    @property
    def heavy(self) -> bool:
        """Whether it takes long to prepare."""

    @property
    def since_s(self) -> float:
        """Since when it waits."""

    async def prepare(
        self, index: RepoIndex, at: Point, head: CommitId, *, sure: bool
    ) -> Prepared | None:
        """What is to be written on top of a head; None: nothing is.

        sure: whether that is the head. If not, whoever would be told that nothing is written
        for it raises Unsure instead.
        """

    def expired(self) -> None:
        """The file set of what was prepared is gone."""

    def landed(self, recorded: Recorded, keep: Callable[[bytes, bytes], None]) -> None:
        """The commit stands. keep: takes bytes by their digest."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Commits, on any branch. turns: whose turn it is at pachd."""

    heads: Heads
    contents: Contents
    issuer: Issuer
    follower: Follower
    events: Events
    turns: Turns

    async def commit(self, repo: RepoName, branch: str, work: Work) -> int:
        """Commit it; the number of requests that did not come to nothing.

        Raises Unavailable and others of the store's errors, PfsErrors: nothing was written; and
        OutcomeUnknown.
        """
        # Asking for the head costs as much as a retry does, and it is seldom another one.
        head = None if work.urgent else await self.heads.remembered(repo, branch)
        sure = False
        pause_s = BUSY_PAUSE_S
        while True:
            if not work.urgent:
                await self.follower.room(repo)
            try:
                if head is None:
                    head, sure = await self._tip(repo, branch), True
                made = await self._tried(repo, work, head, sure=sure)
            except Unsure:
                head = None
                continue
            except Moved:
                why = f"other writers keep branch {branch} of repo {repo} busy"
                self.events.retried("head moved")
                head = None  # where ours may not be dropped, it is not that parent either
            except _HeadGone as gone:
                why = str(gone)
                self.events.retried("head gone")
                await asyncio.sleep(BUSY_PAUSE_S)
                head = None
            except Expired:
                why = "Pachyderm forgets file sets too soon"
                self.events.retried("file set expired")
                work.expired()
            except faults.Busy:
                why = f"another writer holds a commit open on branch {branch} of repo {repo}"
                self.events.retried("busy")
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
                pause_s = min(pause_s * 2, BUSY_PAUSE_S_MAX)
                head = None
            else:
                if made is None:
                    return 0
                await self._stands(repo, branch, work, *made)
                return len(made[0].requests)
            if time.monotonic() - work.since_s > BUSY_S:
                raise Unavailable(why)

    async def _tip(self, repo: RepoName, branch: str) -> CommitId:
        with _going():
            return await self.heads.tip(repo, branch)

    async def _tried(
        self, repo: RepoName, work: Work, head: CommitId, *, sure: bool
    ) -> tuple[Prepared, CommitInfo] | None:
        left_s = work.since_s + BUSY_S - time.monotonic()
        try:
            async with asyncio.timeout(max(left_s, 1.0)):
                with _going():
                    at = await self.heads.caught_up(repo, head)
        except TimeoutError as error:
            raise Unavailable(
                f"Pachyderm has not finished another writer's commit {head} of repo {repo} yet"
            ) from error
        index = await self.heads.index(repo)
        if work.heavy:
            await work.prepare(index, at, head, sure=sure)  # while others have their turn
        async with self.turns.of(repo):
            prepared = await work.prepare(index, at, head, sure=sure)
            if prepared is None:
                return None
            try:
                return prepared, await self.issuer.issue(repo, prepared, head)
            except Doubtful as doubtful:
                # It may stand, and then it has to be seen to like any other.
                self._follow(repo, prepared, doubtful.info, doubtful=True)
                raise OutcomeUnknown(str(doubtful)) from doubtful

    async def _stands(
        self, repo: RepoName, branch: str, work: Work, prepared: Prepared, info: CommitInfo
    ) -> None:
        """Tell everybody of a commit: from here on nothing takes it back."""
        recorded = self._follow(repo, prepared, info)
        try:
            await self.heads.landed(repo, branch, recorded)
        except (StoreError, faults.PfsError, OSError, KeyError) as error:
            # It is in PFS, from where whoever asks for it next reads it.
            _log.warning("commit %s is not in the index yet: %r", recorded.id, error)

        def keep(digest: bytes, data: bytes) -> None:
            self.contents.keep(digest, data, repo=repo)

        work.landed(recorded, keep)
        self.events.committed(repo, branch, recorded)

    def _follow(
        self, repo: RepoName, prepared: Prepared, info: CommitInfo, *, doubtful: bool = False
    ) -> Recorded:
        recorded = prepared.recorded(info)
        repairs = tuple(record.replaced_by(recorded))
        self.follower.follow(
            Followed(repo, prepared.branch, recorded, prepared.growth, repairs, doubtful)
        )
        return recorded


@contextmanager
def _going() -> Iterator[None]:
    """What is asked about a head that may be taken away any moment."""
    try:
        yield
    except NoCommit as error:
        raise _HeadGone(str(error)) from error
    except faults.NotFound as error:
        if error.what != "commit":
            raise
        raise _HeadGone(error.text) from error

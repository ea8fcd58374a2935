"""Commits from FinishCommit until pachd has finished them: what they hold can be read meanwhile.

pachd finishes the commits of a repo one after the other, some three a second. Until then their
bytes are in their file set, which pachd would forget after a while and so is renewed. Only then it
shows whether pachd kept what was written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.filesets import TTL_S
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, State
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import Unavailable
from gateway.versioning.names import CommitId, RepoName

UNFINISHED_MAX = 40
"""Commits of a repo that wait for pachd: about 8 s. Beyond that, its writes wait and pool."""

ROOM_S = 60.0
"""How long they wait at most."""

RENEW_S = 240.0
"""A file set lives for 10 minutes to begin with."""

WAIT_S = 120.0
PAUSE_S = 1.0
SIZES_KEPT = 256

_log = logging.getLogger(__name__)


class Events(Protocol):
    """Who wants to know what happens to commits: figures and logs. Called on the event loop."""

    def committed(self, repo: RepoName, branch: str, recorded: Recorded) -> None:
        """A commit stands, and was answered."""

    def finished(self, commit: CommitId, seconds: float) -> None:
        """Pachd has finished a commit. seconds: since it stood."""

    def spoiled(self, commit: CommitId, error: str, culprit: str) -> None:
        """Pachd discarded what a commit wrote. culprit: the path that it names, "" for none."""

    def retried(self, reason: str) -> None:
        """A step was repeated."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A commit of ours that pachd has not finished. growth: as in Prepared.

    repairs: the spoiled commits that it stands in for. doubtful: whether it was finished at all;
    nobody was told that it stands, so where it was not it is dropped.
    """

    repo: RepoName
    branch: str
    recorded: Recorded
    growth: int | None = None
    repairs: tuple[CommitId, ...] = ()
    doubtful: bool = False
    since_s: float = field(default_factory=time.monotonic)


class Follower:
    """Follows the commits of every repo in their order.

    spoiled, joined: are told of a commit whose content pachd discarded, and of one that may hold
    more or less than was written (True: or that any commit before it may).
    """

    def __init__(
        self,
        pfs: Pfs,
        events: Events,
        spoiled: Callable[[Followed, CommitInfo], None],
        joined: Callable[[Followed, CommitInfo, bool], None],
    ) -> None:
        self._pfs = pfs
        self._events = events
        self._spoiled = spoiled
        self._joined = joined
        self._queues: defaultdict[RepoName, deque[Followed]] = defaultdict(deque)
        self._tasks: dict[RepoName, asyncio.Task[None]] = {}
        self._kept: dict[CommitId, Followed] = {}
        self._ailing: defaultdict[tuple[RepoName, str], set[CommitId]] = defaultdict(set)
        self._unseen: set[tuple[RepoName, str]] = set()
        self._sizes: dict[CommitId, int] = {}
        self._fewer = asyncio.Condition()
        self._renewing: asyncio.Task[None] | None = None

    def follow(self, commit: Followed) -> None:
        """Follow a commit; those of a repo in the order in which they were finished."""
        if commit.recorded.id in self._kept:
            return
        self._kept[commit.recorded.id] = commit
        self._queues[commit.repo].append(commit)
        if commit.repo not in self._tasks:
            self._tasks[commit.repo] = asyncio.create_task(self._run(commit.repo))
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    def file_set_of(self, commit: CommitId) -> str | None:
        """Where a commit can be read that pachd has not finished."""
        followed = self._kept.get(commit)
        return (followed.recorded.file_set or None) if followed is not None else None

    def unfinished(self, repo: RepoName) -> int:
        """How many commits of a repo wait for pachd."""
        return len(self._queues.get(repo, ()))

    async def room(self, repo: RepoName) -> None:
        """Wait until few enough are unfinished. Raises Unavailable."""
        if self.unfinished(repo) < UNFINISHED_MAX:
            return
        try:
            async with asyncio.timeout(ROOM_S), self._fewer:
                await self._fewer.wait_for(lambda: self.unfinished(repo) < UNFINISHED_MAX)
        except TimeoutError as error:
            raise Unavailable(
                f"Pachyderm has {self.unfinished(repo)} commits of repo {repo} to finish first"
            ) from error

    def repaired(self, repo: RepoName, branch: str, commits: Iterable[CommitId]) -> None:
        """What pachd discarded of these commits was written again, or is given up."""
        for commit in commits:
            self._kept.pop(commit, None)
            self._ailing[repo, branch].discard(commit)
            self._unseen.add((repo, branch))

    async def close(self) -> None:
        """Stop following. What is unfinished keeps its file set for as long as pachd allows."""
        tasks = [*self._tasks.values(), *([self._renewing] if self._renewing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_S * 5):
                await self._renew_all()

    # ---- one after the other

    async def _run(self, repo: RepoName) -> None:
        queue = self._queues[repo]
        try:
            while queue:
                try:
                    await self._one(queue[0])
                except Exception:  # noqa: BLE001 (the next one is not to wait for ever)
                    _log.exception("commit %s cannot be followed", queue[0].recorded.id)
                queue.popleft()
                async with self._fewer:
                    self._fewer.notify_all()
        finally:
            del self._tasks[repo]
            del self._queues[repo]

    async def _one(self, commit: Followed) -> None:
        info = await self._finished(commit)
        if info is None:
            self._kept.pop(commit.recorded.id, None)
            return
        self._events.finished(info.id, time.monotonic() - commit.since_s)
        if info.error:
            # It stays readable from its file set until it is repaired.
            self._ailing[commit.repo, commit.branch].add(info.id)
            self._spoiled(commit, info)
            return
        self._kept.pop(info.id, None)
        self.repaired(commit.repo, commit.branch, commit.repairs)
        if not self._ailing.get((commit.repo, commit.branch)):
            await self._compare(commit, info)

    async def _finished(self, commit: Followed) -> CommitInfo | None:
        """The commit once pachd has finished it; None: it is gone."""
        while True:
            try:
                if commit.doubtful:
                    now = await self._pfs.inspect_commit(commit.repo, commit.recorded.id)
                    if now.state is State.STARTED:
                        await self._pfs.drop_commit(commit.repo, commit.recorded.id)
                return await self._pfs.inspect_commit(
                    commit.repo, commit.recorded.id, wait=State.FINISHED, timeout_s=WAIT_S
                )
            except faults.NotFound as error:
                _log.warning(
                    "commit %s of repo %s is gone: %s", commit.recorded.id, commit.repo, error.text
                )
                return None
            except faults.PfsError as error:
                _log.info("waiting for commit %s: %s", commit.recorded.id, error)
                await asyncio.sleep(PAUSE_S)

    # ---- whether anything else is in it

    async def _compare(self, commit: Followed, info: CommitInfo) -> None:
        """Tell where a commit is not as large as its parent and what was written come to.

        Behind a commit that pachd discarded sizes say nothing: once it is repaired, all is looked
        at.
        """
        if info.size is not None:
            self._sizes[info.id] = info.size
        while len(self._sizes) > SIZES_KEPT:
            self._sizes.pop(next(iter(self._sizes)))
        if (commit.repo, commit.branch) in self._unseen:
            self._unseen.discard((commit.repo, commit.branch))
            self._joined(commit, info, True)
        elif commit.growth is not None:
            before = await self._size(commit.repo, commit.recorded.parent)
            if None not in {before, info.size} and info.size != (before or 0) + commit.growth:
                self._joined(commit, info, False)

    async def _size(self, repo: RepoName, parent: CommitId | None) -> int | None:
        if parent is None:
            return 0
        if parent not in self._sizes:
            with contextlib.suppress(faults.PfsError):
                info = await self._pfs.inspect_commit(repo, parent)
                if info.size is not None and not info.error:
                    self._sizes[parent] = info.size
        return self._sizes.get(parent)

    # ---- file sets

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            await self._renew_all()

    async def _renew_all(self) -> None:
        for commit in list(self._kept.values()):
            if not commit.recorded.file_set:
                continue
            try:
                await self._pfs.renew_file_set(commit.recorded.file_set, TTL_S)
            except faults.PfsError as error:
                _log.warning("the file set of commit %s: %s", commit.recorded.id, error)

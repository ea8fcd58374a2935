"""The open commit of a batch: begun, found again when the answer was lost, and dropped.

The description holds the batch's id, by which it is looked up before anything is repeated. What is
open holds nothing that was answered, so whoever comes upon one that was left may drop it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from gateway.stores.pachyderm import faults, record
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, State
from gateway.versioning.names import CommitId, RepoName

ROLLBACKS_MAX = 8
"""In a row, of one step: about one try in seven where several write at once."""

DOUBT_S = 3.0
"""How long a step is looked for whose answer was lost, while nothing is written yet."""

STEP_S = 15.0
"""For a step to answer."""

DROP_S = 5.0
"""For dropping what will not be finished; where it fails, the next writer does it."""

ABANDONED_MS = 60_000
"""An open commit of another gateway that is older was left by it (see issue.OPEN_S_MAX)."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Gone(Exception):
    """Somebody dropped our commit while it was open."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Opener:
    """Begins and drops commits. retried: is told why a step was repeated.

    live: the batches of this process that are being written now. now_ms: by the clock of the wall,
    as pachd has it.
    """

    def __init__(
        self, pfs: Pfs, retried: Callable[[str], None], now_ms: Callable[[], int] = _wall_ms
    ) -> None:
        self._pfs = pfs
        self._retried = retried
        self._now_ms = now_ms
        self._name = secrets.token_hex(8)
        self._count = 0
        self.live: set[str] = set()

    def new_batch(self) -> str:
        """The id of a batch: nobody else ever has it, and this process knows it for its own."""
        self._count += 1
        return f"{self._name}-{self._count}"

    async def opened(self, repo: RepoName, branch: str, batch: str, description: str) -> CommitId:
        """A commit on the branch's head that is open and has this description.

        Raises faults.Busy (somebody else's is), and other PfsErrors.
        """
        rollbacks = 0
        while True:
            try:
                return await in_time(STEP_S, self._pfs.start_commit(repo, branch, description))
            except faults.RolledBack as error:
                rollbacks = await self.again(rollbacks, error)
            except faults.Busy:
                try:
                    head = await self._head(repo, branch)
                except Gone:  # dropped this moment
                    continue
                if _is_ours(head, batch):
                    return head.id
                if not await self._cleared(repo, head):
                    raise
            except faults.Unreachable as lost:
                if not lost.sent:
                    raise
                found = await self._looked_up(repo, branch, batch, lost)
                if found is not None:
                    return found.id
                self._retried("lost answer")

    async def seen(self, repo: RepoName, commit: CommitId) -> CommitInfo:
        """The commit as it is now, but for its size. Raises Gone.

        Asked for as the one commit of its set: that only looks it up, where InspectCommit also
        works out a size, which takes pachd longer.
        """
        try:
            infos = await self._pfs.commit_set(commit)
        except faults.NotFound as error:
            raise Gone from error
        for info in infos:
            if (info.repo, info.id) == (repo, commit):
                return info
        raise Gone

    async def dropped(self, repo: RepoName, commit: CommitId, branch: str | None = None) -> None:
        """Drop an open commit, if that can be. branch: one that goes with it."""
        rollbacks = 0
        while True:
            try:
                await in_time(DROP_S, self._pfs.drop_commit(repo, commit))
                if branch is not None:
                    await in_time(DROP_S, self._pfs.delete_branch(repo, branch))
                return
            except faults.NotFound:
                return
            except faults.PfsError as error:
                if isinstance(error, faults.RolledBack) and rollbacks < ROLLBACKS_MAX:
                    rollbacks = await self.again(rollbacks, error)
                    continue
                _log.warning("commit %s of repo %s stays open: %s", commit, repo, error)
                return

    async def again(self, rollbacks: int, error: faults.RolledBack) -> int:
        """Count a rollback and wait a moment. Raises it when there were enough."""
        if rollbacks >= ROLLBACKS_MAX:
            raise error
        self._retried("rollback")
        await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (no secret)
        return rollbacks + 1

    async def _head(self, repo: RepoName, branch: str) -> CommitInfo:
        head = (await self._pfs.inspect_branch(repo, branch)).head
        return await self.seen(repo, head)

    async def _looked_up(
        self, repo: RepoName, branch: str, batch: str, lost: faults.Unreachable
    ) -> CommitInfo | None:
        """The commit of a StartCommit that may have been done; None: it was not.

        Should it be done later all the same, it is found as the open head of that moment.
        """

        async def look() -> CommitInfo | None:
            try:
                head = await self._head(repo, branch)
            except (Gone, faults.NotFound):
                return None
            return head if _is_ours(head, batch) else None

        return await asked(look, DOUBT_S, lost)

    async def _cleared(self, repo: RepoName, head: CommitInfo) -> bool:
        """Whether nothing is open there any more: what was left of a batch of ours is dropped."""
        if not is_open(head):
            return True
        batch = record.batch_of(head.description)
        if batch is None:
            return False
        if batch.startswith(f"{self._name}-"):
            abandoned = batch not in self.live
        else:
            abandoned = self._now_ms() - head.started_ms > ABANDONED_MS
        if abandoned:
            _log.warning("commit %s of repo %s was left open; it is dropped", head.id, repo)
            self._retried("left open")
            await self.dropped(repo, head.id)
        return abandoned


async def in_time(limit_s: float, answer: Awaitable[_T]) -> _T:
    """An answer, if it comes in time: else it counts as lost, as everybody waits meanwhile."""
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        raise faults.Unreachable(
            grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {limit_s:g} s", sent=True
        ) from None


async def asked(question: Callable[[], Awaitable[_T]], wait_s: float, lost: faults.PfsError) -> _T:
    """The answer to a question, asked until there is one. Raises `lost` where none comes."""
    until_s = time.monotonic() + wait_s
    pause_s = 0.05
    while True:
        try:
            return await in_time(max(until_s - time.monotonic(), 0.05), question())
        except faults.Unreachable:
            if time.monotonic() + pause_s > until_s:
                raise lost from None
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.5)


def is_open(info: CommitInfo) -> bool:
    """Whether a commit can still be written and dropped without loss."""
    return info.state is State.STARTED


def _is_ours(info: CommitInfo, batch: str) -> bool:
    return is_open(info) and record.batch_of(info.description) == batch

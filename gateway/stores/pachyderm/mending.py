"""Work of the lane that nobody waits for: something of ours is not in PFS as it was recorded."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence

from gateway.stores.pachyderm.batch import Prepared, Tools
from gateway.stores.pachyderm.follow import Followed
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.pfs import CommitInfo
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.errors import NoCommit
from gateway.versioning.model import About
from gateway.versioning.names import CommitId

LOG_PAGE = 500

_log = logging.getLogger(__name__)


class Mending(ABC):
    """A commit that puts another one right. info: what pachd says of that one."""

    urgent = heavy = True

    def __init__(self, commit: Followed, info: CommitInfo, tools: Tools) -> None:
        self._commit = commit
        self._info = info
        self._tools = tools
        self._made: tuple[CommitId, Prepared | None] | None = None
        self.since_s = time.monotonic()

    @property
    def commit(self) -> CommitId:
        """The commit that is put right."""
        return self._info.id

    @property
    def replaces(self) -> tuple[CommitId, ...]:
        """The commits that this one stands in for, as pachd discarded what they did."""
        return ()

    async def prepare(
        self, index: RepoIndex, at: Point, head: CommitId, *, sure: bool
    ) -> Prepared | None:
        """What is to be written on top of a head, which is sure (urgent); None: nothing is."""
        assert sure
        if self._made is None or self._made[0] != head:
            self._made = head, await self._prepared(index, at)
        return self._made[1]

    @abstractmethod
    async def _prepared(self, index: RepoIndex, at: Point) -> Prepared | None:
        """As `prepare`, for a head that is another than before."""

    def _recorded(
        self,
        index: RepoIndex,
        at: Point,
        about: About,
        changes: Sequence[Written],
        *,
        file_set: str,
        growth: int | None,
    ) -> Prepared:
        """What is to be written, with its record."""
        time_ms = max(self._tools.clock(), index.commit_info(at).time_ms)
        commit = self._commit
        return self._tools.prepared(
            commit.repo,
            commit.branch,
            [(about, changes)],
            time_ms=time_ms,
            file_set=_made(file_set),
            growth=growth,
        )

    def expired(self) -> None:
        """The file set of what was prepared is gone."""
        self._made = None

    def landed(self, recorded: Recorded, keep: Callable[[bytes, bytes], None]) -> None:
        """The commit stands. keep: nothing of its bytes is known here."""
        del keep
        _log.warning("commit %s of repo %s: %s", recorded.id, self._commit.repo, recorded.message)

    def begin_again(self) -> None:
        """It did not come to a commit: it is tried later."""
        self._made = None
        self.since_s = time.monotonic()


async def _made(file_set: str) -> str:
    return file_set


async def naming(
    index: RepoIndex, at: Point, commit: CommitId, name: str
) -> AsyncIterator[CommitId]:
    """The commits between this one and `at` that name it in their metadata, newest first.

    Raises NoCommit where it is not in that history.
    """
    after: CommitId | None = None
    while page := await index.log(at, after=after, limit=LOG_PAGE):
        for one in page:
            if one.id == commit:
                return
            if commit in one.metadata.get(name, "").split(","):
                yield one.id
        after = page[-1].id
    raise NoCommit(f"commit {commit} is not in this history")


async def is_named_behind(index: RepoIndex, at: Point, commit: CommitId, name: str) -> bool:
    """Whether one does. Also where it is not in that history: nothing is owed to it there."""
    try:
        async for _ in naming(index, at, commit, name):
            return True
    except NoCommit:
        return True
    return False

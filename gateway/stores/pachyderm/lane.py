"""All writes: pooled while a commit is under way, one commit at a time, fair between repos.

pachd takes some ten commits a second from one writer, and fewer from several; a commit may hold a
thousand changes. So whoever comes while a commit is under way waits for the next one, together with
all others who came meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.stores.pachyderm import faults, overflow, record
from gateway.stores.pachyderm.batch import Batch, Tools
from gateway.stores.pachyderm.committing import Committer
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.contents import Contents
from gateway.stores.pachyderm.follow import UNFINISHED_MAX, Events, Followed, Follower
from gateway.stores.pachyderm.heads import Heads
from gateway.stores.pachyderm.issue import Issuer
from gateway.stores.pachyderm.joined import Joined
from gateway.stores.pachyderm.mending import Mending
from gateway.stores.pachyderm.opening import Opener
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, State
from gateway.stores.pachyderm.repair import Repair
from gateway.stores.pachyderm.requests import Request
from gateway.stores.pachyderm.turns import Turns
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import NotFound, OutcomeUnknown, StoreError, Unavailable
from gateway.versioning.model import About, Change, Committed
from gateway.versioning.names import CommitId, RepoName

WAITING_MAX = 10_000
WAITING_BYTES_MAX = 256 * 1024 * 1024
"""Of bodies in memory that wait for their commit."""

LINGER_S, LINGERS, LINGERED_S_MAX = 0.003, 3, 0.05
"""Who wrote together comes back together, a moment after the answers: that moment is waited for."""

MEND_AGAIN_S = 5.0

LOOKED_AFTER = UNFINISHED_MAX + 8
"""So many commits behind the head of a branch are looked at for what other processes left.

Any that was unfinished when they died may have been discarded since, and be owed a repair.
"""

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Bay:
    """What waits for one branch. shared: how many requests the last commit held, at answered_s."""

    repo: RepoName
    branch: str
    waiting: deque[Request] = field(default_factory=deque)
    mending: deque[Mending] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    shared: int = 0
    answered_s: float = 0.0


class Lane:
    """The writes of one store. clock: now, in ms."""

    def __init__(
        self,
        pfs: Pfs,
        heads: Heads,
        contents: Contents,
        clock: Callable[[], int],
        events: Events,
    ) -> None:
        self._pfs = pfs
        self._events = events
        self._follower = Follower(pfs, events, self._spoiled, self._differs)
        opener = Opener(pfs, events.retried)
        issuer = Issuer(pfs, opener, events.retried)
        self._committer = Committer(heads, contents, issuer, self._follower, events, Turns())
        self._tools = Tools(
            pfs, Companion(pfs), clock, opener.new_batch, self._follower.file_set_of
        )
        self._bays: dict[tuple[RepoName, str], _Bay] = {}
        self._looked_after: set[tuple[RepoName, str]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self._waiting = self._waiting_bytes = 0
        self._closing = False

    async def commit(
        self,
        repo: RepoName,
        branch: str,
        changes: Sequence[Change],
        about: About,
        *,
        if_head: CommitId | None = None,
    ) -> Committed:
        """Store.commit. A caller that leaves takes nothing with it: the write stands.

        Raises what the store raises, Unavailable (nothing was written) and OutcomeUnknown.
        """
        request = Request.of(changes, about, if_head)
        size = request.inline_bytes
        if self._closing:
            raise Unavailable("the gateway is stopping")
        if self._waiting >= WAITING_MAX or self._waiting_bytes + size > WAITING_BYTES_MAX:
            raise Unavailable("too many writes are waiting")
        self._waiting += 1
        self._waiting_bytes += size
        request.answer.add_done_callback(lambda _: self._answered(size))
        bay = self._bay(repo, branch)
        bay.waiting.append(request)
        self._serve(bay)
        return await asyncio.shield(request.answer)

    def file_set_of(self, commit: CommitId) -> str | None:
        """Where to read a commit that pachd has not finished."""
        return self._follower.file_set_of(commit)

    def figures(self) -> dict[str, int]:
        """waiting: requests. waiting_bytes: of their bodies."""
        return {"waiting": self._waiting, "waiting_bytes": self._waiting_bytes}

    async def close(self) -> None:
        """Finish what was accepted. Repairs that are owed are left to who writes there next."""
        self._closing = True
        while tasks := [bay.task for bay in self._bays.values() if bay.task is not None]:
            await asyncio.wait(tasks)
        for task in self._aside:
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)
        await self._follower.close()

    def _answered(self, size: int) -> None:
        self._waiting -= 1
        self._waiting_bytes -= size

    # ---- one branch after its turn

    def _bay(self, repo: RepoName, branch: str) -> _Bay:
        return self._bays.setdefault((repo, branch), _Bay(repo, branch))

    def _serve(self, bay: _Bay) -> None:
        if bay.task is None:
            bay.task = asyncio.create_task(self._served(bay))
        if (bay.repo, bay.branch) not in self._looked_after:
            self._looked_after.add((bay.repo, bay.branch))
            self._begin_aside(self.look_after(bay.repo, bay.branch))

    async def _served(self, bay: _Bay) -> None:
        while bay.waiting or (bay.mending and not self._closing):
            if bay.mending:
                await self._mended(bay, bay.mending.popleft())
            else:
                await self._written(bay)
        bay.task = None

    async def _written(self, bay: _Bay) -> None:
        await _linger(bay)
        batch = Batch(bay.repo, bay.branch, bay.waiting, self._tools)
        try:
            bay.shared = await self._committer.commit(bay.repo, bay.branch, batch)
            bay.answered_s = time.monotonic()
        except (StoreError, faults.PfsError) as error:
            batch.refuse(error)
        except Exception:  # noqa: BLE001 (a mistake of ours; nobody is to wait for ever)
            _log.exception("a commit to branch %s of repo %s failed", bay.branch, bay.repo)
            batch.refuse(OutcomeUnknown("the gateway failed in the middle of it"))

    # ---- what pachd did not keep as it was written, and what others of ours left

    async def _mended(self, bay: _Bay, work: Mending) -> None:
        try:
            # Its history is looked at, so the index has to know it: a head that pachd discarded is
            # shown to nobody before that.
            await self._committer.heads.caught_up(bay.repo, work.commit)
            if not await self._committer.commit(bay.repo, bay.branch, work):
                self._follower.repaired(bay.repo, bay.branch, work.replaces)
        except NotFound as error:  # the branch went, and what was owed to it
            _log.warning("nothing is owed to branch %s of repo %s: %s", bay.branch, bay.repo, error)
            self._follower.repaired(bay.repo, bay.branch, work.replaces)
        except Exception as error:  # noqa: BLE001 (as above)
            expected = isinstance(error, StoreError | faults.PfsError)
            _log.error(
                "commit %s of repo %s is not put right yet: %s", work.commit, bay.repo, error,
                exc_info=None if expected else error,
            )  # fmt: skip
            work.begin_again()
            self._begin_aside(self._mend_later(bay, work))

    async def _mend_later(self, bay: _Bay, work: Mending) -> None:
        await asyncio.sleep(MEND_AGAIN_S)
        self._mend(bay, work)

    def _mend(self, bay: _Bay, work: Mending) -> None:
        if not self._closing:
            bay.mending.append(work)
            self._serve(bay)

    def _spoiled(self, commit: Followed, info: CommitInfo) -> None:
        repair = Repair(commit, info, self._tools)
        self._events.spoiled(info.id, info.error, repair.named)
        _log.error(
            "Pachyderm discarded commit %s of repo %s: %s. It is written again",
            info.id, commit.repo, info.error,
        )  # fmt: skip
        self._mend(self._bay(commit.repo, commit.branch), repair)

    def _differs(self, commit: Followed, info: CommitInfo, whole: bool) -> None:
        work = Joined(commit, info, self._tools, whole=whole)
        self._mend(self._bay(commit.repo, commit.branch), work)

    def take_over(self, repo: RepoName, recorded: Recorded) -> None:
        """See to a commit that another process of ours wrote and pachd discarded."""
        if not self._closing:
            self._follower.follow(Followed(repo, recorded.branch, recorded))

    async def look_after(self, repo: RepoName, branch: str) -> None:
        """Take over what other processes of ours left at a branch: unfinished, or spoiled.

        Done by itself with the first write to a branch.
        """
        self._looked_after.add((repo, branch))
        try:
            head = (await self._pfs.inspect_branch(repo, branch)).head
            chain = await self._chain(repo, head)
        except faults.PfsError as error:
            self._looked_after.discard((repo, branch))
            _log.info("branch %s of repo %s is not looked after: %s", branch, repo, error)
            return
        owed = set(record.unrepaired(chain))
        for info, ours in reversed(chain):
            unfinished = State.STARTED < info.state < State.FINISHED
            writes = ours is not None and (ours.file_set or record.JOINED in ours.metadata)
            if ours is not None and writes and (unfinished or info.id in owed):
                self._follower.follow(Followed(repo, branch, ours))

    async def _chain(
        self, repo: RepoName, commit: CommitId | None
    ) -> list[tuple[CommitInfo, Recorded | None]]:
        """The commits from one back, newest first, with what we recorded of them."""
        chain: list[tuple[CommitInfo, Recorded | None]] = []
        while commit is not None and len(chain) < LOOKED_AFTER:
            info = await self._pfs.inspect_commit(repo, commit)
            chain.append((info, await overflow.recorded(self._pfs, info)))
            commit = info.parent
        return chain

    def _begin_aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)


async def _linger(bay: _Bay) -> None:
    for _ in range(LINGERS):
        if len(bay.waiting) >= bay.shared or time.monotonic() - bay.answered_s > LINGERED_S_MAX:
            return
        await asyncio.sleep(LINGER_S)

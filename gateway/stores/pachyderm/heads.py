"""What the branches of a repo point to, and an index that has caught up with them.

A reader never waits for Pachyderm to finish a commit: the head it is shown is the newest commit
that is finished, or that the index holds already (ours, which are readable from their file set).
A commit of ours counts the moment it landed. Everything else is read from PFS when it is asked for,
parents first; nothing here is more than a copy.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from gateway.stores.pachyderm import catchup, faults, record
from gateway.stores.pachyderm.asked import Asked
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.indexes import Indexes
from gateway.stores.pachyderm.pfs import Pfs, State
from gateway.stores.pachyderm.refs import Refs
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import NoRef, NoRepo, Unavailable
from gateway.versioning.names import CommitId, RepoName

HEAD_KEPT_S = 0.25
"""How old a head may be that is told to a reader: others' commits show this much later."""

DROPPED_MAX = 10

UNFINISHED_MAX = 64
"""Beyond so many unfinished commits on top of each other, a reader waits for the one there."""

Grown = Callable[[RepoName, RepoIndex], None]
Owed = Callable[[RepoName, Recorded], None]


class Heads:
    """The heads of all branches.

    grown: told of an index that holds more than before. owed: told of each commit that was met with
    a record of ours and that pachd discarded: whoever wrote it may be gone.
    """

    def __init__(self, pfs: Pfs, refs: Refs, indexes: Indexes, grown: Grown, owed: Owed) -> None:
        self._pfs = pfs
        self._refs = refs
        self._indexes = indexes
        self._grown = grown
        self._owed = owed
        self._heads: Asked[tuple[RepoName, str], CommitId] = Asked(self._ask, HEAD_KEPT_S)
        self._catching_up: Asked[tuple[RepoName, CommitId], Point] = Asked(self._catch_up, 0)
        self._applying: defaultdict[RepoName, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def close(self) -> None:
        """Give up the questions under way."""
        await self._heads.close()
        await self._catching_up.close()

    async def index(self, repo: RepoName) -> RepoIndex:
        """The index of a repo, opened on first use. Raises NoRepo."""
        return await self._indexes.of(repo)

    async def head(self, repo: RepoName, branch: str, *, fresh: bool = False) -> CommitId:
        """The newest commit that can be read without waiting, as of at most HEAD_KEPT_S ago.

        fresh: as of this call. Raises NoRepo, NoRef.
        """
        return await self._heads.get((repo, branch), fresh=fresh)

    async def remembered(self, repo: RepoName, branch: str) -> CommitId | None:
        """The head as it was last told, where the index has it: maybe not the head any more.

        None where a commit on a wrong head could not be dropped again.
        """
        head = self._heads.last((repo, branch)) if self._pfs.may_drop else None
        if head is None or (await self.index(repo)).point(head) is None:
            return None
        return head

    async def readable(self, repo: RepoName, branch: str, tip: CommitId) -> CommitId:
        """As `head`, of a branch that was just seen at that commit, which may be open."""
        if (await self.index(repo)).point(tip) is not None:
            return tip
        return await self.head(repo, branch, fresh=True)

    async def tip(self, repo: RepoName, branch: str) -> CommitId:
        """What the next commit of a branch stands on, as of this call: readable or not.

        Of an open commit it is the parent. Raises NoRepo, NoRef.
        """
        head = await self._head_of(repo, branch)
        if (await self.index(repo)).point(head) is not None:
            return head
        await self._refs.known(repo, fresh=True)
        with suppress(faults.NotFound):  # dropped this moment
            info = await self._pfs.inspect_commit(repo, head)
            if info.state >= State.FINISHING or info.parent is None:
                return head
            return info.parent
        return head

    def expect(self, repo: RepoName, branch: str) -> None:
        """Ask for a head that will be wanted in a moment."""
        self._heads.expect((repo, branch))

    async def caught_up(self, repo: RepoName, commit: CommitId) -> Point:
        """Where the index has that commit, which it gets where it does not hold it yet.

        Waits for FINISHED of commits by others. Raises NoRepo, NoCommit.
        """
        point = (await self.index(repo)).point(commit)
        if point is None:
            point = await self._catching_up.get((repo, commit))
        return point

    async def landed(self, repo: RepoName, branch: str, recorded: Recorded) -> None:
        """A commit that this process just made: known, and the branch's head, at once."""
        index = await self._indexes.opened(repo)
        if recorded.parent is not None and index.point(recorded.parent) is None:
            await self.caught_up(repo, recorded.parent)
            index = await self.index(repo)
        await self._apply(repo, index, [recorded])
        self._heads.put((repo, branch), recorded.id)

    def forget(self, repo: RepoName, branch: str) -> None:
        """The branch was moved or deleted: ask the next time."""
        self._heads.forget((repo, branch))

    async def _ask(self, asked: tuple[RepoName, str]) -> CommitId:
        repo, branch = asked
        for _ in range(DROPPED_MAX):
            head = await self._head_of(repo, branch)
            # A commit that is open may be dropped while it is looked at.
            with suppress(faults.NotFound):
                return await self._readable(repo, head)
        raise Unavailable(f"branch {branch} of repo {repo} moves on and on")

    async def _head_of(self, repo: RepoName, branch: str) -> CommitId:
        try:
            return (await self._pfs.inspect_branch(repo, branch)).head
        except faults.NotFound as error:
            known = await self._refs.known(repo, fresh=True)
            raise NoRef(f"repo {known.info.name} has no branch {branch!r}") from error

    async def _readable(self, repo: RepoName, head: CommitId) -> CommitId:
        """The nearest commit from a head back that is known, or finished with its content."""
        index = await self.index(repo)
        if index.point(head) is not None:
            return head
        # Rare, and the one moment at which a repo of the same name may have taken the place.
        await self._refs.known(repo, fresh=True)
        index = await self.index(repo)
        commit = head
        for _ in range(UNFINISHED_MAX):
            info = await self._pfs.inspect_commit(repo, commit)
            if info.state is State.FINISHED and not info.error:
                return commit
            if info.parent is None:
                break
            commit = info.parent
            if index.point(commit) is not None:
                return commit
        await self._pfs.inspect_commit(repo, commit, wait=State.FINISHED)
        return commit

    async def _catch_up(self, asked: tuple[RepoName, CommitId]) -> Point:
        repo, commit = asked
        index = await self.index(repo)
        infos = await catchup.missing(self._pfs, repo, index, commit)
        spoiled = any(info.error for info in infos)
        ours: dict[CommitId, Recorded] = {}
        async for commits in catchup.read(self._pfs, repo, infos):
            await self._apply(repo, index, commits)
            if spoiled:
                ours.update((one.id, one) for one in commits if one.batch)
        point = index.point(commit)
        if point is None:
            raise NoRepo(f"repo {repo} was deleted meanwhile")
        for owed in reversed(record.unrepaired((info, ours.get(info.id)) for info in infos)):
            self._owed(repo, ours[owed])
        return point

    async def _apply(self, repo: RepoName, index: RepoIndex, commits: Sequence[Recorded]) -> None:
        async with self._applying[repo]:
            await index.apply(commits)
        self._grown(repo, index)

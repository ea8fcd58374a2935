"""A commit of ours that pachd spoiled is written again.

Another writer's file, put into our commit while it was open, collided with one of ours; pachd then
discards the whole commit: its children begin from its parent. What it wrote is written again by a
commit of kind `repair`, from the file set, as far as nothing newer is there. To the index the
spoiled commit stays what its record says, and its files can be read in it. So the record of the
repair holds only what is different now: a key that cannot be there any more, as a delete, and one
that cannot be read in the spoiled commit, as a put.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.stores.pachyderm import faults, filesets, paths, record, spoils
from gateway.stores.pachyderm.batch import Prepared, Tools
from gateway.stores.pachyderm.follow import Followed
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.mending import Mending, is_named_behind
from gateway.stores.pachyderm.pfs import CommitInfo, Place
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import About, ChangeKind
from gateway.versioning.names import CommitId, RepoName

AUTHOR = "labelgate"
WHOLE_MAX = 3
"""So many times everything is written: each time somebody has to come between again."""

LOOKED_AT_MAX = 1000
"""Files of a spoiled commit that are looked at in it; of larger ones, those that pachd names."""

ASKED_AT_ONCE = 4

_PATH = re.compile(r"\((/.*?)(?: from .*)?\)\s*$", re.DOTALL)
_log = logging.getLogger(__name__)


def named_path(error: str) -> str:
    """The path that pachd names where it discards a commit; "" where it names none."""
    found = _PATH.search(error)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A change that is not in the branch any more, and where its bytes are."""

    commit: CommitId
    change: Written
    path: str
    place: Place

    @property
    def is_put(self) -> bool:
        return self.change.kind is ChangeKind.PUT


class Repair(Mending):
    """Writes a spoiled commit again. info: what pachd says of it.

    Where that commit was itself a repair, this one stands in for all that it stood in for. Was
    pachd given everything several times and did not take it, what it named is left out.
    """

    def __init__(self, commit: Followed, info: CommitInfo, tools: Tools) -> None:
        super().__init__(commit, info, tools)
        self.named = named_path(info.error)
        before = sorted(record.replaced_by(commit.recorded))
        self._replaces = (*before, info.id)
        self._leave_out = self.named if len(before) >= WHOLE_MAX else ""
        self._set_aside: set[str] = set()

    @property
    def replaces(self) -> tuple[CommitId, ...]:
        """The commits that this one stands in for."""
        return self._replaces

    async def _prepared(self, index: RepoIndex, at: Point) -> Prepared | None:
        if await is_named_behind(index, at, self._info.id, record.REPLACES):
            return None  # another replica was first
        lost = await self._lost(index, at)
        culprits = [one for one in lost if self._is_culprit(index, at, one)]
        named = {one.path for one in culprits}
        again = [one for one in lost if one.path not in named]
        file_set = await self._written_again(again, culprits)
        await self._keep_spoils(culprits)
        for culprit in culprits:
            _log.error(
                "%r of commit %s of repo %s cannot be there any more: %s",
                culprit.change.key, culprit.commit, self._repo, self._info.error,
            )  # fmt: skip
        gone = {one.path for one in culprits}
        moved = [one.change for one in await self._unreadable(again) if one.path not in gone]
        deletes = [
            Written(one.change.key, ChangeKind.DELETE, null=one.change.null) for one in culprits
        ]
        message = f"Write again what Pachyderm discarded of commit {self._info.id}"
        metadata = {record.REPLACES: ",".join(self.replaces), "error": self._info.error}
        about = About(AUTHOR, record.REPAIR, message, metadata)
        return self._recorded(index, at, about, [*moved, *deletes], file_set=file_set, growth=None)

    @property
    def _repo(self) -> RepoName:
        return self._commit.repo

    async def _lost(self, index: RepoIndex, at: Point) -> list[_Lost]:
        """What the spoiled commits did and nobody undid since."""
        lost = []
        for commit in self.replaces:
            recorded = index.recorded(commit)
            if record.JOINED in recorded.metadata:
                continue  # it wrote nothing
            place = await self._place(recorded)
            for change in recorded.changes:
                now = index.stat(at, change.key)
                if now is not None and now[1] == commit:
                    path = change.path or paths.escape(change.key)
                    lost.append(_Lost(commit, change, path, place))
        return lost

    async def _place(self, recorded: Recorded) -> Place:
        """Where the files of a spoiled commit can be read: all in its file set, else in itself."""
        if recorded.file_set:
            try:
                await self._tools.pfs.renew_file_set(recorded.file_set, filesets.TTL_S)
                return Place.of_file_set(recorded.file_set)
            except faults.NotFound:
                _log.error("the file set of commit %s of repo %s is gone", recorded.id, self._repo)
        return Place(self._repo, recorded.id)

    def _is_culprit(self, index: RepoIndex, at: Point, one: _Lost) -> bool:
        """Whether it cannot be beside what is there now."""
        if not one.is_put:
            return False
        if self._leave_out and _collide(one.path, self._leave_out):
            return True
        return index.conflict(at, one.change.key) is not None

    async def _written_again(self, again: Sequence[_Lost], culprits: list[_Lost]) -> str:
        """A file set with all this. What cannot be had any more is added to the culprits.

        Of those there may be an older version: it goes, as what made it old was answered.
        """
        in_the_commit = [one for one in again if one.is_put and one.place == self._spoiled(one)]
        culprits += await self._those_unreadable(in_the_commit)
        while True:
            left_out = {one.path for one in culprits}
            puts = [one for one in again if one.is_put and one.path not in left_out]
            deletes = [*left_out, *(one.path for one in again if not one.is_put)]
            files = [
                filesets.File(one.path, one.change.size, place=one.place, source=one.path)
                for one in puts
            ]
            try:
                return await filesets.create(self._tools.pfs, deletes, files)
            except filesets.Missing as missing:
                culprits += [one for one in puts if one.path in missing.paths]

    async def _unreadable(self, again: Sequence[_Lost]) -> list[_Lost]:
        """Those that nobody can read in the commit that their version names."""
        puts = [one for one in again if one.is_put]
        if len(puts) > LOOKED_AT_MAX:
            puts = [one for one in puts if _collide(one.path, self.named)]
        return await self._those_unreadable(puts)

    async def _those_unreadable(self, puts: Sequence[_Lost]) -> list[_Lost]:
        limit = asyncio.Semaphore(ASKED_AT_ONCE)

        async def unreadable(one: _Lost) -> bool:
            async with limit:
                try:
                    await self._tools.pfs.inspect_file(self._spoiled(one), one.path)
                except faults.Unreachable:
                    raise
                except faults.PfsError:
                    return True
                return False

        answers = await asyncio.gather(*(unreadable(one) for one in puts))
        return [one for one, answer in zip(puts, answers, strict=True) if answer]

    def _spoiled(self, one: _Lost) -> Place:
        return Place(self._repo, one.commit)

    async def _keep_spoils(self, culprits: Sequence[_Lost]) -> None:
        """Set aside what the branch loses, the other writer's file where it can be read too."""
        files = [(one.place, one.path) for one in culprits]
        ours = {change.path or paths.escape(change.key) for change in self._commit.recorded.changes}
        if self.named and self.named not in ours:
            files.append((Place(self._repo, self._info.id), self.named))
        files = [file for file in files if file[1] not in self._set_aside]
        self._set_aside.update(path for _, path in files)
        tools = self._tools
        await spoils.keep(tools.pfs, tools.companion, self._repo, self._info.id, files)


def _collide(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")

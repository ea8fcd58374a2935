"""What another writer did in a commit of ours while it was open, and that did not collide.

It is in the branch, and only our record does not tell: a commit that writes nothing follows, and
its record does. So every replica comes to the same, also one that starts from nothing.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import replace

from gateway.stores.pachyderm import foreign, paths, record
from gateway.stores.pachyderm.batch import Prepared, Tools
from gateway.stores.pachyderm.follow import Followed
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.mending import Mending, is_named_behind, naming
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs, Place
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import About, ChangeKind
from gateway.versioning.names import CommitId, RepoName

_log = logging.getLogger(__name__)


class Joined(Mending):
    """Records what a commit of ours holds beside what the index knows.

    whole: of all that is in the branch at that commit, not only of what the commit changed.
    """

    def __init__(
        self, commit: Followed, info: CommitInfo, tools: Tools, *, whole: bool = False
    ) -> None:
        super().__init__(commit, info, tools)
        self._whole = whole
        self._found: list[Written] | None = None

    async def _prepared(self, index: RepoIndex, at: Point) -> Prepared | None:
        then = index.point(self._info.id)
        if then is None or await is_named_behind(index, at, self._info.id, record.JOINED):
            return None
        if self._found is None:
            self._found = await self._differing(index, then)
        changes = [one for one in self._found if not _is_newer(index, at, then, one.key)]
        if not changes:
            return None
        _log.warning(
            "another writer's doings are in commit %s of repo %s: %d files",
            self._info.id, self._commit.repo, len(changes),
        )  # fmt: skip
        message = f"What another writer did in commit {self._info.id}"
        about = About(
            self._info.created_by or foreign.AUTHOR, "put", message, {record.JOINED: self._info.id}
        )
        return self._recorded(index, at, about, changes, file_set="", growth=0)

    async def _differing(self, index: RepoIndex, then: Point) -> list[Written]:
        info, repo, pfs = replace(self._info, description=""), self._commit.repo, self._tools.pfs
        if self._whole:
            return [one async for one in all_differing(pfs, repo, info, index, then)]
        ours = self._commit.recorded
        found = await foreign.read(pfs, repo, info, ours.parent)
        before = None if ours.parent is None else index.point(ours.parent)
        was_there = {
            change.key
            for change in ours.changes
            if before is not None and _live(index, before, change.key)
        }
        return list(differing(ours, found, was_there))


def differing(ours: Recorded, found: Recorded, was_there: Collection[str]) -> Iterator[Written]:
    """What a commit did (`found`, as PFS tells) and its record does not say.

    was_there: keys of ours that there were before; PFS tells nothing of one that stayed the same.
    """
    said = {change.key: change for change in ours.changes}
    for change in found.changes:
        recorded = said.pop(change.key, None)
        if recorded is None or _differs(recorded, change):
            yield change
    for change in said.values():
        if change.kind is ChangeKind.PUT and change.key not in was_there:
            yield Written(change.key, ChangeKind.DELETE)


async def all_differing(
    pfs: Pfs, repo: RepoName, info: CommitInfo, index: RepoIndex, at: Point
) -> AsyncIterator[Written]:
    """What is otherwise in a commit than the index has it. Cost: all files of the branch.

    What is so because pachd discarded the commit that the index has it from is left out: that is
    for the repair to tell, which another replica may owe.
    """
    discarded: dict[CommitId, bool] = {}

    async def is_owed(key: str) -> bool:
        version = _version(index, at, key)
        if version is None:
            return False
        if version not in discarded:
            discarded[version] = await _is_discarded(pfs, repo, index, at, version)
        return discarded[version]

    there: set[str] = set()
    async for file in pfs.walk_files(Place(repo, info.id)):
        if file.is_dir:
            continue
        key, _ = paths.unescape(file.path)
        there.add(key)
        known = index.stat(at, key)
        as_known = known is not None and known[0].live and known[0].size == file.size
        if not as_known and not await is_owed(key):
            for change in foreign.changed(info, file, None):
                yield change
    after: str | None = ""
    while after is not None:
        page = await index.list(at, after=after)
        for entry in page.entries:
            if entry.key not in there and not await is_owed(entry.key):
                yield Written(entry.key, ChangeKind.DELETE)
        after = page.next_after


async def _is_discarded(
    pfs: Pfs, repo: RepoName, index: RepoIndex, at: Point, commit: CommitId
) -> bool:
    """Whether pachd discarded that commit, and no repair that it kept followed up to `at`."""
    if not (await pfs.inspect_commit(repo, commit)).error:
        return False
    async for repair in naming(index, at, commit, record.REPLACES):
        if not (await pfs.inspect_commit(repo, repair)).error:
            return False
    return True


def _differs(recorded: Written, change: Written) -> bool:
    # PFS knows nothing of markers: a delete without one is a delete to it.
    was_put, is_put = (one.kind is ChangeKind.PUT for one in (recorded, change))
    return was_put is not is_put or recorded.size != change.size


def _live(index: RepoIndex, at: Point, key: str) -> bool:
    found = index.stat(at, key)
    return found is not None and found[0].live


def _is_newer(index: RepoIndex, at: Point, then: Point, key: str) -> bool:
    """Whether the key is at `at` as a commit behind `then` made it."""
    now = _version(index, at, key)
    if now is None or now == _version(index, then, key):
        return False
    found_in = index.point(CommitId(index.recorded(now).metadata.get(record.JOINED, "")))
    return found_in is None or not index.reader.in_history(found_in, then)


def _version(index: RepoIndex, at: Point, key: str) -> CommitId | None:
    found = index.stat(at, key)
    return None if found is None else found[1]

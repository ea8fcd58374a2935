"""Decides what fires: follows commits as a channel, and looks at clocks and tags."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence

from gateway.deliveries.changes import changes_of
from gateway.merging.promote import KIND as PROMOTE
from gateway.triggers.conditions import Gained, fires
from gateway.triggers.model import Count, On, Trigger
from gateway.triggers.shelf import Kept, Shelf
from gateway.versioning.errors import StoreError
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit, RefKind, Snapshot
from gateway.versioning.names import BucketName, RepoName
from gateway.versioning.store import Store

log = logging.getLogger(__name__)

NAME = "triggers"
LOOK_S = 1.0


def new_id() -> str:
    """The id of a firing."""
    return f"msg_{uuid.uuid4().hex}"


class Deciding:
    """The channel of triggers: a commit is counted, and what fires is put down, in one transaction.

    mine: whether a repo is this replica's to decide for.
    """

    name = NAME
    target = "triggers"

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        clock: Callable[[], int],
        mine: Callable[[RepoName], bool],
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._mine = mine

    def since_ms(self) -> int | None:
        """Nothing from before the first trigger was made."""
        made = [one.trigger.created_ms for one in self._shelf.all()]
        return min(made) - 1 if made else None

    def wants(self, branch: str, commit: Commit) -> bool:
        """Whether any trigger looks at that branch."""
        return any(one.trigger.looks_at_branch(branch) for one in self._shelf.all(commit.repo))

    async def deliver(self, branch: str, at: Snapshot, commit: Commit) -> None:
        """Count a commit for every trigger of the branch, once however often it is told."""
        concerned = [
            one
            for one in self._shelf.all(commit.repo)
            if one.trigger.looks_at_branch(branch)
            and one.trigger.repo_ms == at.repo.created_ms
            and one.trigger.created_ms <= commit.time_ms
            and self._shelf.told(one.number) != commit.id
        ]
        changes: Sequence[ChangeInfo] | None = None
        for one in concerned:
            if not _concerns(one.trigger, branch, commit):
                continue
            if changes is None and one.trigger.reads_changes:
                changes = await changes_of(self._store, at)
            self._count(one, branch, commit, changes)

    def _count(
        self, one: Kept, branch: str, commit: Commit, changes: Sequence[ChangeInfo] | None
    ) -> None:
        trigger, now_ms = one.trigger, self._clock()
        counts, tasks = _counted(trigger, commit, changes)
        if not counts:
            return
        parent = commit.parents[0] if commit.parents else None
        with self._shelf.transaction:
            self._shelf.count(one.number, commit.id, parent, Gained(counts, now_ms, now_ms), tasks)
            if fires(trigger.when, self._shelf.gained(one.number), now_ms):
                ref = str(BucketName(trigger.repo, branch))
                self._shelf.fire(one.number, new_id(), at_ms=now_ms, ref=ref, commit=commit.id)

    # ---- what no commit is the reason of

    async def watch(self) -> None:
        """Look at clocks and tags, for ever."""
        while True:
            try:
                self.look_at_clock()
                await self.look_at_tags()
            except StoreError as error:
                log.warning("triggers: tags cannot be looked at: %s", error)
            except Exception:
                log.exception("triggers: this look failed")
            await asyncio.sleep(LOOK_S)

    def look_at_clock(self) -> None:
        """Fire what waited for a time, or for quiet."""
        now_ms = self._clock()
        for one in self._shelf.all():
            trigger = one.trigger
            if trigger.when.quiet_s is None and trigger.when.schedule is None:
                continue
            told = self._shelf.told(one.number)
            if told is None or not self._mine(trigger.repo):
                continue
            with self._shelf.transaction:
                if fires(trigger.when, self._shelf.gained(one.number), now_ms):
                    ref = str(BucketName(trigger.repo, trigger.where))
                    self._shelf.fire(one.number, new_id(), at_ms=now_ms, ref=ref, commit=told)

    async def look_at_tags(self) -> None:
        """Fire at tags that were made since a trigger on them was."""
        concerned: dict[RepoName, list[Kept]] = {}
        for one in self._shelf.all():
            if one.trigger.on is On.TAG and self._mine(one.trigger.repo):
                concerned.setdefault(one.trigger.repo, []).append(one)
        if not concerned:
            return
        for tag in await self._store.refs(kind=RefKind.TAG):
            triggers = concerned.get(tag.repo, [])
            if not triggers:
                continue
            repo = await self._store.repo(tag.repo)
            now_ms = self._clock()
            with self._shelf.transaction:
                if not self._shelf.new_tag(tag.repo, tag.name, tag.commit):
                    continue
                for one in triggers:
                    made_since = tag.created_ms >= one.trigger.created_ms
                    same_repo = one.trigger.repo_ms == repo.created_ms
                    if made_since and same_repo and one.trigger.looks_at_tag(tag.name):
                        ref = str(BucketName(tag.repo, tag.name))
                        self._shelf.fire(
                            one.number, new_id(), at_ms=now_ms, ref=ref, commit=tag.commit
                        )


def _concerns(trigger: Trigger, branch: str, commit: Commit) -> bool:
    """Whether a commit that came to its branch is one that it looks at."""
    if trigger.on is not On.PROMOTE:
        return commit.change_count > 0
    # What was made on another branch came by moving this one forward.
    return commit.kind == PROMOTE or commit.branch != branch


def _counted(
    trigger: Trigger, commit: Commit, changes: Sequence[ChangeInfo] | None
) -> tuple[dict[Count, int], set[str]]:
    """What a commit adds, and the tasks that it labels; nothing where it is beside the prefix."""
    if changes is None:
        return {Count.COMMITS: 1, Count.OBJECTS: commit.change_count}, set()
    inside = [one for one in changes if one.key.startswith(trigger.prefix)]
    if not inside and changes:
        return {}, set()
    size = sum(one.size for one in inside if one.kind is ChangeKind.PUT)
    counts = {Count.COMMITS: 1, Count.OBJECTS: len(inside), Count.BYTES: size}
    return counts, {task for one in inside if (task := _task(one)) is not None}


def _task(change: ChangeInfo) -> str | None:
    """Which task a label is of, by Label Studio's ids."""
    record = change.lineage or {}
    if change.kind is not ChangeKind.PUT or record.get("task") is None:
        return None
    return f"{record.get('project')}/{record['task']}"

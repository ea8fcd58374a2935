"""Log, commits, differences and lineage: what the API reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from gateway.admin.errors import Refusal
from gateway.admin.models import (
    At,
    ChangeOut,
    CommitOut,
    CommitPage,
    DifferenceOut,
    DiffOut,
    ErasedOut,
    LabelChangeOut,
    LabelDiffOut,
    LineageOut,
    LogOut,
    SideOut,
    iso,
)
from gateway.admin.refs import LISTED, resolve_ref, spell, spell_pinned
from gateway.admin.services import Caller
from gateway.admin.sources import SourcesSeen, may_read
from gateway.auth.access import Asked, common, denied
from gateway.auth.grants import EVERYWHERE
from gateway.auth.sight import changes_seen, diff_seen, log_seen
from gateway.lineage.labeldiff import LabelDiff, label_diff
from gateway.lineage.labelstudio import LABEL_BYTES_MAX
from gateway.lineage.query import object_lineage
from gateway.lineage.written import annotations_of
from gateway.protocol.operations import Right
from gateway.versioning.errors import Erased, NoKey
from gateway.versioning.model import ChangeInfo, Commit, DiffEntry, Entry, FoundWrite, Snapshot
from gateway.versioning.moments import parse_time
from gateway.versioning.names import BucketName, CommitId, is_commit_id
from gateway.versioning.terms import of_annotator, of_task

LABELS_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """Which commits of a log are wanted. since, until: ISO 8601 times. author: the account.

    path: as Store.log. task, annotator: Label Studio's ids: only commits with labels of theirs.
    annotation: of the task.
    """

    path: str | None = None
    author: str | None = None
    since: str | None = None
    until: str | None = None
    task: int | None = None
    annotator: int | None = None
    annotation: int | None = None


async def log_page(
    caller: Caller, ref: str, wanted: Filter, *, after: str | None, limit: int
) -> LogOut:
    """Commits from `ref` back, newest first. Raises Refusal, what resolve_ref does, InvalidName."""
    if wanted.annotation is not None and wanted.task is None:
        # Only tasks are in the index: without one all labels would have to be read.
        raise Refusal(400, "InvalidRequest", "annotation: of which task?")
    at = await resolve_ref(caller, ref)
    sight = await caller.access.sight(at, LISTED)
    begin = at
    if wanted.until is not None and after is None:
        newest = await caller.store.as_of(at, parse_time(wanted.until))
        if newest is None:
            return LogOut(at=at_out(at), commits=[], next_after=None)
        begin = await caller.store.resolve(BucketName(at.repo.name, at.ref, newest))
    with_labels = await _with_labels(caller, at, wanted)

    def chosen(commit: Commit) -> bool:
        if wanted.author not in {None, commit.author}:
            return False
        return with_labels is None or commit.id in with_labels

    commits, following = await log_seen(
        caller.store,
        begin,
        sight,
        path=wanted.path,
        after=commit_id(after, "after"),
        limit=limit,
        wanted=chosen,
        since_ms=0 if wanted.since is None else parse_time(wanted.since),
    )
    shown = [commit_out(commit) for commit in commits]
    return LogOut(at=at_out(at), commits=shown, next_after=following)


async def _with_labels(caller: Caller, at: Snapshot, wanted: Filter) -> set[CommitId] | None:
    """The commits with labels of a task or by an annotator; None where neither is asked for."""
    found: set[CommitId] | None = None
    for terms in (
        None if wanted.task is None else of_task(wanted.task),
        None if wanted.annotator is None else of_annotator(wanted.annotator),
    ):
        if terms is None:
            continue
        commits: set[CommitId] = set()
        last: FoundWrite | None = None
        while page := await caller.store.find_writes(at.repo.name, terms, after=last, limit=1000):
            commits.update(
                write.commit
                for write in page
                if wanted.annotation is None or wanted.annotation in annotations_of(write.lineage)
            )
            last = page[-1]
        found = commits if found is None else found & commits
    return found


async def commit_page(caller: Caller, ref: str, *, after: str, limit: int) -> CommitPage:
    """The commit `ref` names, with its changes by key. Raises what resolve_ref does."""
    at = await resolve_ref(caller, ref)
    commit, changes = await read_commit(caller, at, after=after, limit=limit + 1)
    shown = [_change_out(change) for change in await SourcesSeen(caller).of_all(changes[:limit])]
    return CommitPage(
        at=at_out(at),
        commit=commit_out(commit),
        changes=shown,
        erased=[ErasedOut(**stone._asdict()) for stone in commit.erased],
        next_after=shown[-1].key if len(changes) > limit else None,
    )


async def read_commit(
    caller: Caller, at: Snapshot, *, after: str = "", limit: int
) -> tuple[Commit, list[ChangeInfo]]:
    """The commit of a state and the first of its changes, as far as the caller may read them.

    So are the versions that it erased.
    Raises S3Error (AccessDenied) where it changes nothing of that.
    """
    sight = await caller.access.sight(at, LISTED)
    whole = await caller.store.commit_info(at)
    erased = tuple(stone for stone in whole.erased if stone.key.startswith(sight))
    commit = replace(whole, erased=erased)
    changes = await changes_seen(caller.store, at, sight, after=after, limit=limit)
    if not (changes or erased or after or sight == EVERYWHERE):
        raise denied(f"commit {commit.id} changes nothing that key {caller.key.name!r} may read.")
    return commit, changes


async def diff_page(
    caller: Caller, old: str, new: str, *, prefix: str, after: str, limit: int, labels: bool
) -> DiffOut:
    """Objects that differ between two refs, by key. Raises what resolve_ref does.

    labels: also what changed in labels, for which their bodies are read.
    """
    limit = min(limit, LABELS_A_PAGE) if labels else limit
    before, now = await resolve_ref(caller, old), await resolve_ref(caller, new)
    sight = common(
        await caller.access.sight(before, LISTED), await caller.access.sight(now, LISTED)
    )
    page = await diff_seen(
        caller.store, before, now, sight, prefix=prefix, after=after, limit=limit
    )
    return DiffOut(
        old=at_out(before),
        new=at_out(now),
        differences=[
            _difference_out(entry, await _label_diff(caller, before, now, entry, asked=labels))
            for entry in page.entries
        ],
        next_after=page.next_after,
    )


async def lineage(caller: Caller, ref: str, key: str, version: str | None) -> LineageOut:
    """From the object to its sources. Raises what resolve_ref and object_lineage do."""
    at = await resolve_ref(caller, ref, Asked(Right.READ, "s3:GetObject", key))
    found = await object_lineage(caller.store, at, key, commit_id(version, "version"))
    if found["record"] is not None:
        found["record"] = await SourcesSeen(caller).of_record(found["record"])
    return LineageOut.model_validate(found)


def commit_id(text: str | None, parameter: str) -> CommitId | None:
    """A parameter that is a commit or version id, where it is given. Raises Refusal."""
    if text is None:
        return None
    if not is_commit_id(text):
        raise Refusal(
            400, "InvalidId", f"{parameter} is {text!r}; an id has 32 lower-case hex digits"
        )
    return CommitId(text)


def at_out(at: Snapshot) -> At:
    """The state that was read, as the API shows it."""
    return At(
        bucket=spell(at),
        pinned=spell_pinned(at),
        repo=at.repo.name.name,
        project=at.repo.name.project,
        ref=at.ref,
        kind=at.kind,
        commit=at.commit,
    )


def commit_out(commit: Commit) -> CommitOut:
    """A commit as the API shows it."""
    return CommitOut(
        id=commit.id,
        repo=commit.repo.name,
        project=commit.repo.project,
        branch=commit.branch,
        parents=list(commit.parents),
        kind=commit.kind,
        author=commit.author,
        message=commit.message,
        time=iso(commit.time_ms),
        metadata=dict(commit.metadata),
        changes=commit.change_count,
    )


def _change_out(change: ChangeInfo) -> ChangeOut:
    return ChangeOut(
        key=change.key,
        kind=change.kind,
        size=change.size,
        etag=change.etag,
        lineage=None if change.lineage is None else dict(change.lineage),
    )


async def _label_diff(
    caller: Caller, old: Snapshot, new: Snapshot, entry: DiffEntry, *, asked: bool
) -> LabelDiff | None:
    """What changed in a label; None where it is none, or not the caller's to read."""
    if not asked:
        return None
    before = await _body(caller, old, entry.old)
    after = await _body(caller, new, entry.new)
    if before is None and after is None:
        return None
    return await asyncio.to_thread(label_diff, before, after)


async def _body(caller: Caller, at: Snapshot, entry: Entry | None) -> bytes | None:
    if entry is None or entry.size > LABEL_BYTES_MAX or not await may_read(caller, at, entry.key):
        return None
    try:
        body = await caller.store.read(await caller.store.stat(at, entry.key))
    except (NoKey, Erased):
        return None
    return body if isinstance(body, bytes) else b"".join([piece async for piece in body])


def _difference_out(entry: DiffEntry, label: LabelDiff | None) -> DifferenceOut:
    return DifferenceOut(
        key=entry.key,
        difference=entry.difference,
        old=_side_out(entry.old),
        new=_side_out(entry.new),
        label=None if label is None else _label_out(label),
    )


def _label_out(label: LabelDiff) -> LabelDiffOut:
    return LabelDiffOut(
        task=label.task,
        project=label.project,
        changes=[
            LabelChangeOut(
                what=one.what,
                control=one.control,
                region=one.region,
                old=one.old,
                new=one.new,
                annotation=one.annotation,
            )
            for one in label.changes
        ],
    )


def _side_out(entry: Entry | None) -> SideOut | None:
    if entry is None:
        return None
    return SideOut(
        size=entry.size, etag=entry.etag, modified=iso(entry.modified_ms), version=entry.version
    )

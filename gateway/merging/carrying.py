"""Brings objects from one state of a repo to a branch of it, in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.lineage.recorder import Recorder, Write
from gateway.versioning.errors import ConditionFailed, Erased, HeadMoved, NoKey
from gateway.versioning.model import (
    NOTHING,
    About,
    Commit,
    Condition,
    Delete,
    DiffEntry,
    Put,
    Snapshot,
)
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store
from gateway.versioning.views import State, state_of, writes_null

TAGS = "tags"
SAID = "meta-"
_PAGE = 1000
_YIELD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks for it, for the lineage of each change. time_ms: now."""

    account: str
    key_name: str
    request_id: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Tools:
    """What it takes, and who asks for it. said: what they say of the commit, by name."""

    store: Store
    recorder: Recorder
    who: Who
    said: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a commit says of itself. kind: of the commit, and of the records of its changes.

    merged: its second parent. if_head: only on that head; None: on any. squash: each object is as
    if it had been written here at once, not made from one that was written elsewhere. wins: over
    what was written meanwhile, as a PUT does.
    """

    kind: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    merged: CommitId | None = None
    if_head: CommitId | None = None
    squash: bool = False
    wins: bool = False


async def differences(
    store: Store, old: Snapshot, new: Snapshot, path: str = ""
) -> dict[str, DiffEntry]:
    """What differs between two states of a repo, by key.

    path: only that key, or with a final `/` what is below it; "" for everything.
    """
    found: dict[str, DiffEntry] = {}
    after: str | None = ""
    while after is not None:
        page = await store.diff(old, new, prefix=path, after=after, limit=_PAGE)
        found.update((entry.key, entry) for entry in page.entries if _at(entry.key, path))
        after = page.next_after
    return found


async def keys_of(store: Store, at: Snapshot) -> set[str]:
    """Every key of a state: what differs from an empty one."""
    found: set[str] = set()
    after: str | None = ""
    while after is not None:
        page = await store.list(at, after=after, limit=_PAGE)
        found.update(entry.key for entry in page.entries)
        after = page.next_after
    return found


def _at(key: str, path: str) -> bool:
    return not path or path.endswith("/") or key == path


async def carry(
    tools: Tools,
    source: Snapshot,
    target: Snapshot,
    entries: Sequence[DiffEntry],
    deed: Deed,
) -> Commit | None:
    """Make keys of the branch `target` what they are in `source`.

    entries: how they differ from what `target` has. None: nothing was to be done. Raises HeadMoved
    where somebody wrote to one of them meanwhile, or to the branch where the deed names its head;
    and what Store.commit does.
    """
    changes = []
    for number, entry in enumerate(entries):
        if number % _YIELD_EVERY == 0:
            # A store that answers at once would keep every other request waiting for all of them.
            await asyncio.sleep(0)
        change = await _change(tools, source, target, entry.key, deed)
        changes.append(change if deed.wins else replace(change, condition=_as_it_was(entry)))
    who = tools.who
    # What a store or a reader goes by must not be what somebody says.
    told = {f"{SAID}{name}": text for name, text in tools.said.items()}
    told |= {"request_id": who.request_id, "key_name": who.key_name, **deed.metadata}
    about = About(who.account, deed.kind, deed.message, told, deed.merged)
    try:
        made = await tools.store.commit(target, changes, about, if_head=deed.if_head)
    except (ConditionFailed, NoKey):
        raise HeadMoved(f"somebody is writing to what is to be changed on {target.ref}") from None
    return made.commit


def _as_it_was(entry: DiffEntry) -> Condition:
    """That the branch still has what was looked at. Other keys may change meanwhile."""
    if entry.old is None:
        return Condition(not_etag="*")
    return Condition(etag=entry.old.etag)


async def _change(
    tools: Tools, source: Snapshot, target: Snapshot, key: str, deed: Deed
) -> Put | Delete:
    try:
        info = await tools.store.stat(source, key)
    except (NoKey, Erased):
        return await _delete(tools, target, key)
    who = tools.who
    write = Write(
        bucket=target,
        key=key,
        size=info.size,
        etag=info.etag,
        time_ms=who.time_ms,
        account=who.account,
        key_name=who.key_name,
        request_id=who.request_id,
    )
    if deed.squash:
        told = await tools.store.lineage(source, info)
        described = tools.recorder.describe_moved(deed.kind, write, told, info)
    else:
        described = tools.recorder.describe_carried(deed.kind, write, source, info)
    return Put(
        key=key,
        content=info.content,
        size=info.size,
        etag=info.etag,
        attributes=info.attributes,
        lineage=described.record,
        same_as=described.same_as,
        null=writes_null(target),
        # Tags are the object's; who may see it, and how long it is kept, is the branch's to say.
        side={name: value for name, value in info.side.items() if name == TAGS},
        origin=info.first_written,
    )


async def _delete(tools: Tools, target: Snapshot, key: str) -> Delete:
    who = tools.who
    write = Write.of_delete(
        target,
        key,
        time_ms=who.time_ms,
        account=who.account,
        key_name=who.key_name,
        request_id=who.request_id,
    )
    described = await tools.recorder.describe_delete(write)
    marker = state_of(target) is not State.UNSET
    return Delete(key, described.record, null=writes_null(target), marker=marker)

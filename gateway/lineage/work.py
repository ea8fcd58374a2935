"""The work that a label came from: finds, for each source, what the rule of evidence is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.lineage.choice import Choice, Turn, choose
from gateway.lineage.labelstudio import Label
from gateway.lineage.reads import Read, ReadLog, place_of
from gateway.lineage.span import Span, span_of
from gateway.versioning.errors import Erased, NoKey, NoVersion
from gateway.versioning.model import ObjectInfo, Snapshot
from gateway.versioning.names import BucketName, CommitId
from gateway.versioning.store import Store

# A source that changed more often while a task was open is not followed back any further.
TURNS_MAX = 100


@dataclass(frozen=True, slots=True)
class Work:
    """What a label says of its making, and what this gateway knows beside it.

    put_ms: when the label was written. key_name: of the key that signed it.
    """

    label: Label
    put_ms: int
    key_name: str
    reads: ReadLog

    async def seen(self, store: Store, at: Snapshot, key: str) -> Choice:
        """The version of `key` that was worked with; `at` is the branch as it is now.

        Cost: a point read, and where the object changed since the work began, its history to there.
        """
        reads = self.reads.of(place_of(at, key))
        span = span_of(self.label, key, self.put_ms, reads)
        turns = await _turns(store, at, key, span)
        while True:
            chosen = choose(turns, span, reads, whole=self.reads.whole, key_name=self.key_name)
            if chosen.read_ms is None or await _is_there(store, at, key, turns, chosen):
                return chosen
            reads = _without(reads, chosen)


async def _turns(store: Store, at: Snapshot, key: str, span: Span | None) -> list[Turn]:
    """The versions at the branch's head, newest first, back to the beginning of the span."""
    now = await _found(store, at, key)
    came_ms = 0 if now is None else now.modified_ms
    # What a merge brought here keeps the time at which it was first written.
    lasting = now is not None and now.origin is None
    if span is None or (lasting and came_ms <= span.opened_ms):
        return [Turn(came_ms, _version(now))]
    turns = []
    for commit in await store.log(at, path=key, limit=TURNS_MAX):
        then = await store.resolve(BucketName(at.repo.name, at.ref, commit.id))
        info = await _found(store, then, key)
        turns.append(Turn(commit.time_ms, _version(info)))
        if commit.time_ms <= span.opened_ms:
            break
    return turns or [Turn(0, None)]


def _version(info: ObjectInfo | None) -> CommitId | None:
    return None if info is None else info.version


async def _found(store: Store, at: Snapshot, key: str) -> ObjectInfo | None:
    try:
        return await store.stat(at, key)
    except (NoKey, Erased):
        return None


async def _is_there(
    store: Store, at: Snapshot, key: str, turns: Sequence[Turn], chosen: Choice
) -> bool:
    """Whether what was served is a version still: it may be erased, or of a repo of that name."""
    if any(turn.version == chosen.version for turn in turns):
        return True
    try:
        return (await store.stat(at, key, chosen.version)).version == chosen.version
    except (NoKey, NoVersion, Erased):
        return False


def _without(reads: Sequence[Read], chosen: Choice) -> list[Read]:
    return [read for read in reads if read.version != chosen.version]

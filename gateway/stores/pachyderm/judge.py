"""What is asked, judged against the head: conditions, the no-op rule, and files that collide. Pure.

A batch is many requests that share a commit. They write different keys, so a request is judged by
the head alone, as if it came first; only that one's file must not lie where another's folder is
concerns the batch as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from gateway.stores.pachyderm import paths
from gateway.stores.pachyderm.words import Content, Staged, Written
from gateway.versioning.errors import NoKey, PathConflict, Unsupported
from gateway.versioning.model import (
    Change,
    ChangeKind,
    Condition,
    Delete,
    Erase,
    ObjectInfo,
    Outcome,
    Put,
)
from gateway.versioning.names import CommitId, RepoName

NO_ERASE = "Pachyderm keeps what was committed: it cannot take one version's bytes away"


class Live(NamedTuple):
    """An object that is there. same_as: as in Put."""

    info: ObjectInfo
    same_as: str | None


class State(Protocol):
    """A branch at its head."""

    def live(self, key: str) -> Live | None:
        """The object of that key; None where none is."""

    def marker(self, key: str) -> CommitId | None:
        """The version id of the marker by which a key is absent; None: it never was there."""

    def in_the_way(self, key: str, gone: Collection[str]) -> str | None:
        """An object that cannot be beside one of that key, those in `gone` not counted."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """One change of a request. unchanged: the object that stands already, where it is no change."""

    change: Change
    unchanged: ObjectInfo | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A request that stands.

    effective: what is to be done to each key, the last wish for it. stale: paths where the head
    has such a key and `paths.escape` would not put it. growth: bytes more than the head has.
    """

    wishes: tuple[_Wish, ...]
    effective: dict[str, Change]
    stale: tuple[str, ...]
    growth: int

    def outcomes(
        self, repo: RepoName, commit: CommitId | None, time_ms: int
    ) -> tuple[Outcome, ...]:
        """What became of each change. commit: that all changes are in; None where none was one."""
        return tuple(self._outcome(wish, repo, commit, time_ms) for wish in self.wishes)

    def _outcome(
        self, wish: _Wish, repo: RepoName, commit: CommitId | None, time_ms: int
    ) -> Outcome:
        if wish.unchanged is not None:
            return Outcome(wish.unchanged.version, changed=False, info=wish.unchanged)
        assert commit is not None
        last = self.effective[wish.change.key]
        if not isinstance(last, Put):
            return Outcome(commit)
        return Outcome(commit, info=_object(last, repo, commit, time_ms))


@dataclass(slots=True)
class Taken:
    """What the requests of a batch do to the branch, so far.

    folders: the folders that its files lie in, each with one of them.
    """

    puts: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        """Take a request into the batch."""
        for key, change in judged.effective.items():
            if isinstance(change, Put):
                self._put(key)
            else:
                self.gone.add(key)

    def demand_room(self, state: State, puts: Iterable[str], gone: Collection[str]) -> None:
        """Raise PathConflict where a file of a request would be in another file's place.

        gone: what the same request deletes.
        """
        trial = Taken(folders={})
        all_gone = self.gone.union(gone)
        for key in puts:
            other = self._beside(key) or trial._beside(key) or state.in_the_way(key, all_gone)
            if other is not None:
                raise PathConflict(key, other)
            trial._put(key)

    def _put(self, key: str) -> None:
        self.puts.add(key)
        self.folders.update(dict.fromkeys(paths.ancestors(key), key))

    def _beside(self, key: str) -> str | None:
        inside = self.folders.get(key)
        if inside is not None:
            return inside
        return next((folder for folder in paths.ancestors(key) if folder in self.puts), None)


def judge(state: State, taken: Taken, changes: Sequence[Change]) -> Judged:
    """Judge one request at the head, in order: a change counts for those behind it.

    Raises NoKey, ConditionFailed, PathConflict; `taken` is left as it is.
    """
    wishes = []
    effective: dict[str, Change] = {}
    lives: dict[str, Live | None] = {}
    for change in changes:
        key = change.key
        if key not in lives:
            lives[key] = state.live(key)
        live, earlier = lives[key], effective.get(key)
        if change.condition is not None:
            _check(state, change, change.condition, live, earlier)
        if earlier is None and live is not None and _is_same(change, live):
            wishes.append(_Wish(change, live.info))
        else:
            wishes.append(_Wish(change))
            effective[key] = change
    puts = [key for key, change in effective.items() if isinstance(change, Put)]
    gone = [key for key, change in effective.items() if isinstance(change, Delete)]
    taken.demand_room(state, puts, gone)
    before = [live for key in effective if (live := lives[key]) is not None]
    grown = sum(change.size for change in effective.values() if isinstance(change, Put))
    return Judged(
        tuple(wishes),
        effective,
        tuple(
            live.info.content.path
            for live in before
            if live.info.content.path != paths.escape(live.info.key)
        ),
        grown - sum(live.info.size for live in before),
    )


def written(change: Change) -> Written:
    """A change as it is recorded.

    Raises TypeError (its content is none of this store's), Unsupported (an Erase).
    """
    if isinstance(change, Erase):
        raise Unsupported(NO_ERASE)
    if isinstance(change, Delete):
        kind = ChangeKind.DELETE if change.marker else ChangeKind.POINT
        return Written(change.key, kind, null=change.null, lineage=change.lineage)
    if not isinstance(change.content, Staged | Content):
        raise TypeError(f"the content of {change.key!r} is none of this store's")
    return Written(
        change.key,
        ChangeKind.PUT,
        change.size,
        change.etag,
        change.content.digest,
        change.attributes,
        change.same_as,
        change.null,
        change.lineage,
        side=change.side,
    )


def _check(
    state: State, change: Change, condition: Condition, live: Live | None, earlier: Change | None
) -> None:
    """Judge a condition by the key as the changes before this one left it."""
    if earlier is None:
        etag = None if live is None else live.info.etag
    else:
        etag = earlier.etag if isinstance(earlier, Put) else None
    if condition.etag is not None and etag is None:
        raise NoKey(change.key, state.marker(change.key) if earlier is None else None)
    condition.demand(etag)


def _is_same(change: Change, live: Live) -> bool:
    """The no-op rule: the same in all that matters, and declared alike."""
    return (
        isinstance(change, Put)
        and change.origin is None
        and change.same_as is not None
        and change.same_as == live.same_as
        and live.info.attributes.declared_like(change.attributes)
    )


def _object(change: Put, repo: RepoName, commit: CommitId, time_ms: int) -> ObjectInfo:
    digest: bytes = change.content.digest
    return ObjectInfo(
        key=change.key,
        version=commit,
        size=change.size,
        etag=change.etag,
        modified_ms=time_ms,
        attributes=change.attributes,
        same_as=change.same_as,
        null=change.null,
        side=change.side,
        content=Content(repo, commit, paths.escape(change.key), change.size, digest),
    )

"""Commits of one transaction: judged against the head, placed on a line, planned, answered.

Each is judged against the state that the ones before it in the same transaction made. A refused
commit plans nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.stores.embedded.contents import Content, object_info
from gateway.stores.embedded.erasing import Erasing
from gateway.stores.embedded.plan import Back, Branch, Merged, Plan, Worded, about_words, worded
from gateway.stores.timeline import writer
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.lookup import current
from gateway.stores.timeline.materialise import fork
from gateway.stores.timeline.rows import Change, attributes
from gateway.stores.timeline.schema import DELETE
from gateway.versioning.errors import HeadMoved, NoCommit, NoKey, NoRef
from gateway.versioning.model import (
    About,
    Commit,
    Committed,
    Delete,
    Erase,
    Outcome,
    Put,
    Tombstone,
)
from gateway.versioning.model import Change as Wish
from gateway.versioning.names import CommitId, check_key


@dataclass(frozen=True, slots=True)
class Head:
    """A branch's commit as this transaction knows it. tip: of its line."""

    point: Point
    id: bytes
    hash: bytes
    tip: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """One change of a commit. row: the head's where it is none; of an Erase, what it takes away."""

    wish: Wish
    key: bytes
    row: Change | None = None

    @property
    def is_change(self) -> bool:
        return isinstance(self.wish, Erase) is (self.row is not None)


class Batch:
    """The commits of one transaction (writer.Pending). clock: now, in ms."""

    def __init__(self, reader: Reader, clock: Callable[[], int]) -> None:
        self._reader = reader
        self.clock = clock
        self.plan = Plan(reader, clock)
        self.grown: dict[int, int] = {}
        self.first_id: bytes | None = None
        self._heads: dict[tuple[int, str], Head] = {}

    def forget(self) -> None:
        """Drop what is known of the tables, after something else wrote to them or undid a write."""
        self._heads.clear()
        self.plan.forget()

    def flush(self) -> None:
        """Write what is planned into the tables."""
        self.plan.flush()

    # ---- one commit

    def commit(
        self,
        branch: Branch,
        wishes: Sequence[Wish],
        about: About,
        *,
        if_head: bytes | None = None,
    ) -> Committed:
        """Plan one commit. See Store.commit for what it means and raises.

        With an Erase it writes to the tables at once: a job of that kind runs by plain SQL.
        """
        head = self.head(branch)
        if if_head is not None and head.id != if_head:
            raise HeadMoved(f"branch {branch.name} is at {head.id.hex()}, not {if_head.hex()}")
        erasing = Erasing(self._reader, head.point, self.clock)
        merged = None if about.merged is None else self._merged(branch, about.merged)
        judged = self._judged(head, wishes, erasing)
        if merged is None and not any(one.is_change for one in judged):
            return Committed(None, tuple(self._unchanged(one) for one in judged))
        # The last wish for a key is what the commit does to it.
        effective: dict[bytes, Put | Delete | Back] = {**erasing.back()}
        for one in judged:
            if one.row is None and not isinstance(one.wish, Erase):
                effective[one.key] = one.wish
        # From here on nothing may fail: half a commit must not be planned.
        changes = [worded(wish, key) for key, wish in effective.items()]
        stones = erasing.tombstones()
        about_words(about, stones)
        at = self._place(branch, head)
        commit, rows = self._add(branch, head, at, changes, about, erased=stones, merged=merged)
        if stones:
            self.flush()
            erasing.carry_out(at)
        return Committed(commit, tuple(self._outcome(one, rows, commit.id) for one in judged))

    def begin(self, branch: Branch, line: int, about: About) -> None:
        """The first commit of a new line that stands on nothing: an empty state."""
        self._add(branch, Head(Point(line, 0), b"", b"", 0), Point(line, 1), [], about)

    def head(self, branch: Branch) -> Head:
        """The branch's head in this transaction. Raises NoRef."""
        known = self._heads.get((branch.repo, branch.name))
        if known is not None:
            return known
        row = first_row(
            self._reader.connection,
            "SELECT r.line, r.seq, c.id, c.hash, l.tip FROM ref r JOIN line l ON l.line=r.line "
            "JOIN commits c ON c.line=r.line AND c.seq=r.seq "
            "WHERE r.repo=? AND r.name=? AND r.kind='branch'",
            (branch.repo, branch.name),
        )
        if row is None:
            raise NoRef(f"repo {branch.repo_name} has no branch {branch.name!r}")
        line, seq, commit, full_hash, tip = row
        head = Head(Point(line, seq), commit, full_hash, tip)
        self._heads[branch.repo, branch.name] = head
        return head

    def _add(
        self,
        branch: Branch,
        head: Head,
        at: Point,
        changes: Sequence[Worded],
        about: About,
        *,
        erased: Sequence[Tombstone] = (),
        merged: Merged | None = None,
    ) -> tuple[Commit, dict[bytes, Change]]:
        """Plan a commit behind `head` and make it the branch's head."""
        planned, rows, time_ms = self.plan.add(
            branch, at, head.hash or None, changes, about, erased=erased, merged=merged
        )
        self._heads[branch.repo, branch.name] = Head(at, planned.id, planned.hash, at.seq)
        self.grown[at.line] = self.grown.get(at.line, 0) + len(rows)
        self.first_id = self.first_id or planned.id
        commit = Commit(
            id=CommitId(planned.id.hex()),
            repo=branch.repo_name,
            branch=branch.name,
            parents=(
                *([CommitId(head.id.hex())] if head.id else ()),
                *(() if about.merged is None else (about.merged,)),
            ),
            kind=about.kind,
            author=about.author,
            message=about.message,
            time_ms=time_ms,
            metadata=about.metadata,
            change_count=len(rows),
            erased=tuple(erased),
        )
        return commit, rows

    # ---- judging

    def _judged(self, head: Head, wishes: Sequence[Wish], erasing: Erasing) -> list[_Judged]:
        """Every change with its condition, the no-op rule, and what holds it judged, in order."""
        before: dict[bytes, Wish] = {}
        judged = []
        for wish in wishes:
            key = check_key(wish.key).encode()
            row = None
            if key not in before and _looks(wish):
                row = self._current(head.point, key, erasing)
            if wish.condition is not None:
                etag = _etag_after(before.get(key), row)
                if wish.condition.etag is not None and etag is None:
                    raise NoKey(wish.key, self._marker(head.point, key, before))
                wish.condition.demand(etag)
            if isinstance(wish, Erase):
                judged.append(_Judged(wish, key, erasing.take(wish, key)))
                continue
            if isinstance(wish, Put) and isinstance(wish.content, Content):
                wish.content.demand_kept(self._reader)
            same = isinstance(wish, Put) and key not in before and _is_same(wish, row)
            judged.append(_Judged(wish, key, row if same else None))
            if not same:
                before[key] = wish
        return judged

    def _current(self, at: Point, key: bytes, erasing: Erasing) -> Change | None:
        back = erasing.back_of(key)
        if back is not None:
            return back.to
        pending = self.plan.newest(at.line, key)
        if pending is not None and pending.seq <= at.seq:
            return pending
        if pending is not None:
            self.flush()  # another branch went on from here; the tables can be asked by seq
        return self._reader.read(at, key)

    def _marker(self, at: Point, key: bytes, before: dict[bytes, Wish]) -> str | None:
        """The id of the marker by which a key is absent; None where this very commit deletes it."""
        if key in before:
            return None
        self.flush()
        row = current(self._reader, at, key)
        if row is None or row.kind != DELETE:
            return None
        return self._reader.commit_at(Point(row.line, row.seq)).hex()

    def _merged(self, branch: Branch, commit: CommitId) -> Merged:
        """The second parent. Raises NoCommit."""
        self.flush()
        found = self._reader.point_of(bytes.fromhex(commit))
        if found is None or found[1] != branch.repo:
            raise NoCommit(f"repo {branch.repo_name} has no commit {commit}")
        (full_hash,) = first_row(
            self._reader.connection, "SELECT hash FROM commits WHERE line=? AND seq=?", found[0]
        )
        return Merged(found[0], bytes(full_hash))

    # ---- placing

    def _place(self, branch: Branch, head: Head) -> Point:
        """Where the commit goes: on behind the head, or on a new line where another branch did."""
        line = head.point.line
        tip = max(one.tip for one in self._heads.values() if one.point.line == line)
        if head.point.seq == tip:
            return Point(line, tip + 1)
        self.flush()
        return Point(fork(self._reader, branch.repo, head.point), 1)

    # ---- answering

    def _outcome(self, judged: _Judged, rows: dict[bytes, Change], commit: CommitId) -> Outcome:
        if not judged.is_change:
            return self._unchanged(judged)
        if isinstance(judged.wish, Erase):
            assert judged.row is not None
            erased = self.plan.commit_of(Point(judged.row.line, judged.row.seq))
            return Outcome(CommitId(erased.hex()), marker=judged.row.kind == DELETE)
        row = rows[judged.key]
        if not row.live:
            return Outcome(commit)
        info = object_info(row, bytes.fromhex(commit), self.plan.side_of(row))
        return Outcome(commit, info=info)

    def _unchanged(self, judged: _Judged) -> Outcome:
        if isinstance(judged.wish, Erase):
            return Outcome(judged.wish.version, changed=False)
        row = judged.row
        assert row is not None
        commit = self.plan.commit_of(Point(row.line, row.seq))
        info = object_info(row, commit, self.plan.side_of(row))
        return Outcome(CommitId(commit.hex()), changed=False, info=info)


Transaction: TypeAlias = writer.Transaction[Batch]
"""What a writing job of this store works with."""


def _looks(wish: Wish) -> bool:
    """Whether it depends on what is there."""
    if wish.condition is not None:
        return True
    return isinstance(wish, Put) and wish.same_as is not None and wish.origin is None


def _etag_after(earlier: Wish | None, row: Change | None) -> str | None:
    """The ETag of the key once the changes before this one are done; None: it is not there."""
    if isinstance(earlier, Put):
        return earlier.etag
    if earlier is not None or row is None or not row.live:
        return None
    return row.etag


def _is_same(wish: Put, row: Change | None) -> bool:
    """The no-op rule: the same in all that matters, declared alike, and live."""
    if wish.same_as is None or row is None or not row.live or row.same_as != wish.same_as:
        return False
    return attributes(row.attrs).declared_like(wish.attributes)

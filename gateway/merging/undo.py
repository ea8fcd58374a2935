"""Revert and restore: new commits that undo others, or bring an earlier state back."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.merging.carrying import Deed, Tools, carry, differences
from gateway.merging.differing import Policy, decide
from gateway.versioning.errors import HeadMoved, NoCommit, ReadOnly
from gateway.versioning.model import Snapshot
from gateway.versioning.names import BucketName, CommitId

ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of it.

    head, before: of the branch, afterwards and before; the same where nothing was done. keys: what
    was changed, or would be. conflicts: keys of the commits that were changed again since; where
    there are any and the policy is to fail, nothing was done.
    """

    head: CommitId
    before: CommitId
    keys: tuple[str, ...]
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """How.

    path: only that key, or with a final `/` all below it; "" for everything. policy: of conflicts:
    `source` undoes them all the same, `destination` leaves what came since. if_head, dry_run: as in
    promote.Wanted.
    """

    path: str = ""
    policy: Policy = Policy.FAIL
    if_head: CommitId | None = None
    message: str = ""
    dry_run: bool = False


async def revert(
    tools: Tools,
    branch: Snapshot,
    last: Snapshot,
    first: Snapshot | None,
    terms: Terms,
) -> Undone:
    """Undo the commits of the branch's history from behind `first` up to `last`.

    first: None for the one commit `last`. What came since stays. Raises ReadOnly, HeadMoved, and
    NoCommit where they are not of that history, or the first commit of it is to be undone.
    """
    store = tools.store
    _demand_branch(branch)
    if first is None:
        parents = (await store.commit_info(last)).parents
        if not parents:
            raise NoCommit(
                f"commit {last.commit} is the first of its history: nothing is before it"
            )
        first = await store.resolve(BucketName(branch.repo.name, None, parents[0]))
    for older, newer in ((first, last), (last, branch)):
        found = await store.base(older, newer)
        if found is None or found.commit != older.commit:
            raise NoCommit(f"commit {older.commit} is not in the history of {newer.commit}")
    message = terms.message or f"Revert {last.commit}"
    deed = Deed(
        "revert", message, {"reverts": f"{first.commit}..{last.commit}"}, None, terms.if_head
    )
    return await _brought(tools, branch, _Span(first, last), terms, deed)


async def restore(tools: Tools, branch: Snapshot, earlier: Snapshot, terms: Terms) -> Undone:
    """Make the branch, or a path of it, what it is in another state of the repo.

    Raises ReadOnly, HeadMoved, NoCommit (of another repo).
    """
    _demand_branch(branch)
    if earlier.repo.name != branch.repo.name:
        raise NoCommit(f"commit {earlier.commit} is not of repo {branch.repo.name}")
    message = terms.message or f"Restore {terms.path or 'everything'} as of {earlier.commit}"
    deed = Deed("restore", message, {"restores": earlier.commit}, None, terms.if_head)
    return await _brought(tools, branch, _Span(earlier), terms, deed)


@dataclass(frozen=True, slots=True)
class _Span:
    """to: the state to be brought. base: only what it has otherwise than that; None: all of it."""

    to: Snapshot
    base: Snapshot | None = None


async def _brought(tools: Tools, branch: Snapshot, span: _Span, terms: Terms, deed: Deed) -> Undone:
    """Bring the branch to a state, as far as the terms say."""
    for attempt in range(ATTEMPTS):
        if terms.if_head not in {None, branch.commit}:
            raise HeadMoved(f"branch {branch.ref} is at {branch.commit}, not {terms.if_head}")
        store = tools.store
        differing = await differences(store, branch, span.to, terms.path)
        conflicts: tuple[str, ...] = ()
        keys = tuple(sorted(differing))
        if span.base is not None:
            undone = await differences(store, span.base, span.to, terms.path)
            since = await differences(store, span.base, branch, terms.path)
            decided = decide(differing, undone, since, terms.policy)
            keys, conflicts = decided.keys, decided.conflicts
        refused = conflicts and terms.policy is Policy.FAIL
        if refused or terms.dry_run or not keys:
            return Undone(branch.commit, branch.commit, keys, conflicts)
        try:
            entries = [differing[key] for key in keys]
            commit = await carry(tools, span.to, branch, entries, deed)
        except HeadMoved:
            if terms.if_head is not None or attempt == ATTEMPTS - 1:
                raise
            branch = await tools.store.resolve(BucketName(branch.repo.name, branch.ref))
            continue
        head = branch.commit if commit is None else commit.id
        return Undone(head, branch.commit, keys, conflicts)
    raise AssertionError("unreachable")


def _demand_branch(branch: Snapshot) -> None:
    if not branch.writable:
        raise ReadOnly(f"a {branch.kind} never changes; name a branch")

"""Promote: a branch gets what another state of its repo has that it has not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.merging.carrying import Deed, Tools, carry, differences, keys_of
from gateway.merging.differing import Decided, Policy, decide
from gateway.versioning.arrivals import is_behind
from gateway.versioning.errors import HeadMoved, ReadOnly
from gateway.versioning.model import Difference, Snapshot
from gateway.versioning.names import BucketName, CommitId

ATTEMPTS = 10
KIND, SQUASHED = "promote", "upload"


class Way(StrEnum):
    """How a promote is, or would be, done.

    NOTHING: the branch has all of it. FORWARD: it is set to the source's commit. MERGE: a commit
    with two parents. REFUSED: there are conflicts, and the policy is to fail.
    """

    NOTHING = "nothing"
    FORWARD = "forward"
    MERGE = "merge"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Promoted:
    """What became of a promote, or would of one that is only tried.

    head: of the branch, afterwards. before: and before. source: the commit that was promoted. base:
    what both come from; None where they have nothing in common. changes: how many keys are added,
    changed and removed on the branch; of a forward, None: nobody has to look. conflicts: keys that
    both sides changed, whatever was done about them.
    """

    way: Way
    head: CommitId
    before: CommitId
    source: CommitId
    base: CommitId | None
    changes: Mapping[str, int] | None = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to promote.

    if_head: only while that is the branch's head. dry_run: only say what would be done. squash: in
    one commit with one parent, as if it had been written to the branch.
    """

    policy: Policy = Policy.FAIL
    if_head: CommitId | None = None
    message: str = ""
    dry_run: bool = False
    squash: bool = False


async def promote(tools: Tools, source: Snapshot, target: Snapshot, wanted: Wanted) -> Promoted:
    """Bring what `source` has to the branch `target`, of the same repo.

    Where somebody writes to the branch meanwhile it is tried again on the new head, unless if_head
    says which it has to be. Raises ReadOnly (no branch), NoCommit (of another repo), HeadMoved.
    """
    if not target.writable:
        raise ReadOnly(f"a {target.kind} never changes; promote to a branch")
    for attempt in range(ATTEMPTS):
        if wanted.if_head not in {None, target.commit}:
            raise HeadMoved(f"branch {target.ref} is at {target.commit}, not {wanted.if_head}")
        try:
            return await _tried(tools, source, target, wanted)
        except HeadMoved:
            if wanted.if_head is not None or attempt == ATTEMPTS - 1:
                raise
        target = await tools.store.resolve(BucketName(target.repo.name, target.ref))
    raise AssertionError("unreachable")


async def _tried(tools: Tools, source: Snapshot, target: Snapshot, wanted: Wanted) -> Promoted:
    store = tools.store
    base = await store.base(source, target)
    at = None if base is None else base.commit

    def outcome(way: Way, head: CommitId, decided: Decided | None, counts: object) -> Promoted:
        conflicts = () if decided is None else decided.conflicts
        changes = counts if isinstance(counts, dict) else None
        return Promoted(way, head, target.commit, source.commit, at, changes, conflicts)

    if at == source.commit:
        return outcome(Way.NOTHING, target.commit, None, {})
    ahead = at == target.commit and await is_behind(store, target.commit, source)
    if ahead and store.capabilities.forward and not wanted.squash:
        if not wanted.dry_run:
            await store.forward(
                target,
                source,
                account=tools.who.account,
                why=wanted.message or f"Promote {_named(source)}",
                if_head=target.commit,
            )
        head = target.commit if wanted.dry_run else source.commit
        return outcome(Way.FORWARD, head, None, None)
    differing = await differences(store, target, source)
    theirs, mine = [
        set(await differences(store, base, side)) if base else await keys_of(store, side)
        for side in (source, target)
    ]
    decided = decide(differing, theirs, mine, wanted.policy)
    entries = [differing[key] for key in decided.keys]
    counts = {kind.value: 0 for kind in Difference}
    for entry in entries:
        counts[entry.difference] += 1
    if decided.conflicts and wanted.policy is Policy.FAIL:
        return outcome(Way.REFUSED, target.commit, decided, counts)
    if wanted.dry_run:
        return outcome(Way.MERGE, target.commit, decided, counts)
    message = wanted.message or f"Promote {_named(source)}"
    if wanted.squash:
        wins = wanted.policy is Policy.SOURCE
        deed = Deed(SQUASHED, message, if_head=wanted.if_head, squash=True, wins=wins)
    else:
        deed = Deed(KIND, message, merged=source.commit, if_head=wanted.if_head)
    commit = await carry(tools, source, target, entries, deed)
    return outcome(Way.MERGE, target.commit if commit is None else commit.id, decided, counts)


def _named(source: Snapshot) -> str:
    return str(BucketName(source.repo.name, source.ref, None if source.ref else source.commit))

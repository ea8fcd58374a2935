"""Promote, revert and restore: who may, and what is answered."""

from __future__ import annotations

import time

from gateway.admin.errors import Refusal
from gateway.admin.history import commit_id
from gateway.admin.models import Change, Promote, PromotedOut, Restore, Revert, UndoneOut
from gateway.admin.refs import resolve_ref
from gateway.admin.services import Caller
from gateway.auth.access import Asked
from gateway.merging.carrying import Tools, Who
from gateway.merging.differing import Policy
from gateway.merging.promote import KIND, SQUASHED, Promoted, Wanted, Way, promote
from gateway.merging.undo import Terms, Undone, restore, revert
from gateway.protocol.operations import Right
from gateway.versioning.model import Snapshot
from gateway.versioning.views import PROTECTED

CONFLICTS_SHOWN_MAX = 100


async def promote_to(caller: Caller, ref: str, asked: Promote) -> PromotedOut:
    """Bring what one state has to the branch `ref`.

    Raises Refusal (Conflicts; AccessDenied where it is protected and would not be told what was
    promoted), HeadMoved, and what resolve_ref does.
    """
    target = await _branch(caller, ref, "")
    if asked.squash and target.properties.get(PROTECTED):
        raise Refusal(
            403, "AccessDenied", f"{ref} is protected: upload to another branch and promote that"
        )
    whole = Asked(Right.READ, "s3:ListBucket")
    source = await resolve_ref(caller, asked.from_, whole, repo=target.repo.name)
    if_head = commit_id(asked.if_head, "if_head")
    wanted = Wanted(asked.policy, if_head, asked.message, asked.dry_run, asked.squash)
    begun = time.perf_counter()
    made = await promote(_tools(caller, asked), source, target, wanted)
    if made.way is Way.REFUSED and not asked.dry_run:
        raise _conflicts(made.conflicts, f"{asked.from_} and {ref} both changed")
    if made.way is Way.MERGE and made.head != made.before:
        _count(caller, target, SQUASHED if asked.squash else KIND, begun)
    return _promoted_out(made)


async def revert_on(caller: Caller, ref: str, asked: Revert) -> UndoneOut:
    """Undo commits of the branch `ref`. Raises as promote_to, and NoCommit."""
    branch = await _branch(caller, ref, asked.path)
    repo = branch.repo.name
    last = await resolve_ref(caller, asked.commit, _reads(asked.path), repo=repo)
    first = None
    if asked.since is not None:
        first = await resolve_ref(caller, asked.since, _reads(asked.path), repo=repo)
    terms = Terms(
        asked.path,
        asked.policy,
        commit_id(asked.if_head, "if_head"),
        asked.message,
        asked.dry_run,
    )
    begun = time.perf_counter()
    made = await revert(_tools(caller, asked), branch, last, first, terms)
    if made.conflicts and asked.policy is Policy.FAIL and not asked.dry_run:
        raise _conflicts(made.conflicts, "changed again since")
    return _undone(caller, branch, "revert", made, begun)


async def restore_on(caller: Caller, ref: str, asked: Restore) -> UndoneOut:
    """Bring an earlier state of a branch, or of a path of it, back. Raises as promote_to."""
    branch = await _branch(caller, ref, asked.path)
    earlier = await resolve_ref(caller, asked.at, _reads(asked.path), repo=branch.repo.name)
    if_head = commit_id(asked.if_head, "if_head")
    terms = Terms(asked.path, Policy.SOURCE, if_head, asked.message, asked.dry_run)
    begun = time.perf_counter()
    made = await restore(_tools(caller, asked), branch, earlier, terms)
    return _undone(caller, branch, "restore", made, begun)


async def _branch(caller: Caller, ref: str, path: str) -> Snapshot:
    """The branch, where the caller may write and delete at that path of it."""
    key = path or None
    at = await resolve_ref(caller, ref, Asked(Right.WRITE, "s3:PutObject", key))
    await caller.access.demand(at, Asked(Right.DELETE, "s3:DeleteObject", key))
    return at


def _reads(path: str) -> Asked:
    """To take what is at that path of a state."""
    if path:
        return Asked(Right.READ, "s3:GetObject", path)
    return Asked(Right.READ, "s3:ListBucket")


def _tools(caller: Caller, asked: Change) -> Tools:
    services = caller.services
    who = Who(caller.key.account, caller.key.name, caller.request_id, services.clock())
    return Tools(services.store, services.recorder, who, asked.metadata)


def _conflicts(keys: tuple[str, ...], what: str) -> Refusal:
    shown = list(keys[:CONFLICTS_SHOWN_MAX])
    return Refusal(
        409,
        "Conflicts",
        f"{what}: {', '.join(shown[:3])}{' ...' if len(keys) > 3 else ''}; nothing was done. "
        "Policy `source` lets what is brought win, `destination` what is there",
        conflicts=shown,
        count=len(keys),
    )


def _promoted_out(made: Promoted) -> PromotedOut:
    return PromotedOut(
        way=made.way,
        head=made.head,
        before=made.before,
        source=made.source,
        base=made.base,
        changes=None if made.changes is None else dict(made.changes),
        conflicts=list(made.conflicts),
    )


def _undone(caller: Caller, branch: Snapshot, kind: str, made: Undone, begun: float) -> UndoneOut:
    if made.head != made.before:
        _count(caller, branch, kind, begun)
    return UndoneOut(
        head=made.head, before=made.before, keys=list(made.keys), conflicts=list(made.conflicts)
    )


def _count(caller: Caller, branch: Snapshot, kind: str, begun: float) -> None:
    repo = branch.repo.name
    caller.services.metrics.commit(
        project=repo.project,
        repo=repo.name,
        branch=branch.ref or "",
        kind=kind,
        seconds=time.perf_counter() - begun,
    )

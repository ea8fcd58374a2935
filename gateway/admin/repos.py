"""Repos, branches and tags: what the API does with them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from gateway.admin.errors import Refusal
from gateway.admin.models import MoveOut, MovesOut, RefOut, RepoOut, iso
from gateway.admin.refs import open_repo, parse_repo, resolve_ref
from gateway.admin.services import Caller
from gateway.auth.access import Asked, denied, readable_refs, readable_repos
from gateway.protocol.operations import Right
from gateway.versioning.errors import AlreadyExists, NoRepo, NotEmpty
from gateway.versioning.model import Ref, RefKind, Repo, Snapshot
from gateway.versioning.names import BucketName, RepoName, check_name
from gateway.versioning.views import PROTECTED

log = logging.getLogger(__name__)


async def list_repos(caller: Caller) -> list[RepoOut]:
    """Every repo the caller may read, by project and name."""
    counts: Counter[tuple[RepoName, RefKind]] = Counter()
    for kind in (RefKind.BRANCH, RefKind.TAG):
        refs = await readable_refs(caller.access, caller.store, kind)
        counts.update((ref.repo, kind) for ref in refs)
    readable = await readable_repos(caller.access, caller.store)
    return [_repo_out(repo, counts) for repo in readable]


async def create_repo(caller: Caller, text: str) -> RepoOut:
    """A repo without any branch, owned by the caller's account.

    Raises InvalidName, AlreadyExists, S3Error (AccessDenied).
    """
    name = parse_repo(text)
    if caller.key.roles is None:
        await caller.access.demand_repo(name, None)
        repo = await caller.store.create_repo(name, caller.key.account)
    else:
        repo = await _create_as_holder(caller, name)
    _changed(caller, "repo created", str(name))
    return _repo_out(repo, Counter())


async def list_refs(caller: Caller, kind: RefKind, repo: str | None = None) -> list[RefOut]:
    """The branches or tags that the caller may read: of one repo, else of all.

    Raises InvalidName, NoRepo, S3Error (AccessDenied).
    """
    if repo is None:
        return [ref_out(ref) for ref in await readable_refs(caller.access, caller.store, kind)]
    owner = await open_repo(caller, repo)
    refs = await caller.store.refs(owner.name, kind)
    return [ref_out(ref) for ref in refs if await caller.access.readable(owner, ref)]


async def create_branch(caller: Caller, repo: str, name: str, start: str | None) -> RefOut:
    """A branch at `start` (a REF of the same repo), or an empty one.

    Raises what resolve_ref does, AlreadyExists, Refusal (OtherRepo).
    """
    owner = await _administered(caller, repo, name)
    check_name(name, "branch")
    at = None if start is None else await _own_state(caller, owner.name, start)
    ref = await caller.store.create_branch(owner.name, name, account=caller.key.account, start=at)
    _changed(caller, "branch created", f"{name}.{owner.name} at {ref.commit}")
    return ref_out(ref)


async def create_tag(caller: Caller, repo: str, name: str, target: str) -> RefOut:
    """A tag at `target` (a REF of the same repo). Raises as create_branch."""
    owner = await _administered(caller, repo, name)
    check_name(name, "tag")
    at = await _own_state(caller, owner.name, target)
    ref = await caller.store.create_tag(owner.name, name, at, account=caller.key.account)
    _changed(caller, "tag created", f"{name}.{owner.name} at {ref.commit}")
    return ref_out(ref)


async def delete_branch(caller: Caller, repo: str, name: str, *, force: bool) -> None:
    """Take the branch's name away; its commits stay readable by id while the repo exists.

    force: also when it is the repo's last ref and shows something, so that all of it goes.
    Raises InvalidName, NoRepo, NoRef, ReadOnly, NotEmpty, S3Error (AccessDenied).
    """
    owner = await _administered(caller, repo, name)
    await _demand_delete(caller, owner, name)
    last = _is_last(await caller.store.refs(owner.name), name)
    if last and force:
        await _allow_losing_all(caller, owner)
    try:
        await caller.store.delete_branch(owner.name, name, only_empty=last and not force)
    except NotEmpty:
        raise NotEmpty(_last_ref(owner.name, name, "branch")) from None
    _changed(caller, "branch deleted", f"{name}.{owner.name}")


async def delete_tag(caller: Caller, repo: str, name: str, *, force: bool) -> None:
    """Take the tag's name away. force, errors: as delete_branch."""
    owner = await _administered(caller, repo, name)
    if _is_last(await caller.store.refs(owner.name), name, RefKind.TAG):
        if not force:
            raise NotEmpty(_last_ref(owner.name, name, "tag"))
        await _allow_losing_all(caller, owner)
    await caller.store.delete_tag(owner.name, name)
    _changed(caller, "tag deleted", f"{name}.{owner.name}")


async def delete_repo(caller: Caller, text: str, confirmed: str) -> None:
    """Take a repo away with all that is in it. confirmed: its name once more.

    Raises InvalidName, NoRepo, Refusal (NotConfirmed), ReadOnly, S3Error (AccessDenied).
    """
    repo = await caller.store.repo(parse_repo(text))
    await _allow_losing_all(caller, repo)
    if confirmed not in {str(repo.name), f"{repo.name.name}.{repo.name.project}"}:
        raise Refusal(
            400, "NotConfirmed", f"repo {repo.name} goes with all its commits: say its name again"
        )
    await caller.store.delete_repo(repo.name, who=caller.key.account)
    _changed(caller, "repo deleted", str(repo.name))


async def protect(caller: Caller, repo: str, name: str, *, protected: bool) -> RefOut:
    """Let a branch change by promote, revert and restore alone, or by anything again.

    Raises InvalidName, NoRepo, NoRef, ReadOnly (a tag), S3Error (AccessDenied).
    """
    owner = await _administered(caller, repo, name)
    at = await caller.store.resolve(BucketName(owner.name, name))
    ref = await caller.store.configure(at, {PROTECTED: True if protected else None})
    _changed(caller, "branch protected" if protected else "branch unprotected", f"{name}.{repo}")
    return ref_out(ref)


async def moves(caller: Caller, text: str, name: str) -> MovesOut:
    """What happened to a branch or tag. Raises as open_repo, and Unsupported."""
    repo = await open_repo(caller, text)
    refs = await caller.store.refs(repo.name)
    for ref in refs:
        if ref.name == name and not await caller.access.readable(repo, ref):
            raise denied(f"key {caller.key.name!r} may not read {name}.{repo.name}.")
    found = await caller.store.moves(repo.name, name)
    return MovesOut(
        moves=[
            MoveOut(
                action=one.action,
                old=one.old,
                new=one.new,
                who=one.who or None,
                time=iso(one.time_ms),
                why=one.why,
            )
            for one in found
        ]
    )


async def _create_as_holder(caller: Caller, name: RepoName) -> Repo:
    """A repo made in the name of a token's holder, which the store then finds there."""
    try:
        await caller.store.repo(name)
    except NoRepo:
        await caller.access.demand_repo(name, None)
        return await caller.store.repo(name)
    raise AlreadyExists(f"repo {name} is there already")


def ref_out(ref: Ref) -> RefOut:
    """A branch or tag as the API shows it; a bucket in the spelling it was created with."""
    return RefOut(
        name=ref.name,
        kind=ref.kind,
        bucket=str(ref.properties.get("spelling") or BucketName(ref.repo, ref.name)),
        repo=ref.repo.name,
        project=ref.repo.project,
        commit=ref.commit,
        created=iso(ref.created_ms),
        account=ref.account,
        protected=bool(ref.properties.get(PROTECTED)),
    )


def _repo_out(repo: Repo, counts: Counter[tuple[RepoName, RefKind]]) -> RepoOut:
    return RepoOut(
        repo=str(repo.name),
        name=repo.name.name,
        project=repo.name.project,
        account=repo.account,
        created=iso(repo.created_ms),
        branches=counts[repo.name, RefKind.BRANCH],
        tags=counts[repo.name, RefKind.TAG],
    )


async def _allow_losing_all(caller: Caller, owner: Repo) -> None:
    """Raise AccessDenied unless the caller may let the repo go, with all that is in it."""
    if caller.key.roles is None:
        await caller.access.demand_admin(owner, None)
    elif not await caller.access.touches(Right.ERASE, owner):
        raise denied(f"key {caller.key.name!r} may not delete repo {owner.name}.")


async def _administered(caller: Caller, text: str, name: str) -> Repo:
    """The repo, where the caller has `admin` on that branch or tag of it, be it there or not."""
    repo = await caller.store.repo(parse_repo(text))
    await caller.access.demand_admin(repo, name)
    return repo


async def _demand_delete(caller: Caller, repo: Repo, branch: str) -> None:
    """Raise AccessDenied where a policy of the branch denies that it is deleted."""
    at = await caller.store.resolve(BucketName(repo.name, branch))
    await caller.access.demand(at, Asked(Right.ADMIN, "s3:DeleteBucket"))


async def _own_state(caller: Caller, repo: RepoName, text: str) -> Snapshot:
    """The state a new branch or tag begins with: who makes one shows all of it under a new name."""
    at = await resolve_ref(caller, text, Asked(Right.READ, "s3:ListBucket"), repo=repo)
    if at.repo.name != repo:
        raise Refusal(
            400,
            "OtherRepo",
            f"{text!r} is in repo {at.repo.name}, not in {repo}: "
            f"a branch or tag names a commit of its own repo, such as master.{repo}",
        )
    return at


def _is_last(refs: Sequence[Ref], name: str, kind: RefKind = RefKind.BRANCH) -> bool:
    return [(ref.name, ref.kind) for ref in refs] == [(name, kind)]


def _last_ref(repo: RepoName, name: str, kind: str) -> str:
    return (
        f"{name}.{repo} is the last ref of repo {repo}: without it the repo goes, "
        f"with all its commits; force deletes the {kind} all the same"
    )


def _changed(caller: Caller, what: str, which: str) -> None:
    log.info(
        "%s: %s, by key %s of account %s (request %s)",
        what, which, caller.key.name, caller.key.account, caller.request_id,
    )  # fmt: skip

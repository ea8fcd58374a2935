"""A REF: what it means, and whether this caller may use it.

It is spelled as a bucket, with `@time` behind it where the state of a branch then is meant. A bare
commit id is accepted where it names one commit only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.admin.errors import Refusal
from gateway.admin.services import Caller
from gateway.auth.access import Asked, Reach, denied
from gateway.protocol.operations import Right
from gateway.versioning.errors import NoCommit
from gateway.versioning.model import RefKind, Repo, Snapshot
from gateway.versioning.moments import parse_time, state_at
from gateway.versioning.names import (
    DEFAULT_PROJECT,
    BucketName,
    CommitId,
    RepoName,
    is_commit_id,
    parse_bucket,
)

LISTED = Asked(Right.READ, "s3:ListBucket", reach=Reach.SOME)
"""To see of a state which keys it has, as far as they may be read."""


async def resolve_ref(
    caller: Caller, text: str, asked: Asked = LISTED, *, repo: RepoName | None = None
) -> Snapshot:
    """The state `text` names now, where the caller may do there what is asked.

    repo: where a bare commit id is looked for; everywhere when None.
    Raises InvalidName, NoRepo, NoRef, NoCommit,
    S3Error (AccessDenied), Refusal (AmbiguousRef, with the candidates).
    """
    spelled, at_time, then = text.partition("@")
    if at_time:
        branch = await caller.store.resolve(parse_bucket(spelled))
        found = await state_at(caller.store, branch, parse_time(then))
    elif not is_commit_id(text):
        found = await caller.store.resolve(parse_bucket(text))
    elif repo is not None:
        found = await caller.store.resolve(BucketName(repo, None, CommitId(text)))
    else:
        found = await _bare_commit(caller, CommitId(text))
    await caller.access.demand(found, asked)
    return found


async def open_repo(caller: Caller, text: str) -> Repo:
    """The repo spelled `name[.project]`, where the caller may read anything in it.

    Raises InvalidName, NoRepo, S3Error (AccessDenied).
    """
    repo = await caller.store.repo(parse_repo(text))
    if not await caller.access.touches(Right.READ, repo):
        raise denied(f"key {caller.key.name!r} may read nothing of repo {repo.name}.")
    return repo


def parse_repo(text: str) -> RepoName:
    """`name[.project]` as a repo. Raises InvalidName."""
    # Spelled out with a branch, the grammar of buckets says the rest.
    return parse_bucket(f"_.{text}").repo


def spell(at: Snapshot) -> str:
    """The bucket that names `at`: of a branch what it holds now, else that very state."""
    commit = at.commit if at.kind is RefKind.COMMIT else None
    return str(BucketName(at.repo.name, at.ref, commit))


def spell_pinned(at: Snapshot) -> str:
    """The bucket that names the state of `at` for ever."""
    # Only outside the default project does the grammar need a ref between commit and repo.
    ref = None if at.repo.name.project == DEFAULT_PROJECT else at.ref
    return str(BucketName(at.repo.name, ref, at.commit))


async def _bare_commit(caller: Caller, commit: CommitId) -> Snapshot:
    everywhere = await caller.store.find_commit(commit)
    found = [one for one in everywhere if await caller.access.permits(one, LISTED)]
    match found:
        case []:
            raise NoCommit(f"no commit {commit} in any repo that this key may read")
        case [one]:
            return one
    candidates = await _candidates(caller, found)
    raise Refusal(
        409,
        "AmbiguousRef",
        f"{commit} is a commit of {len(found)} repos; name one of them: {', '.join(candidates)}",
        candidates=candidates,
    )


async def _candidates(caller: Caller, found: Sequence[Snapshot]) -> list[str]:
    spellings = []
    for one in found:
        name, ref = one.repo.name, one.ref
        if name.project != DEFAULT_PROJECT and ref is None:
            refs = await caller.store.refs(name)
            ref = refs[0].name if refs else None
        spellings.append(str(BucketName(name, ref, one.commit)))
    return spellings

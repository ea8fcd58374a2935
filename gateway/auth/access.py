"""The one place that decides whether a request may do what it asks.

1. What the grants of a key give, it may do. They are the authority, and the only way to `admin`
   and `erase`.
2. A bucket's policy that denies takes it away again, whoever asks. Only the policy itself stays in
   the hands of those who have `admin` there by their grants: nobody can lock themselves out.
3. Where the grants say nothing, policy and ACLs may let somebody read, write and delete. The
   public access block and the ownership setting have their say.

A commit or a tag has neither policy nor ACL: it may be read where a branch that contains it may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from gateway.auth.grants import EVERYWHERE, NOWHERE, Prefixes, Scope, outermost
from gateway.auth.identity import Identity
from gateway.protocol import policy as policies
from gateway.protocol.acl import Acl, Permission, private
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import ACTION_ON_VERSION, Right
from gateway.protocol.policy import ADDED_BY_POLICY, Policy, Verdict, resource
from gateway.protocol.policykeys import Facts
from gateway.protocol.publicaccess import Ownership, PublicAccessBlock
from gateway.protocol.request import Request
from gateway.versioning.errors import Erased, InvalidKey, NoKey, NoVersion
from gateway.versioning.model import NOTHING, Json, Ref, RefKind, Repo, Snapshot
from gateway.versioning.names import (
    DEFAULT_BRANCH,
    DEFAULT_PROJECT,
    NULL_VERSION,
    BucketName,
    CommitId,
    RepoName,
    is_commit_id,
)
from gateway.versioning.store import Store

QUESTIONS_AT_ONCE = 8

# Properties of a branch.
ACL, POLICY, PUBLIC_ACCESS, OWNERSHIP = "acl", "policy", "public_access", "ownership"

_POLICY_CALLS = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
_LIST = "s3:ListBucket"
_OF_BUCKET: Mapping[str, Permission] = {
    _LIST: Permission.READ,
    "s3:ListBucketVersions": Permission.READ,
    "s3:ListBucketMultipartUploads": Permission.READ,
    "s3:PutObject": Permission.WRITE,
    "s3:DeleteObject": Permission.WRITE,
    "s3:AbortMultipartUpload": Permission.WRITE,
    "s3:ListMultipartUploadParts": Permission.WRITE,
    "s3:GetBucketAcl": Permission.READ_ACP,
}
_OF_OBJECT: Mapping[str, Permission] = {
    "s3:GetObject": Permission.READ,
    "s3:GetObjectVersion": Permission.READ,
    "s3:GetObjectAcl": Permission.READ_ACP,
    "s3:GetObjectVersionAcl": Permission.READ_ACP,
}
_OBJECT_READS = "s3:GetObject"


class Reach(Enum):
    """How much of a bucket a question without a key is about.

    WHOLE: every key. SOME: any will do, as what else there is will not be shown. EACH: keys that
    are asked about one by one later, some of which may take `erase` instead.
    """

    WHOLE = auto()
    SOME = auto()
    EACH = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks leave for.

    action: as policies call it, such as `s3:GetObject`. key: of the object; None for the bucket.
    version: its version id as it was sent. asking: nothing is done yet, so that a policy which
    allows the action is enough, whatever the right. overrides: see Facts.
    """

    right: Right
    action: str
    key: str | None = None
    version: str | None = None
    reach: Reach = Reach.WHOLE
    asking: bool = False
    overrides: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def within(self, prefixes: Prefixes) -> bool:
        """Whether leave for keys with those prefixes is leave for this."""
        if self.key is not None:
            return self.key.startswith(prefixes)
        return "" in prefixes if self.reach is Reach.WHOLE else bool(prefixes)


@dataclass(frozen=True, slots=True)
class _Place:
    """A branch that a question is about. name: None for any of the repo's, be it there or not."""

    at: Snapshot
    name: str | None
    properties: Json = field(default_factory=lambda: NOTHING)

    @property
    def repo(self) -> Repo:
        return self.at.repo


class Access:
    """What one request may do. Cost: a few microseconds where the grants decide."""

    __slots__ = ("_clock", "_identity", "_request", "_store")

    def __init__(
        self, store: Store, identity: Identity, request: Request, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._identity = identity
        self._request = request
        self._clock = clock

    async def demand(self, at: Snapshot, asked: Asked) -> None:
        """Raise AccessDenied unless the request may do that at `at`. May raise Unavailable."""
        if not await self.permits(at, asked):
            raise self._refused(at, asked)

    async def demand_undenied(self, at: Snapshot, asked: Asked) -> None:
        """Raise AccessDenied where a branch's policy denies that.

        For what a permitted request does besides: it needs no leave of its own.
        """
        text = at.properties.get(POLICY)
        if text is not None:
            place = _Place(at, at.ref, at.properties)
            if await self._judge(policies.parse(text), place, asked) is Verdict.DENY:
                raise self._refused(at, asked)

    async def permits(self, at: Snapshot, asked: Asked) -> bool:
        """Whether the request may do that at `at`. May raise Unavailable."""
        return asked.within(await self.sight(at, asked))

    async def sight(self, at: Snapshot, asked: Asked) -> Prefixes:
        """Which keys the request may do that with: what a listing then shows of `at`."""
        if at.kind is RefKind.BRANCH:
            return await self._reach(_Place(at, at.ref, at.properties), asked) or NOWHERE
        if at.kind is RefKind.TAG and asked.right is not Right.READ:
            return await self._reach(_Place(at, at.ref), asked) or NOWHERE
        found: list[str] = []
        denied = False
        for ref in await self._store.containing(at):
            if ref.kind is RefKind.BRANCH:
                reached = await self._reach_of_version(_Place(at, ref.name, ref.properties), asked)
                denied = denied or reached is None
                found += reached or NOWHERE
        if not denied:
            names = (at.ref, None) if at.kind is RefKind.TAG else (None,)
            for name in names:
                found += await self._reach(_Place(at, name), asked) or NOWHERE
        return outermost(found)

    async def granted(self, right: Right, repo: Repo, branch: str | None) -> Prefixes:
        """Which keys of a branch the key's own grants give that right on. branch: see Grants."""
        key = self._identity.key
        if key.roles is not None:
            return EVERYWHERE if await key.roles.permit(right, repo.name) else NOWHERE
        return key.grants.prefixes(right, repo.name, branch, owned=repo.account == key.account)

    async def readable(self, repo: Repo, ref: Ref) -> bool:
        """Whether a branch or tag is there for the key: by its own grants, as a list shows it."""
        if await self.granted(Right.READ, repo, ref.name):
            return True
        if ref.kind is RefKind.BRANCH or self._identity.key.roles is not None:
            return False
        at = await self._store.resolve(BucketName(repo.name, ref.name))
        return bool(await self.sight(at, Asked(Right.READ, _LIST, reach=Reach.SOME)))

    async def touches(self, right: Right, repo: Repo) -> bool:
        """Whether the key's grants give that right on anything in `repo`."""
        key = self._identity.key
        if key.roles is not None:
            return await key.roles.permit(right, repo.name)
        return key.grants.touches(right, repo.name, owned=repo.account == key.account)

    def granted_everywhere(self) -> bool:
        """Whether the key has all rights on all there is, was and will be."""
        key = self._identity.key
        return key.roles is None and key.grants.scope is Scope.ALL

    async def demand_admin(self, repo: Repo, name: str | None) -> None:
        """Raise AccessDenied unless the key's grants give `admin` on all of a branch or tag.

        It may be one that is still to be made. None: on every branch of the repo.
        """
        if "" not in await self.granted(Right.ADMIN, repo, name):
            raise denied(f"{self._who} has no right 'admin' on {_shown(repo.name, name)}.")

    async def demand_repo(self, repo: RepoName, branch: str | None) -> None:
        """Raise AccessDenied, or Denied, unless the key may make that repo, with that branch.

        branch: None for a repo without any, which takes `admin` on every one. Where the store has
        an access control of its own the repo is there afterwards, so that it is the key's
        holder's and not ours.
        """
        key = self._identity.key
        # Who makes a repo owns it, so that `own` is enough.
        if "" not in key.grants.prefixes(Right.ADMIN, repo, branch, owned=True):
            raise denied(f"{self._who} may not make {_shown(repo, branch)}.")
        if key.roles is not None:
            await key.roles.create_repo(repo)

    async def _reach_of_version(self, place: _Place, asked: Asked) -> Prefixes | None:
        """The same of a commit that the branch contains.

        As AWS sees it a version is named. Who may not read what stands now may not read it either.
        """
        named = replace(asked, action=ACTION_ON_VERSION.get(asked.action, asked.action))
        reached = await self._reach(place, named)
        if reached and named != asked and await self._reach(place, asked) is None:
            return None
        return reached

    async def _reach(self, place: _Place, asked: Asked) -> Prefixes | None:
        """Which keys of a branch it may be done with; None where a policy denies it."""
        granted = await self.granted(asked.right, place.repo, place.name)
        if asked.reach is Reach.EACH and not granted:
            granted = await self.granted(Right.ERASE, place.repo, place.name)
        text = place.properties.get(POLICY)
        given = asked.within(granted)
        # Of a part that the grants give, policy and ACL may still make the whole.
        complete = given and (asked.key is not None or "" in granted)
        if text is None and (complete or (given and ACL not in place.properties)):
            return granted
        policy, verdict = None, Verdict.SILENT
        if text is not None and not (given and asked.action in _POLICY_CALLS):
            policy = policies.parse(text)
            verdict = await self._judge(policy, place, asked)
            if verdict is Verdict.DENY:
                return None
        if complete or not await self._opened(place, asked, policy, verdict):
            return granted
        return EVERYWHERE

    async def _judge(self, policy: Policy, place: _Place, asked: Asked) -> Verdict:
        tags: Mapping[str, str] = NOTHING
        if policy.asks_for_tags and asked.key is not None:
            side = await self._side(place.at, asked)
            tags = {} if side is None else side.get("tags", {})
        identity = self._identity
        facts = Facts(
            self._request,
            self._clock(),
            account=self._account,
            key_name="" if identity.anonymous else identity.key.name,
            signature_version=identity.algorithm,
            presigned=identity.presigned,
            posted=identity.posted,
            existing_tags=tags,
            overrides=asked.overrides,
        )
        names = spellings(place.repo.name, place.name)
        return policy.judge(asked.action, [resource(name, asked.key) for name in names], facts)

    async def _opened(
        self, place: _Place, asked: Asked, policy: Policy | None, verdict: Verdict
    ) -> bool:
        """Whether policy or ACLs give what the grants do not."""
        properties = place.properties
        if not properties or not (asked.right in ADDED_BY_POLICY or asked.asking):
            return False
        if asked.reach is Reach.EACH:
            return POLICY in properties or ACL in properties
        block = PublicAccessBlock.from_json(properties.get(PUBLIC_ACCESS))
        opened = verdict is Verdict.ALLOW
        if opened and block.restrict and policy is not None and policy.public:
            opened = self._account == place.repo.account
        side = None
        if asked.key is not None and asked.action.startswith(_OBJECT_READS):
            side = await self._side(place.at, asked)
            if side is None:
                # As AWS: that a key is not there is told to whoever may list it.
                prefix = {"s3:prefix": asked.key}
                return await self.permits(place.at, Asked(Right.READ, _LIST, overrides=prefix))
        return opened or self._listed(place, asked, side, block)

    def _listed(
        self, place: _Place, asked: Asked, side: Json | None, block: PublicAccessBlock
    ) -> bool:
        """Whether the ACL of the bucket, or of the object, gives it."""
        if place.properties.get(OWNERSHIP) == Ownership.ENFORCED:
            return False
        if side is None:
            form, permission = place.properties.get(ACL), _OF_BUCKET.get(asked.action)
        else:
            form, permission = side.get(ACL), _OF_OBJECT.get(asked.action)
        if form is None or permission is None:
            return False
        acl = Acl.from_json(form)
        return acl.gives(self._account, permission, ignoring_public=block.ignore_acls)

    async def _side(self, at: Snapshot, asked: Asked) -> Json | None:
        """The side state of the object; None where there is no object."""
        named = asked.version or ""
        version = CommitId(named) if named == NULL_VERSION or is_commit_id(named) else None
        try:
            return (await self._store.stat(at, asked.key or "", version)).side
        except (NoKey, NoVersion, InvalidKey):
            return None
        except Erased:
            return NOTHING

    @property
    def _account(self) -> str | None:
        return None if self._identity.anonymous else self._identity.account

    @property
    def _who(self) -> str:
        return f"key {self._identity.key.name!r}"

    def _refused(self, at: Snapshot, asked: Asked) -> S3Error:
        if self._identity.anonymous:
            return S3Error("AccessDenied")
        under = "" if asked.key is None else f", key {asked.key!r}"
        place = _shown(at.repo.name, at.ref or at.commit)
        takes = f"that takes the right {asked.right.value!r}"
        return denied(f"{self._who} may not do {asked.action} on {place}{under}: {takes}.")


async def readable_refs(access: Access, store: Store, kind: RefKind) -> list[Ref]:
    """The branches or tags that a key may read, by repo and name."""
    repos = {repo.name: repo for repo in await readable_repos(access, store)}
    refs = [ref for ref in await store.refs(kind=kind) if ref.repo in repos]
    answers = await _several([access.readable(repos[ref.repo], ref) for ref in refs])
    return [ref for ref, yes in zip(refs, answers, strict=True) if yes]


async def readable_repos(access: Access, store: Store) -> list[Repo]:
    """The repos in which a key may read anything, by project and name."""
    repos = await store.repos()
    answers = await _several([access.touches(Right.READ, repo) for repo in repos])
    return [repo for repo, yes in zip(repos, answers, strict=True) if yes]


async def _several(questions: Sequence[Awaitable[bool]]) -> list[bool]:
    """Each may be a question to another machine: a few at a time."""
    several = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    async def answered(question: Awaitable[bool]) -> bool:
        async with several:
            return await question

    return await asyncio.gather(*map(answered, questions))


def bucket_acl(bucket: Snapshot) -> Acl:
    """The ACL of a bucket."""
    form = bucket.properties.get(ACL)
    return private(bucket.repo.account) if form is None else Acl.from_json(form)


def spellings(repo: RepoName, branch: str | None) -> list[str]:
    """The ways a branch is spelled as a bucket, any of which a policy may name it by."""
    if branch is None:
        return []
    found = [f"{branch}.{repo.name}.{repo.project}"]
    if repo.project == DEFAULT_PROJECT:
        found.append(f"{branch}.{repo.name}")
        if branch == DEFAULT_BRANCH:
            found.append(repo.name)
    return found


def overlapping(prefixes: Iterable[str], asked: str) -> Prefixes:
    """Where keys are that begin with `asked` and with any of the prefixes.

    Raises AccessDenied where there can be none: the request is about what it may not see.
    """
    found = outermost(
        max(asked, one, key=len)
        for one in prefixes
        if one.startswith(asked) or asked.startswith(one)
    )
    if not found:
        raise denied(f"this key may read nothing that begins with {asked!r}.")
    return found


def common(one: Prefixes, other: Prefixes) -> Prefixes:
    """Where keys are that lie within both."""
    return outermost(
        max(first, second, key=len)
        for first in one
        for second in other
        if first.startswith(second) or second.startswith(first)
    )


def _shown(repo: RepoName, name: str | None) -> str:
    return f"repo {repo}" if name is None else f"{name}.{repo}"


def denied(why: str) -> S3Error:
    """AccessDenied, saying why."""
    return S3Error("AccessDenied", f"Access Denied: {why}")

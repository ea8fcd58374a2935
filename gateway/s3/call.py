"""One request on its way through an operation: what was asked, by whom, and with what services."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.auth.access import Access, Asked, Reach
from gateway.auth.gate import Gate
from gateway.auth.grants import Prefixes
from gateway.auth.identity import Identity
from gateway.lineage.recorder import Described, Recorder
from gateway.observability.metrics import Metrics
from gateway.protocol import encryption
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import ACTION_ON_VERSION, Level, Operation, Right
from gateway.protocol.policykeys import REQUEST_TAG
from gateway.protocol.request import Request
from gateway.s3.response import Response
from gateway.versioning.errors import InvalidName, NotFound, ReadOnly
from gateway.versioning.model import NOTHING, About, Change, Committed, Repo, Snapshot
from gateway.versioning.names import (
    NULL_VERSION,
    BucketName,
    CommitId,
    check_key,
    is_commit_id,
    parse_bucket,
)
from gateway.versioning.store import Store
from gateway.versioning.views import PROTECTED

Receive = Callable[[], Awaitable[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Services:
    """What the S3 service works with; put together by the composition root.

    clock: now, in milliseconds since 1970 UTC. default_versioning: the S3 versioning state of new
    buckets, "enabled" or "unset". s3_names: whether only names that AWS takes are taken for them.
    gate: whose keys and accounts there are. lineage_embed: see gateway.s3.embedding.
    """

    store: Store
    gate: Gate
    recorder: Recorder
    metrics: Metrics
    clock: Callable[[], int]
    lineage_headers: bool = True
    lineage_embed: bool = False
    default_versioning: str = "enabled"
    s3_names: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """The file of a browser's form: what is left of the body. least, most: bytes it may have."""

    pieces: AsyncIterator[bytes]
    least: int
    most: int


@dataclass(slots=True)
class Call:
    """A request that passed the gate, with the operation it names.

    posted: the body, where it came in a form. seen: what the request's bucket was found to name.
    """

    request: Request
    operation: Operation
    identity: Identity
    services: Services
    receive: Receive
    bytes_in: int = 0
    body_read: bool = False
    posted: Posted | None = None
    seen: Snapshot | None = None

    @property
    def store(self) -> Store:
        """The store behind every bucket."""
        return self.services.store

    @property
    def access(self) -> Access:
        """What this request may do."""
        services = self.services
        return Access(services.store, self.identity, self.request, services.clock)

    async def bucket(
        self, right: Right | None = None, *, blind: bool = False, asking: bool = False
    ) -> Snapshot:
        """The state the request's bucket names, where it may do there what it asks.

        right: another one than the operation's. blind: as in Store.resolve. asking: see Asked.
        Raises NoSuchBucket, AccessDenied, and what asks for encryption is refused with.
        """
        snapshot = self.seen = await self._resolved(self.request.bucket, blind=blind)
        asked = self.asked(right)
        await self.access.demand(snapshot, replace(asked, asking=True) if asking else asked)
        _check_owner(snapshot, self.request.headers.get("x-amz-expected-bucket-owner"))
        encryption.refuse(self.request.method, self.request.headers)
        return snapshot

    async def branch(self, *, blind: bool = False) -> Snapshot:
        """The branch the request's bucket names, for a write. Commits and tags are refused.

        blind: nothing is read of it.
        """
        branch = writable(await self.bucket(blind=blind))
        if branch.properties.get(PROTECTED) and self._changes_objects:
            repo = branch.repo.name
            raise S3Error(
                "AccessDenied",
                f"Access Denied: branch {branch.ref} of repo {repo} is protected. Write to another "
                f"branch and promote it: labelgate promote <branch>.{repo} {branch.ref}.{repo}",
            )
        return branch

    @property
    def _changes_objects(self) -> bool:
        """Whether it changes what the branch holds. An erase does not wait for a promote."""
        erases = "versionId" in self.request.params
        return self.operation.right in _CHANGING and not erases

    async def open(
        self,
        bucket: str,
        right: Right,
        *,
        owner: str | None = None,
        key: str | None = None,
        version: str | None = None,
    ) -> Snapshot:
        """The state `bucket` names, where the request has that right on `key`, or on all of it.

        owner: the account that the client expects it to be of. Raises NoSuchBucket, AccessDenied.
        """
        snapshot = await self._resolved(bucket)
        await self.allow(snapshot, right, key, version=version)
        _check_owner(snapshot, owner)
        return snapshot

    async def allow(
        self,
        at: Snapshot,
        right: Right,
        key: str | None = None,
        *,
        version: str | None = None,
        action: str | None = None,
    ) -> None:
        """Raise AccessDenied unless the request has that right on `key` of `at`, or on all of it.

        version: the version id of `key` that it is about, as sent. action: as bucket policies
        call it; the usual one of that right where it is left out.
        """
        usual = _ACTIONS[right] if key is not None else self.operation.action
        named = {} if version is None else {"s3:versionid": version}
        asked = Asked(right, action or _on_version(usual, version), key, version, overrides=named)
        await self.access.demand(at, asked)

    async def check_denials(
        self, branch: Snapshot, *actions: str, tags: Mapping[str, str] = NOTHING
    ) -> None:
        """Raise AccessDenied where the bucket's policy denies the key any of these actions.

        tags: those that the request brings for the object, wherever in it they stand.
        """
        brought = {f"{REQUEST_TAG}{name}": value for name, value in tags.items()}
        for action in actions:
            asked = Asked(Right.WRITE, action, self.key, overrides=brought)
            await self.access.demand_undenied(branch, asked)

    def asked(self, right: Right | None = None) -> Asked:
        """What the request asks leave for, by its operation. right: see bucket()."""
        operation, request = self.operation, self.request
        right = right or operation.right or Right.READ
        if operation.by_key:
            return Asked(right, operation.action, reach=Reach.EACH)
        if operation.level is Level.OBJECT:
            version = request.params.get("versionId")
            action = _on_version(operation.action, version)
            return Asked(right, action, request.key, version)
        reach = Reach.SOME if right is Right.READ else Reach.WHOLE
        return Asked(right, operation.action, reach=reach)

    async def sight(self, at: Snapshot) -> Prefixes:
        """Which keys of `at` a listing may show."""
        return await self.access.sight(at, self.asked())

    async def may_read(self, place: Repo | Snapshot, key: str) -> bool:
        """Whether the request may read that object, or of a repo anything.

        What it may not read is not there for it.
        """
        if isinstance(place, Repo):
            return await self.access.touches(Right.READ, place)
        return await self.access.permits(place, Asked(Right.READ, _ACTIONS[Right.READ], key))

    async def _resolved(self, bucket: str, *, blind: bool = False) -> Snapshot:
        try:
            return await self.store.resolve(bucket_name(bucket), blind=blind)
        except NotFound:
            raise S3Error("NoSuchBucket", BucketName=bucket) from None

    async def at_commit(self, snapshot: Snapshot, commit: CommitId) -> Snapshot:
        """The same repo as it was at `commit`, to go on with a listing that began there."""
        if snapshot.commit == commit:
            return snapshot
        return await self.store.resolve(replace(bucket_name(self.request.bucket), commit=commit))

    @property
    def key(self) -> str:
        """The object key of the request. Raises InvalidKey."""
        return check_key(self.request.key)

    @property
    def version(self) -> CommitId | None:
        """The `versionId` asked for. Raises InvalidArgument where it cannot be one."""
        asked = self.request.params.get("versionId")
        return None if asked is None else version_id(asked)

    def about(self, kind: str, message: str = "") -> About:
        """What a commit made by this request says of itself."""
        metadata = {"request_id": self.request.id, "key_name": self.identity.key.name}
        return About(self.identity.account, kind, message, metadata)

    async def commit(
        self, branch: Snapshot, changes: Sequence[Change], kind: str, message: str = ""
    ) -> Committed:
        """Commit `changes` as the store does, counted and timed."""
        return await self.counted(
            branch, kind, self.store.commit(branch, changes, self.about(kind, message))
        )

    async def counted(
        self, branch: Snapshot, kind: str, committing: Awaitable[Committed]
    ) -> Committed:
        """Wait for a commit and move the metrics that follow from it."""
        started = time.perf_counter()
        committed = await committing
        metrics, repo = self.services.metrics, branch.repo.name
        place = {"project": repo.project, "repo": repo.name, "branch": branch.ref or ""}
        if committed.commit is not None:
            metrics.commit(**place, kind=kind, seconds=time.perf_counter() - started)
        for outcome in committed.outcomes:
            if not outcome.changed:
                metrics.noop(**place)
        return committed

    def link(self, described: Described) -> None:
        """Count the sources that a write was linked to, by evidence."""
        for evidence in described.links:
            self.services.metrics.lineage_link(evidence)


Handler = Callable[[Call], Awaitable[Response]]

_CHANGING = frozenset({Right.WRITE, Right.DELETE})

_ACTIONS = {
    Right.READ: "s3:GetObject",
    Right.WRITE: "s3:PutObject",
    Right.DELETE: "s3:DeleteObject",
    Right.ADMIN: "s3:PutObjectAcl",
    Right.ERASE: "s3:DeleteObjectVersion",
}


def _on_version(action: str, version: str | None) -> str:
    return action if version is None else ACTION_ON_VERSION.get(action, action)


def _check_owner(snapshot: Snapshot, owner: str | None) -> None:
    if owner is not None and owner != snapshot.repo.account:
        raise S3Error("AccessDenied", "Access Denied: another account owns the bucket.")


def bucket_name(text: str) -> BucketName:
    """A bucket as it is read: a name without the form of one names nothing. Raises NoSuchBucket."""
    try:
        return parse_bucket(text)
    except InvalidName:
        raise S3Error("NoSuchBucket", BucketName=text) from None


def version_id(text: str) -> CommitId:
    """`text` as a version id. Raises InvalidArgument as AWS does."""
    if text != NULL_VERSION and not is_commit_id(text):
        raise S3Error(
            "InvalidArgument",
            "Invalid version id specified",
            ArgumentName="versionId",
            ArgumentValue=text,
        )
    return CommitId(text)


def writable(snapshot: Snapshot) -> Snapshot:
    """`snapshot` if it is a branch. Raises ReadOnly, saying how to write instead."""
    if not snapshot.writable:
        raise ReadOnly(
            f"a {snapshot.kind} never changes; write to a branch of repo {snapshot.repo.name}"
        )
    return snapshot

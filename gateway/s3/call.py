"""One request on its way through an operation: what was asked, by whom, and with what services."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from gateway.auth.gate import Identity, allow, may
from gateway.lineage.recorder import Described, Recorder
from gateway.observability.metrics import Metrics
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Operation, Right
from gateway.protocol.request import Request
from gateway.s3.response import Response
from gateway.versioning.errors import InvalidName, NotFound, ReadOnly
from gateway.versioning.model import About, Change, Committed, Repo, Snapshot
from gateway.versioning.names import BucketName, CommitId, check_key, is_commit_id, parse_bucket
from gateway.versioning.store import Store

Receive = Callable[[], Awaitable[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Services:
    """What the S3 service works with; put together by the composition root.

    clock: now, in milliseconds since 1970 UTC.
    """

    store: Store
    recorder: Recorder
    metrics: Metrics
    clock: Callable[[], int]
    lineage_headers: bool = True


@dataclass(slots=True)
class Call:
    """A request that passed the gate, with the operation it names."""

    request: Request
    operation: Operation
    identity: Identity
    services: Services
    receive: Receive
    bytes_in: int = 0
    body_read: bool = False

    @property
    def store(self) -> Store:
        """The store behind every bucket."""
        return self.services.store

    async def bucket(self, right: Right | None = None) -> Snapshot:
        """The state the request's bucket names, after checking the operation's right on its repo.

        right: another one than the operation's.
        """
        return await self.open(
            self.request.bucket,
            right or self.operation.right or Right.READ,
            owner=self.request.headers.get("x-amz-expected-bucket-owner"),
        )

    async def branch(self) -> Snapshot:
        """The branch the request's bucket names, for a write. Commits and tags are refused."""
        return writable(await self.bucket())

    async def open(self, bucket: str, right: Right, *, owner: str | None = None) -> Snapshot:
        """The state `bucket` names, after checking `right` on its repo.

        owner: the account that the client expects it to be of. Raises NoSuchBucket, AccessDenied.
        """
        name = bucket_name(bucket)
        try:
            snapshot = await self.store.resolve(name)
        except NotFound:
            raise S3Error("NoSuchBucket", BucketName=bucket) from None
        await allow(self.identity.key, right, snapshot.repo)
        if owner is not None and owner != snapshot.repo.account:
            raise S3Error("AccessDenied", "Access Denied: another account owns the bucket.")
        return snapshot

    async def may_read(self, repo: Repo) -> bool:
        """Whether the key may read `repo`: what it may not read is not there for it."""
        return await may(self.identity.key, Right.READ, repo)

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


def bucket_name(text: str) -> BucketName:
    """A bucket as it is read: a name without the form of one names nothing. Raises NoSuchBucket."""
    try:
        return parse_bucket(text)
    except InvalidName:
        raise S3Error("NoSuchBucket", BucketName=text) from None


def version_id(text: str) -> CommitId:
    """`text` as a version id. Raises InvalidArgument as AWS does, NoSuchVersion for `null`."""
    if text == "null":
        raise S3Error("NoSuchVersion", VersionId=text)
    if not is_commit_id(text):
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

"""What S3 shows of versions: a state of the bucket, which is a view of a history that is kept.

Enabled: each write is a version of its own. Unset and Suspended: what is written is the version
`null`, which takes the place of an older one in the view. Commits are made in every state, and
`?versionId=<commit>` reads what that commit wrote in every state.
"""

from __future__ import annotations

from gateway.protocol import dates
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.s3.call import Call
from gateway.versioning.errors import Erased, NoKey, Unsupported
from gateway.versioning.model import Json, ObjectInfo, Snapshot
from gateway.versioning.names import NULL_VERSION, BucketName, CommitId
from gateway.versioning.views import State, state_of, writes_null

COMMIT_HEADER = "x-labelgate-commit"
VERSION_HEADER = "x-amz-version-id"
UNCHANGING = (
    "This store keeps what is beside an object (tags, access list, retention, hold) as its writer "
    "gave it: only a new version has others."
)


def shown_version(bucket: Snapshot, info: ObjectInfo) -> str | None:
    """The version id that a reader is told; None in a bucket that never had versions."""
    if state_of(bucket) is State.UNSET:
        return None
    return NULL_VERSION if info.null else info.version


def read_headers(bucket: Snapshot, info: ObjectInfo) -> list[tuple[str, str]]:
    """The version id as a read answers it, and the commit that wrote the object."""
    return _headers(shown_version(bucket, info), info)


def written_headers(branch: Snapshot, info: ObjectInfo) -> list[tuple[str, str]]:
    """The version id as a write answers it, and the commit it is in."""
    return _headers(None if writes_null(branch) else shown_version(branch, info), info)


async def find(call: Call, bucket: Snapshot) -> ObjectInfo:
    """The object the request names, or the version of it.

    Raises NoKey, NoVersion, Erased, and MethodNotAllowed where that version is a delete marker.
    """
    version = call.version
    try:
        return await call.store.stat(bucket, call.key, version)
    except NoKey as error:
        if version is not None and error.marker is not None:
            raise await _marker_named(call, bucket, version, CommitId(error.marker)) from None
        raise
    except Erased as error:
        if version is None:  # who names no version, is told of none that is missing
            raise S3Error("NoSuchKey", str(error), Key=call.key) from None
        raise


async def set_beside(call: Call, branch: Snapshot, changes: Json) -> ObjectInfo:
    """Change what stands beside the object or version the request names; no commit is made."""
    if not call.store.capabilities.side:
        raise Unsupported(UNCHANGING)
    found = await find(call, branch)  # which may be followed by another one meanwhile
    return await call.store.set_side(branch, call.key, found.version, changes)


async def allow_elsewhere(
    call: Call, branch: Snapshot, version: CommitId, right: Right, key: str, *, action: str
) -> None:
    """Raise AccessDenied unless the request has that right on `key` wherever else it is shown.

    version: of `key`, in the history of `branch`: other branches and tags may have it, too.
    """
    store, repo = call.store, branch.repo.name
    for ref in await store.containing(await store.resolve(BucketName(repo, commit=version))):
        if ref.name != branch.ref:
            at = await store.resolve(BucketName(repo, ref.name))
            await call.allow(at, right, key, version=version, action=action)


async def _marker_named(call: Call, bucket: Snapshot, version: str, commit: CommitId) -> S3Error:
    """A delete marker was asked for by its own version id: there is no object in it."""
    made = await call.store.commit_info(await call.at_commit(bucket, commit))
    error = S3Error("MethodNotAllowed", Method=call.request.method, ResourceType="DeleteMarker")
    error.headers |= {
        "x-amz-delete-marker": "true",
        VERSION_HEADER: version,
        "last-modified": dates.http_date(made.time_ms),
        "allow": "DELETE",
    }
    return error


def _headers(version: str | None, info: ObjectInfo) -> list[tuple[str, str]]:
    shown = [] if version is None else [(VERSION_HEADER, version)]
    return [*shown, (COMMIT_HEADER, info.version)]

"""The one place where what a store refuses becomes what S3 answers."""

from __future__ import annotations

from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request
from gateway.versioning import errors as store
from gateway.versioning.names import KEY_BYTES_MAX, NULL_VERSION

BY_ERROR: dict[type[store.StoreError], str] = {
    store.NoRepo: "NoSuchBucket",
    store.NoRef: "NoSuchBucket",
    store.NoCommit: "NoSuchBucket",
    store.NoKey: "NoSuchKey",
    store.NoVersion: "NoSuchVersion",
    store.NoUpload: "NoSuchUpload",
    store.InvalidName: "InvalidBucketName",
    store.InvalidKey: "InvalidArgument",
    store.ReadOnly: "AccessDenied",
    store.AlreadyExists: "BucketAlreadyExists",
    store.NotEmpty: "BucketNotEmpty",
    store.ConditionFailed: "PreconditionFailed",
    # Never 409 or 412: SDKs do not retry those, and a lost race is not the writer's to solve.
    store.HeadMoved: "SlowDown",
    store.InvalidPart: "InvalidPart",
    store.Erased: "NoSuchVersion",
    store.PathConflict: "PathConflict",
    store.Denied: "AccessDenied",
    store.Held: "AccessDenied",
    store.Unsupported: "NotImplemented",
    store.Unavailable: "SlowDown",
    store.OutcomeUnknown: "InternalError",
    store.Corrupt: "InternalError",
}

_OF_A_BUCKET = ("NoSuchBucket", "BucketNotEmpty", "BucketAlreadyExists", "InvalidBucketName")
_BY_CONDITION = {"etag": "If-Match", "not_etag": "If-None-Match"}
# What these say is for the person who reads the answer; the others keep AWS's own words.
_TELLING = (
    store.InvalidName,
    store.InvalidKey,
    store.ReadOnly,
    store.Erased,
    store.PathConflict,
    store.Denied,
    store.Unsupported,
    store.Unavailable,
)


def translate(error: store.StoreError, request: Request) -> S3Error:
    """The S3 error that answers `error` for this request."""
    code = BY_ERROR[type(error)]
    message = (str(error) or None) if isinstance(error, _TELLING) else None
    fields: dict[str, str | int] = {}
    match error:
        case store.NoKey():
            fields["Key"] = error.key
        case store.Held():
            message = f"Access Denied because object protected by object lock: {error}."
        case store.PathConflict():
            fields |= {"Key": error.key, "ConflictingKey": error.other}
        case store.NoVersion():
            fields |= {"Key": request.key, "VersionId": request.params.get("versionId", "")}
        case store.NoUpload():
            fields["UploadId"] = request.params.get("uploadId", "")
        case store.InvalidPart():
            fields |= {
                "UploadId": request.params.get("uploadId", ""),
                "PartNumber": error.number,
            }
        case store.ConditionFailed():
            fields["Condition"] = _BY_CONDITION.get(error.condition, error.condition)
        case store.InvalidKey() if (size := len(request.key.encode())) > KEY_BYTES_MAX:
            return S3Error("KeyTooLongError", Size=size, MaxSizeAllowed=KEY_BYTES_MAX)
        case store.Unavailable():
            found = S3Error(code, message)
            found.headers["retry-after"] = "1"
            return found
        case _ if code in _OF_A_BUCKET:
            fields["BucketName"] = request.bucket
    found = S3Error(code, message, extra=fields)
    if isinstance(error, store.NoKey):
        found.headers |= _marker_headers(error, request)
    return found


def _marker_headers(error: store.NoKey, request: Request) -> dict[str, str]:
    """Whether it is a delete marker that hides the key, and which; a read is told of none, too."""
    if error.marker is None:
        return {"x-amz-delete-marker": "false"} if request.method in {"GET", "HEAD"} else {}
    return {
        "x-amz-delete-marker": "true",
        "x-amz-version-id": NULL_VERSION if error.null else error.marker,
        "x-labelgate-commit": error.marker,
    }

"""The one table of S3's operations, and the function that finds a request's row in it.

Every operation of S3 has a row; what is not offered is answered 501 by its name. A subresource
nobody knows, or a method it does not have, never falls through to a GET or a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request


class Right(StrEnum):
    """What an operation needs of its caller (grants are made of these)."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    ADMIN = "admin"
    ERASE = "erase"


class Level(StrEnum):
    """What the path names."""

    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Operation:
    """A row: how the operation is recognised, and what it needs.

    marker: the query key that selects it; "" for none.
    needs: further query keys, `key=value` pairs, or `@header` names that must be there too.
    right: None means any key may.
    also: older names of the same request.
    by_key: each key it is about is judged by itself, once it is known what is to be done with it.
    """

    name: str
    level: Level
    method: str
    marker: str
    right: Right | None
    offered: bool = False
    needs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    by_key: bool = False

    @property
    def action(self) -> str:
        """What bucket policies call it: `s3:GetObject`."""
        return f"s3:{ACTION_BY_OPERATION.get(self.name, self.name)}"


_S, _B, _O = Level.SERVICE, Level.BUCKET, Level.OBJECT
_READ, _WRITE, _DELETE, _ADMIN = Right.READ, Right.WRITE, Right.DELETE, Right.ADMIN


def _configuration(
    marker: str,
    name: str,
    methods: str = "GET PUT DELETE",
    *,
    offered: bool = False,
    **also: tuple[str, ...],
) -> tuple[Operation, ...]:
    """The rows of a bucket's setting: Get, Put and Delete of one subresource."""
    verbs = {"GET": ("Get", _READ), "PUT": ("Put", _ADMIN), "DELETE": ("Delete", _ADMIN)}
    return tuple(
        Operation(
            f"{verbs[method][0]}{name}", _B, method, marker, verbs[method][1], offered,
            also=also.get(method.lower(), ()),
        )
        for method in methods.split()
    )  # fmt: skip


def _listed_configuration(marker: str, name: str) -> tuple[Operation, ...]:
    """A setting a bucket has many of: each by `id`, and a list of all."""
    rows = [
        Operation(f"{verb}{name}Configuration", _B, method, marker, _ADMIN, True, needs=("id",))
        for verb, method in (("Get", "GET"), ("Put", "PUT"), ("Delete", "DELETE"))
    ]
    return *rows, Operation(f"List{name}Configurations", _B, "GET", marker, _ADMIN, True)


OPERATIONS: tuple[Operation, ...] = (
    # ---- the service
    Operation("ListBuckets", _S, "GET", "", None, True),
    Operation("ListDirectoryBuckets", _S, "GET", "", None, needs=("directory-buckets",)),
    Operation("WriteGetObjectResponse", _B, "POST", "", _ADMIN, needs=("@x-amz-request-route",)),
    # ---- buckets
    Operation("CreateBucket", _B, "PUT", "", None, True),
    Operation("HeadBucket", _B, "HEAD", "", _READ, True),
    Operation("DeleteBucket", _B, "DELETE", "", _ADMIN, True),
    Operation("GetBucketLocation", _B, "GET", "location", _READ, True),
    Operation("GetBucketVersioning", _B, "GET", "versioning", _READ, True),
    Operation("PutBucketVersioning", _B, "PUT", "versioning", _ADMIN, True),
    Operation("ListObjectsV2", _B, "GET", "", _READ, True, needs=("list-type=2",)),
    Operation("ListObjects", _B, "GET", "", _READ, True),
    Operation("ListObjectVersions", _B, "GET", "versions", _READ, True),
    Operation("ListMultipartUploads", _B, "GET", "uploads", _READ, True),
    Operation("DeleteObjects", _B, "POST", "delete", _DELETE, True, by_key=True),
    Operation("PostObject", _B, "POST", "", _WRITE, True, by_key=True),
    *_configuration("acl", "BucketAcl", "GET PUT", offered=True),
    *_configuration("policy", "BucketPolicy", offered=True),
    *_configuration("policyStatus", "BucketPolicyStatus", "GET", offered=True),
    *_configuration("publicAccessBlock", "PublicAccessBlock", offered=True),
    *_configuration("ownershipControls", "BucketOwnershipControls", offered=True),
    *_configuration("cors", "BucketCors", offered=True),
    *_configuration("tagging", "BucketTagging", offered=True),
    *_configuration("encryption", "BucketEncryption", offered=True),
    *_configuration("object-lock", "ObjectLockConfiguration", "GET PUT", offered=True),
    *_configuration(
        "lifecycle",
        "BucketLifecycleConfiguration",
        "GET PUT",
        offered=True,
        get=("GetBucketLifecycle",),
        put=("PutBucketLifecycle",),
    ),
    Operation("DeleteBucketLifecycle", _B, "DELETE", "lifecycle", _ADMIN, True),
    *_configuration(
        "notification",
        "BucketNotificationConfiguration",
        "GET PUT",
        offered=True,
        get=("GetBucketNotification",),
        put=("PutBucketNotification",),
    ),
    *_configuration("logging", "BucketLogging", "GET PUT", offered=True),
    *_configuration("replication", "BucketReplication", offered=True),
    *_configuration("requestPayment", "BucketRequestPayment", "GET PUT", offered=True),
    *_configuration("website", "BucketWebsite", offered=True),
    *_configuration("accelerate", "BucketAccelerateConfiguration", "GET PUT", offered=True),
    *_configuration("abac", "BucketAbac", "GET PUT", offered=True),
    *_listed_configuration("analytics", "BucketAnalytics"),
    *_listed_configuration("intelligent-tiering", "BucketIntelligentTiering"),
    *_listed_configuration("inventory", "BucketInventory"),
    *_listed_configuration("metrics", "BucketMetrics"),
    Operation("CreateSession", _B, "GET", "session", _READ),
    Operation("CreateBucketMetadataConfiguration", _B, "POST", "metadataConfiguration", _ADMIN),
    Operation("GetBucketMetadataConfiguration", _B, "GET", "metadataConfiguration", _ADMIN),
    Operation("DeleteBucketMetadataConfiguration", _B, "DELETE", "metadataConfiguration", _ADMIN),
    Operation("CreateBucketMetadataTableConfiguration", _B, "POST", "metadataTable", _ADMIN),
    Operation("GetBucketMetadataTableConfiguration", _B, "GET", "metadataTable", _ADMIN),
    Operation("DeleteBucketMetadataTableConfiguration", _B, "DELETE", "metadataTable", _ADMIN),
    Operation(
        "UpdateBucketMetadataAnnotationTableConfiguration",
        _B, "PUT", "metadataAnnotationTable", _ADMIN,
    ),
    Operation(
        "UpdateBucketMetadataInventoryTableConfiguration",
        _B, "PUT", "metadataInventoryTable", _ADMIN,
    ),
    Operation(
        "UpdateBucketMetadataJournalTableConfiguration",
        _B, "PUT", "metadataJournalTable", _ADMIN,
    ),
    # ---- objects
    Operation("GetObject", _O, "GET", "", _READ, True),
    Operation("HeadObject", _O, "HEAD", "", _READ, True),
    Operation("CopyObject", _O, "PUT", "", _WRITE, True, needs=("@x-amz-copy-source",)),
    Operation("PutObject", _O, "PUT", "", _WRITE, True),
    Operation("DeleteObject", _O, "DELETE", "", _DELETE, True, by_key=True),
    Operation("CreateMultipartUpload", _O, "POST", "uploads", _WRITE, True),
    Operation(
        "UploadPartCopy", _O, "PUT", "uploadId", _WRITE, True,
        needs=("partNumber", "@x-amz-copy-source"),
    ),
    Operation("UploadPart", _O, "PUT", "uploadId", _WRITE, True, needs=("partNumber",)),
    Operation("ListParts", _O, "GET", "uploadId", _READ, True),
    Operation("CompleteMultipartUpload", _O, "POST", "uploadId", _WRITE, True),
    Operation("AbortMultipartUpload", _O, "DELETE", "uploadId", _WRITE, True),
    Operation("GetObjectAcl", _O, "GET", "acl", _READ, True),
    Operation("PutObjectAcl", _O, "PUT", "acl", _ADMIN, True),
    Operation("GetObjectTagging", _O, "GET", "tagging", _READ, True),
    Operation("PutObjectTagging", _O, "PUT", "tagging", _WRITE, True),
    Operation("DeleteObjectTagging", _O, "DELETE", "tagging", _WRITE, True),
    Operation("GetObjectAttributes", _O, "GET", "attributes", _READ, True),
    Operation("GetObjectTorrent", _O, "GET", "torrent", _READ),
    Operation("GetObjectLegalHold", _O, "GET", "legal-hold", _READ, True),
    Operation("PutObjectLegalHold", _O, "PUT", "legal-hold", _ADMIN, True),
    Operation("GetObjectRetention", _O, "GET", "retention", _READ, True),
    Operation("PutObjectRetention", _O, "PUT", "retention", _ADMIN, True),
    Operation("UpdateObjectEncryption", _O, "PUT", "encryption", _WRITE),
    Operation("RestoreObject", _O, "POST", "restore", _WRITE),
    Operation("SelectObjectContent", _O, "POST", "select", _READ),
    Operation("RenameObject", _O, "PUT", "renameObject", _WRITE),
    Operation("GetObjectAnnotation", _O, "GET", "annotation", _READ, needs=("annotationName",)),
    Operation("ListObjectAnnotations", _O, "GET", "annotation", _READ),
    Operation("PutObjectAnnotation", _O, "PUT", "annotation", _WRITE),
    Operation("DeleteObjectAnnotation", _O, "DELETE", "annotation", _WRITE),
)  # fmt: skip

# The action a bucket policy names, where it is not the operation's own name.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
ACTION_BY_OPERATION = {
    "ListBuckets": "ListAllMyBuckets",
    "ListDirectoryBuckets": "ListAllMyDirectoryBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "PostObject": "PutObject",
    "CopyObject": "PutObject",
    "RenameObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
}

# What AWS tells apart where a version is named.
ACTION_ON_VERSION = {
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTorrent": "s3:GetObjectVersionTorrent",
}


def _rights_by_action() -> dict[str, Right]:
    found = {row.action: row.right for row in OPERATIONS if row.right is not None}
    on_versions = {
        named: found[plain] for plain, named in ACTION_ON_VERSION.items() if plain in found
    }
    erasing = {"s3:DeleteObjectVersion": Right.ERASE, "s3:BypassGovernanceRetention": Right.ERASE}
    return found | on_versions | erasing | {"s3:CreateBucket": Right.ADMIN}


_ROWS: dict[tuple[Level, str], dict[str, list[Operation]]] = {}
for _row in OPERATIONS:
    _ROWS.setdefault((_row.level, _row.marker), {}).setdefault(_row.method, []).append(_row)
for _methods in _ROWS.values():
    for _candidates in _methods.values():
        _candidates.sort(key=lambda row: -len(row.needs))

RIGHT_BY_ACTION: Mapping[str, Right] = _rights_by_action()
"""Every action a bucket policy may name, and the right that it takes."""

PUT_OBJECT = next(row for row in OPERATIONS if row.name == "PutObject")
"""What a form's upload comes to."""

# Subresources of either level: one that the path's own level does not have is refused, too.
MARKERS = frozenset(row.marker for row in OPERATIONS if row.marker)


def find(request: Request) -> Operation:
    """The operation a request names.

    Raises NotImplemented (501, by name), MethodNotAllowed (with Allow), InvalidArgument.
    """
    level = _level(request)
    marker = _marker(request)
    methods = _ROWS.get((level, marker))
    if methods is None:
        raise S3Error(
            "InvalidArgument",
            f"No {level} has a subresource {marker!r}.",
            ArgumentName="ResourceType",
            ArgumentValue=marker,
        )
    candidates = methods.get(request.method)
    if candidates is None:
        error = S3Error(
            "MethodNotAllowed", Method=request.method, ResourceType=marker.upper() or level.upper()
        )
        error.headers["allow"] = ", ".join(methods)
        raise error
    for operation in candidates:
        if all(_present(need, request) for need in operation.needs):
            if operation.offered:
                return operation
            raise S3Error("NotImplemented", f"{operation.name} is not implemented by this server.")
    raise S3Error(
        "InvalidArgument",
        f"This request needs {' and '.join(need.lstrip('@') for need in candidates[-1].needs)}.",
        ArgumentName=marker,
        ArgumentValue=request.params.get(marker, ""),
    )


def _level(request: Request) -> Level:
    bucket, key = request.target
    if key:
        return Level.OBJECT
    return Level.BUCKET if bucket else Level.SERVICE


def _marker(request: Request) -> str:
    if not request.query:
        return ""
    found = [name for name, _ in request.query if name in MARKERS]
    if len(found) > 1:
        raise S3Error(
            "InvalidArgument",
            f"Conflicting query string parameters: {', '.join(sorted(found))}",
            ArgumentName="ResourceType",
            ArgumentValue=found[0],
        )
    if not found and "partNumber" in request.params and request.method == "PUT":
        raise S3Error(
            "InvalidArgument",
            "A part belongs to an upload: uploadId is missing.",
            ArgumentName="uploadId",
            ArgumentValue="",
        )
    return found[0] if found else ""


def _present(need: str, request: Request) -> bool:
    if need.startswith("@"):
        return need[1:] in request.headers
    name, equals, value = need.partition("=")
    asked = request.params.get(name)
    return asked == value if equals else asked is not None

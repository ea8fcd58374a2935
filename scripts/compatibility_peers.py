"""What others offer of S3, by their own documents, and what they passed of the same suite.

Pachyderm: the gateway of 2.12, its pages "S3 Gateway API" and what it was seen to answer. MinIO:
the page "S3 API compatibility" of the community edition, and the server of February 2026.
SeaweedFS: the page "Amazon S3 API" of its wiki, and the server 4.48. lakeFS: its page "S3-supported
API" alone. What such a page does not name is `no` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """partly: operations with what of them is there; offered: those that just work."""

    name: str
    offered: frozenset[str]
    partly: Mapping[str, str]

    def says(self, operation: str) -> str:
        """`yes`, what of it is there, or `no`."""
        if operation in self.partly:
            return self.partly[operation]
        return "yes" if operation in self.offered else "no"


def _settings(*names: str) -> set[str]:
    """Get, Put and Delete of what a bucket has one of."""
    return {f"{verb}{name}" for name in names for verb in ("Get", "Put", "Delete")}


_OBJECTS = {
    "GetObject", "HeadObject", "PutObject", "CopyObject", "DeleteObject", "DeleteObjects",
    "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "ListParts", "ListMultipartUploads",
    "CompleteMultipartUpload", "AbortMultipartUpload",
}  # fmt: skip
_BUCKETS = {
    "ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "GetBucketLocation",
    "ListObjects", "ListObjectsV2", "ListObjectVersions", "GetBucketVersioning",
    "PutBucketVersioning",
}  # fmt: skip
_LOCKS = {
    "GetObjectLockConfiguration", "PutObjectLockConfiguration", "GetObjectLegalHold",
    "PutObjectLegalHold", "GetObjectRetention", "PutObjectRetention",
}  # fmt: skip
_LIFECYCLE = {
    "GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle",
}  # fmt: skip
_FIXED = "a fixed answer"

PEERS = (
    Peer(
        "Pachyderm",
        frozenset(_OBJECTS | _BUCKETS),
        {
            "ListObjectVersions": "no",
            "UploadPartCopy": "no",
            "ListObjectsV2": "answered as V1",
            "ListObjects": "delimiter `/` only",
            "GetBucketLocation": _FIXED,
            "GetBucketVersioning": "always Enabled",
            "PutBucketVersioning": "Enabled only",
            "GetObject": "`versionId` reads the head; no metadata",
            "PutObject": "no metadata; ETag is no MD5",
            "CopyObject": "no metadata",
            "DeleteObject": "not of a version",
            "DeleteObjects": "a commit a key",
            "ListMultipartUploads": "no prefix, no delimiter",
        },
    ),
    Peer(
        "MinIO",
        frozenset(
            _OBJECTS
            | _BUCKETS
            | _LOCKS
            | _LIFECYCLE
            | _settings("BucketPolicy", "BucketTagging", "BucketEncryption", "BucketReplication")
            | _settings("ObjectTagging")
            | {"GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration"}
            | {"GetBucketPolicyStatus", "PostObject", "SelectObjectContent", "RestoreObject"}
            | {"GetObjectAttributes"}
        ),
        {
            "ListMultipartUploads": "by the exact key only",
            "GetBucketAcl": _FIXED,
            "GetObjectAcl": _FIXED,
            "GetBucketCors": _FIXED,
            "GetBucketWebsite": _FIXED,
            "GetBucketLogging": _FIXED,
            "GetBucketAccelerateConfiguration": _FIXED,
            "GetBucketRequestPayment": _FIXED,
            "PutObject": "no `//`, no key beside one that it begins with",
        },
    ),
    Peer(
        "SeaweedFS",
        frozenset(
            _OBJECTS
            | _BUCKETS
            | _LOCKS
            | _LIFECYCLE
            | _settings("BucketPolicy", "BucketTagging", "BucketEncryption", "BucketCors")
            | _settings("PublicAccessBlock", "BucketOwnershipControls", "ObjectTagging")
            | {"GetBucketAcl", "PutBucketAcl", "GetObjectAcl", "PutObjectAcl", "PostObject"}
            | {"GetObjectAttributes", "RenameObject"}
            | {"GetBucketRequestPayment", "PutBucketRequestPayment"}
        ),
        dict.fromkeys(
            (
                "GetBucketPolicyStatus",
                "GetBucketAccelerateConfiguration",
                "GetBucketLogging",
                "GetBucketNotificationConfiguration",
                "GetBucketReplication",
                "GetBucketWebsite",
                *(
                    name.format(what)
                    for what in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
                    for name in ("GetBucket{}Configuration", "ListBucket{}Configurations")
                ),
            ),
            _FIXED,
        ),
    ),
    Peer(
        "lakeFS",
        frozenset(_OBJECTS | {"ListBuckets", "HeadBucket", "ListObjects", "ListObjectsV2"}),
        {
            "ListObjects": "delimiter `/` only",
            "ListObjectsV2": "delimiter `/` only",
            "ListParts": "on AWS S3 only",
            "ListMultipartUploads": "on AWS S3 only",
            "PutObject": "no tags, no storage classes",
            "HeadBucket": "a bucket is a repository, the branch is in the key",
        },
    ),
)

# Passed of the same names as ours, by SeaweedFS 4.48, MinIO of February 2026 and versitygw 5d9d548,
# each with a fresh prefix after a bucket that could not be emptied: the kinder way to count.
MEASURED: Mapping[str, tuple[int, int, int]] = {
    "ACLs, ownership": (23, 11, 7),
    "CORS": (0, 0, 1),
    "atomic writes": (12, 11, 11),
    "buckets": (23, 27, 23),
    "checksums, attributes": (8, 3, 3),
    "conditional reads, ranges": (14, 14, 12),
    "conditional writes": (15, 19, 14),
    "copy": (13, 13, 13),
    "encryption": (31, 16, 29),
    "form POST": (12, 20, 12),
    "headers of requests": (12, 12, 15),
    "listing": (83, 75, 67),
    "multipart": (25, 21, 24),
    "object lock": (39, 23, 21),
    "objects": (15, 16, 14),
    "policies, public access": (9, 12, 5),
    "raw and presigned requests": (9, 8, 4),
    "tagging": (12, 11, 7),
    "versions": (21, 21, 19),
}

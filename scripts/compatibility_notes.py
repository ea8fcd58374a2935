"""What docs/compatibility.md says of single operations: how ours differ, and why some are not here.

Held against the operation table when the page is made: an operation that is not offered needs a
reason, and one that is offered must have none. A bucket's setting that is refused says why itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.protocol.configurations import SETTINGS
from gateway.protocol.operations import OPERATIONS, Level, Operation

DIFFERENCES: Mapping[str, str] = {
    "ListBuckets": "branches, each in the spelling it was created with; never commits or tags",
    "CreateBucket": "makes the repo and the branch; again by its owner: 200, nothing changes",
    "HeadBucket": "says in `x-labelgate-commit` which commit was read",
    "DeleteBucket": "deletes the branch; its commits stay readable by id while the repo is there",
    "PutBucketVersioning": "a view: commits are kept in every state; MFA delete is refused",
    "ListObjectsV2": "later pages show the commit of the first, whatever is written meanwhile",
    "ListObjectVersions": "a version's id is the id of its commit, or `null`",
    "DeleteObjects": "a key with a `VersionId` needs the right erase",
    "DeleteObject": "with `versionId`, an erase: its own right, and a tombstone says who and when",
    "PutObject": "an unchanged Label Studio annotation makes no version; no encryption",
    "CopyObject": "no encryption",
    "CreateMultipartUpload": "no encryption",
    "GetObject": "`versionId` of any commit that wrote the key, in every versioning state",
    "GetBucketLocation": "the LocationConstraint given at creation; any region may be signed for",
}

_EXPRESS = "of directory buckets, which are another product"
_TABLES = "no metadata tables: history and lineage are asked for at `/-/api/v1`"
_NOT_OFFERED: Mapping[str, str] = {
    "ListDirectoryBuckets": _EXPRESS,
    "CreateSession": _EXPRESS,
    "RenameObject": _EXPRESS,
    "WriteGetObjectResponse": "of Object Lambda",
    "UpdateObjectEncryption": "nothing is stored encrypted, so nothing is claimed to be",
    "BucketMetadata": _TABLES,
    "ObjectAnnotation": "no second document beside an object; store it under a key of its own",
    "GetObjectTorrent": "AWS has ended it, too",
    "RestoreObject": "one storage class, nothing to restore from",
    "SelectObjectContent": "AWS takes no new users; read the object with a query engine",
}
_NONE_KEPT = {
    "GET": "says that there is none",
    "DELETE": "changes nothing, as there is none",
}


@dataclass(frozen=True, slots=True)
class Note:
    """works: whether a request may do what it asks for; text: how it differs, or why not."""

    works: bool
    text: str = ""


def note(operation: Operation) -> Note:
    """What the page says of an operation.

    Raises LookupError where it is not offered and nothing here says why.
    """
    if not operation.offered:
        return Note(works=False, text=_why_not(operation.name))
    setting = SETTINGS.get(operation.marker) if operation.level is Level.BUCKET else None
    if setting is None:
        return Note(works=True, text=DIFFERENCES.get(operation.name, ""))
    if operation.method == "PUT":
        return Note(works=False, text=setting.reason)
    return Note(works=True, text=_NONE_KEPT[operation.method])


def check() -> None:
    """Raise LookupError where a note is about no operation, or one that is not as it says."""
    offered = {row.name for row in OPERATIONS if row.offered}
    wrong = [part for part in _NOT_OFFERED if any(part in name for name in offered)]
    wrong += [name for name in DIFFERENCES if name not in offered]
    if wrong:
        raise LookupError(f"{__name__} is wrong about {', '.join(wrong)}")


def _why_not(name: str) -> str:
    for part, why in _NOT_OFFERED.items():
        if part in name:
            return why
    raise LookupError(f"{name} is not offered, and {__name__} does not say why")

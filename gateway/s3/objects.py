"""What every answer about an object says in its headers."""

from __future__ import annotations

from urllib.parse import quote

from gateway.protocol import dates
from gateway.protocol.headers import encode_metadata
from gateway.s3.call import Call
from gateway.versioning.model import ObjectInfo

LINEAGE_PREFIX = "x-amz-meta-lineage-"
COMMIT_HEADER = "x-labelgate-commit"


def quoted(etag: str) -> str:
    """An ETag as it stands on the wire."""
    return f'"{etag}"'


def object_headers(call: Call, info: ObjectInfo) -> list[tuple[str, str]]:
    """ETag, times, version, the writer's headers and metadata, and the lineage summary."""
    attributes = info.attributes
    headers = [
        ("etag", quoted(info.etag)),
        ("last-modified", dates.http_date(info.modified_ms)),
        ("accept-ranges", "bytes"),
        ("content-type", attributes.content_type),
        *version_headers(info),
    ]
    headers += attributes.headers.items()
    headers += encode_metadata(attributes.metadata)
    if call.services.lineage_headers:
        headers += [(LINEAGE_PREFIX + name, value) for name, value in attributes.lineage.items()]
    return headers


def version_headers(info: ObjectInfo) -> list[tuple[str, str]]:
    """The version id and the commit, which are the same thing in an Enabled bucket."""
    return [("x-amz-version-id", info.version), (COMMIT_HEADER, info.version)]


def checksum_headers(info: ObjectInfo) -> list[tuple[str, str]]:
    """The stored checksums and their type."""
    checksums = info.attributes.checksums
    if not checksums:
        return []
    kind = "COMPOSITE" if info.attributes.composite else "FULL_OBJECT"
    return [
        *((f"x-amz-checksum-{name.lower()}", value) for name, value in checksums.items()),
        ("x-amz-checksum-type", kind),
    ]


def location(bucket: str, key: str) -> str:
    """The path of an object, percent-encoded."""
    return f"/{bucket}/{quote(key, safe='/~')}"

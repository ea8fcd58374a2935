"""What every answer about an object says in its headers."""

from __future__ import annotations

from urllib.parse import quote

from gateway.protocol import dates
from gateway.protocol.headers import encode_metadata
from gateway.protocol.tagging import COUNT_HEADER
from gateway.s3 import locks
from gateway.s3.call import Call
from gateway.s3.tagging import tags_of
from gateway.s3.versions import read_headers
from gateway.versioning.model import ObjectInfo, Snapshot

LINEAGE_PREFIX = "x-amz-meta-lineage-"


def quoted(etag: str) -> str:
    """An ETag as it stands on the wire."""
    return f'"{etag}"'


def object_headers(call: Call, bucket: Snapshot, info: ObjectInfo) -> list[tuple[str, str]]:
    """ETag, times, version, the writer's headers and metadata, and the lineage summary."""
    attributes = info.attributes
    headers = [
        ("etag", quoted(info.etag)),
        ("last-modified", dates.http_date(info.modified_ms)),
        ("accept-ranges", "bytes"),
        ("content-type", attributes.content_type),
        *read_headers(bucket, info),
    ]
    headers += attributes.headers.items()
    headers += encode_metadata(attributes.metadata)
    if info.side:
        headers += locks.headers(info)
        if tags := tags_of(info):
            headers.append((COUNT_HEADER, str(len(tags))))
    if call.services.lineage_headers:
        headers += [(LINEAGE_PREFIX + name, value) for name, value in attributes.lineage.items()]
    return headers


def checksum_headers(info: ObjectInfo, part: int | None = None) -> list[tuple[str, str]]:
    """The stored checksums, of the object or of one of its parts, and the object's type of them."""
    checksums, of_parts = info.attributes.checksums, info.attributes.part_checksums
    if part is not None and info.attributes.part_sizes:
        checksums = {name: of_parts[part - 1] for name in checksums if of_parts}
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

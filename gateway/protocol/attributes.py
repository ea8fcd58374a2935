"""GetObjectAttributes: what is asked for, and the document that tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.protocol.errors import S3Error
from gateway.protocol.listing import PartListing, parse_parts
from gateway.protocol.responses import STORAGE_CLASS, checksum_elements, document, flag

HEADER = "x-amz-object-attributes"
ATTRIBUTES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})
_MAX_PARTS = "x-amz-max-parts"
_PART_MARKER = "x-amz-part-number-marker"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which attributes, and which of the parts."""

    names: frozenset[str]
    parts: PartListing


@dataclass(frozen=True, slots=True)
class Told:
    """An object as this operation tells of it.

    etag: bare. parts: (size, checksums by algorithm) of each, in order; empty for what came whole.
    """

    etag: str
    size: int
    checksums: Mapping[str, str]
    composite: bool
    parts: Sequence[tuple[int, Mapping[str, str]]]


def parse(headers: Mapping[str, str]) -> Asked:
    """What the request's headers ask for. Raises InvalidArgument, InvalidRequest."""
    names = frozenset(one for one in (n.strip() for n in headers.get(HEADER, "").split(",")) if one)
    if not names:
        raise S3Error(
            "InvalidRequest",
            f"The {HEADER} header specifying the attributes to be retrieved is either missing or "
            "empty",
        )
    if unknown := sorted(names - ATTRIBUTES):
        raise S3Error(
            "InvalidArgument",
            "Invalid attribute name specified.",
            ArgumentName=HEADER,
            ArgumentValue=unknown[0],
        )
    paging = {
        "max-parts": headers.get(_MAX_PARTS, ""),
        "part-number-marker": headers.get(_PART_MARKER, ""),
    }
    return Asked(names, parse_parts(paging))


def render(asked: Asked, told: Told) -> bytes:
    """GetObjectAttributesResponse. Unlike everywhere else, its ETag has no quotes."""
    kind = "COMPOSITE" if told.composite else "FULL_OBJECT"
    elements = {
        "ETag": f"<ETag>{told.etag}</ETag>",
        "Checksum": told.checksums
        and f"<Checksum>{checksum_elements(told.checksums)}<ChecksumType>{kind}</ChecksumType>"
        "</Checksum>",
        "ObjectParts": told.parts and _parts(asked.parts, told.parts),
        "StorageClass": STORAGE_CLASS,
        "ObjectSize": f"<ObjectSize>{told.size}</ObjectSize>",
    }
    inner = "".join(str(text) for name, text in elements.items() if text and name in asked.names)
    return document("GetObjectAttributesResponse", inner)


def _parts(asked: PartListing, parts: Sequence[tuple[int, Mapping[str, str]]]) -> str:
    shown = parts[asked.after : asked.after + asked.limit]
    last = asked.after + len(shown)
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size>{checksum_elements(sums)}</Part>"
        for number, (size, sums) in enumerate(shown, start=asked.after + 1)
    )
    return (
        f"<ObjectParts><PartsCount>{len(parts)}</PartsCount>"
        f"<PartNumberMarker>{asked.after}</PartNumberMarker>"
        f"<NextPartNumberMarker>{last if shown else 0}</NextPartNumberMarker>"
        f"<MaxParts>{asked.limit}</MaxParts>"
        f"<IsTruncated>{flag(bool(shown) and last < len(parts))}</IsTruncated>{rows}</ObjectParts>"
    )

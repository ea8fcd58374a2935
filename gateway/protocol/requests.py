"""The documents S3 takes, with or without their namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict

from gateway.protocol.checksums import ALGORITHMS
from gateway.protocol.errors import S3Error

KEYS_MAX = 1000
PARTS_MAX = 10_000
_CONDITIONS = ("ETag", "LastModifiedTime", "Size")


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """A part as a completion names it. etag: as sent; checksums: those claimed, by algorithm."""

    number: int
    etag: str
    checksums: Mapping[str, str]


def parse_create_bucket(body: bytes) -> str | None:
    """The LocationConstraint of a bucket's configuration, or None. Raises MalformedXML."""
    if not body:
        return None
    form = _parse(body, "CreateBucketConfiguration")
    return _optional(form, "LocationConstraint")


def parse_delete(body: bytes) -> tuple[list[tuple[str, str | None]], bool]:
    """The (key, version id) pairs of a Delete, and whether it is quiet. Raises MalformedXML.

    An empty key is refused here, before it could name the bucket itself (seaweedfs#3939).
    """
    form = _parse(body, "Delete")
    rows = _rows(form, "Object")
    if not 1 <= len(rows) <= KEYS_MAX:
        raise S3Error("MalformedXML")
    if any(name in row for row in rows for name in _CONDITIONS):
        raise S3Error("NotImplemented", "Conditions of single keys in a Delete are not offered.")
    wanted = [(_required(row, "Key"), _optional(row, "VersionId")) for row in rows]
    return wanted, (_optional(form, "Quiet") or "").lower() == "true"


def parse_complete(body: bytes) -> list[CompletedPart]:
    """The parts of a CompleteMultipartUpload, as ordered by the client. Raises MalformedXML."""
    rows = _rows(_parse(body, "CompleteMultipartUpload"), "Part")
    if not 1 <= len(rows) <= PARTS_MAX:
        raise S3Error("MalformedXML")
    return [_part(row) for row in rows]


def is_part_number(text: str) -> bool:
    """Whether `text` is a whole number from 1 to 10,000."""
    return text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= PARTS_MAX


def _part(row: Mapping[str, Any]) -> CompletedPart:
    number = _required(row, "PartNumber")
    if not is_part_number(number):
        raise S3Error("MalformedXML")
    claimed = {name: _optional(row, f"Checksum{name}") for name in ALGORITHMS}
    return CompletedPart(
        int(number),
        _required(row, "ETag"),
        {name: value for name, value in claimed.items() if value},
    )


def _parse(body: bytes, root: str) -> Mapping[str, Any]:
    """The children of `root`. Namespaces are dropped; a DTD or an entity is refused."""
    try:
        document = xmltodict.parse(
            body,
            process_namespaces=False,
            disable_entities=True,
            strip_whitespace=False,
            xml_attribs=False,
        )
    except (ExpatError, ValueError, TypeError, RecursionError, LookupError):
        raise S3Error("MalformedXML") from None
    (name, form), *_ = document.items()
    if _local(name) != root or not isinstance(form, dict):
        raise S3Error("MalformedXML")
    return {_local(child): value for child, value in form.items()}


def _rows(form: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = form.get(name, [])
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise S3Error("MalformedXML")
    return [{_local(child): value for child, value in row.items()} for row in rows]


def _required(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise S3Error("MalformedXML")
    return value


def _optional(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise S3Error("MalformedXML")
    return value


def _local(name: str) -> str:
    return name.rpartition(":")[2]

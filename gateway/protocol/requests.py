"""The documents S3 takes, with or without their namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.protocol.checksums import ALGORITHMS
from gateway.protocol.documents import Element, optional, parse, required, rows
from gateway.protocol.errors import S3Error

PARTS_MAX = 10_000


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
    form = parse(body, "CreateBucketConfiguration")
    return optional(form, "LocationConstraint")


def parse_versioning(body: bytes) -> str:
    """The Status of a bucket's versioning: "Enabled" or "Suspended".

    Raises MalformedXML, IllegalVersioningConfigurationException (no Status), NotImplemented (a
    delete that wants a second factor).
    """
    form = parse(body, "VersioningConfiguration")
    factor = optional(form, "MfaDelete") or "Disabled"
    status = optional(form, "Status")
    if factor not in {"Enabled", "Disabled"} or status not in {None, "Enabled", "Suspended"}:
        raise S3Error("MalformedXML")
    if factor == "Enabled":
        raise S3Error("NotImplemented", "MFA delete is not offered: see the right 'erase'.")
    if status is None:
        raise S3Error("IllegalVersioningConfigurationException")
    return status


def parse_complete(body: bytes) -> list[CompletedPart]:
    """The parts of a CompleteMultipartUpload, as ordered by the client. Raises MalformedXML."""
    parts = rows(parse(body, "CompleteMultipartUpload"), "Part")
    if not 1 <= len(parts) <= PARTS_MAX:
        raise S3Error("MalformedXML")
    return [_part(part) for part in parts]


def is_part_number(text: str) -> bool:
    """Whether `text` is a whole number from 1 to 10,000."""
    return text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= PARTS_MAX


def _part(row: Element) -> CompletedPart:
    number = required(row, "PartNumber")
    if not is_part_number(number):
        raise S3Error("MalformedXML")
    claimed = {name: optional(row, f"Checksum{name}") for name in ALGORITHMS}
    return CompletedPart(
        int(number),
        required(row, "ETag"),
        {name: value for name, value in claimed.items() if value},
    )

"""Tags of objects and buckets: limits, the header that gives them, the documents that hold them.

A tag set is a mapping of keys to values; it is answered in the order of its keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from gateway.protocol.documents import Element, child, optional, parse, rows
from gateway.protocol.errors import S3Error, escape
from gateway.protocol.responses import document

HEADER = "x-amz-tagging"
COUNT_HEADER = "x-amz-tagging-count"
OBJECT_TAGS_MAX = 10
BUCKET_TAGS_MAX = 50
KEY_CHARS_MAX = 128
VALUE_CHARS_MAX = 256
# Letters, digits and blanks of any script, and these; no control characters.
_TEXT = re.compile(r"(?:[\w.:/=+\-@]|[^\S\x00-\x1f\x7f-\x9f])*")
_RESERVED = "aws:"


def parse_header(text: str) -> dict[str, str]:
    """The tags in `x-amz-tagging`, which is written as a query.

    Raises InvalidArgument, InvalidTag.
    """
    try:
        pairs = [
            (_unquoted(key), _unquoted(value))
            for key, _, value in (pair.partition("=") for pair in text.split("&") if pair)
        ]
    except UnicodeError:
        raise _malformed_header(text) from None
    if len({key for key, _ in pairs}) < len(pairs):
        raise _malformed_header(text)
    return _checked(pairs, OBJECT_TAGS_MAX, "Object")


def parse_object(body: bytes) -> dict[str, str]:
    """The tags of a Tagging document for an object. Raises MalformedXML, InvalidTag."""
    return _checked(_pairs(body), OBJECT_TAGS_MAX, "Object")


def parse_bucket(body: bytes) -> dict[str, str]:
    """The tags of a Tagging document for a bucket. Raises MalformedXML, InvalidTag."""
    return _checked(_pairs(body), BUCKET_TAGS_MAX, "Bucket")


def render(tags: Mapping[str, str]) -> bytes:
    """Tagging."""
    shown = "".join(
        f"<Tag><Key>{escape(key)}</Key><Value>{escape(tags[key])}</Value></Tag>"
        for key in sorted(tags)
    )
    return document("Tagging", f"<TagSet>{shown}</TagSet>")


def _pairs(body: bytes) -> list[tuple[str, str]]:
    tag_set = child(parse(body, "Tagging"), "TagSet")
    if tag_set is None:
        raise S3Error("MalformedXML")
    return [(_text(row, "Key"), _text(row, "Value")) for row in rows(tag_set, "Tag")]


def _text(row: Element, name: str) -> str:
    """The text of a child that must be there, though it may be empty."""
    value = optional(row, name)
    if name not in row:
        raise S3Error("MalformedXML")
    return value or ""


def _checked(pairs: Iterable[tuple[str, str]], most: int, whose: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, value in pairs:
        if problem := _problem(key, value, tags):
            raise S3Error("InvalidTag", problem, TagKey=key, TagValue=value)
        tags[key] = value
    if len(tags) > most:
        raise S3Error("InvalidTag", f"{whose} tags cannot be greater than {most}")
    return tags


def _problem(key: str, value: str, others: Mapping[str, str]) -> str:
    """What is wrong with a tag beside those before it; "" where nothing is."""
    if key.lower().startswith(_RESERVED):
        return f"Your TagKey cannot be prefixed with {_RESERVED}"
    if key in others:
        return "Cannot provide multiple Tags with the same key"
    if not key:
        return "The TagKey you have provided is invalid"
    return _fault("TagKey", key, KEY_CHARS_MAX) or _fault("TagValue", value, VALUE_CHARS_MAX)


def _fault(what: str, text: str, most: int) -> str:
    if len(text) > most:
        return f"The {what} you have provided is too long, max allowed length is {most}"
    return "" if _TEXT.fullmatch(text) else f"The {what} you have provided is invalid"


def _unquoted(text: str) -> str:
    return unquote(text.replace("+", " "), errors="strict")


def _malformed_header(text: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"The header '{HEADER}' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        ArgumentName=HEADER,
        ArgumentValue=text,
    )

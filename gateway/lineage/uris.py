"""`s3://bucket/key` as Label Studio reads it, alone or inside other text.

Label Studio takes a value that begins with `s3` as one URI, spaces and all, and looks into any
other text for quoted ones. It drops everything from `?` on and keeps `#`, `+`, `%` and `//`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

SCHEME = "s3://"
# A bucket has at most 255 characters and a key at most 1,024 bytes: longer text names no object.
URI_CHARS_MAX = len(SCHEME) + 255 + 1 + 1024
VERSION_CHARS_MAX = 1024
_EMBEDDED = re.compile(r'"(s3://[^"]+)"' r"|'(s3://[^']+)'" r"|\bs3://[^\s\"'<>]+")
_PUNCTUATION = ".,;:!)]}"
# What `urlsplit` takes out of a URL wherever it stands (WHATWG URL, 4.4).
_NOT_IN_URLS = str.maketrans("", "", "\t\r\n")


class SourceUri(NamedTuple):
    """An object somewhere: the bucket as it is spelled, and the key raw."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"

    @property
    def encoded(self) -> str:
        """The same with the key percent-encoded, for readers that take it for a URI."""
        return f"{SCHEME}{quote(self.bucket, safe='')}/{quote(self.key)}"


def parse_uri(text: str) -> SourceUri | None:
    """`text` as the object that Label Studio would fetch; None where it names none."""
    uri = parse_place(text)
    return uri if uri is not None and uri.key else None


def parse_place(text: str) -> SourceUri | None:
    """The same, or a whole bucket: its key is "", as one that ends with `/` may mean all below it.

    None where it names neither.
    """
    if not text.startswith(SCHEME):
        return None
    place, _, _ = text[len(SCHEME) :].partition("?")
    bucket, _, path = place.translate(_NOT_IN_URLS).partition("/")
    uri = SourceUri(_encodable(bucket), _encodable(path.lstrip("/")))
    return uri if uri.bucket and len(str(uri)) <= URI_CHARS_MAX else None


def parse_origin(text: str) -> tuple[SourceUri, str | None] | None:
    """`s3://bucket/key?versionId=ID` of another S3, the key percent-encoded; its version's id, too.

    None where it names no object, or one whose version's id is longer than S3 has any.
    """
    place, _, query = text.partition("?")
    bucket, _, path = place.removeprefix(SCHEME).partition("/")
    uri = SourceUri(_encodable(bucket), _encodable(unquote(path)))
    versions = parse_qs(query).get("versionId", [None])
    named = place.startswith(SCHEME) and uri.bucket and uri.key
    if not named or len(str(uri)) > URI_CHARS_MAX or len(versions[0] or "") > VERSION_CHARS_MAX:
        return None
    return uri, versions[0]


def names_all_below(key: str) -> bool:
    """Whether a key can mean every object that begins so."""
    return not key or key.endswith("/")


def uris_in(value: Any) -> list[SourceUri]:
    """Every s3 URI in a JSON value, in document order, each once. Linear in the value's size."""
    found: dict[SourceUri, None] = {}
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if SCHEME in item:
                found.update(dict.fromkeys(_in_text(item)))
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))
    return list(found)


def _in_text(text: str) -> Iterator[SourceUri]:
    stripped = text.strip()
    whole = stripped.startswith(SCHEME)
    for candidate in [stripped] if whole else _embedded(text):
        if uri := parse_uri(candidate):
            yield uri


def _embedded(text: str) -> Iterator[str]:
    for match in _EMBEDDED.finditer(text):
        quoted = match[1] or match[2]
        yield quoted or match[0].rstrip(_PUNCTUATION)


def _encodable(text: str) -> str:
    """JSON can escape half of a surrogate pair, which no key holds: U+FFFD stands in its place."""
    return (
        text
        if text.isascii()
        else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )

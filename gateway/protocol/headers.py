"""What a writer says of an object in headers, and how it is said back."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from gateway.protocol.errors import S3Error

METADATA_PREFIX = "x-amz-meta-"
METADATA_BYTES_MAX = 2048
STORAGE_CLASS_HEADER = "x-amz-storage-class"
STORAGE_CLASS = "STANDARD"
_CONTENT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORD_BYTES_MAX = 45
_LINEAGE = "lineage-"
_OURS = "labelgate-"
_OVERRIDES = (
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
)


@dataclass(frozen=True, slots=True)
class ObjectHeaders:
    """What a PUT, copy or multipart upload declares of its object.

    message, sources, origin: for the commit, not for the object.
    """

    content_type: str
    headers: dict[str, str]
    metadata: dict[str, str]
    message: str
    sources: tuple[str, ...]
    origin: str


def object_headers(headers: Mapping[str, str]) -> ObjectHeaders:
    """The declarations among the request's headers. Raises MetadataTooLarge, InvalidStorageClass.

    `x-amz-meta-lineage-*` is virtual and dropped; `x-amz-meta-labelgate-*` goes into the commit.
    """
    if headers.get(STORAGE_CLASS_HEADER, STORAGE_CLASS) != STORAGE_CLASS:
        raise S3Error("InvalidStorageClass", StorageClassRequested=headers[STORAGE_CLASS_HEADER])
    kept = {name: headers[name] for name in _CONTENT if headers.get(name)}
    if "content-encoding" in kept:
        encoding = without_aws_chunked(kept.pop("content-encoding"))
        if encoding:
            kept["content-encoding"] = encoding
    metadata: dict[str, str] = {}
    message, sources, origin = "", "", ""
    for name, raw in headers.items():
        if not name.startswith(METADATA_PREFIX):
            continue
        key, value = name.removeprefix(METADATA_PREFIX), _decoded(raw)
        if key.startswith(_LINEAGE):
            continue
        if key == f"{_OURS}message":
            message = value
        elif key == f"{_OURS}sources":
            sources = value
        elif key == f"{_OURS}origin":
            origin = value
        else:
            metadata[key] = value
    size = sum(len(key) + len(value.encode()) for key, value in metadata.items())
    if size > METADATA_BYTES_MAX:
        raise S3Error("MetadataTooLarge", Size=size, MaxSizeAllowed=METADATA_BYTES_MAX)
    return ObjectHeaders(
        content_type=headers.get("content-type") or "binary/octet-stream",
        headers=kept,
        metadata=metadata,
        message=message,
        sources=tuple(one for one in (s.strip() for s in sources.split(",")) if one),
        origin=origin,
    )


def without_aws_chunked(encoding: str) -> str:
    """A Content-Encoding without the framing that only was for the way here (versitygw#2398)."""
    names = [name for name in encoding.split(",") if name.strip()]
    return ",".join(name for name in names if name.strip().lower() != "aws-chunked").strip()


def encode_metadata(metadata: Mapping[str, str]) -> list[tuple[str, str]]:
    """User metadata as headers; what is not ASCII leaves as RFC 2047 words."""
    return [
        (METADATA_PREFIX + name, value if value.isascii() else _words(value))
        for name, value in metadata.items()
    ]


def response_overrides(params: Mapping[str, str]) -> dict[str, str]:
    """The headers that a signed read asks to be answered with, by the name they replace."""
    return {
        name.removeprefix("response-"): params[name]
        for name in _OVERRIDES
        if name in params and _printable(name, params[name])
    }


def _printable(name: str, value: str) -> bool:
    """A header value from a query may hold anything; line ends would be headers of their own."""
    if any(character < " " or character == "\x7f" or character > "\xff" for character in value):
        raise S3Error(
            "InvalidArgument",
            "Header value cannot be represented using ISO-8859-1.",
            ArgumentName=name,
            ArgumentValue=value,
        )
    return True


def _words(text: str) -> str:
    """RFC 2047 words of at most 75 characters, none of which cuts a character in two."""
    words = [b""]
    for character in text:
        encoded = character.encode()
        if len(words[-1]) + len(encoded) > _WORD_BYTES_MAX:
            words.append(b"")
        words[-1] += encoded
    return " ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)


def _decoded(raw: str) -> str:
    """A metadata value as its writer meant it: RFC 2047 words, raw UTF-8, or Latin-1."""
    if raw.isascii():
        if "=?" not in raw:
            return raw
        try:
            decoded = str(make_header(decode_header(raw)))
        except (ValueError, LookupError, HeaderParseError):
            return raw
        # A line end in the encoded words would be one in the headers of an answer.
        return raw if _CONTROL.search(decoded) else decoded
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError:
        return raw

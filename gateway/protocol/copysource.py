"""The `x-amz-copy-source` header."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from gateway.protocol.errors import S3Error

_VERSION = "?versionId="


def parse(header: str) -> tuple[str, str, str | None]:
    """Bucket, key and version id (None: the current one) of a copy's source.

    Split at the first slash that was sent as one, then decoded as a path: `+` stays `+`
    (supabase/storage#1377). Raises InvalidArgument.
    """
    path, mark, version = header.partition(_VERSION)
    bucket, slash, key = path.removeprefix("/").partition("/")
    try:
        decoded = _unquoted(bucket), _unquoted(key)
    except UnicodeError:
        raise _malformed(header, "is not percent-encoded UTF-8") from None
    if not slash:  # clients that encode the slash too
        bucket, slash, key = decoded[0].partition("/")
        decoded = bucket, key
    if not all(decoded):
        raise _malformed(header, "must be bucket/key")
    return *decoded, version if mark else None


def _unquoted(text: str) -> str:
    """Decoded. A header's characters are bytes, so what was sent as bare UTF-8 is that too."""
    return unquote_to_bytes(text.encode("latin-1")).decode()


def _malformed(header: str, why: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"Copy Source {why}: mention the source bucket and key: sourcebucket/sourcekey",
        ArgumentName="x-amz-copy-source",
        ArgumentValue=header,
    )

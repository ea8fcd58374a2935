"""The arithmetic of Signature Version 4: the same for who signs and for who checks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SERVICE = "s3"

# Percent-encoded as the signature wants it: unreserved bytes bare, all others in upper-case hex.
_TEXT = (
    r"(?:[A-Za-z0-9\-._~]"
    r"|%(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-DF]))*"
)
_ENCODED = re.compile(_TEXT)
_ENCODED_QUERY = re.compile(f"{_TEXT}(?:={_TEXT})?(?:&{_TEXT}(?:={_TEXT})?)*")
_SPACES = re.compile(r"[ \t]+")


def query(raw: str, *, without: str = "") -> str:
    """The canonical form of a raw query: sorted by encoded name, then value.

    without: the parameter (lower case) that holds the signature itself.
    """
    if not raw:
        return ""
    pairs = [pair.partition("=")[::2] for pair in raw.split("&") if pair]
    if _ENCODED_QUERY.fullmatch(raw) is None:
        pairs = [(_reencoded(name), _reencoded(value)) for name, value in pairs]
    pairs.sort()
    return "&".join(
        [f"{name}={value}" for name, value in pairs if not without or name.lower() != without]
    )


def request(
    method: str,
    raw_path: str,
    *,
    canonical_query: str,
    headers: Mapping[str, str],
    signed_headers: str,
    payload: str,
) -> str:
    """The canonical request; each character is a byte (Latin-1).

    The path is the one on the wire, encoded once and not normalised. A header that is named but
    was not sent counts as empty (versitygw#457).
    """
    lines = "".join(
        [f"{name}:{_trimmed(headers.get(name, ''))}\n" for name in signed_headers.split(";")]
    )
    return f"{method}\n{raw_path}\n{canonical_query}\n{lines}\n{signed_headers}\n{payload}"


def string_to_sign(timestamp: str, scope: str, canonical_request: str) -> str:
    """What is signed in the end."""
    digest = hashlib.sha256(canonical_request.encode("latin-1")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}"


def scope(date: str, region: str) -> str:
    """The credential scope behind the key id. date: `20261124`."""
    return f"{date}/{region}/{SERVICE}/{TERMINATOR}"


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str) -> bytes:
    """The key of one day, region and service. Kept: it is most of a signature's cost."""
    key = f"AWS4{secret}".encode()
    for step in (date, region, SERVICE, TERMINATOR):
        key = hmac.digest(key, step.encode(), "sha256")
    return key


def signature(key: bytes, text: str) -> str:
    """The hex signature of a string to sign."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def signable(headers: Iterable[str]) -> str:
    """The names to sign among lower-case header names, as SignedHeaders has them."""
    return ";".join(
        sorted(n for n in headers if n in {"host", "content-type"} or n.startswith("x-amz-"))
    )


def _trimmed(value: str) -> str:
    """Without spaces around and with single ones inside, as signers send what they sign."""
    if "  " in value or "\t" in value:
        value = _SPACES.sub(" ", value)
    return value.strip(" ")


def _reencoded(raw: str) -> str:
    """A raw token in canonical form; a bare `+` is a space."""
    if _ENCODED.fullmatch(raw):
        return raw
    plain = unquote_to_bytes(raw.replace("+", " ").encode("latin-1", "replace"))
    return quote_from_bytes(plain, safe="-_.~")

"""What a signed request says of its body: a digest, or a token in its place.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import re

from gateway.protocol.errors import S3Error

HEADER = "x-amz-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_TOKENS = frozenset({UNSIGNED, UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER})
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check(value: str) -> str:
    """`value` where it is a form of payload that is read here.

    Raises NotImplemented for asymmetric signatures, InvalidArgument for everything else.
    """
    if value in _TOKENS or _SHA256.fullmatch(value):
        return value
    if value.startswith("STREAMING-AWS4-ECDSA-"):
        raise S3Error(
            "NotImplemented",
            f"Streams with asymmetric signatures are not offered; use {SIGNED_TRAILER}.",
            Header=HEADER,
        )
    raise S3Error(
        "InvalidArgument",
        f"{HEADER} must be {', '.join(sorted(_TOKENS))} or a valid sha256 value.",
        ArgumentName=HEADER,
        ArgumentValue=value,
    )


def is_signed_stream(value: str) -> bool:
    """Whether every chunk of the body carries a signature of its own."""
    return value in {SIGNED, SIGNED_TRAILER}

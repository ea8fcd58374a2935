"""Server-side encryption by one rule: nothing is taken for encrypted that is not.

Objects are kept as they came. So a write that asks for encryption is refused with the reason,
whatever kind it asks for; and to a read every object is one that was stored without.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

from gateway.protocol.errors import S3Error

REASON = (
    "This server does not encrypt what it stores, so it takes no object that must be encrypted; "
    "encrypt the disk below it, or the object before it is sent."
)
KEY_BYTES = 32
_PREFIX = "x-amz-server-side-encryption"
_CUSTOMER = f"{_PREFIX}-customer-"
_KMS = (f"{_PREFIX}-aws-kms-key-id", f"{_PREFIX}-context", f"{_PREFIX}-bucket-key-enabled")
_COPY_CUSTOMER = f"x-amz-copy-source-{_PREFIX.removeprefix('x-amz-')}-customer-"
_BY_CUSTOMER = "Requests specifying Server Side Encryption with Customer provided keys"
_METHODS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})


def refuse(method: str, headers: Mapping[str, str]) -> None:
    """Raise the S3Error of a request that takes encryption for granted.

    NotImplemented (a write that asks for it), InvalidRequest (a key for an object that has none),
    InvalidArgument (what makes no sense on any server).
    """
    asked = [name for name in headers if "server-side-encryption" in name]
    if not asked:
        return
    _check_customer_key(headers)
    if any(name.startswith(_COPY_CUSTOMER) for name in asked):
        raise _not_applicable()
    if method in {"GET", "HEAD"}:
        if any(name.startswith(_CUSTOMER) for name in asked):
            raise _not_applicable()
        raise _bad(asked[0], headers, f"{asked[0]} header is not supported for this operation.")
    _check_method(headers)
    raise S3Error("NotImplemented", REASON, Header=asked[0])


def _check_customer_key(headers: Mapping[str, str]) -> None:
    """A key of the client's comes with its algorithm and its MD5, and alone."""
    if not any(name.startswith(_CUSTOMER) for name in headers):
        return
    algorithm, key, md5 = (f"{_CUSTOMER}{name}" for name in ("algorithm", "key", "key-md5"))
    for name, needed in (
        (algorithm, "a valid encryption algorithm"),
        (key, "an appropriate secret key"),
        (md5, "the client calculated MD5 of the secret key"),
    ):
        if not headers.get(name):
            raise _bad(name, headers, f"{_BY_CUSTOMER} must provide {needed}.")
    if headers[algorithm] != "AES256":
        raise _bad(algorithm, headers, "The encryption algorithm specified is not supported")
    if _PREFIX in headers:
        raise _bad(
            _PREFIX,
            headers,
            "Server Side Encryption with Customer provided key is incompatible with the encryption "
            "method specified",
        )
    try:
        secret = base64.b64decode(headers[key], validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise _bad(key, {}, "The secret key was invalid for the specified algorithm.")
    digest = hashlib.md5(secret, usedforsecurity=False).digest()
    if base64.b64encode(digest).decode() != headers[md5]:
        raise _bad(
            md5,
            headers,
            "The calculated MD5 hash of the key did not match the hash that was provided.",
        )


def _check_method(headers: Mapping[str, str]) -> None:
    method = headers.get(_PREFIX)
    if method is not None and method not in _METHODS:
        raise _bad(_PREFIX, headers, "The encryption method specified is not supported")
    lone = [name for name in _KMS if name in headers]
    if lone and method not in {"aws:kms", "aws:kms:dsse"}:
        raise _bad(
            lone[0],
            headers,
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            f"{_PREFIX} : aws:kms",
        )


def _bad(name: str, headers: Mapping[str, str], message: str) -> S3Error:
    value = headers.get(name, "")
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def _not_applicable() -> S3Error:
    return S3Error("InvalidRequest", "The encryption parameters are not applicable to this object.")

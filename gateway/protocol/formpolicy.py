"""The policy of a browser's form: who signed it, until when it holds, and what it lets be sent.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
Names of fields count without their case, those of the policy's own elements with it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.protocol import canonical, dates, refusals
from gateway.protocol.errors import S3Error

_EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_CREDENTIAL = re.compile(r"([^/]+)/([0-9]{8})/([^/]*)/s3/aws4_request")
_SIZE = "content-length-range"
# The policy cannot name its own signature. That of the file is no leave but one more demand, and
# who writes the policy does not know it.
_UNBOUND = frozenset({"policy", "file", "signature", "awsaccesskeyid", "x-amz-signature"})
_UNBOUND_PREFIXES = ("x-ignore-", "x-amz-checksum-")
# By which the field of a signature tells its version, and what belongs to it.
_V4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy")
_V2 = ("AWSAccessKeyId", "signature", "policy")


@dataclass(frozen=True, slots=True)
class Claim:
    """A policy and its signature as they were sent, well formed but not checked.

    text: the policy in base64, as it was signed. scope: of SigV4, date and region; None for SigV2.
    """

    access_key_id: str
    signature: str
    text: str
    scope: tuple[str, str] | None = None

    @property
    def algorithm(self) -> str:
        """As the other ways to sign are named."""
        return "AWS" if self.scope is None else canonical.ALGORITHM

    def check_signature(self, secret: str) -> None:
        """Raise SignatureDoesNotMatch unless `secret` signed this very policy."""
        if self.scope is None:
            digest = hmac.digest(secret.encode(), self.text.encode(), "sha1")
            computed = base64.b64encode(digest).decode()
        else:
            key = canonical.signing_key(secret, *self.scope)
            computed = canonical.signature(key, self.text)
        if not hmac.compare_digest(computed.encode(), self.signature.encode()):
            raise refusals.mismatch(self.access_key_id, self.text, self.signature)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a field. name: lower case. starts_with: else it must be equal."""

    name: str
    value: str
    starts_with: bool = False

    def holds(self, fields: Mapping[str, str]) -> bool:
        """Whether it holds; a field that was not sent is an empty one."""
        sent = fields.get(self.name, "")
        if not self.starts_with:
            return sent == self.value
        # A list of content types is one of each of them.
        each = sent.split(",") if self.name == "content-type" else [sent]
        return all(one.startswith(self.value) for one in each)

    def __str__(self) -> str:
        return json.dumps(
            ["starts-with" if self.starts_with else "eq", f"${self.name}", self.value]
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What a form lets be sent. sizes: of the file, in bytes, both ends included; None: any."""

    expires_ms: int
    conditions: tuple[Condition, ...]
    sizes: tuple[int, int] | None

    def demand(self, fields: Mapping[str, str], bucket: str, now_ms: int) -> None:
        """Raise AccessDenied unless these fields (names in lower case) may be sent, now.

        Each field must be named by a condition, so that nobody adds one to a form he was given.
        """
        if now_ms > self.expires_ms:
            raise _refused("Policy expired.")
        sent = {**fields, "bucket": bucket}
        for condition in self.conditions:
            if not condition.holds(sent):
                raise _refused(f"Policy Condition failed: {condition}")
        bound = _UNBOUND | {condition.name for condition in self.conditions}
        extra = [
            name for name in sent if name not in bound and not name.startswith(_UNBOUND_PREFIXES)
        ]
        if extra:
            raise _refused(f"Extra input fields: {', '.join(extra)}")


def claim(fields: Mapping[str, str]) -> Claim | None:
    """The signed policy among a form's fields (names in lower case); None in an anonymous form.

    Raises InvalidArgument (a field of it is missing or not as it must be), InvalidToken.
    """
    if fields.get("x-amz-security-token"):
        raise refusals.no_tokens()
    if any(name in fields for name in _V4[:-1]):
        return _claim_v4(fields)
    if any(name.lower() in fields for name in _V2):
        access_key_id, signature, text = (required(fields, name) for name in _V2)
        return Claim(access_key_id, signature, text)
    return None


def parse(text: str) -> Policy:
    """The policy in `text` (base64). Raises InvalidPolicyDocument."""
    try:
        form = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(form, dict):
        raise _invalid("Invalid JSON.")
    for name in ("expiration", "conditions"):
        if name not in form:
            raise _invalid(f"Policy missing {name}.")
    conditions: list[Condition] = []
    sizes = None
    listed = form["conditions"]
    if not isinstance(listed, list):
        raise _invalid("Invalid 'conditions' value: it must be a list.")
    for one in listed:
        if isinstance(one, list) and one and str(one[0]).lower() == _SIZE:
            sizes = _narrowed(sizes, _sizes(one))
        else:
            conditions.append(_condition(one))
    return Policy(_expiration(form["expiration"]), tuple(conditions), sizes)


def required(fields: Mapping[str, str], name: str) -> str:
    """A field that a form must have before its file. Raises InvalidArgument."""
    value = fields.get(name.lower())
    if not value:
        raise S3Error(
            "InvalidArgument",
            f"Bucket POST must contain a field named '{name}'.  If it is specified, please check "
            "the order of the fields.",
            ArgumentName=name,
            ArgumentValue="",
        )
    return value


def _claim_v4(fields: Mapping[str, str]) -> Claim:
    algorithm, credential, date, signature, text = (required(fields, name) for name in _V4)
    if algorithm != canonical.ALGORITHM:
        raise _bad_field("X-Amz-Algorithm", algorithm, f"it must be {canonical.ALGORITHM}")
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        raise _bad_field(
            "X-Amz-Credential", credential, "it must be KEY/YYYYMMDD/REGION/s3/aws4_request"
        )
    access_key_id, day, region = match.groups()
    if dates.parse_basic(date) is None or date[:8] != day:
        raise _bad_field(
            "X-Amz-Date", date, "it must be yyyyMMdd'T'HHmmss'Z', on the day of the credential"
        )
    return Claim(access_key_id, signature, text, (day, region))


def _condition(form: Any) -> Condition:
    """`{"name": "value"}`, or `["eq" | "starts-with", "$name", "value"]`."""
    if isinstance(form, dict):
        if len(form) != 1:
            raise _invalid(
                "Invalid Simple-Condition: Simple-Conditions must have exactly one property "
                "specified."
            )
        ((name, value),) = form.items()
        if not isinstance(value, str):
            raise _invalid("Invalid Simple-Condition: value must be a string.")
        return Condition(name.lower(), value)
    match form:
        case [str(operator), str(name), str(value)] if name.startswith("$"):
            pass
        case _:
            raise _invalid(f"Invalid Condition: {_shown(form)}")
    if operator.lower() not in {"eq", "starts-with"}:
        raise _invalid(f"Invalid Condition: unknown operation '{operator}'.")
    return Condition(name[1:].lower(), value, starts_with=operator.lower() == "starts-with")


def _sizes(form: Sequence[Any]) -> tuple[int, int]:
    limits = [_size(one) for one in form[1:]]
    if len(limits) != 2:
        raise _invalid(f"Invalid {_SIZE}: it takes two numbers.")
    return limits[0], limits[1]


def _size(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _invalid(f"Invalid {_SIZE}: {_shown(value)} is no number of bytes.")
    return int(text)


def _narrowed(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return other if one is None else (max(one[0], other[0]), min(one[1], other[1]))


def _expiration(value: Any) -> int:
    if isinstance(value, str) and _EXPIRATION.fullmatch(value):
        time_ms = dates.parse(value)
        if time_ms is not None:
            return time_ms
    raise _invalid(f"Invalid 'expiration' value: {_shown(value)}")


def _shown(value: Any) -> str:
    return json.dumps(value)[:200]


def _refused(why: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {why}")


def _invalid(why: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {why}")


def _bad_field(name: str, value: str, why: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"The field {name} is not valid: {why}.",
        ArgumentName=name,
        ArgumentValue=value,
    )

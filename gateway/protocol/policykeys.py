"""What a bucket policy's conditions can ask of a request: the condition keys, by name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from gateway.protocol import copysource, dates
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request

EXISTING_TAG = "s3:existingobjecttag/"
REQUEST_TAG = "s3:requestobjecttag/"
_HEADERS = (
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "if-match",
    "if-none-match",
)
_PARAMETERS = {
    "s3:prefix": "prefix",
    "s3:delimiter": "delimiter",
    "s3:max-keys": "max-keys",
    "s3:versionid": "versionId",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to know of a request beside its resource.

    account: None where nobody signed. posted: it is a browser's form. existing_tags: of the
    object, where a policy asks for them.
    overrides: condition keys that this question is about in place of the request's own.
    """

    request: Request
    now_ms: int
    account: str | None = None
    key_name: str = ""
    signature_version: str = ""
    presigned: bool = False
    posted: bool = False
    existing_tags: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> str | None:
        """What the condition key `key` (as `known` spells it) is; None where it is not there."""
        if key in self.overrides:
            return self.overrides[key]
        if key.startswith(EXISTING_TAG):
            return self.existing_tags.get(key.removeprefix(EXISTING_TAG))
        if key.startswith(REQUEST_TAG):
            tags = dict(parse_qsl(self.request.headers.get("x-amz-tagging", ""), True))
            return tags.get(key.removeprefix(REQUEST_TAG))
        if (parameter := _PARAMETERS.get(key)) is not None:
            return self.request.params.get(parameter)
        if key.startswith("s3:") and key[3:] in _HEADERS:
            return self.request.headers.get(key[3:])
        return _OTHERS[key](self)


def _copy_source(facts: Facts) -> str | None:
    """`bucket/key`, decoded: what is denied must not come through in another spelling."""
    named = facts.request.headers.get("x-amz-copy-source")
    if named is None:
        return None
    try:
        bucket, key, _ = copysource.parse(named)
    except S3Error:
        return named
    return f"{bucket}/{key}"


def _auth_type(facts: Facts) -> str | None:
    if facts.account is None:
        return None
    if facts.posted:
        return "POST"
    return "REST-QUERY-STRING" if facts.presigned else "REST-HEADER"


_OTHERS: Mapping[str, Callable[[Facts], str | None]] = {
    "aws:securetransport": lambda facts: str(facts.request.secure).lower(),
    "aws:sourceip": lambda facts: facts.request.client or None,
    "aws:referer": lambda facts: facts.request.headers.get("referer"),
    "aws:useragent": lambda facts: facts.request.headers.get("user-agent"),
    "aws:currenttime": lambda facts: dates.iso(facts.now_ms),
    "aws:epochtime": lambda facts: str(facts.now_ms // 1000),
    "aws:principalaccount": lambda facts: facts.account,
    "aws:userid": lambda facts: facts.account,
    "aws:username": lambda facts: facts.key_name or None,
    "s3:authtype": _auth_type,
    "s3:x-amz-copy-source": _copy_source,
    "s3:signatureversion": lambda facts: facts.signature_version or None,
}


def known(key: str) -> str | None:
    """`key` as Facts.value takes it; None where it is not one that can be answered.

    Names are compared without their case, but a tag's own name keeps it.
    """
    head, slash, tag = key.partition("/")
    name = head.lower()
    if slash:
        tagged = f"{name}/"
        return f"{tagged}{tag}" if tagged in {EXISTING_TAG, REQUEST_TAG} and tag else None
    if name in _OTHERS or name in _PARAMETERS or (name[:3] == "s3:" and name[3:] in _HEADERS):
        return name
    return None

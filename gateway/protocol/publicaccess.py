"""A bucket's public access block, and whose the objects in it are.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from gateway.protocol.documents import optional, parse, required, rows
from gateway.protocol.errors import S3Error
from gateway.protocol.responses import document

OWNERSHIP_HEADER = "x-amz-object-ownership"
_ELEMENTS = {
    "block_acls": "BlockPublicAcls",
    "ignore_acls": "IgnorePublicAcls",
    "block_policy": "BlockPublicPolicy",
    "restrict": "RestrictPublicBuckets",
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class PublicAccessBlock:
    """What is refused though an ACL or a policy would give it.

    block_acls: no new ACL may give anything to a group. ignore_acls: nor does one that is there.
    block_policy: no new policy may be public. restrict: one that is there lets in the owner only.
    """

    block_acls: bool = False
    ignore_acls: bool = False
    block_policy: bool = False
    restrict: bool = False

    def to_json(self) -> dict[str, bool]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, form: Mapping[str, Any] | None) -> PublicAccessBlock:
        """The inverse of to_json; of None, the block that blocks nothing."""
        return cls(**form) if form else cls()


def parse_block(body: bytes) -> PublicAccessBlock:
    """A PublicAccessBlockConfiguration; what it leaves out is off. Raises MalformedXML."""
    form = parse(body, "PublicAccessBlockConfiguration")
    said = {field: (optional(form, element) or "false") for field, element in _ELEMENTS.items()}
    if not form or any(value.lower() not in _BOOLEANS for value in said.values()):
        raise S3Error("MalformedXML")
    return PublicAccessBlock(**{field: _BOOLEANS[value.lower()] for field, value in said.items()})


def render_block(block: PublicAccessBlock) -> bytes:
    """PublicAccessBlockConfiguration."""
    return document(
        "PublicAccessBlockConfiguration",
        "".join(
            f"<{element}>{str(getattr(block, field)).lower()}</{element}>"
            for field, element in _ELEMENTS.items()
        ),
    )


class Ownership(StrEnum):
    """Whose an object is that another account writes, and whether ACLs count."""

    ENFORCED = "BucketOwnerEnforced"
    PREFERRED = "BucketOwnerPreferred"
    WRITER = "ObjectWriter"


def ownership(text: str) -> Ownership:
    """The setting of that name. Raises InvalidArgument."""
    try:
        return Ownership(text)
    except ValueError:
        raise S3Error(
            "InvalidArgument",
            f"Invalid x-amz-object-ownership header: {text}",
            ArgumentName=OWNERSHIP_HEADER,
            ArgumentValue=text,
        ) from None


def parse_ownership(body: bytes) -> Ownership:
    """The one rule of an OwnershipControls document. Raises MalformedXML."""
    listed = rows(parse(body, "OwnershipControls"), "Rule")
    if len(listed) != 1 or (said := required(listed[0], "ObjectOwnership")) not in list(Ownership):
        raise S3Error("MalformedXML")
    return Ownership(said)


def render_ownership(setting: Ownership) -> bytes:
    """OwnershipControls."""
    return document(
        "OwnershipControls", f"<Rule><ObjectOwnership>{setting}</ObjectOwnership></Rule>"
    )

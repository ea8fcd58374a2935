"""What a write says of who else may have its object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.auth import access
from gateway.protocol import acl
from gateway.protocol.acl import Acl
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.protocol.publicaccess import (
    OWNERSHIP_HEADER,
    Ownership,
    PublicAccessBlock,
    ownership,
)
from gateway.s3.call import Call
from gateway.versioning.model import Json, ObjectInfo, Snapshot


def acl_of_write(call: Call, branch: Snapshot) -> Json | None:
    """The ACL that a new object begins with, as side state; None: nobody but the bucket's owner.

    Who writes by the grants of a key writes for the bucket's owner; who was let in by an ACL or a
    policy owns what he writes, where the bucket's ownership setting does not say otherwise. Either
    may give the new object to others, who learn nothing but what he sends or may read himself.
    Raises AccessControlListNotSupported, AccessDenied, and what acl.of_headers raises.
    """
    bucket_owner, setting = branch.repo.account, ownership_of(branch)
    owner = call.identity.account if _is_guest(call, branch) else bucket_owner
    given = acl.of_headers(
        call.request.headers,
        owner=owner,
        bucket_owner=bucket_owner,
        known=lambda name: name == bucket_owner or call.services.gate.knows(name),
    )
    handed_over = given is not None and _hands_over(call.request.headers, given, bucket_owner)
    if setting is Ownership.ENFORCED:
        if given is not None and not handed_over:
            raise S3Error("AccessControlListNotSupported")
        return None
    if given is not None:
        check_public(branch, given)
    elif not call.store.capabilities.side:
        return None
    if setting is Ownership.PREFERRED and handed_over:
        return None
    wanted = given or acl.private(owner)
    return None if wanted == acl.private(bucket_owner) else wanted.to_json()


def bucket_acl_of_headers(call: Call, owner: str) -> Acl | None:
    """The ACL of a bucket by its request's headers. Raises what acl.of_headers raises."""
    return acl.of_headers(
        call.request.headers,
        owner=owner,
        bucket_owner=owner,
        known=lambda name: name == owner or call.services.gate.knows(name),
    )


def properties_of_new(call: Call) -> Json:
    """The properties of a new bucket by the headers that are about access.

    Raises InvalidBucketAclWithObjectOwnership, InvalidArgument, and what acl.of_headers raises.
    """
    owner = call.identity.account
    given = bucket_acl_of_headers(call, owner)
    properties: dict[str, Any] = {}
    text = call.request.headers.get(OWNERSHIP_HEADER)
    if text is not None:
        setting = ownership(text)
        if setting is Ownership.ENFORCED and given is not None and not given.gives_only([owner]):
            raise S3Error("InvalidBucketAclWithObjectOwnership")
        properties[access.OWNERSHIP] = setting.value
    if given is not None:
        properties[access.ACL] = given.to_json()
    return properties


def ownership_of(bucket: Snapshot) -> Ownership | None:
    """The ownership setting of a bucket; None counts as ObjectWriter."""
    text = bucket.properties.get(access.OWNERSHIP)
    return None if text is None else Ownership(text)


def block_of(bucket: Snapshot) -> PublicAccessBlock:
    """The public access block of a bucket."""
    return PublicAccessBlock.from_json(bucket.properties.get(access.PUBLIC_ACCESS))


def object_acl(bucket: Snapshot, info: ObjectInfo) -> Acl:
    """The ACL of an object."""
    form = info.side.get(access.ACL)
    if form is None or ownership_of(bucket) is Ownership.ENFORCED:
        return acl.private(bucket.repo.account)
    return Acl.from_json(form)


def owner_of_upload(bucket: Snapshot, side: Json) -> str:
    """Whose an object is that begins with that side state."""
    form = side.get(access.ACL)
    return bucket.repo.account if form is None else str(form["owner"])


def check_public(bucket: Snapshot, given: Acl) -> None:
    """Raise AccessDenied for an ACL that the bucket's public access block does not let be set."""
    if given.public and block_of(bucket).block_acls:
        raise S3Error(
            "AccessDenied", "Access Denied: the bucket's BlockPublicAcls refuses this ACL."
        )


def _hands_over(headers: Mapping[str, str], given: Acl, bucket_owner: str) -> bool:
    """Whether an ACL is the one that makes the object the bucket owner's."""
    if acl.HEADER in headers:
        return headers[acl.HEADER] == acl.BUCKET_OWNER_FULL_CONTROL
    return given.grants == acl.private(bucket_owner).grants


def _is_guest(call: Call, branch: Snapshot) -> bool:
    """Whether the writer has an account, but was not let in by the grants of his key."""
    key, repo = call.identity.key, branch.repo
    if call.identity.anonymous or key.roles is not None:
        return False
    owned = repo.account == key.account
    granted = key.grants.prefixes(Right.WRITE, repo.name, branch.ref, owned=owned)
    return not call.request.key.startswith(granted)

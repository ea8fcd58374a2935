"""Bucket policies, public access blocks and ownership: properties of the branch."""

from __future__ import annotations

from gateway.auth.access import (
    OWNERSHIP,
    POLICY,
    PUBLIC_ACCESS,
    bucket_acl,
    spellings,
)
from gateway.protocol import policy, publicaccess
from gateway.protocol.errors import S3Error
from gateway.protocol.publicaccess import Ownership
from gateway.protocol.responses import document
from gateway.s3.access import block_of, ownership_of
from gateway.s3.body import read_document
from gateway.s3.call import Call
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.versioning.model import Snapshot

JSON = ("content-type", "application/json")


async def get_bucket_policy(call: Call) -> Response:
    """GetBucketPolicy: the text as it was set."""
    bucket = await call.bucket()
    text = bucket.properties.get(POLICY)
    if text is None:
        raise S3Error("NoSuchBucketPolicy", BucketName=call.request.bucket)
    return Response(200, [JSON], text.encode())


async def put_bucket_policy(call: Call) -> Response:
    """PutBucketPolicy. What is not evaluated here is refused, and nothing is changed."""
    branch = await call.branch()
    try:
        text = (await read_document(call)).decode()
    except UnicodeDecodeError:
        raise S3Error("MalformedPolicy") from None
    parsed = policy.parse(text)
    parsed.check_bucket(spellings(branch.repo.name, branch.ref))
    if parsed.public and block_of(branch).block_policy:
        raise S3Error(
            "AccessDenied", "Access Denied: the bucket's BlockPublicPolicy refuses a public policy."
        )
    await call.store.configure(branch, {POLICY: text})
    return Response(NO_CONTENT)


async def delete_bucket_policy(call: Call) -> Response:
    """DeleteBucketPolicy, also where there is none."""
    await call.store.configure(await call.branch(), {POLICY: None})
    return Response(NO_CONTENT)


async def get_bucket_policy_status(call: Call) -> Response:
    """GetBucketPolicyStatus: whether policy or ACL let in whoever comes."""
    shown = str(_public(await call.bucket())).lower()
    return xml(document("PolicyStatus", f"<IsPublic>{shown}</IsPublic>"))


async def get_public_access_block(call: Call) -> Response:
    """GetPublicAccessBlock."""
    bucket = await call.bucket()
    if PUBLIC_ACCESS not in bucket.properties:
        raise S3Error("NoSuchPublicAccessBlockConfiguration", BucketName=call.request.bucket)
    return xml(publicaccess.render_block(block_of(bucket)))


async def put_public_access_block(call: Call) -> Response:
    """PutPublicAccessBlock."""
    branch = await call.branch()
    block = publicaccess.parse_block(await read_document(call))
    await call.store.configure(branch, {PUBLIC_ACCESS: block.to_json()})
    return Response(200)


async def delete_public_access_block(call: Call) -> Response:
    """DeletePublicAccessBlock, also where there is none."""
    await call.store.configure(await call.branch(), {PUBLIC_ACCESS: None})
    return Response(NO_CONTENT)


async def get_bucket_ownership_controls(call: Call) -> Response:
    """GetBucketOwnershipControls."""
    setting = ownership_of(await call.bucket())
    if setting is None:
        raise S3Error("OwnershipControlsNotFoundError", BucketName=call.request.bucket)
    return xml(publicaccess.render_ownership(setting))


async def put_bucket_ownership_controls(call: Call) -> Response:
    """PutBucketOwnershipControls: ACLs are switched off only where they give nothing away."""
    branch = await call.branch()
    setting = publicaccess.parse_ownership(await read_document(call))
    given = bucket_acl(branch)
    if setting is Ownership.ENFORCED and not given.gives_only([given.owner]):
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    await call.store.configure(branch, {OWNERSHIP: setting.value})
    return Response(200)


async def delete_bucket_ownership_controls(call: Call) -> Response:
    """DeleteBucketOwnershipControls, also where there are none."""
    await call.store.configure(await call.branch(), {OWNERSHIP: None})
    return Response(NO_CONTENT)


def _public(bucket: Snapshot) -> bool:
    block, text = block_of(bucket), bucket.properties.get(POLICY)
    by_policy = text is not None and policy.parse(text).public and not block.restrict
    by_acl = (
        bucket_acl(bucket).public
        and not block.ignore_acls
        and ownership_of(bucket) is not Ownership.ENFORCED
    )
    return by_policy or by_acl

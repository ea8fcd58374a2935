"""Access control lists of buckets and objects: the calls that show and set them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.auth import access
from gateway.auth.access import bucket_acl
from gateway.protocol import acl
from gateway.protocol.acl import Acl
from gateway.protocol.errors import S3Error
from gateway.protocol.publicaccess import Ownership
from gateway.s3.access import check_public, object_acl, ownership_of
from gateway.s3.body import read_document
from gateway.s3.call import Call, writable
from gateway.s3.response import Response, xml
from gateway.s3.versions import find, read_headers, set_beside
from gateway.versioning.model import Json, Snapshot


async def get_bucket_acl(call: Call) -> Response:
    """GetBucketAcl."""
    return xml(acl.render(bucket_acl(await call.bucket())))


async def put_bucket_acl(call: Call) -> Response:
    """PutBucketAcl, by headers or by a document."""
    branch = writable(await call.bucket(asking=True))
    given = await _given(call, branch, bucket_acl(branch))
    if given is not None:
        await call.store.configure(branch, {access.ACL: _kept(branch, given)})
    return Response(200)


async def get_object_acl(call: Call) -> Response:
    """GetObjectAcl."""
    bucket = await call.bucket()
    info = await find(call, bucket)
    return xml(acl.render(object_acl(bucket, info)), *read_headers(bucket, info))


async def put_object_acl(call: Call) -> Response:
    """PutObjectAcl, by headers or by a document: beside the version, without making another."""
    branch = writable(await call.bucket(asking=True))
    info = await find(call, branch)
    given = await _given(call, branch, object_acl(branch, info))
    if given is not None:
        info = await set_beside(call, branch, {access.ACL: _kept(branch, given)})
    return Response(200, read_headers(branch, info))


async def _given(call: Call, branch: Snapshot, now: Acl) -> Acl | None:
    """The ACL that a request sets; None where it is that already.

    To change one takes the right `admin`. Who may only ask (a policy that allows every action lets
    him) is told what there is to tell, and may ask for what is so.
    """
    headers = call.request.headers
    known = _known(call, {now.owner, branch.repo.account})
    given = acl.of_headers(headers, owner=now.owner, bucket_owner=branch.repo.account, known=known)
    body = await read_document(call)
    if given is not None and body:
        raise S3Error("UnexpectedContent")
    if given is None:
        if not body:
            raise S3Error("MissingSecurityHeader", MissingHeaderName=acl.HEADER)
        given = acl.of_document(body, owner=now.owner, known=known)
    if ownership_of(branch) is Ownership.ENFORCED:
        raise S3Error("AccessControlListNotSupported")
    check_public(branch, given)
    if given == now:
        return None
    await call.access.demand(branch, call.asked())
    return given


def _known(call: Call, here: set[str]) -> Callable[[str], bool]:
    return lambda name: name in here or call.services.gate.knows(name)


def _kept(branch: Snapshot, given: Acl) -> Json | None:
    """An ACL as it is kept: not at all where it says what holds without it."""
    return None if given == acl.private(branch.repo.account) else given.to_json()

"""Buckets: branches of repos, under the names S3 gives them."""

from __future__ import annotations

import re

from gateway.auth.gate import allow_create, may, readable_of
from gateway.protocol import requests, responses
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.s3.body import read_document
from gateway.s3.call import Call
from gateway.s3.objects import COMMIT_HEADER
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.versioning.errors import AlreadyExists, NotFound
from gateway.versioning.model import Ref, RefKind, Repo
from gateway.versioning.names import BucketName, parse_new_bucket

DEFAULT_REGION = "us-east-1"
# It comes back in a header, so it had better be a word.
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


async def list_buckets(call: Call) -> Response:
    """ListBuckets: the branches this key may read, as they were spelled when they were made."""
    readable = await readable_of(call.identity.key, await call.store.repos())
    names = {repo.name for repo in readable}
    refs = await call.store.refs(kind=RefKind.BRANCH)
    prefix = call.request.params.get("prefix", "")
    named = sorted((spelling(ref), ref.created_ms) for ref in refs if ref.repo in names)
    shown = [one for one in named if one[0].startswith(prefix)]
    return xml(responses.list_buckets(shown, owner=call.identity.account))


async def create_bucket(call: Call) -> Response:
    """CreateBucket: makes repo and branch where they are missing; again by its owner: 200."""
    name = parse_new_bucket(call.request.bucket)
    region = requests.parse_create_bucket(await read_document(call)) or DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise S3Error("InvalidLocationConstraint", LocationConstraint=region)
    account = call.identity.account
    try:
        repo = await call.store.repo(name.repo)
    except NotFound:
        await allow_create(call.identity.key, name.repo)
    else:
        await _own_or_taken(call, name, repo)
    properties = {"spelling": call.request.bucket, "region": region}
    try:
        await call.store.create_branch(
            name.repo, name.branch, account=account, properties=properties, create_repo=True
        )
    except AlreadyExists:
        # Either it was here before, or another request was first: the owner is told 200 both times.
        found = await call.store.resolve(name)
        if found.kind is not RefKind.BRANCH:
            raise S3Error(
                "InvalidBucketName",
                f"{name.branch!r} is a tag of repo {name.repo}; tags are read, not created here.",
                BucketName=call.request.bucket,
            ) from None
        await _own_or_taken(call, name, found.repo)
    return Response(200, [("location", f"/{call.request.bucket}")])


async def head_bucket(call: Call) -> Response:
    """HeadBucket: whether it exists and may be read, and the commit it is at."""
    snapshot = await call.bucket()
    region = str(snapshot.properties.get("region", DEFAULT_REGION))
    return Response(200, [("x-amz-bucket-region", region), (COMMIT_HEADER, snapshot.commit)])


async def delete_bucket(call: Call) -> Response:
    """DeleteBucket: takes the branch's name away, where it shows nothing any more."""
    branch = await call.branch()
    await call.store.delete_branch(branch.repo.name, branch.ref or "", only_empty=True)
    return Response(NO_CONTENT)


async def get_bucket_location(call: Call) -> Response:
    """GetBucketLocation: the constraint given at creation."""
    snapshot = await call.bucket()
    return xml(responses.location(str(snapshot.properties.get("region", DEFAULT_REGION))))


async def get_bucket_versioning(call: Call) -> Response:
    """GetBucketVersioning: Enabled, since every PUT is a commit."""
    await call.bucket()
    return xml(responses.versioning("Enabled"))


def spelling(ref: Ref) -> str:
    """The bucket name a branch is listed under."""
    made_as = ref.properties.get("spelling")
    return str(made_as) if made_as else str(BucketName(ref.repo, ref.name))


async def _own_or_taken(call: Call, name: BucketName, repo: Repo) -> None:
    if not await may(call.identity.key, Right.ADMIN, repo):
        raise S3Error("BucketAlreadyExists", BucketName=str(name))

"""Buckets: branches of repos, under the names S3 gives them."""

from __future__ import annotations

import re

from gateway.auth.access import readable_refs
from gateway.protocol import bucketnames, listing, requests, responses
from gateway.protocol import locks as lock_headers
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.s3 import locks
from gateway.s3.access import properties_of_new
from gateway.s3.body import read_document
from gateway.s3.call import Call
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.s3.versions import COMMIT_HEADER
from gateway.versioning.errors import AlreadyExists, NotFound
from gateway.versioning.model import Json, Ref, RefKind, Repo
from gateway.versioning.names import BucketName, parse_new_bucket
from gateway.versioning.views import PROPERTY, State, state_of

DEFAULT_REGION = "us-east-1"
REGION_HEADER = "x-amz-bucket-region"
# It comes back in a header, so it had better be a word.
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


async def list_buckets(call: Call) -> Response:
    """ListBuckets: the branches this key may read, as they were spelled when they were made."""
    asked = listing.parse_buckets(call.request.params)
    refs = await readable_refs(call.access, call.store, RefKind.BRANCH)
    named = sorted((spelling(ref), ref.created_ms, region_of(ref.properties)) for ref in refs)
    found = [
        one
        for one in named
        if one[0].startswith(asked.prefix) and one[0] > asked.after and asked.region in {"", one[2]}
    ]
    shown = found[: asked.limit]
    token = listing.bucket_token(shown[-1][0]) if len(found) > len(shown) else None
    return xml(responses.list_buckets(asked, shown, token, owner=call.identity.account))


async def create_bucket(call: Call) -> Response:
    """CreateBucket: makes repo and branch where they are missing; again by its owner: 200."""
    name = _new_name(call)
    region = requests.parse_create_bucket(await read_document(call)) or DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise S3Error("InvalidLocationConstraint", LocationConstraint=region)
    account = call.identity.account
    try:
        repo = await call.store.repo(name.repo)
    except NotFound:
        await call.access.demand_repo(name.repo, name.branch)
    else:
        await _own_or_taken(call, name, repo)
    properties = {
        "spelling": call.request.bucket,
        "region": region,
        **_versioning_of_new(call),
        **properties_of_new(call),
    }
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
    region = region_of(snapshot.properties)
    return Response(200, [(REGION_HEADER, region), (COMMIT_HEADER, snapshot.commit)])


async def delete_bucket(call: Call) -> Response:
    """DeleteBucket: takes the branch's name away, where it shows nothing any more."""
    branch = await call.branch()
    await call.store.delete_branch(branch.repo.name, branch.ref or "", only_empty=True)
    return Response(NO_CONTENT)


async def get_bucket_location(call: Call) -> Response:
    """GetBucketLocation: the constraint given at creation."""
    snapshot = await call.bucket()
    return xml(responses.location(region_of(snapshot.properties)))


async def get_bucket_versioning(call: Call) -> Response:
    """GetBucketVersioning: the state; nothing in a bucket where it was never set."""
    state = state_of(await call.bucket())
    return xml(responses.versioning("" if state is State.UNSET else state.value.capitalize()))


async def put_bucket_versioning(call: Call) -> Response:
    """PutBucketVersioning: what S3 shows of what is written from now on; nothing is taken away."""
    branch = await call.branch()
    state = State(requests.parse_versioning(await read_document(call)).lower())
    if state is State.SUSPENDED and locks.is_enabled(branch):
        raise S3Error(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state "
            "cannot be changed.",
        )
    await call.store.configure(branch, {PROPERTY: state.value})
    return Response(200)


def _new_name(call: Call) -> BucketName:
    bucket = call.request.bucket
    if call.services.s3_names and (why := bucketnames.complaint(bucket)) is not None:
        raise S3Error("InvalidBucketName", f"{bucket!r} is no name: {why}.", BucketName=bucket)
    return parse_new_bucket(bucket)


def region_of(properties: Json) -> str:
    """The location constraint a bucket was created with."""
    return str(properties.get("region", DEFAULT_REGION))


def spelling(ref: Ref) -> str:
    """The bucket name a branch is listed under."""
    made_as = ref.properties.get("spelling")
    return str(made_as) if made_as else str(BucketName(ref.repo, ref.name))


def _versioning_of_new(call: Call) -> Json:
    """The versioning state, and the object lock, that a new bucket begins with."""
    text = call.request.headers.get(lock_headers.ENABLED_HEADER, "false").lower()
    if text not in {"true", "false"}:
        raise S3Error(
            "InvalidArgument",
            f"{lock_headers.ENABLED_HEADER} is true or false.",
            ArgumentName=lock_headers.ENABLED_HEADER,
            ArgumentValue=text,
        )
    if text == "true":
        locks.require_capable(call)
        return {locks.PROPERTY: locks.ENABLED}
    state = call.services.default_versioning
    return {} if state == State.ENABLED else {PROPERTY: state}


async def _own_or_taken(call: Call, name: BucketName, repo: Repo) -> None:
    if "" in await call.access.granted(Right.ADMIN, repo, name.branch):
        return
    if repo.account != call.identity.account:
        raise S3Error("BucketAlreadyExists", BucketName=str(name))
    await call.access.demand_admin(repo, name.branch)

"""Listings: what is in a bucket now, page by page, and what was in it."""

from __future__ import annotations

from gateway.auth.sight import list_seen, versions_seen
from gateway.protocol import listing, responses
from gateway.protocol.errors import S3Error
from gateway.protocol.listing import Token
from gateway.s3.buckets import REGION_HEADER, region_of
from gateway.s3.call import Call, version_id
from gateway.s3.response import Response, xml
from gateway.s3.versions import COMMIT_HEADER
from gateway.versioning.errors import NotFound, NoVersion
from gateway.versioning.model import Snapshot
from gateway.versioning.names import CommitId


async def list_objects(call: Call) -> Response:
    """ListObjects (version 1, what Label Studio scans with): pages by marker."""
    asked = listing.parse_v1(call.request.params)
    snapshot = await call.bucket()
    page = await list_seen(
        call.store,
        snapshot,
        await call.sight(snapshot),
        prefix=asked.prefix,
        after=asked.after,
        limit=asked.limit,
        delimiter=asked.delimiter,
    )
    body = responses.list_objects(call.request.bucket, asked, page, owner=snapshot.repo.account)
    return xml(body, *_bucket_headers(snapshot))


async def list_objects_v2(call: Call) -> Response:
    """ListObjectsV2. Its token carries the commit: all pages show the state of the first."""
    asked = listing.parse_v2(call.request.params)
    snapshot = await call.bucket()
    if asked.token is not None:
        try:
            snapshot = await call.at_commit(snapshot, CommitId(asked.token.commit))
        except NotFound:
            raise _unknown("continuation-token", asked.token_text or "") from None
    page = await list_seen(
        call.store,
        snapshot,
        # Of the state the token names: whoever writes one himself may name another branch's.
        await call.sight(snapshot),
        prefix=asked.prefix,
        after=asked.after,
        limit=asked.limit,
        delimiter=asked.delimiter,
    )
    following = page.next_after
    token = None if following is None else Token(following, snapshot.commit)
    body = responses.list_objects_v2(
        call.request.bucket, asked, page, token, owner=snapshot.repo.account
    )
    return xml(body, *_bucket_headers(snapshot))


async def list_object_versions(call: Call) -> Response:
    """ListObjectVersions: the history of every key, newest first, delete markers included."""
    asked = listing.parse_versions(call.request.params)
    snapshot = await call.bucket()
    after_version = version_id(asked.after_version) if asked.after_version else None
    try:
        page = await versions_seen(
            call.store,
            snapshot,
            await call.sight(snapshot),
            prefix=asked.prefix,
            after_key=asked.after_key,
            after_version=after_version,
            limit=asked.limit,
            delimiter=asked.delimiter,
        )
    except NoVersion:
        raise _unknown("version-id-marker", asked.after_version) from None
    body = responses.list_object_versions(
        call.request.bucket, asked, page, owner=snapshot.repo.account
    )
    return xml(body, *_bucket_headers(snapshot))


def _bucket_headers(bucket: Snapshot) -> list[tuple[str, str]]:
    return [(REGION_HEADER, region_of(bucket.properties)), (COMMIT_HEADER, bucket.commit)]


def _unknown(name: str, value: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        f"The {name} is not one of this bucket.",
        ArgumentName=name,
        ArgumentValue=value,
    )

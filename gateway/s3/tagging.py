"""Tags: of an object's version, beside it; of a bucket, a property of its branch."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import tagging
from gateway.protocol.errors import S3Error
from gateway.s3.body import read_document
from gateway.s3.call import Call
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.s3.versions import find, read_headers, set_beside
from gateway.versioning.model import ObjectInfo

TAGS = "tags"


def tags_of(info: ObjectInfo) -> Mapping[str, str]:
    """The tags of a version."""
    tags: Mapping[str, str] = info.side.get(TAGS, {})
    return tags


async def get_object_tagging(call: Call) -> Response:
    """GetObjectTagging: an empty set where there are none."""
    bucket = await call.bucket()
    info = await find(call, bucket)
    return xml(tagging.render(tags_of(info)), *read_headers(bucket, info))


async def put_object_tagging(call: Call) -> Response:
    """PutObjectTagging: these instead of those that were there."""
    branch = await call.branch()
    tags = tagging.parse_object(await read_document(call))
    await call.check_denials(branch, call.asked().action, tags=tags)
    info = await set_beside(call, branch, {TAGS: tags or None})
    return Response(200, read_headers(branch, info))


async def delete_object_tagging(call: Call) -> Response:
    """DeleteObjectTagging."""
    branch = await call.branch()
    info = await set_beside(call, branch, {TAGS: None})
    return Response(NO_CONTENT, read_headers(branch, info))


async def get_bucket_tagging(call: Call) -> Response:
    """GetBucketTagging: unlike an object's, a set that is not there is an error."""
    bucket = await call.bucket()
    tags = bucket.properties.get(TAGS)
    if not tags:
        raise S3Error("NoSuchTagSet", BucketName=call.request.bucket)
    return xml(tagging.render(tags))


async def put_bucket_tagging(call: Call) -> Response:
    """PutBucketTagging: these instead of those that were there."""
    branch = await call.branch()
    tags = tagging.parse_bucket(await read_document(call))
    await call.store.configure(branch, {TAGS: tags or None})
    return Response(NO_CONTENT)


async def delete_bucket_tagging(call: Call) -> Response:
    """DeleteBucketTagging."""
    await call.store.configure(await call.branch(), {TAGS: None})
    return Response(NO_CONTENT)

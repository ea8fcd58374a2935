"""The CORS rules of a bucket: a property of its branch, asked for by every answer to a page."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.protocol import cors
from gateway.protocol.cors import Rule
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request
from gateway.s3.body import read_document
from gateway.s3.call import Call, bucket_name
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.versioning.errors import StoreError
from gateway.versioning.model import Snapshot
from gateway.versioning.store import Store

RULES = "cors"


async def get_bucket_cors(call: Call) -> Response:
    """GetBucketCors: that every page may read where there are no rules is not one of them."""
    rules = _rules(await call.bucket())
    if rules is None:
        raise S3Error("NoSuchCORSConfiguration", BucketName=call.request.bucket)
    return xml(cors.render(rules))


async def put_bucket_cors(call: Call) -> Response:
    """PutBucketCors: these rules instead of those that were there."""
    branch = await call.branch()
    rules = cors.parse_rules(await read_document(call))
    await call.store.configure(branch, {RULES: [rule.to_json() for rule in rules]})
    return Response(200)


async def delete_bucket_cors(call: Call) -> Response:
    """DeleteBucketCors."""
    await call.store.configure(await call.branch(), {RULES: None})
    return Response(NO_CONTENT)


async def rules_of(
    store: Store, request: Request, seen: Snapshot | None = None
) -> Sequence[Rule] | None:
    """The rules of the request's bucket; None where it has none, or is not there.

    seen: what the bucket is known to name. Otherwise it is only looked up for a page.
    """
    if seen is not None:
        return _rules(seen)
    if "origin" not in request.headers:
        return None
    try:
        return _rules(await store.resolve(bucket_name(request.bucket)))
    except (S3Error, StoreError):
        return None


def _rules(bucket: Snapshot) -> Sequence[Rule] | None:
    listed = bucket.properties.get(RULES)
    return None if listed is None else [Rule.from_json(form) for form in listed]

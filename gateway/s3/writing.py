"""PutObject, and what every write has in common."""

from __future__ import annotations

from typing import TypedDict

from gateway.lineage.recorder import Write
from gateway.protocol import conditions
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import ObjectHeaders, object_headers
from gateway.s3 import incoming
from gateway.s3.body import ingest
from gateway.s3.call import Call
from gateway.s3.objects import checksum_headers, quoted
from gateway.s3.response import Response
from gateway.s3.versions import written_headers
from gateway.versioning.errors import Erased, NoKey
from gateway.versioning.model import Attributes, Condition, Put, Snapshot
from gateway.versioning.views import writes_null

# What would change the meaning of a write, and is not offered: storing the object as if it had
# not been asked for would be a lie (see also gateway.protocol.encryption).
_NOT_OFFERED = ("x-amz-website-redirect-location", "x-amz-write-offset-bytes")


async def put_object(call: Call) -> Response:
    """PutObject: the body becomes the key's newest version, in a commit with its lineage."""
    condition = write_condition(call)
    branch = await call.branch(blind=condition is None)
    key = call.key
    given = declarations(call)
    said = await incoming.said(call, branch)
    await precheck(call, branch, key, condition)
    body = await ingest(call)
    write = Write(
        bucket=branch,
        key=key,
        size=body.size,
        etag=body.etag,
        sha256=body.sha256,
        declared_sources=given.sources,
        declared_origin=given.origin,
        readable=call.may_read,
        **who(call),
    )
    described = await call.services.recorder.describe_put(write, body.kept)
    call.link(described)
    put = Put(
        key=key,
        content=body.content,
        size=body.size,
        etag=body.etag,
        attributes=Attributes(
            content_type=given.content_type,
            headers=given.headers,
            metadata=given.metadata,
            checksums=body.checksums,
            lineage=described.summary,
        ),
        lineage=described.record,
        condition=condition,
        # What is said beside the object would be lost where the put is no change.
        same_as=None if said else described.same_as,
        null=writes_null(branch),
        side=incoming.retained(call, branch, said),
    )
    committed = await call.commit(branch, [put], "put", given.message)
    info = committed.outcomes[0].info
    assert info is not None
    return Response(
        200,
        [("etag", quoted(info.etag)), *written_headers(branch, info), *checksum_headers(info)],
    )


class Who(TypedDict):
    """The fields of a Write that say who sent it."""

    time_ms: int
    account: str
    key_name: str
    request_id: str
    client_hint: str | None


def who(call: Call) -> Who:
    """Who sent this write, for its lineage. client_hint: SDKs keep it over their retries."""
    return Who(
        time_ms=call.services.clock(),
        account=call.identity.account,
        key_name=call.identity.key.name,
        request_id=call.request.id,
        client_hint=call.request.headers.get("amz-sdk-invocation-id"),
    )


def declarations(call: Call) -> ObjectHeaders:
    """What the request declares of its object. Raises NotImplemented for what is not offered."""
    headers = call.request.headers
    for name in _NOT_OFFERED:
        if name in headers:
            raise S3Error("NotImplemented", Header=name)
    return object_headers(headers)


def write_condition(call: Call) -> Condition | None:
    """If-Match and If-None-Match of a write, in the store's words."""
    etag, not_etag = conditions.write_condition(call.request.headers)
    return None if etag is None and not_etag is None else Condition(etag, not_etag)


async def precheck(call: Call, branch: Snapshot, key: str, condition: Condition | None) -> None:
    """Refuse before the body is sent what the commit would refuse after it; the commit decides."""
    if condition is None:
        return
    try:
        etag = (await call.store.stat(branch, key)).etag
    except (NoKey, Erased):
        if condition.etag is not None:
            raise
        return
    condition.demand(etag)

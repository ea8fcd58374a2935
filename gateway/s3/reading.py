"""GetObject and HeadObject."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.protocol import conditions, dates, ranges, requests
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import response_overrides
from gateway.s3.call import Call
from gateway.s3.embedding import served_form
from gateway.s3.objects import checksum_headers, object_headers, quoted
from gateway.s3.response import Response
from gateway.s3.versions import find, read_headers
from gateway.versioning.model import ObjectInfo, Snapshot


async def get_object(call: Call) -> Response:
    """GetObject: the object at the state its bucket names, or one version of it, or a range."""
    bucket = await call.bucket()
    info = await find(call, bucket)
    form = await served_form(call, bucket, info)
    response, span = _answer(call, bucket, form[0] if form else info)
    if response.status in {200, 206}:
        response.body = form[1][slice(*span)] if form else await call.store.read(info, *span)
        if not isinstance(response.body, bytes):
            response.headers.append(("content-length", str(span[1] - span[0])))
    _note(call, bucket, info)
    return response


async def head_object(call: Call) -> Response:
    """HeadObject: what GetObject would say, without the bytes."""
    bucket = await call.bucket()
    info = await find(call, bucket)
    form = await served_form(call, bucket, info)
    response, span = _answer(call, bucket, form[0] if form else info)
    if response.status in {200, 206}:
        response.headers.append(("content-length", str(span[1] - span[0])))
    return response


def _answer(call: Call, bucket: Snapshot, info: ObjectInfo) -> tuple[Response, tuple[int, int]]:
    """Status and headers, and the span of bytes that goes with them. Preconditions come first."""
    request = call.request
    now_ms = call.services.clock()
    outcome = conditions.evaluate_read(request.headers, info.etag, info.modified_ms, now_ms)
    if outcome == 304:
        return (
            Response(
                304,
                [
                    ("etag", quoted(info.etag)),
                    ("last-modified", dates.http_date(info.modified_ms)),
                    *read_headers(bucket, info),
                    *((n, v) for n, v in info.attributes.headers.items() if n in _KEPT_ON_304),
                ],
            ),
            (0, 0),
        )
    headers = object_headers(call, bucket, info)
    number = request.params.get("partNumber")
    if number is None:
        span = ranges.parse(_range(request.headers, info), info.size)
    else:
        span = _part(number, request.headers, info)
        if count := len(info.attributes.part_sizes):  # AWS counts those of an upload alone
            headers.append(("x-amz-mp-parts-count", str(count)))
    overrides = response_overrides(request.params)
    if overrides:
        headers = [(name, value) for name, value in headers if name not in overrides]
        headers += overrides.items()
    # Verified by SDKs against exactly the bytes they got, so never beside a range of them.
    verified = span is None or number is not None
    if verified and request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers += checksum_headers(info, None if number is None else int(number))
    if span is None:
        return Response(200, headers), (0, info.size)
    headers.append(("content-range", f"bytes {span[0]}-{span[1] - 1}/{info.size}"))
    return Response(206, headers), span


def _note(call: Call, bucket: Snapshot, info: ObjectInfo) -> None:
    """Remember what was served, for the lineage of what is made of it."""
    if "versionId" not in call.request.params:
        by, now_ms = call.identity, call.services.clock()
        call.services.recorder.reads.served(bucket, info, by.key.name, link=by.presigned, ms=now_ms)


def _range(headers: Mapping[str, str], info: ObjectInfo) -> str | None:
    """The Range header, where it is about this object and not about one it replaced."""
    asked = headers.get("if-range")
    if asked is not None and not conditions.is_current(asked, info.etag, info.modified_ms):
        return None
    return headers.get("range")


def _part(text: str, headers: Mapping[str, str], info: ObjectInfo) -> tuple[int, int] | None:
    """The span of one part of an object; what came in one piece is its own first part."""
    if not requests.is_part_number(text):
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {requests.PARTS_MAX}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=text,
        )
    if "range" in headers:
        raise S3Error(
            "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"
        )
    sizes = info.attributes.part_sizes or (info.size,)
    number = int(text)
    if number > len(sizes):
        raise S3Error("InvalidPartNumber", ActualPartCount=len(sizes), PartNumberRequested=number)
    start = sum(sizes[: number - 1])
    return (start, start + sizes[number - 1]) if sizes[number - 1] else None


_KEPT_ON_304 = frozenset({"cache-control", "expires"})

"""Multipart uploads: parts arrive in any order and become one object without being copied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from gateway.lineage.recorder import Write
from gateway.protocol import checksums, listing, ranges, requests, responses
from gateway.protocol.errors import S3Error
from gateway.s3.body import (
    DEFAULT_ALGORITHM,
    OBJECT_BYTES_MAX,
    Ingested,
    ingest,
    ingest_stored,
    read_document,
)
from gateway.s3.call import Call
from gateway.s3.objects import checksum_headers, location, quoted, version_headers
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.s3.writing import copy_source, declarations, who, write_condition
from gateway.versioning.errors import NoUpload
from gateway.versioning.model import Attributes, ObjectInfo, Part, Put, Snapshot, Upload

COPY_RANGE = "x-amz-copy-source-range"
PART_BYTES_MIN = 5 * 1024**2
_FULL_OBJECT_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME")


async def create_multipart_upload(call: Call) -> Response:
    """CreateMultipartUpload: opens an upload; what it says of the object counts at completion."""
    branch = await call.branch()
    given = declarations(call)
    algorithm, full_object = _checksum_form(call.request.headers)
    attributes = Attributes(
        content_type=given.content_type, headers=given.headers, metadata=given.metadata
    )
    about = {
        "algorithm": algorithm,
        "full_object": full_object,
        "message": given.message,
        "sources": list(given.sources),
    }
    upload = await call.store.create_upload(
        branch, call.key, attributes, account=call.identity.account, about=about
    )
    shape = [("x-amz-checksum-algorithm", algorithm)] if algorithm else []
    if algorithm:
        shape.append(("x-amz-checksum-type", "FULL_OBJECT" if full_object else "COMPOSITE"))
    return xml(
        responses.create_multipart_upload(call.request.bucket, upload.key, upload.id), *shape
    )


async def upload_part(call: Call) -> Response:
    """UploadPart: one part, durable when answered; sending its number again replaces it."""
    branch = await call.branch()
    number = _part_number(call.request.params.get("partNumber", ""))
    upload = await _upload(call, branch)
    algorithm = str(upload.about.get("algorithm", ""))
    declared = checksums.declared(call.request.headers)
    if algorithm and declared is not None and declared.algorithm != algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, "
            f"actual checksum Type: {declared.algorithm.lower()}",
        )
    body = await ingest(call, algorithm=algorithm or None)
    await _keep(call, upload, number, body)
    echoed = [(f"x-amz-checksum-{name.lower()}", value) for name, value in body.checksums.items()]
    return Response(200, [("etag", quoted(body.etag)), *echoed])


async def upload_part_copy(call: Call) -> Response:
    """UploadPartCopy: a part that is read from an object which is here already."""
    branch = await call.branch()
    number = _part_number(call.request.params.get("partNumber", ""))
    upload = await _upload(call, branch)
    _, found, _ = await copy_source(call)
    start, stop = ranges.parse_copy(call.request.headers.get(COPY_RANGE), found.size)
    if stop - start > OBJECT_BYTES_MAX:
        raise S3Error("EntityTooLarge", ProposedSize=stop - start, MaxSizeAllowed=OBJECT_BYTES_MAX)
    algorithm = str(upload.about.get("algorithm", "")) or DEFAULT_ALGORITHM
    body = await ingest_stored(call, found, start, stop, algorithm=algorithm)
    now = await _keep(call, upload, number, body)
    return xml(
        responses.copy_part(quoted(body.etag), now, body.checksums),
        ("x-amz-copy-source-version-id", found.version),
    )


async def list_parts(call: Call) -> Response:
    """ListParts: what has arrived so far, by number."""
    branch = await call.bucket()
    upload = await _upload(call, branch)
    asked = listing.parse_parts(call.request.params)
    parts = await call.store.parts(upload, after=asked.after, limit=asked.limit + 1)
    shown = parts[: asked.limit]
    return xml(
        responses.list_parts(
            bucket=call.request.bucket,
            key=upload.key,
            upload_id=upload.id,
            owner=upload.account,
            after=asked.after,
            limit=asked.limit,
            truncated=len(parts) > len(shown) > 0,
            parts=[(p.number, p.modified_ms, p.etag, p.size, p.checksums) for p in shown],
        )
    )


async def list_multipart_uploads(call: Call) -> Response:
    """ListMultipartUploads: uploads under way, by key, then by age."""
    branch = await call.bucket()
    asked = listing.parse_uploads(call.request.params)
    uploads: Sequence[Upload] = ()
    if branch.writable:
        uploads = await call.store.uploads(
            branch,
            prefix=asked.prefix,
            after_key=asked.after_key,
            after_upload=asked.after_version,
            limit=asked.limit + 1,
        )
    shown = uploads[: asked.limit]
    return xml(
        responses.list_multipart_uploads(
            bucket=call.request.bucket,
            asked=asked,
            truncated=len(uploads) > len(shown) > 0,
            uploads=[(u.key, u.id, u.started_ms, u.account) for u in shown],
        )
    )


async def complete_multipart_upload(call: Call) -> Response:
    """CompleteMultipartUpload: the named parts, in order, become the object in one commit.

    Completing again what was completed answers the same, for clients that lost the first answer.
    """
    branch = await call.branch()
    named = requests.parse_complete(await read_document(call))
    upload_id = call.request.params.get("uploadId", "")
    try:
        upload = await call.store.upload(branch, call.key, upload_id)
        parts = _chosen(named, await call.store.parts(upload), upload)
        put = await _assemble(call, branch, upload, parts)
        about = call.about("put", str(upload.about.get("message", "")))
        committed = await call.counted(
            branch, "put", call.store.complete_upload(branch, upload, parts, put, about)
        )
    except NoUpload:  # known no more, also where another completion was first just now
        done = await call.store.completed_upload(branch, call.key, upload_id)
        if done is None:
            raise
        return _completed(call, done)
    info = committed.outcomes[0].info
    assert info is not None
    return _completed(call, info)


async def abort_multipart_upload(call: Call) -> Response:
    """AbortMultipartUpload: forgets the upload and its parts."""
    branch = await call.branch()
    await call.store.abort_upload(await _upload(call, branch))
    return Response(NO_CONTENT)


async def _keep(call: Call, upload: Upload, number: int, body: Ingested) -> int:
    """Add a part that has arrived to its upload; when, in ms."""
    now = call.services.clock()
    part = Part(
        number=number,
        size=body.size,
        etag=body.etag,
        modified_ms=now,
        checksums=body.checksums,
        content=body.content,
    )
    await call.store.put_part(upload, part)
    return now


async def _upload(call: Call, branch: Snapshot) -> Upload:
    upload_id = call.request.params.get("uploadId", "")
    if not branch.writable:
        raise NoUpload(upload_id)
    return await call.store.upload(branch, call.key, upload_id)


async def _assemble(call: Call, branch: Snapshot, upload: Upload, parts: Sequence[Part]) -> Put:
    """The put that makes the upload's object: ETag and checksums follow from the parts'."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    size = sum(part.size for part in parts)
    summed, composite = _object_checksum(upload, parts)
    _check_declared(call.request.headers, summed, size)
    write = Write(
        bucket=branch,
        key=upload.key,
        size=size,
        etag=etag,
        declared_sources=tuple(upload.about.get("sources", ())),
        readable=call.may_read,
        **who(call),
    )
    described = await call.services.recorder.describe_put(write, None)
    call.link(described)
    attributes = replace(
        upload.attributes,
        checksums=summed,
        composite=composite,
        part_sizes=tuple(part.size for part in parts),
        lineage=described.summary,
    )
    return Put(
        key=upload.key,
        content=None,
        size=size,
        etag=etag,
        attributes=attributes,
        lineage=described.record,
        condition=write_condition(call),
    )


def _chosen(
    named: Sequence[requests.CompletedPart], present: Sequence[Part], upload: Upload
) -> list[Part]:
    """The parts named, checked against those present, as S3 demands of a completion."""
    by_number = {part.number: part for part in present}
    numbers = [one.number for one in named]
    if any(a >= b for a, b in pairwise(numbers)):
        raise S3Error("InvalidPartOrder", UploadId=upload.id)
    chosen = []
    for one in named:
        part = by_number.get(one.number)
        if part is None or one.etag.strip('"') != part.etag or not _agrees(one.checksums, part):
            raise S3Error(
                "InvalidPart", UploadId=upload.id, PartNumber=one.number, ETag=one.etag.strip('"')
            )
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < PART_BYTES_MIN:
            raise S3Error(
                "EntityTooSmall",
                ProposedSize=part.size,
                MinSizeAllowed=PART_BYTES_MIN,
                PartNumber=part.number,
                ETag=part.etag,
            )
    return chosen


def _agrees(claimed: Mapping[str, str], part: Part) -> bool:
    return all(part.checksums.get(name, value) == value for name, value in claimed.items())


def _checksum_form(headers: Mapping[str, str]) -> tuple[str, bool]:
    """The algorithm an upload is opened with ("" for none); whether it covers the whole object."""
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    kind = headers.get("x-amz-checksum-type", "").upper()
    if algorithm and algorithm not in checksums.ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    if kind not in {"", "FULL_OBJECT", "COMPOSITE"} or (kind and not algorithm):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    if (kind == "FULL_OBJECT" and algorithm not in _FULL_OBJECT_ALGORITHMS) or (
        kind == "COMPOSITE" and algorithm == "CRC64NVME"
    ):
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum "
            "algorithm.",
        )
    return algorithm, kind == "FULL_OBJECT" or algorithm in {"", "CRC64NVME"}


def _object_checksum(upload: Upload, parts: Sequence[Part]) -> tuple[dict[str, str], bool]:
    """The object's checksum from its parts', and whether it is a composite one."""
    algorithm = str(upload.about.get("algorithm") or "CRC64NVME")
    values = [(part.checksums.get(algorithm), part.size) for part in parts]
    known = [(value, size) for value, size in values if value is not None]
    if len(known) < len(parts):  # a part came with another algorithm: nothing can be claimed
        return {}, False
    if upload.about.get("full_object"):
        return {algorithm: checksums.combine(algorithm, known)}, False
    return {algorithm: checksums.composite(algorithm, [value for value, _ in known])}, True


def _check_declared(headers: Mapping[str, str], summed: Mapping[str, str], size: int) -> None:
    """What the completion itself claims of the whole object must hold."""
    claimed_size = headers.get("x-amz-mp-object-size")
    if claimed_size is not None and claimed_size != str(size):
        raise S3Error(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )
    for name, value in summed.items():
        claimed = headers.get(f"x-amz-checksum-{name.lower()}")
        if claimed is not None and claimed != value:
            raise S3Error(
                "BadDigest",
                f"The {name} you specified did not match the calculated checksum.",
                ExpectedDigest=claimed,
                CalculatedDigest=value,
            )


def _completed(call: Call, info: ObjectInfo) -> Response:
    scheme = "https" if call.request.secure else "http"
    host = call.request.headers.get("host", "")
    return xml(
        responses.complete_multipart_upload(
            location=f"{scheme}://{host}{location(call.request.bucket, info.key)}",
            bucket=call.request.bucket,
            key=info.key,
            etag=quoted(info.etag),
            checksums=info.attributes.checksums,
            composite=info.attributes.composite,
        ),
        *version_headers(info),
        *checksum_headers(info),
    )


def _part_number(text: str) -> int:
    if requests.is_part_number(text):
        return int(text)
    raise S3Error(
        "InvalidArgument",
        f"Part number must be an integer between 1 and {requests.PARTS_MAX}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=text,
    )

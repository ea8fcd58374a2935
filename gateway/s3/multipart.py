"""Multipart uploads: parts arrive in any order and become one object without being copied."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from gateway.auth.sight import uploads_seen
from gateway.lineage.recorder import Write
from gateway.protocol import checksums, listing, ranges, requests, responses
from gateway.protocol.errors import S3Error
from gateway.s3 import incoming
from gateway.s3.access import owner_of_upload
from gateway.s3.body import (
    DEFAULT_ALGORITHM,
    OBJECT_BYTES_MAX,
    Ingested,
    ingest,
    ingest_stored,
    read_document,
)
from gateway.s3.call import Call
from gateway.s3.copying import copy_source, source_headers
from gateway.s3.objects import checksum_headers, location, quoted
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.s3.versions import written_headers
from gateway.s3.writing import declarations, who, write_condition
from gateway.versioning.errors import NoUpload
from gateway.versioning.model import (
    Attributes,
    ObjectInfo,
    Part,
    Put,
    Snapshot,
    Upload,
    UploadPage,
)
from gateway.versioning.views import writes_null

COPY_RANGE = "x-amz-copy-source-range"
PART_BYTES_MIN = 5 * 1024**2
OBJECT_SIZE = "x-amz-mp-object-size"
CHECKSUM_TYPE = "x-amz-checksum-type"


async def create_multipart_upload(call: Call) -> Response:
    """CreateMultipartUpload: opens an upload; what it says of the object counts at completion."""
    branch = await call.branch(blind=True)
    given = declarations(call)
    side = await incoming.said(call, branch)
    algorithm, full_object = _checksum_form(call.request.headers)
    attributes = Attributes(
        content_type=given.content_type, headers=given.headers, metadata=given.metadata
    )
    about = {
        "algorithm": algorithm,
        "full_object": full_object,
        "message": given.message,
        "sources": list(given.sources),
        "origin": given.origin,
        "side": side,
    }
    upload = await call.store.create_upload(
        branch, call.key, attributes, account=call.identity.account, about=about
    )
    headers = []
    if algorithm:
        headers = [("x-amz-checksum-algorithm", algorithm), (CHECKSUM_TYPE, _form(upload)[1])]
    return xml(
        responses.create_multipart_upload(call.request.bucket, upload.key, upload.id), *headers
    )


async def upload_part(call: Call) -> Response:
    """UploadPart: one part, durable when answered; sending its number again replaces it."""
    branch = await call.branch(blind=True)
    number = _part_number(call.request.params.get("partNumber", ""))
    upload = await _upload(call, branch)
    algorithm, _ = _form(upload)
    declared = checksums.declared(call.request.headers)
    if algorithm and declared is not None and declared.algorithm != algorithm:
        raise _type_mismatch(algorithm, declared.algorithm)
    body = await ingest(call, algorithm=algorithm or DEFAULT_ALGORITHM)
    await _keep(call, upload, number, body)
    echoed = declared.algorithm if declared else algorithm or DEFAULT_ALGORITHM
    return Response(
        200,
        [
            ("etag", quoted(body.etag)),
            (f"x-amz-checksum-{echoed.lower()}", body.checksums[echoed]),
        ],
    )


async def upload_part_copy(call: Call) -> Response:
    """UploadPartCopy: a part that is read from an object which is here already."""
    branch = await call.branch()
    number = _part_number(call.request.params.get("partNumber", ""))
    upload = await _upload(call, branch)
    source, found, _ = await copy_source(call)
    start, stop = ranges.parse_copy(call.request.headers.get(COPY_RANGE), found.size)
    if stop - start > OBJECT_BYTES_MAX:
        raise S3Error("EntityTooLarge", ProposedSize=stop - start, MaxSizeAllowed=OBJECT_BYTES_MAX)
    algorithm = _form(upload)[0] or DEFAULT_ALGORITHM
    body = await ingest_stored(call, found, start, stop, algorithm=algorithm)
    now = await _keep(call, upload, number, body)
    return xml(
        responses.copy_part(quoted(body.etag), now, body.checksums),
        *source_headers(source, found),
    )


async def list_parts(call: Call) -> Response:
    """ListParts: what has arrived so far, by number."""
    branch = await call.bucket()
    upload = await _upload(call, branch)
    asked = listing.parse_parts(call.request.params)
    parts = await call.store.parts(upload, after=asked.after, limit=asked.limit + 1)
    shown = parts[: asked.limit]
    algorithm = _form(upload)[0] or DEFAULT_ALGORITHM
    return xml(
        responses.list_parts(
            bucket=call.request.bucket,
            key=upload.key,
            upload_id=upload.id,
            owner=owner_of_upload(branch, upload.about.get("side", {})),
            form=_form(upload),
            after=asked.after,
            limit=asked.limit,
            truncated=len(parts) > len(shown) > 0,
            parts=[
                (p.number, p.modified_ms, p.etag, p.size, _only(algorithm, p.checksums))
                for p in shown
            ],
        )
    )


async def list_multipart_uploads(call: Call) -> Response:
    """ListMultipartUploads: uploads under way, by key, then by age."""
    branch = await call.bucket()
    asked = listing.parse_uploads(call.request.params)
    page = UploadPage(())
    if branch.writable:
        page = await uploads_seen(
            call.store,
            branch,
            await call.sight(branch),
            prefix=asked.prefix,
            after_key=asked.after_key,
            after_upload=asked.after_version,
            limit=asked.limit,
            delimiter=asked.delimiter,
        )
    return xml(
        responses.list_multipart_uploads(
            bucket=call.request.bucket,
            asked=asked,
            uploads=[(u.key, u.id, u.started_ms, u.account, _form(u)) for u in page.uploads],
            prefixes=page.prefixes,
            following=None if page.next_key is None else (page.next_key, page.next_upload),
        )
    )


async def complete_multipart_upload(call: Call) -> Response:
    """CompleteMultipartUpload: the named parts, in order, become the object in one commit.

    Completing again what was completed answers the same, for clients that lost the first answer.
    """
    branch = await call.branch()
    checksums.of_completion(call.request.headers)
    named = requests.parse_complete(await read_document(call, checksum_of_object=True))
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
        return _completed(call, branch, done)
    info = committed.outcomes[0].info
    assert info is not None
    return _completed(call, branch, info)


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
    _check_declared(call.request.headers, upload, summed, size)
    write = Write(
        bucket=branch,
        key=upload.key,
        size=size,
        etag=etag,
        declared_sources=tuple(upload.about.get("sources", ())),
        declared_origin=upload.about.get("origin", ""),
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
        part_checksums=_part_checksums(summed, parts),
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
        null=writes_null(branch),
        side=incoming.retained(call, branch, upload.about.get("side", {})),
    )


def _chosen(
    named: Sequence[requests.CompletedPart], present: Sequence[Part], upload: Upload
) -> list[Part]:
    """The parts named, checked against those present, as S3 demands of a completion.

    Of a number that is named several times the last one counts: it was sent again.
    """
    by_number = {part.number: part for part in present}
    if any(a.number > b.number for a, b in pairwise(named)):
        raise S3Error("InvalidPartOrder", UploadId=upload.id)
    chosen = []
    for one in {one.number: one for one in named}.values():
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
    return all(part.checksums.get(name) == value for name, value in claimed.items())


def _checksum_form(headers: Mapping[str, str]) -> tuple[str, bool]:
    """The algorithm an upload is opened with ("" for none); whether it covers the whole object."""
    algorithm = headers.get("x-amz-checksum-algorithm", "").upper()
    kind = headers.get(CHECKSUM_TYPE, "").upper()
    if algorithm and algorithm not in checksums.ALGORITHMS:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            f"types: [{', '.join(checksums.ALGORITHMS)}]",
        )
    if kind not in {"", "FULL_OBJECT", "COMPOSITE"}:
        raise S3Error("InvalidRequest", f"Value for {CHECKSUM_TYPE} header is invalid.")
    if kind and not algorithm:
        raise S3Error(
            "InvalidRequest",
            f"The {CHECKSUM_TYPE} header can only be used with the x-amz-checksum-algorithm "
            "header.",
        )
    if (kind == "FULL_OBJECT" and algorithm not in checksums.COMBINABLE) or (
        kind == "COMPOSITE" and algorithm == "CRC64NVME"
    ):
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum "
            "algorithm.",
        )
    return algorithm, kind == "FULL_OBJECT" or algorithm in {"", "CRC64NVME"}


def _form(upload: Upload) -> tuple[str, str]:
    """The algorithm and the type of checksum that an upload was opened with; "" for none."""
    algorithm = str(upload.about.get("algorithm") or "")
    if not algorithm:
        return "", ""
    return algorithm, "FULL_OBJECT" if upload.about.get("full_object") else "COMPOSITE"


def _only(algorithm: str, sums: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in sums.items() if name == algorithm}


def _object_checksum(upload: Upload, parts: Sequence[Part]) -> tuple[dict[str, str], bool]:
    """The object's checksum from its parts', and whether it is a composite one."""
    algorithm, kind = _form(upload)
    algorithm = algorithm or DEFAULT_ALGORITHM
    values = [part.checksums[algorithm] for part in parts]
    if kind == "COMPOSITE":
        return {algorithm: checksums.composite(algorithm, values)}, True
    sizes = [part.size for part in parts]
    return {algorithm: checksums.combine(algorithm, list(zip(values, sizes, strict=True)))}, False


def _part_checksums(summed: Mapping[str, str], parts: Sequence[Part]) -> tuple[str, ...]:
    """The parts' checksums by the algorithm of the object's."""
    return tuple(part.checksums[algorithm] for algorithm in summed for part in parts)


def _check_declared(
    headers: Mapping[str, str], upload: Upload, summed: Mapping[str, str], size: int
) -> None:
    """What the completion itself claims of the whole object must hold."""
    _check_size(headers.get(OBJECT_SIZE), size)
    _, kind = _form(upload)
    claimed_kind = headers.get(CHECKSUM_TYPE, kind).upper()
    if kind and claimed_kind != kind:
        raise S3Error(
            "InvalidRequest",
            f"The upload was created using the {kind} checksum mode. The complete request must "
            "use the same checksum mode.",
        )
    claimed = checksums.of_completion(headers)
    if claimed is None:
        return
    ((algorithm, computed),) = summed.items()
    if claimed[0] != algorithm:
        raise _type_mismatch(algorithm, claimed[0])
    if not checksums.agree(claimed[1], computed):
        raise S3Error(
            "BadDigest",
            f"The {algorithm} you specified did not match the calculated checksum.",
            ExpectedDigest=claimed[1],
            CalculatedDigest=computed,
        )


def _check_size(claimed: str | None, size: int) -> None:
    if claimed is None or claimed == str(size):
        return
    if not (claimed.isascii() and claimed.isdigit()):
        raise S3Error("InvalidRequest", f"Value for {OBJECT_SIZE} header is invalid.")
    raise S3Error(
        "InvalidRequest",
        f"The provided '{OBJECT_SIZE}' header value {claimed} does not match what was computed: "
        f"{size}",
    )


def _type_mismatch(expected: str, actual: str) -> S3Error:
    return S3Error(
        "InvalidRequest",
        f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
        f"actual checksum Type: {actual.lower()}",
    )


def _completed(call: Call, branch: Snapshot, info: ObjectInfo) -> Response:
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
        *written_headers(branch, info),
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

"""CopyObject, and how any copy finds its source."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.lineage.recorder import Write
from gateway.protocol import checksums, conditions, copysource, responses
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import STORAGE_CLASS_HEADER
from gateway.protocol.operations import Right
from gateway.s3 import incoming
from gateway.s3.body import DEFAULT_ALGORITHM, OBJECT_BYTES_MAX
from gateway.s3.call import Call, version_id
from gateway.s3.objects import quoted
from gateway.s3.response import Response, xml
from gateway.s3.tagging import tags_of
from gateway.s3.versions import shown_version, written_headers
from gateway.s3.writing import declarations, precheck, who, write_condition
from gateway.versioning.errors import NoKey
from gateway.versioning.model import Attributes, ObjectInfo, Put, Snapshot
from gateway.versioning.names import CommitId, check_key
from gateway.versioning.views import writes_null

_METADATA_DIRECTIVE = "x-amz-metadata-directive"
_TAGGING_DIRECTIVE = "x-amz-tagging-directive"


async def copy_object(call: Call) -> Response:
    """CopyObject: the source's bytes under another name; nothing is copied inside the store."""
    headers = call.request.headers
    branch = await call.branch()
    key = call.key
    source, found, version = await copy_source(call)
    if found.size > OBJECT_BYTES_MAX:
        raise S3Error(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {OBJECT_BYTES_MAX}",
        )
    replaced = _replaces(headers, _METADATA_DIRECTIVE)
    own_tags = _replaces(headers, _TAGGING_DIRECTIVE)
    same_branch = source.writable and (source.repo, source.ref) == (branch.repo, branch.ref)
    changed = replaced or STORAGE_CLASS_HEADER in headers  # as AWS: even to what it is
    if same_branch and found.key == key and version is None and not changed:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes.",
        )
    given = declarations(call)
    side = await incoming.side(call, branch, None if own_tags else tags_of(found))
    condition = write_condition(call)
    await precheck(call, branch, key, condition)
    whole = await _as_one_piece(call, found)
    write = Write(
        bucket=branch,
        key=key,
        size=found.size,
        etag=whole.etag,
        declared_sources=given.sources,
        readable=call.may_read,
        **who(call),
    )
    described = await call.services.recorder.describe_copy(write, source, found)
    call.link(described)
    kept = found.attributes
    put = Put(
        key=key,
        content=found.content,
        size=found.size,
        etag=whole.etag,
        attributes=Attributes(
            content_type=given.content_type if replaced else kept.content_type,
            headers=given.headers if replaced else kept.headers,
            metadata=given.metadata if replaced else kept.metadata,
            checksums=whole.checksums,
            lineage=described.summary,
        ),
        lineage=described.record,
        condition=condition,
        null=writes_null(branch),
        side=side,
    )
    committed = await call.commit(branch, [put], "copy", given.message)
    info = committed.outcomes[0].info
    assert info is not None
    return xml(
        responses.copy_object(quoted(info.etag), info.modified_ms, info.attributes.checksums),
        *written_headers(branch, info),
        *source_headers(source, found),
    )


def source_headers(source: Snapshot, found: ObjectInfo) -> list[tuple[str, str]]:
    """Which version was copied, where its bucket shows any."""
    version = shown_version(source, found)
    return [] if version is None else [("x-amz-copy-source-version-id", version)]


async def copy_source(call: Call) -> tuple[Snapshot, ObjectInfo, CommitId | None]:
    """The state and the object that a copy reads, and the version it names.

    Raises what reading it raises, and PreconditionFailed.
    """
    headers = call.request.headers
    named = headers["x-amz-copy-source"]
    bucket, key, version_text = copysource.parse(named)
    owner = headers.get("x-amz-source-expected-bucket-owner")
    at = await call.open(bucket, Right.READ, owner=owner, key=key, version=version_text)
    version = None if version_text is None else version_id(version_text)
    try:
        found = await _find(call, at, key, version)
    except NoKey:
        # s5cmd writes a space as `+`. A plus that stands for itself goes first, so that no object
        # is taken for another.
        if "+" not in named:
            raise
        spaced = copysource.parse(named.replace("+", "%20"))[1]
        await call.allow(at, Right.READ, spaced, version=version_text)
        found = await _find(call, at, spaced, version)
    now_ms = call.services.clock()
    conditions.evaluate_copy_source(headers, found.etag, found.modified_ms, now_ms)
    return at, found, version


async def _find(call: Call, at: Snapshot, key: str, version: CommitId | None) -> ObjectInfo:
    try:
        return await call.store.stat(at, check_key(key), version)
    except NoKey as error:
        if version is not None and error.marker is not None:
            raise S3Error(
                "InvalidRequest",
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id.",
            ) from None
        raise


def _replaces(headers: Mapping[str, str], name: str) -> bool:
    """Whether a directive says REPLACE rather than COPY. Raises InvalidArgument."""
    value = headers.get(name, "COPY")
    if value not in {"COPY", "REPLACE"}:
        raise S3Error(
            "InvalidArgument",
            f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.",
            ArgumentName=name,
            ArgumentValue=value,
        )
    return value == "REPLACE"


@dataclass(frozen=True, slots=True)
class _Whole:
    """What an object's ETag and checksums are where it is one piece."""

    etag: str
    checksums: Mapping[str, str]


async def _as_one_piece(call: Call, found: ObjectInfo) -> _Whole:
    """A copy is one piece: its ETag is the MD5 of the bytes, also of what came in parts.

    The bytes are read only where that, or the checksum that was asked for, is not known.
    """
    kept = found.attributes
    asked = call.request.headers.get("x-amz-checksum-algorithm", "").upper()
    if asked and asked not in checksums.ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    plain = "-" not in found.etag
    known = {} if kept.composite else dict(kept.checksums)
    if plain and known and (not asked or asked in known):
        return _Whole(found.etag, known)
    algorithm = asked or next(iter(kept.checksums), DEFAULT_ALGORITHM)
    md5, checksum = hashlib.md5(usedforsecurity=False), checksums.new(algorithm)

    def update(piece: bytes) -> None:
        md5.update(piece)
        checksum.update(piece)

    body = await call.store.read(found)
    if isinstance(body, bytes):
        update(body)
    else:
        async for piece in body:
            await asyncio.to_thread(update, piece)
    return _Whole(md5.hexdigest(), {algorithm: checksum.base64()})

"""PutObject, CopyObject, DeleteObject and DeleteObjects: each is one commit."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from gateway.lineage.recorder import Write
from gateway.protocol import checksums, conditions, copysource, requests, responses
from gateway.protocol.errors import S3Error
from gateway.protocol.headers import ObjectHeaders, object_headers
from gateway.protocol.operations import Right
from gateway.s3.body import DEFAULT_ALGORITHM, OBJECT_BYTES_MAX, ingest, read_document
from gateway.s3.call import Call, version_id
from gateway.s3.objects import COMMIT_HEADER, checksum_headers, quoted, version_headers
from gateway.s3.response import NO_CONTENT, Response, xml
from gateway.versioning.errors import InvalidKey, NoKey
from gateway.versioning.model import (
    Attributes,
    Condition,
    Delete,
    ObjectInfo,
    Put,
    Snapshot,
)
from gateway.versioning.names import CommitId, check_key

# What would change the meaning of a write, and is not offered: storing the object as if it had
# not been asked for would be a lie. Server-side encryption without a key of the client's is not
# among them: it has no meaning that a reader could see.
_NOT_OFFERED = (
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-tagging",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
)
# Canned ACLs that give nobody more than the account has already.
_OWN_ACLS = frozenset({"private", "bucket-owner-full-control", "bucket-owner-read"})


async def put_object(call: Call) -> Response:
    """PutObject: the body becomes the key's newest version, in a commit with its lineage."""
    branch = await call.branch()
    key = call.key
    given = declarations(call)
    condition = write_condition(call)
    await _precheck(call, branch, key, condition)
    body = await ingest(call)
    write = Write(
        bucket=branch,
        key=key,
        size=body.size,
        etag=body.etag,
        sha256=body.sha256,
        declared_sources=given.sources,
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
        same_as=described.same_as,
    )
    committed = await call.commit(branch, [put], "put", given.message)
    info = committed.outcomes[0].info
    assert info is not None
    return Response(
        200, [("etag", quoted(info.etag)), *version_headers(info), *checksum_headers(info)]
    )


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
    replaced = _directive(headers) == "REPLACE"
    same_branch = source.writable and (source.repo, source.ref) == (branch.repo, branch.ref)
    if same_branch and found.key == key and version is None and not replaced:
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes.",
        )
    given = declarations(call)
    condition = write_condition(call)
    await _precheck(call, branch, key, condition)
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
    )
    committed = await call.commit(branch, [put], "copy", given.message)
    info = committed.outcomes[0].info
    assert info is not None
    return xml(
        responses.copy_object(quoted(info.etag), info.modified_ms, info.attributes.checksums),
        *version_headers(info),
        ("x-amz-copy-source-version-id", found.version),
    )


async def delete_object(call: Call) -> Response:
    """DeleteObject: a delete marker, whether or not the key is there; always 204."""
    branch = await call.branch()
    key = call.key
    if "versionId" in call.request.params:
        raise _versions_stay()
    if "if-none-match" in call.request.headers:
        raise S3Error("NotImplemented", Header="If-None-Match")
    condition = write_condition(call)
    described = await call.services.recorder.describe_delete(
        Write.of_delete(branch, key, **who(call))
    )
    change = Delete(key, described.record, condition)
    try:
        committed = await call.commit(branch, [change], "delete")
    except NoKey:
        # Only a condition asks for the key, and what was to be deleted is not there: as AWS.
        return Response(NO_CONTENT)
    return Response(NO_CONTENT, _marker_headers(committed.outcomes[0].version))


async def delete_objects(call: Call) -> Response:
    """DeleteObjects: up to 1,000 delete markers in one commit, each key with its own result."""
    branch = await call.branch()
    wanted, quiet = requests.parse_delete(await read_document(call, integrity=True))
    failed: list[tuple[str, str | None, str, str]] = []
    changes: dict[str, Delete] = {}
    for key, version in wanted:
        if version is not None:
            refusal = _versions_stay()
            failed.append((key, version, refusal.code, refusal.message))
            continue
        try:
            write = Write.of_delete(branch, check_key(key), **who(call))
        except InvalidKey as error:
            failed.append((key, None, "InvalidArgument", str(error)))
            continue
        described = await call.services.recorder.describe_delete(write)
        changes[key] = Delete(key, described.record)
    deleted: list[tuple[str, str]] = []
    headers: list[tuple[str, str]] = []
    if changes:
        committed = await call.commit(branch, list(changes.values()), "delete")
        deleted = [
            (key, outcome.version) for key, outcome in zip(changes, committed.outcomes, strict=True)
        ]
        headers.append((COMMIT_HEADER, deleted[0][1]))
    return xml(responses.delete_objects([] if quiet else deleted, failed), *headers)


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
    if headers.get("x-amz-acl", "private") not in _OWN_ACLS:
        raise S3Error("NotImplemented", Header="x-amz-acl")
    return object_headers(headers)


def write_condition(call: Call) -> Condition | None:
    """If-Match and If-None-Match of a write, in the store's words."""
    etag, not_etag = conditions.write_condition(call.request.headers)
    return None if etag is None and not_etag is None else Condition(etag, not_etag)


async def _precheck(call: Call, branch: Snapshot, key: str, condition: Condition | None) -> None:
    """Refuse before the body is sent what the commit would refuse after it; the commit decides."""
    if condition is None:
        return
    try:
        etag = (await call.store.stat(branch, key)).etag
    except NoKey:
        if condition.etag is not None:
            raise
        return
    condition.demand(etag)


async def copy_source(call: Call) -> tuple[Snapshot, ObjectInfo, CommitId | None]:
    """The state and the object that a copy reads, and the version it names.

    Raises what reading it raises, and PreconditionFailed.
    """
    headers = call.request.headers
    named = headers["x-amz-copy-source"]
    bucket, key, version_text = copysource.parse(named)
    owner = headers.get("x-amz-source-expected-bucket-owner")
    at = await call.open(bucket, Right.READ, owner=owner)
    version = None if version_text is None else version_id(version_text)
    try:
        found = await _find(call, at, key, version)
    except NoKey:
        # s5cmd writes a space as `+`. A plus that stands for itself goes first, so that no object
        # is taken for another.
        if "+" not in named:
            raise
        found = await _find(call, at, copysource.parse(named.replace("+", "%20"))[1], version)
    conditions.evaluate_copy_source(headers, found.etag, found.modified_ms)
    return at, found, version


async def _find(call: Call, at: Snapshot, key: str, version: CommitId | None) -> ObjectInfo:
    try:
        return await call.store.stat(at, check_key(key), version)
    except NoKey as error:
        if version is not None and error.marker == version:
            raise S3Error(
                "InvalidRequest",
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id.",
            ) from None
        raise


def _directive(headers: Mapping[str, str]) -> str:
    for name in ("x-amz-tagging-directive", "x-amz-metadata-directive"):
        value = headers.get(name, "COPY")
        if value not in {"COPY", "REPLACE"}:
            raise S3Error(
                "InvalidArgument",
                f"Unknown {name.removeprefix('x-amz-').replace('-', ' ')}.",
                ArgumentName=name,
                ArgumentValue=value,
            )
    return value


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


def _marker_headers(version: CommitId) -> list[tuple[str, str]]:
    return [
        ("x-amz-delete-marker", "true"),
        ("x-amz-version-id", version),
        (COMMIT_HEADER, version),
    ]


def _versions_stay() -> S3Error:
    return S3Error(
        "NotImplemented",
        "Deleting one version takes its content out of history; this server does not offer that "
        "yet.",
    )

"""The request body on its way in: decoded, measured, hashed, staged, checked against its claims.

A stack of readers: ASGI messages -> aws-chunked decoder -> hashers and the store's staging.
Nothing is collected but small bodies and those that may be labels.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway.lineage.labelstudio import LABEL_BYTES_MAX
from gateway.protocol import checksums
from gateway.protocol.chunked import ChunkDecoder
from gateway.protocol.errors import S3Error
from gateway.protocol.payload import UNSIGNED
from gateway.s3.call import Call, Posted
from gateway.versioning.model import ObjectInfo
from gateway.versioning.store import Staging

OBJECT_BYTES_MAX = 5 * 1024**3
XML_BYTES_MAX = 2 * 1024**2
WHOLE_BYTES_MAX = 64 * 1024
BLOCK_BYTES = 1024 * 1024
LENGTH_DIGITS_MAX = 18
DEFAULT_ALGORITHM = "CRC64NVME"
_STREAMING = "STREAMING-"


class ClientGone(Exception):
    """The client hung up in the middle of its body; there is nobody left to answer."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """A body that arrived whole and is what its sender claimed.

    content: the store's handle. checksums: the declared one and the one that was asked for
    beside it, else CRC64NVME.
    kept: the bytes themselves where they may be a label.
    """

    content: Any
    size: int
    etag: str
    sha256: str
    checksums: Mapping[str, str]
    kept: bytes | None


@dataclass(slots=True)
class _Claims:
    """What the headers say of the body before any of it is read.

    least, most: bytes it may have; the same where its length was told.
    """

    least: int
    most: int
    payload: str
    decoder: ChunkDecoder | None
    declared: checksums.Declared | None
    md5: bytes | None
    algorithms: frozenset[str]


class _Digests:
    """Every digest the body needs, in one pass."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()
        self.checksums = {name: checksums.new(name) for name in algorithms}

    def update(self, data: bytes | bytearray) -> None:
        self.size += len(data)
        self.md5.update(data)
        self.sha256.update(data)
        for checksum in self.checksums.values():
            checksum.update(data)


async def ingest(call: Call, *, algorithm: str | None = None) -> Ingested:
    """Take the body into the store's staging: durable when this returns, visible to nobody yet.

    algorithm: of a checksum to compute whatever the request declares.
    Raises the S3Error of the first claim that does not hold; then nothing stays behind.
    """
    claims = _claims(call, algorithm, OBJECT_BYTES_MAX)
    digests = _Digests(claims.algorithms or {DEFAULT_ALGORITHM})
    staging = await call.store.stage()
    try:
        if claims.most <= WHOLE_BYTES_MAX:
            whole = await _whole(call, claims)
            digests.update(whole)
            _check(claims, digests)
            await staging.write(whole)
            kept: bytes | None = whole
        else:
            kept = await _streamed(call, claims, digests, staging)
            _check(claims, digests)
        content = await staging.finish(digests.sha256.digest())
    except BaseException:
        await staging.abort()
        raise
    return _ingested(content, digests, kept)


async def ingest_stored(
    call: Call, found: ObjectInfo, start: int, stop: int, *, algorithm: str
) -> Ingested:
    """Take bytes [start, stop) of an object that is here as a body of their own."""
    digests = _Digests([algorithm])
    staging = await call.store.stage()
    try:
        data = await call.store.read(found, start, stop)
        if isinstance(data, bytes):
            await _taken(data, digests, staging, None)
        else:
            async for piece in data:
                await _taken(piece, digests, staging, None)
        content = await staging.finish(digests.sha256.digest())
    except BaseException:
        await staging.abort()
        raise
    return _ingested(content, digests, None)


async def read_document(
    call: Call, *, integrity: bool = False, checksum_of_object: bool = False
) -> bytes:
    """A small body, whole and checked: the XML of an operation that takes some.

    integrity: the operation demands Content-MD5 or a checksum (DeleteObjects).
    checksum_of_object: the checksum among the headers is none of this body.
    """
    claims = _claims(call, None, None, declares=not checksum_of_object)
    if integrity and claims.md5 is None and claims.declared is None:
        raise S3Error(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        )
    data = await _whole(call, claims)
    digests = _Digests(claims.algorithms)
    digests.update(data)
    _check(claims, digests)
    return data


def _ingested(content: Any, digests: _Digests, kept: bytes | None) -> Ingested:
    return Ingested(
        content=content,
        size=digests.size,
        etag=digests.md5.hexdigest(),
        sha256=digests.sha256.hexdigest(),
        checksums={name: checksum.base64() for name, checksum in digests.checksums.items()},
        kept=kept,
    )


def _claims(
    call: Call, algorithm: str | None, size_max: int | None, *, declares: bool = True
) -> _Claims:
    """algorithm: see ingest. size_max: of an object; None for a document."""
    headers = call.request.headers
    payload = call.identity.payload
    declared = checksums.declared(headers) if declares else None
    streaming = payload.startswith(_STREAMING) and call.posted is None
    if streaming and call.operation.name not in {"PutObject", "UploadPart"}:
        raise S3Error("InvalidRequest", f"{call.operation.name} takes no streamed payload.")
    least, most = _lengths(call, streaming=streaming, is_document=size_max is None)
    if size_max is None and most > XML_BYTES_MAX:
        raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=XML_BYTES_MAX)
    if size_max is not None and most > size_max:
        raise S3Error("EntityTooLarge", ProposedSize=most, MaxSizeAllowed=size_max)
    decoder = None
    if streaming:
        trailer = declared.trailer if declared else None
        decoder = ChunkDecoder(most, call.identity.chunk_signer, trailer)
    wanted = (declared.algorithm if declared else None, algorithm)
    return _Claims(
        least,
        most,
        payload,
        decoder,
        declared,
        checksums.content_md5(headers),
        frozenset(name for name in wanted if name),
    )


def _lengths(call: Call, *, streaming: bool, is_document: bool) -> tuple[int, int]:
    """The least and the most bytes that the body may have. Raises MissingContentLength."""
    if call.posted is not None:
        return call.posted.least, call.posted.most
    headers = call.request.headers
    name = "x-amz-decoded-content-length" if streaming else "content-length"
    length = _length(headers, name)
    if length is not None:
        return length, length
    in_http_chunks = "transfer-encoding" in headers
    if is_document and not in_http_chunks:
        return 0, 0  # a document may be left out, an object may not
    if not is_document and in_http_chunks and not streaming:
        return 0, OBJECT_BYTES_MAX  # it ends where its chunks do
    raise S3Error("MissingContentLength")


def content_length(headers: Mapping[str, str]) -> int | None:
    """What Content-Length says; None without one. Raises InvalidArgument."""
    return _length(headers, "content-length")


def _length(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name)
    if text is None or not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LENGTH_DIGITS_MAX):
        raise S3Error(
            "InvalidArgument", f"{name} is not a length", ArgumentName=name, ArgumentValue=text
        )
    return int(text)


async def _whole(call: Call, claims: _Claims) -> bytes:
    pieces = [piece async for piece in _pieces(call, claims)]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _streamed(
    call: Call, claims: _Claims, digests: _Digests, staging: Staging
) -> bytes | None:
    """Hash in a thread while the store writes, a block at a time; keep what may be a label."""
    kept: list[bytes | bytearray] | None = [] if claims.least <= LABEL_BYTES_MAX else None
    block = bytearray()
    async for piece in _pieces(call, claims):
        block += piece
        if len(block) >= BLOCK_BYTES:
            kept = await _taken(block, digests, staging, kept)
            block = bytearray()
    kept = await _taken(block, digests, staging, kept)
    return None if kept is None else b"".join(kept)


async def _taken(
    block: bytes | bytearray,
    digests: _Digests,
    staging: Staging,
    kept: list[bytes | bytearray] | None,
) -> list[bytes | bytearray] | None:
    """Hash and stage a block. kept: the blocks so far, while they may be a JSON object."""
    small = digests.size + len(block) <= LABEL_BYTES_MAX
    if kept is not None and small and (kept or block.lstrip().startswith(b"{")):
        kept.append(block)
    else:
        kept = None
    await asyncio.gather(asyncio.to_thread(digests.update, block), staging.write(block))
    return kept


async def _pieces(call: Call, claims: _Claims) -> AsyncIterator[bytes]:
    decoder = claims.decoder
    size = 0
    async for piece in messages(call) if call.posted is None else _file(call.posted):
        if decoder is None:
            size += len(piece)
            if size > claims.most:  # nobody has said before how long it is
                raise S3Error("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=claims.most)
            yield piece
        else:
            for decoded in decoder.feed(piece):
                yield decoded
    if decoder is not None:
        trailers = decoder.finish()
        if claims.declared is not None and claims.declared.trailer is not None:
            claims.declared = claims.declared.with_value(trailers)


async def _file(posted: Posted) -> AsyncIterator[bytes]:
    """The pieces of a form's file. Raises EntityTooSmall where there were too few."""
    size = 0
    async for piece in posted.pieces:
        size += len(piece)
        yield piece
    if size < posted.least:
        raise S3Error("EntityTooSmall", ProposedSize=size, MinSizeAllowed=posted.least)


async def messages(call: Call) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ClientGone."""
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = cast("bytes", message.get("body", b""))
        call.bytes_in += len(piece)
        if piece:
            yield piece
        if not message.get("more_body", False):
            call.body_read = True
            return


def _check(claims: _Claims, digests: _Digests) -> None:
    if not claims.least <= digests.size <= claims.most:
        raise S3Error("IncompleteBody")
    payload = claims.payload
    if payload != UNSIGNED and not payload.startswith(_STREAMING):
        computed = digests.sha256.hexdigest()
        if payload != computed:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=payload,
                S3ComputedContentSHA256=computed,
            )
    if claims.md5 is not None and claims.md5 != digests.md5.digest():
        raise S3Error(
            "BadDigest", ExpectedDigest=claims.md5.hex(), CalculatedDigest=digests.md5.hexdigest()
        )
    declared = claims.declared
    if declared is not None and declared.value is not None:
        computed = digests.checksums[declared.algorithm].base64()
        if declared.value != computed:
            raise S3Error(
                "BadDigest",
                f"The {declared.algorithm} you specified did not match the calculated checksum.",
                ExpectedDigest=declared.value,
                CalculatedDigest=computed,
            )

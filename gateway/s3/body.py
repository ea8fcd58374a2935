"""The request body on its way in: decoded, measured, hashed, staged, checked against its claims.

A stack of readers: ASGI messages -> aws-chunked decoder -> hashers and the store's staging.
Nothing is collected but small bodies and those that may be labels.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from gateway.lineage.labelstudio import LABEL_BYTES_MAX
from gateway.protocol import checksums
from gateway.protocol.chunked import ChunkDecoder
from gateway.protocol.errors import S3Error
from gateway.protocol.payload import UNSIGNED
from gateway.s3.call import Call, Receive
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

    content: the store's handle. checksums: the declared one, else CRC64NVME.
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
    """What the headers say of the body before any of it is read."""

    length: int
    payload: str
    decoder: ChunkDecoder | None
    declared: checksums.Declared | None
    md5: bytes | None
    algorithm: str


class _Digests:
    """Every digest the body needs, in one pass."""

    def __init__(self, algorithm: str) -> None:
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()
        self.checksum = checksums.new(algorithm)

    def update(self, data: bytes | bytearray) -> None:
        self.size += len(data)
        self.md5.update(data)
        self.sha256.update(data)
        self.checksum.update(data)


async def ingest(call: Call, *, algorithm: str | None = None) -> Ingested:
    """Take the body into the store's staging: durable when this returns, visible to nobody yet.

    algorithm: of the checksum to compute where the request declares none.
    Raises the S3Error of the first claim that does not hold; then nothing stays behind.
    """
    claims = _claims(call, algorithm or DEFAULT_ALGORITHM, OBJECT_BYTES_MAX)
    digests = _Digests(claims.algorithm)
    staging = await call.store.stage()
    try:
        if claims.length <= WHOLE_BYTES_MAX:
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
    return _ingested(content, digests, claims.algorithm, kept)


async def ingest_stored(
    call: Call, found: ObjectInfo, start: int, stop: int, *, algorithm: str
) -> Ingested:
    """Take bytes [start, stop) of an object that is here as a body of their own."""
    digests = _Digests(algorithm)
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
    return _ingested(content, digests, algorithm, None)


async def read_document(call: Call, *, integrity: bool = False) -> bytes:
    """A small body, whole and checked: the XML of an operation that takes some.

    integrity: the operation demands Content-MD5 or a checksum (DeleteObjects).
    """
    claims = _claims(call, DEFAULT_ALGORITHM, None)
    if integrity and claims.md5 is None and claims.declared is None:
        raise S3Error(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        )
    data = await _whole(call, claims)
    digests = _Digests(claims.algorithm)
    digests.update(data)
    _check(claims, digests)
    return data


def _ingested(content: Any, digests: _Digests, algorithm: str, kept: bytes | None) -> Ingested:
    return Ingested(
        content=content,
        size=digests.size,
        etag=digests.md5.hexdigest(),
        sha256=digests.sha256.hexdigest(),
        checksums={algorithm: digests.checksum.base64()},
        kept=kept,
    )


def _claims(call: Call, algorithm: str, size_max: int | None) -> _Claims:
    """size_max: of an object; None for a document, which also may have no length."""
    headers = call.request.headers
    payload = call.identity.payload
    declared = checksums.declared(headers)
    decoder = None
    if payload.startswith(_STREAMING):
        if call.operation.name not in {"PutObject", "UploadPart"}:
            raise S3Error("InvalidRequest", f"{call.operation.name} takes no streamed payload.")
        length = _length(headers, "x-amz-decoded-content-length")
        if length is None:
            raise S3Error("MissingContentLength")
        decoder = ChunkDecoder(
            length,
            call.identity.chunk_signer,
            declared.trailer if declared else None,
        )
    else:
        length = _length(headers, "content-length")
        if length is None:
            if size_max is not None or "transfer-encoding" in headers:
                raise S3Error("MissingContentLength")
            length = 0
    if size_max is None and length > XML_BYTES_MAX:
        raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=XML_BYTES_MAX)
    if size_max is not None and length > size_max:
        raise S3Error("EntityTooLarge", ProposedSize=length, MaxSizeAllowed=size_max)
    return _Claims(
        length,
        payload,
        decoder,
        declared,
        checksums.content_md5(headers),
        declared.algorithm if declared else algorithm,
    )


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
    kept: list[bytes | bytearray] | None = [] if claims.length <= LABEL_BYTES_MAX else None
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
    if kept is not None and (kept or block.lstrip().startswith(b"{")):
        kept.append(block)
    else:
        kept = None
    await asyncio.gather(asyncio.to_thread(digests.update, block), staging.write(block))
    return kept


async def _pieces(call: Call, claims: _Claims) -> AsyncIterator[bytes]:
    decoder = claims.decoder
    async for piece in _messages(call, call.receive):
        if decoder is None:
            yield piece
        else:
            for decoded in decoder.feed(piece):
                yield decoded
    if decoder is not None:
        trailers = decoder.finish()
        if claims.declared is not None and claims.declared.trailer is not None:
            claims.declared = claims.declared.with_value(trailers)


async def _messages(call: Call, receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
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
    if digests.size != claims.length:
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
        computed = digests.checksum.base64()
        if declared.value != computed:
            raise S3Error(
                "BadDigest",
                f"The {declared.algorithm} you specified did not match the calculated checksum.",
                ExpectedDigest=declared.value,
                CalculatedDigest=computed,
            )

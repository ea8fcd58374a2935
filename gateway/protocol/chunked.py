"""aws-chunked bodies, sans I/O: framed bytes in, decoded bytes out.

    <hex size>[;chunk-signature=<64 hex>] CRLF <bytes> CRLF  ...  0[;chunk-signature=...] CRLF
    [<trailer>:<value> CRLF ...] CRLF

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol

from gateway.protocol.errors import S3Error

LINE_BYTES_MAX = 256
TRAILERS_MAX = 8
SIGNED_CHUNK_BYTES_MIN = 8192

_SIGNATURE_TRAILER = "x-amz-trailer-signature"
_PLAIN_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})")
_SIGNED_HEAD = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})")
_TRAILER_LINE = re.compile(rb"([A-Za-z0-9-]+)[ \t]*:[ \t]*([\x21-\x7e]*)[ \t]*\n?")


class Signer(Protocol):
    """Checks the signatures of a stream, each of which includes the one before.

    trailing: trailers follow, with a signature of their own. Both checks take the hex SHA-256 of
    what was signed and raise SignatureDoesNotMatch.
    """

    trailing: bool

    def check_chunk(self, signature: str, sha256: str) -> None:
        """The next chunk."""

    def check_trailers(self, signature: str, sha256: str) -> None:
        """The trailers, each as `name:value` and a line feed."""


class _Expect(Enum):
    HEAD = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkDecoder:
    """Decodes one body. Holds at most a line of it.

    decoded_length: bytes the request promises once decoded. signer: for streams whose chunks are
    signed. trailer: the name announced in `x-amz-trailer`, in lower case.

    A chunk's bytes come out before its signature is known: nothing may be kept of a body whose
    feed or finish raised.
    """

    def __init__(self, decoded_length: int, signer: Signer | None, trailer: str | None) -> None:
        self._length = decoded_length
        self._signer = signer
        self._trailer = trailer
        self._head = _PLAIN_HEAD if signer is None else _SIGNED_HEAD
        self._expect = _Expect.HEAD
        self._pending = b""  # the beginning of a line whose end has not come yet
        self._left = 0  # bytes of the open chunk still to come
        self._seen = 0
        self._chunks = 0
        self._short: tuple[int, int] | None = None  # number and size of a chunk under the minimum
        self._signature = ""
        self._hash = hashlib.sha256()
        self._trailers: dict[str, str] = {}
        self._trailer_signature = ""

    def feed(self, data: bytes) -> list[bytes]:
        """The decoded bytes among `data`, in pieces; linear in its length.

        Raises IncompleteBody (framing, or more than was promised), InvalidChunkSizeError,
        MalformedTrailerError, SignatureDoesNotMatch.
        """
        pieces: list[bytes] = []
        position, end = 0, len(data)
        while position < end:
            if self._expect is not _Expect.DATA:
                position = self._read_line(data, position)
                continue
            stop = min(position + self._left, end)
            whole = position == 0 and stop == end
            piece = data if whole else data[position:stop]  # a piece of one big chunk is not copied
            pieces.append(piece)
            if self._signer is not None:
                self._hash.update(piece)
            self._left -= stop - position
            position = stop
            if not self._left:
                self._expect = _Expect.DATA_END
                self._close_chunk()
        return pieces

    def finish(self) -> Mapping[str, str]:
        """The trailers by lower-case name, once all bytes were fed.

        Raises IncompleteBody where the end is missing or the length is not the one promised,
        MalformedTrailerError, SignatureDoesNotMatch.
        """
        ended = self._expect is _Expect.NOTHING and not self._pending
        if not ended or self._seen != self._length:
            raise S3Error("IncompleteBody")
        announced = set() if self._trailer is None else {self._trailer}
        if self._trailers.keys() != announced:
            raise S3Error("MalformedTrailerError")
        if self._signer is not None and self._signer.trailing:
            signed = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
            sha256 = hashlib.sha256(signed.encode()).hexdigest()
            self._signer.check_trailers(self._trailer_signature, sha256)
        elif self._trailer_signature or (self._signer is not None and self._trailers):
            raise S3Error("MalformedTrailerError")
        return self._trailers

    def _read_line(self, data: bytes, position: int) -> int:
        """Take one line, or what there is of it; the position behind it."""
        room = LINE_BYTES_MAX - len(self._pending) + 2
        window = self._pending + data[position : position + room]
        end = window.find(b"\r\n")
        if end < 0:
            if len(window) > LINE_BYTES_MAX:
                raise self._malformed()
            self._pending = window
            return len(data)
        taken = end + 2 - len(self._pending)
        self._pending = b""
        self._take_line(window[:end])
        return position + taken

    def _take_line(self, line: bytes) -> None:
        match self._expect:
            case _Expect.HEAD:
                self._open_chunk(line)
            case _Expect.DATA_END if not line:
                self._expect = _Expect.HEAD
            case _Expect.TRAILER if not line:
                self._expect = _Expect.NOTHING
            case _Expect.TRAILER:
                self._take_trailer(line)
            case _:
                raise self._malformed()

    def _open_chunk(self, line: bytes) -> None:
        match = self._head.fullmatch(line)
        if match is None:
            raise self._malformed()
        size = int(match[1], 16)
        self._seen += size
        if self._seen > self._length:
            raise S3Error("IncompleteBody")
        if self._signer is not None:
            self._signature = match[2].decode()
            self._hash = hashlib.sha256()
        if not size:
            self._expect = _Expect.TRAILER
            self._close_chunk()
            return
        self._check_size(size)
        self._left = size
        self._expect = _Expect.DATA

    def _check_size(self, size: int) -> None:
        """Only the last chunk of a signed stream may be small, which the next one's head tells."""
        if self._signer is None:
            return
        if self._short is not None:
            number, short = self._short
            raise S3Error("InvalidChunkSizeError", Chunk=number, BadChunkSize=short)
        self._chunks += 1
        if size < SIGNED_CHUNK_BYTES_MIN:
            self._short = self._chunks, size

    def _close_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check_chunk(self._signature, self._hash.hexdigest())

    def _take_trailer(self, line: bytes) -> None:
        """One trailer. AWS ends its value with a line feed of its own, other clients do not."""
        match = _TRAILER_LINE.fullmatch(line)
        if match is None or self._trailer_signature:
            raise self._malformed()
        name, value = match[1].decode().lower(), match[2].decode()
        if name == _SIGNATURE_TRAILER:
            if not value:
                raise self._malformed()
            self._trailer_signature = value
            return
        if name in self._trailers or len(self._trailers) == TRAILERS_MAX:
            raise self._malformed()
        self._trailers[name] = value

    def _malformed(self) -> S3Error:
        trailing = self._expect is _Expect.TRAILER
        return S3Error("MalformedTrailerError" if trailing else "IncompleteBody")

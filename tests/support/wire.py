"""What tests of the wire share: branch heads, socket conversations, aws-chunked bodies."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import botocore.exceptions
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"


def head(s3: Any, bucket: str) -> str:
    """The commit the bucket is at."""
    answer = s3.head_bucket(Bucket=bucket)
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"])


@contextmanager
def nothing_written(s3: Any, bucket: str) -> Iterator[None]:
    """The branch's head is the same afterwards."""
    before = head(s3, bucket)
    yield
    assert head(s3, bucket) == before


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[pytest.ExceptionInfo[Any]]:
    """botocore reads this error out of the answer."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield caught
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer
    if status is not None:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


@dataclass
class Signed:
    """A request with its signature. headers: all but Host."""

    method: str
    target: str
    host: str
    headers: dict[str, str]

    @property
    def authorization(self) -> dict[str, str]:
        fields = self.headers["Authorization"].partition(" ")[2].split(",")
        return dict(one.strip().split("=", 1) for one in fields)

    def bytes(self, body: bytes = b"") -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        top = f"{self.method} {self.target} HTTP/1.1\r\nHost: {self.host}\r\n"
        return f"{top}{lines}\r\n".encode("latin-1") + body


class _Auth(S3SigV4Auth):
    """botocore's, but with a payload token that botocore does not make itself."""

    def __init__(self, credentials: Credentials, token: str | None) -> None:
        super().__init__(credentials, "s3", "us-east-1")
        self._token = token

    def payload(self, request: Any) -> str:
        return self._token or str(super().payload(request))


def sign(
    gateway: LiveGateway,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    secret: str = SECRET_ACCESS_KEY,
) -> Signed:
    """Sign with botocore, with the payload token that is given; the body's length is added."""
    request = AWSRequest(method, gateway.url + target, dict(headers or {}), body)
    credentials = Credentials(ACCESS_KEY_ID, secret)
    _Auth(credentials, request.headers.get("X-Amz-Content-SHA256")).add_auth(request)
    shown = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    names = {name.lower() for name in shown}
    if body and not names & {"content-length", "transfer-encoding"}:
        shown["Content-Length"] = str(len(body))
    return Signed(method, target, f"127.0.0.1:{gateway.port}", shown)


def chunk(data: bytes) -> bytes:
    """An unsigned chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def unsigned_stream(chunks: Sequence[bytes], trailers: Mapping[str, str]) -> bytes:
    """A STREAMING-UNSIGNED-PAYLOAD-TRAILER body."""
    tail = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
    return b"".join(map(chunk, chunks)) + b"0\r\n" + tail.encode() + b"\r\n"


class ChunkSigner:
    """Signs chunks by the letter of AWS's page on sigv4-streaming."""

    def __init__(self, signing_key: bytes, timestamp: str, scope: str, seed: str) -> None:
        self.key, self.timestamp, self.scope, self.previous = signing_key, timestamp, scope, seed

    @classmethod
    def behind(cls, request: Signed, secret: str = SECRET_ACCESS_KEY) -> ChunkSigner:
        fields = request.authorization
        scope = fields["Credential"].partition("/")[2]
        timestamp = request.headers["X-Amz-Date"]
        return cls(signing_key(secret, scope), timestamp, scope, fields["Signature"])

    def _sign(self, kind: str, *digests: str) -> str:
        text = "\n".join([kind, self.timestamp, self.scope, self.previous, *digests])
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).hexdigest()
        signature = self._sign("AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256, digest)
        return b"%x;chunk-signature=%b\r\n%b\r\n" % (len(data), signature.encode(), data)

    def stream(self, chunks: Sequence[bytes]) -> bytes:
        return b"".join(map(self.chunk, [*chunks, b""]))

    def stream_with_trailer(self, chunks: Sequence[bytes], name: str, value: str) -> bytes:
        framed = self.stream(chunks)[:-2]
        digest = hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()
        signature = self._sign("AWS4-HMAC-SHA256-TRAILER", digest)
        trailer = f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n"
        return framed + trailer.encode()


def signing_key(secret: str, scope: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


class Conversation:
    """One connection, spoken on in bytes."""

    def __init__(self, gateway: LiveGateway) -> None:
        self.socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear_until(self, end: bytes) -> bytes:
        """What came up to and with `end`."""
        while end not in self.received:
            piece = self.socket.recv(65536)
            assert piece, f"closed after {self.received!r}"
            self.received += piece
        at = self.received.index(end) + len(end)
        heard, self.received = self.received[:at], self.received[at:]
        return heard

    def hear_answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body of a whole answer."""
        top = self.hear_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in top[1:] if line)
        }
        length = int(headers.get("content-length", 0))
        while len(self.received) < length:
            piece = self.socket.recv(65536)
            assert piece, "closed in the middle of a body"
            self.received += piece
        body, self.received = self.received[:length], self.received[length:]
        return int(top[0].split()[1]), headers, body

    def closed(self) -> bool:
        """Whether the server has ended it."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

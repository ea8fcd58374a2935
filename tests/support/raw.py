"""A bad client: bytes on a socket, and requests signed by botocore but sent as we like."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The S3 error code, or ""."""
        match = re.search(rb"<Code>(.*?)</Code>", self.body)
        return match.group(1).decode() if match else ""

    def field(self, name: str) -> str:
        """An element of the error document."""
        match = re.search(rf"<{name}>(.*?)</{name}>".encode(), self.body, re.DOTALL)
        return match.group(1).decode() if match else ""


def signed(
    gateway: LiveGateway,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    access: str = ACCESS_KEY_ID,
    secret: str = SECRET_ACCESS_KEY,
    after: Mapping[str, str] | None = None,
) -> Answer:
    """Sign with botocore, send with http.client. after: headers changed behind the signature."""
    request = AWSRequest(method, gateway.url + target, dict(headers or {}), body)
    S3SigV4Auth(Credentials(access, secret), "s3", "us-east-1").add_auth(request)
    return send(gateway, method, target, body, {**dict(request.headers.items()), **(after or {})})


def presigned(
    gateway: LiveGateway,
    method: str,
    target: str,
    *,
    expires: int = 60,
    secret: str = SECRET_ACCESS_KEY,
) -> str:
    """A presigned target (path and query)."""
    request = AWSRequest(method, gateway.url + target)
    credentials = Credentials(ACCESS_KEY_ID, secret)
    S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=expires).add_auth(request)
    parts = urlsplit(request.url)
    return f"{parts.path}?{parts.query}"


def send(
    gateway: LiveGateway,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send exactly this."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        names = {name.lower() for name in headers or {}}
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        framed = names & {"content-length", "transfer-encoding"}
        if not framed and (body or method in {"PUT", "POST"}):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        shown = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, shown, response.read())
    finally:
        connection.close()


def send_bytes(gateway: LiveGateway, wire: bytes) -> bytes:
    """Bytes out, bytes back until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
        sock.sendall(wire)
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
        return received

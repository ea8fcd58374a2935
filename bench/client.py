"""A small blocking S3 client for benchmarks: botocore signs, http.client sends.

A request is signed before the clock starts, so what is timed is the server and the socket.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Server:
    """An S3 endpoint. url: without a path."""

    name: str
    url: str
    access_key_id: str
    secret_access_key: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that is signed and ready."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def prepared(
    server: Server,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    presigned: bool = False,
) -> Prepared:
    """A request for `path` (with its query), signed with Signature Version 4."""
    sha256 = hashlib.sha256(body).hexdigest()
    request = AWSRequest(
        method=method,
        url=server.url + path,
        data=body,
        headers={"x-amz-content-sha256": sha256, **(headers or {})} if not presigned else headers,
    )
    credentials = Credentials(server.access_key_id, server.secret_access_key)
    signer = S3SigV4QueryAuth if presigned else S3SigV4Auth
    signer(credentials, "s3", "us-east-1").add_auth(request)
    parts = urllib.parse.urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Prepared(method, target, {"host": parts.netloc, **dict(request.headers.items())}, body)


class Connection:
    """One connection, kept open."""

    def __init__(self, server: Server) -> None:
        self._http = http.client.HTTPConnection(*server.address, timeout=TIMEOUT_S)

    def send(self, request: Prepared) -> Answer:
        """Send and read the whole answer. Raises RuntimeError on 4xx and 5xx."""
        self._http.request(request.method, request.target, request.body, dict(request.headers))
        response = self._http.getresponse()
        body = response.read()
        if response.status >= 400:
            raise RuntimeError(
                f"{request.method} {request.target}: {response.status} {body[:300]!r}"
            )
        return Answer(response.status, dict(response.getheaders()), body)

    def close(self) -> None:
        """Let go of the socket."""
        self._http.close()


def at_once(
    server: Server, clients: int, seconds: float, make: Callable[[int, int], Prepared]
) -> list[float]:
    """Latencies, in s, of a closed loop of `clients` over `seconds`; make: (client, n) -> request.

    One event loop drives all of them: threads would measure Python's lock. The first error of a
    client ends the run and is raised.
    """
    return asyncio.run(_at_once(server, clients, seconds, make))


async def _at_once(
    server: Server, clients: int, seconds: float, make: Callable[[int, int], Prepared]
) -> list[float]:
    found: list[float] = []
    end = time.monotonic() + seconds

    async def loop(client: int) -> None:
        reader, writer = await asyncio.open_connection(*server.address)
        number, before, wire = 0, None, b""
        while time.monotonic() < end:
            request = make(client, number)
            if request is not before:
                before, wire = request, _wire(request)
            start = time.perf_counter()
            writer.write(wire)
            async with asyncio.timeout(TIMEOUT_S):
                await _read(reader, request)
            found.append(time.perf_counter() - start)
            number += 1
        writer.close()

    async with asyncio.TaskGroup() as running:
        for client in range(clients):
            running.create_task(loop(client))
    return found


def _wire(request: Prepared) -> bytes:
    headers = {"content-length": str(len(request.body)), **request.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request.method} {request.target} HTTP/1.1\r\n{lines}\r\n".encode() + request.body


async def _read(reader: asyncio.StreamReader, request: Prepared) -> None:
    """One answer to its end. Raises RuntimeError on 4xx and 5xx."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head[9:12])
    length = re.search(r"\r\ncontent-length: *(\d+)", head)
    body = await reader.readexactly(int(length[1])) if length and request.method != "HEAD" else b""
    if status >= 400:
        raise RuntimeError(f"{request.method} {request.target}: {status} {body[:300]!r}")
    if length is None and "chunked" in head:
        raise RuntimeError("an answer in chunks is not expected here")

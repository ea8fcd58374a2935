"""Writes that are passed on, between two apps in this process."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from gateway.forwarding.forwarder import OWN_WRITES_SECONDS, Forwarder
from gateway.forwarding.peers import Peers
from gateway.versioning.names import RepoName

HERE, THERE = "http://here:9000", "http://there:9000"


class S3:
    """An S3 service that keeps what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scopes: list[Any] = []
        self.bodies: list[bytes] = []

    @property
    def asked(self) -> list[tuple[str, bytes]]:
        return [(scope["method"], scope["raw_path"]) for scope in self.scopes]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        headers = [(b"etag", b'"e"'), (b"date", b"today"), (b"x-served-by", self.name.encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"do", "more_body": True})
        await send({"type": "http.response.body", "body": b"ne"})


class Two:
    """Two replicas, this one and another that can go away."""

    def __init__(self) -> None:
        self.now = 0.0
        self.here, self.there = S3("here"), S3("there")
        self.counts: Counter[str] = Counter()
        self.http = httpx.AsyncClient(transport=self._Away(self))
        self.error: Exception | None = None
        self.peers = Peers([HERE, THERE], HERE, self.http, monotonic=lambda: self.now)
        self.peers._answered[THERE] = 0.0
        self.app = Forwarder(
            self.here, self.peers, self.http, self._count, monotonic=lambda: self.now
        )
        self.other = Forwarder(
            self.there,
            Peers([HERE, THERE], THERE, self.http, monotonic=lambda: self.now),
            self.http,
            self._count,
        )
        owned = {self.peers.owner(RepoName(f"r{n}")): f"r{n}" for n in range(50)}
        self.ours, self.theirs = owned[None], owned[THERE]

    class _Away(httpx.AsyncBaseTransport):
        def __init__(self, two: Two) -> None:
            self.two = two

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if self.two.error is not None:
                raise self.two.error
            answer = await httpx.ASGITransport(self.two.other).handle_async_request(request)
            self.two.received = request
            return answer

    received: httpx.Request

    def _count(self, outcome: str) -> None:
        self.counts[outcome] += 1

    async def ask(self, method: str, target: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://s3.example") as client:
            return await client.request(method, target, **more)


async def test_writes_go_to_the_owner_and_reads_stay() -> None:
    two = Two()
    for method in ("PUT", "POST", "DELETE"):
        response = await two.ask(method, f"/{two.theirs}/k", content=b"x")
        assert (response.status_code, response.text) == (201, "done")
        assert response.headers["x-served-by"] == "there"
        assert response.headers["etag"] == '"e"'
        assert "date" not in response.headers
    await two.ask("PUT", f"/master.{two.theirs}.default/k", content=b"x")
    assert len(two.there.asked) == 4
    assert two.here.asked == []
    assert two.counts == {"answered": 4}
    two.now += OWN_WRITES_SECONDS
    two.peers._answered[THERE] = two.now
    for method in ("GET", "HEAD", "OPTIONS"):
        assert (await two.ask(method, f"/{two.theirs}/k")).headers["x-served-by"] == "here"
    assert (await two.ask("PUT", f"/{two.ours}/k", content=b"x")).headers["x-served-by"] == "here"


async def test_who_wrote_reads_its_own_write() -> None:
    two = Two()
    assert (await two.ask("GET", f"/{two.theirs}/k")).headers["x-served-by"] == "here"
    await two.ask("PUT", f"/{two.theirs}/k", content=b"x")
    assert (await two.ask("GET", f"/{two.theirs}/k")).headers["x-served-by"] == "there"
    two.now += OWN_WRITES_SECONDS
    two.peers._answered[THERE] = two.now
    assert (await two.ask("GET", f"/{two.theirs}/k")).headers["x-served-by"] == "here"


async def test_a_copy_goes_where_its_source_is_written_and_its_target_is_read_there_too() -> None:
    two = Two()
    copied = {"x-amz-copy-source": f"%2Fmaster.{two.theirs}/k"}
    answer = await two.ask("PUT", f"/{two.ours}/k", content=b"", headers=copied)
    assert answer.headers["x-served-by"] == "there"
    assert (await two.ask("GET", f"/{two.ours}/k")).headers["x-served-by"] == "there"
    copied = {"x-amz-copy-source": f"master.{two.ours}/k?versionId=1"}
    answer = await two.ask("PUT", f"/{two.theirs}/k", content=b"", headers=copied)
    assert answer.headers["x-served-by"] == "here"
    assert (await two.ask("GET", f"/{two.theirs}/k")).headers["x-served-by"] == "here"


@pytest.mark.parametrize("query", ["uploads", "uploadId=x&max-parts=1", "prefix=a&uploads="])
async def test_uploads_under_way_are_asked_of_the_owner(query: str) -> None:
    two = Two()
    response = await two.ask("GET", f"/{two.theirs}/k?{query}")
    assert response.headers["x-served-by"] == "there"


async def test_a_request_arrives_as_it_was_sent() -> None:
    two = Two()
    headers = [
        ("host", "s3.example"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=..."),
        ("x-amz-meta-a", "one"),
        ("x-amz-meta-a", "two"),
        ("connection", "keep-alive"),
    ]
    await two.ask("PUT", f"/{two.theirs}/a%20b?x=%2F&y", headers=headers, content=b"body")
    [scope] = two.there.scopes
    sent = [pair for pair in scope["headers"] if pair[0] in {b"x-amz-meta-a", b"host"}]
    assert sent == [
        (b"host", b"s3.example"), (b"x-amz-meta-a", b"one"), (b"x-amz-meta-a", b"two"),
    ]  # fmt: skip
    names = {name for name, _ in scope["headers"]}
    assert b"connection" not in names
    assert (b"x-labelgate-forwarded", HERE.encode()) in scope["headers"]
    assert two.received.extensions["target"] == f"/{two.theirs}/a%20b?x=%2F&y".encode()
    assert two.there.bodies == [b"body"]


async def test_what_was_passed_on_is_never_passed_on_again() -> None:
    two = Two()
    two.other._peers._answered[HERE] = 0.0  # and each takes the other for the owner
    two.other._peers.owner = lambda repo: HERE  # type: ignore[method-assign]
    response = await two.ask("PUT", f"/{two.theirs}/k", content=b"x")
    assert response.headers["x-served-by"] == "there"
    marked = {"x-labelgate-forwarded": "by the client itself"}
    response = await two.ask("PUT", f"/{two.theirs}/k", content=b"x", headers=marked)
    assert response.headers["x-served-by"] == "here"


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])
async def test_what_does_not_reach_the_owner_is_done_here(error: Exception) -> None:
    two = Two()
    two.error = error
    response = await two.ask("PUT", f"/{two.theirs}/k", content=b"x" * 100_000)
    assert response.headers["x-served-by"] == "here"
    assert two.here.bodies == [b"x" * 100_000]
    assert two.counts == {"unreachable": 1}
    # From then on it is not even tried, until the other answers again.
    two.error = None
    assert (await two.ask("DELETE", f"/{two.theirs}/k")).headers["x-served-by"] == "here"
    two.peers._answered[THERE] = 0.0
    assert (await two.ask("DELETE", f"/{two.theirs}/k")).headers["x-served-by"] == "there"


async def test_an_owner_that_goes_away_in_the_middle_is_said_so() -> None:
    two = Two()
    two.error = httpx.ReadError("reset")
    response = await two.ask("PUT", f"/{two.theirs}/k", content=b"x")
    assert response.status_code == 500
    assert "<Code>InternalError</Code>" in response.text
    assert response.headers["connection"] == "close"
    assert response.headers["access-control-allow-origin"] == "*"
    assert two.here.asked == []
    assert two.counts == {"broken": 1}


@pytest.mark.parametrize("target", ["/", "//x", "/a.b.c.d/k", "/bad!name/k", "/%FF/k"])
async def test_what_names_no_repo_is_answered_here(target: str) -> None:
    two = Two()
    assert (await two.ask("PUT", target, content=b"x")).headers["x-served-by"] == "here"


async def test_a_write_without_a_length_is_refused_here() -> None:
    two = Two()
    scope = {
        "type": "http", "method": "PUT", "raw_path": f"/{two.theirs}/k".encode(),
        "query_string": b"", "headers": [],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None: ...

    await two.app(scope, receive, send)
    assert len(two.here.asked) == 1


class Socket:
    """A server that keeps what came in, byte by byte, and answers or hangs up."""

    def __init__(self, answer: bytes, end: bytes = b"END") -> None:
        self.answer = answer
        self.end = end
        self.received = b""
        self.done = asyncio.Event()

    async def __aenter__(self) -> str:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()
        await asyncio.wait_for(self.done.wait(), 10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.received.endswith(self.end):
            data = await reader.read(65536)
            if not data:
                break
            self.received += data
        else:
            writer.write(self.answer)
        writer.close()
        await writer.wait_closed()
        self.done.set()


async def passed(url: str, scope: dict[str, Any], *pieces: bytes | None) -> list[Any]:
    """What comes back of a request that is passed on over a socket. None: the client hangs up."""
    sent: list[Any] = []
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    async with httpx.AsyncClient(trust_env=False) as http:
        peers = Peers([HERE, url], HERE, http, monotonic=lambda: 0.0)
        peers.owner = lambda repo: url  # type: ignore[method-assign]
        await Forwarder(S3("here"), peers, http, lambda _: None)(scope, receive, send)
    return sent


def put(target: bytes, *headers: tuple[bytes, bytes], query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http", "method": "PUT", "raw_path": target, "query_string": query,
        "headers": [(b"host", b"s3.example"), *headers],
    }  # fmt: skip


async def test_the_target_is_not_tidied_up() -> None:
    server = Socket(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    async with server as url:
        scope = put(
            b"/labels/a/../b//./%7e'", (b"content-length", b"3"), (b"x-a", b" v\t"), query=b"q=a|{"
        )
        sent = await passed(url, scope, b"E", b"ND")
    assert sent[0]["status"] == 200
    head, _, body = server.received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"PUT /labels/a/../b//./%7e'?q=a|{ HTTP/1.1"
    assert lines[1:-1] == [b"host: s3.example", b"content-length: 3", b"x-a: v"]
    assert body == b"END"


async def test_a_body_of_unknown_length_is_passed_on_as_it_comes() -> None:
    server = Socket(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"\r\n0\r\n\r\n",
    )
    async with server as url:
        scope = put(b"/labels/a", (b"transfer-encoding", b"chunked"))
        sent = await passed(url, scope, b"one", b"two")
    assert b"3\r\none\r\n" in server.received
    assert b"".join(message.get("body", b"") for message in sent) == b"ok"
    assert all(name != b"transfer-encoding" for name, _ in sent[0]["headers"])


async def test_a_client_that_hangs_up_leaves_no_whole_body_behind() -> None:
    server = Socket(b"")
    async with server as url:
        sent = await passed(url, put(b"/labels/a", (b"content-length", b"10")), b"half", None)
    assert sent == []
    assert server.received.endswith(b"\r\n\r\nhalf")

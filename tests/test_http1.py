"""gateway.http1: what comes in on a connection, and that each request is heard once."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import uvloop
from live import LiveGateway
from uvicorn.server import ServerState

from gateway import http1, server

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
ASKING = {
    "h2c": H2C,
    "websocket": b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
    "casing": b"UPGRADE: H2C\r\ncONNECTION: uPGRADE\r\n",
    "repeated": b"Connection: x\r\nUpgrade: a\r\nConnection: upgrade\r\nUpgrade: b/1, c\r\n",
    "by a proxy's": b"Proxy-Connection: upgrade\r\nUpgrade: h2c\r\n",
}
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EMPTY = b""


class Asked(NamedTuple):
    """What the application was asked."""

    method: str
    path: bytes
    body: bytes
    headers: list[tuple[bytes, bytes]]


class Echo:
    """An application that notes what it was asked, and answers with the body."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        self.asked.append(Asked(scope["method"], scope["raw_path"], body, list(scope["headers"])))
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    @property
    def bodies(self) -> list[tuple[str, bytes, bytes]]:
        return [(one.method, one.path, one.body) for one in self.asked]


def heard(*packets: bytes, pause: float = 0.0) -> tuple[Echo, bytes]:
    """Send `packets` one by one to an echo, and read until the server closes."""

    async def talk() -> bytes:
        async with await asyncio.get_running_loop().create_server(connection, "127.0.0.1") as open_:
            reader, writer = await asyncio.open_connection(*open_.sockets[0].getsockname())
            for packet in packets:
                writer.write(packet)
                await writer.drain()
                await asyncio.sleep(pause)
            answers = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            await writer.wait_closed()
            return answers

    def connection() -> asyncio.Protocol:
        return http1.Protocol(config, ServerState(), {})

    echo = Echo()
    config = server._config(echo)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return echo, runner.run(talk())


def statuses(answers: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 (\d+)", answers)


def put(asking: bytes = H2C, body: bytes = b"body", path: bytes = b"/a?x=1") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"PUT %b HTTP/1.1\r\nHost: x\r\n%b%b\r\n%b" % (path, asking, length, body)


def put_chunked(asking: bytes = H2C, trailers: bytes = b"") -> bytes:
    chunks = b"2\r\nbo\r\n2;a=b\r\ndy\r\n0\r\n" + trailers + b"\r\n"
    return (b"PUT /a HTTP/1.1\r\nHost: x\r\n%bTransfer-Encoding: chunked\r\n\r\n" % asking) + chunks


BOTH = [("PUT", b"/a", b"body"), ("GET", b"/last", b"")]


@pytest.mark.parametrize("asking", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("framed", [put, put_chunked])
def test_a_body_is_heard_whatever_else_its_request_asks_for(asking: bytes, framed: Any) -> None:
    """The next request comes in the same packet, and is answered on the same connection."""
    echo, answers = heard(framed(asking) + LAST)
    assert echo.bodies == BOTH
    assert statuses(answers) == [b"200", b"200"]


@pytest.mark.parametrize("wire", [put(), put_chunked()], ids=["length", "chunked"])
def test_it_is_heard_however_it_is_cut(wire: bytes) -> None:
    head = wire.index(b"\r\n\r\n") + 4
    for at in (10, head - 2, head - 1, head, head + 1, len(wire)):
        echo, answers = heard(wire[:at], wire[at:] + LAST, pause=0.01)
        assert echo.bodies == BOTH, at
        assert statuses(answers) == [b"200", b"200"]
    echo, _ = heard(*(bytes([byte]) for byte in wire + LAST), pause=0.0005)
    assert echo.bodies == BOTH


def test_a_large_body_comes_in_many_packets() -> None:
    body = bytes(range(256)) * 8192
    echo, answers = heard(put(body=body) + put(body=body[:-1]) + LAST)
    assert [one.body for one in echo.asked] == [body, body[:-1], b""]
    assert statuses(answers) == [b"200"] * 3


def test_every_request_of_a_pipeline_may_ask() -> None:
    """As many as a packet holds: none may cost a stack frame, or the rest of the packet again."""
    many = 2000
    echo, answers = heard(put(path=b"/a") * many + LAST)
    assert echo.bodies == [("PUT", b"/a", b"body")] * many + BOTH[1:]
    assert statuses(answers) == [b"200"] * (many + 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_request_without_a_body_is_answered_once(method: str) -> None:
    wire = f"{method} /a HTTP/1.1\r\nHost: x\r\n".encode() + H2C + b"\r\n"
    for packets in ((wire + LAST,), (wire, LAST)):
        echo, answers = heard(*packets, pause=0.01)
        assert echo.bodies == [(method, b"/a", b""), ("GET", b"/last", b"")]
        assert statuses(answers) == [b"200", b"200"]


@pytest.mark.parametrize("framed", [put, put_chunked])
@pytest.mark.parametrize("options", [b"close, Upgrade", b"Upgrade,close"])
def test_the_connection_ends_where_its_request_says_so(framed: Any, options: bytes) -> None:
    wire = framed(b"Connection: %b\r\nUpgrade: h2c\r\n" % options)
    head = wire.index(b"\r\n\r\n") + 4
    for packets in ((wire + LAST,), (wire[:head], wire[head:])):
        echo, answers = heard(*packets, pause=0.01)
        assert echo.bodies[0] == BOTH[0]
        assert statuses(answers) == [b"200"]
        assert b"connection: close" in answers


def test_http_1_0_is_answered_as_such() -> None:
    echo, answers = heard(put().replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert echo.bodies == BOTH[:1]
    assert b"connection: close" in answers


def test_the_application_is_given_every_header_that_was_sent() -> None:
    sent = (b"X-Empty:\r\nX-Tab: a\tb \r\nX-Latin: \xe9\r\n") + ASKING["repeated"]
    echo, _ = heard(put(sent) + LAST)
    names = ("x-empty", "x-tab", "x-latin", "connection", "upgrade", "content-length")
    plain, _ = heard(put(sent.replace(b"Upgrade:", b"X-Upgrade:")) + LAST)
    wanted = [(name.replace(b"x-upgrade", b"upgrade"), one) for name, one in plain.asked[0].headers]
    assert sorted(echo.asked[0].headers) == sorted(wanted)
    assert {name.decode() for name, _ in wanted} == {"host", *names}
    assert [value for name, value in echo.asked[0].headers if name == b"upgrade"] == [
        b"a",
        b"b/1, c",
    ]
    assert echo.asked[1].headers == [(b"host", b"x"), (b"connection", b"close")]


@pytest.mark.parametrize("asking", [EMPTY, H2C, b"Connection: Upgrade\r\n"])
def test_trailers_are_no_headers_and_ask_for_nothing(asking: bytes) -> None:
    trailers = b"x-amz-acl: public-read\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
    echo, answers = heard(put_chunked(asking, trailers) + LAST)
    assert echo.bodies == BOTH
    names = [name for name, _ in echo.asked[0].headers]
    assert b"x-amz-acl" not in names
    assert names.count(b"upgrade") == asking.count(b"Upgrade:")
    assert statuses(answers) == [b"200", b"200"]


def test_who_waits_for_leave_to_send_gets_it() -> None:
    wire = put(H2C + b"Expect: 100-continue\r\n")
    echo, answers = heard(wire[:-4], wire[-4:] + LAST, pause=0.05)
    assert echo.bodies == BOTH
    assert statuses(answers) == [b"100", b"200", b"200"]


REFUSED = {
    "connect": b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n%b\r\nbody",
    "two lengths": b"PUT /a HTTP/1.1\r\n%bContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "both framings": b"PUT /a HTTP/1.1\r\n%bContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "other coding": b"PUT /a HTTP/1.1\r\n%bTransfer-Encoding: gzip\r\n\r\nab",
    "folded": b"GET /a HTTP/1.1\r\n%bX: a\r\n b\r\n\r\n",
    "bare line end": b"GET /a HTTP/1.1\r\n%bX: a\nY: b\r\n\r\n",
    "spaced name": b"GET /a HTTP/1.1\r\n%bX : a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n%b\r\nSM\r\n\r\n",
    "no chunk": b"PUT /a HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("wire", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_once_with_and_without_upgrade(wire: bytes) -> None:
    for asking in (EMPTY, H2C):
        echo, answers = heard(wire % asking)
        assert echo.asked == []
        assert statuses(answers) == [b"400"]


def test_a_connection_that_stays_silent_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_SECONDS_MAX", 0.05)
    for packets in ((), (b"GET / HTTP/1.1\r\nHost: x\r\n",), (put()[:-6],), (put(), put()[:-6])):
        echo, answers = heard(*packets, pause=0.01)
        whole = packets[:-1]
        assert len(echo.asked) == len(whole)
        assert statuses(answers) == [b"200"] * len(whole)


def test_the_time_for_a_head_is_none_for_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "HEAD_SECONDS_MAX", 0.1)
    echo, answers = heard(put()[:-4], put()[-4:] + LAST, pause=0.3)
    assert echo.bodies == BOTH
    assert statuses(answers) == [b"200", b"200"]


def exchanged(gateway: LiveGateway, *packets: bytes) -> bytes:
    """What a live gateway answers until it closes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            sock.sendall(packet)
        return b"".join(iter(lambda: sock.recv(65536), b""))


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("parts", [1, 3])
def test_what_is_put_by_url_can_be_read_on_the_same_connection(
    gateway: LiveGateway, s3: Any, bucket: str, chunked: bool, parts: int
) -> None:
    """As the JDK's HTTP client sends it, whose first request always asks for HTTP/2."""
    target = {
        method: urlsplit(s3.generate_presigned_url(method, {"Bucket": bucket, "Key": "k"}))
        for method in ("put_object", "get_object")
    }
    written = {name: f"{url.path}?{url.query}".encode() for name, url in target.items()}
    host = f"Host: 127.0.0.1:{gateway.port}\r\n".encode()
    body = b"of many bytes " * 1000
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    put_head = b"PUT %b HTTP/1.1\r\n%b%b%b\r\n\r\n" % (written["put_object"], host, H2C, framing)
    wire = put_head + framed
    read = b"GET %b HTTP/1.1\r\n%b%b\r\n" % (written["get_object"], host, H2C)
    last = read.replace(b"Connection: ", b"Connection: close, ")
    size = -(-len(wire) // parts)
    packets = [wire[at : at + size] for at in range(0, len(wire), size)]
    answers = exchanged(gateway, *packets, read + read, last)
    assert statuses(answers) == [b"200"] * 4
    assert answers.count(b"\r\n\r\n" + body) == 3

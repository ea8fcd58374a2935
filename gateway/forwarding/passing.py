"""One request to another replica and its answer back, neither of them collected in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx

from gateway.protocol import cors, errors
from gateway.protocol.errors import S3Error

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Of one connection only (RFC 9110, 7.6.1), or set anew by each server.
_OF_THE_CONNECTION = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"upgrade"})
_NOT_PASSED_BACK = _OF_THE_CONNECTION | {b"transfer-encoding", b"date", b"server"}
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)


class NotReached(Exception):
    """Nothing of the request was sent: it can be done elsewhere."""


class Broken(Exception):
    """The other side went away with the request. begun: part of its answer has gone out."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("the replica went away")
        self.begun = begun


class ClientGone(Exception):
    """The client hung up in the middle of its body."""


class _Body:
    """The body as it comes from the client. begun: some of it was taken."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.begun = True
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            if data := message.get("body", b""):
                yield data


async def pass_on(
    http: httpx.AsyncClient,
    to: str,
    asgi: tuple[Scope, Receive, Send],
    *,
    mark: tuple[bytes, bytes],
) -> None:
    """Send a request to the replica at `to`, and its answer back.

    mark: a header that is added. Raises NotReached, Broken, ClientGone.
    """
    scope, receive, send = asgi
    body = _Body(receive)
    begun = False
    try:
        response = await http.send(_request(to, mark, scope, body), stream=True)
        try:
            begun = True
            headers = [
                one for one in response.headers.raw if one[0].lower() not in _NOT_PASSED_BACK
            ]
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status_code,
                    "headers": [(name.lower(), value) for name, value in headers],
                }
            )
            async for data in response.aiter_raw():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()
    except _NOT_SENT as error:
        if body.begun:
            raise Broken(begun=begun) from error
        raise NotReached from error
    except httpx.HTTPError as error:
        raise Broken(begun=begun) from error


def _request(to: str, mark: tuple[bytes, bytes], scope: Scope, body: _Body) -> httpx.Request:
    """The same request to another server. Space around a header's value is none of it."""
    headers = [
        (name, value.strip(b" \t"))
        for name, value in scope["headers"]
        if name not in _OF_THE_CONNECTION
    ]
    target = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    length = dict(headers).get(b"content-length", b"0")
    has_body = length != b"0" or any(name == b"transfer-encoding" for name, _ in headers)
    return httpx.Request(
        scope["method"],
        to,
        headers=[*headers, mark],
        content=body if has_body else None,
        # A URL would be normalised, and what was signed is the target as it was sent.
        extensions={"target": target},
    )


async def say_broken(scope: Scope, send: Send) -> None:
    """Answer that nobody knows what became of it: clients try again, as after any such answer."""
    error = S3Error("InternalError", "The replica that owns the bucket went away. Try again.")
    text = errors.render(
        error, resource=scope["raw_path"].decode("latin-1"), request_id="", host_id=""
    )
    headers = [
        ("content-type", "application/xml"),
        ("content-length", str(len(text))),
        # What is left of the body must not be read as the next request.
        ("connection", "close"),
        *cors.ALWAYS,
    ]
    await send(
        {
            "type": "http.response.start",
            "status": error.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
    )
    await send({"type": "http.response.body", "body": text})

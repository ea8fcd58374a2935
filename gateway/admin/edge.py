"""Before any route: a request id, the signature, and the body it was made for.

Closed unless it is named here, so that a new route cannot be open by oversight.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import JSONResponse

from gateway.admin.errors import Refusal, answer
from gateway.admin.services import Caller, Services
from gateway.auth.asgi import Scope, read_request
from gateway.auth.identity import Identity
from gateway.protocol import payload, sigv4
from gateway.protocol.errors import S3Error

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)

OPEN = frozenset({"/-/healthz", "/-/readyz", "/-/metrics"})
REQUEST_ID_HEADER = "x-request-id"
BODY_BYTES_MAX = 64 * 1024


class ClientGone(Exception):
    """The client hung up in the middle of its body."""


class Edge:
    """Lets a request through to `app` when it is signed or its path is open; finishes each answer.

    A route finds its Caller in `request.state.caller`.
    """

    def __init__(self, app: App, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for what a client did."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = secrets.token_hex(8).upper()
        finish = _Finish(send, request_id)
        try:
            if scope["path"] not in OPEN:
                receive = await self._let_in(scope, receive, finish)
            scope.setdefault("state", {})["request_id"] = request_id
            await self._app(scope, receive, finish)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - `answer` logs what it does not know
            # Once an answer has begun, the app itself has seen to the error, and tells it again.
            if not finish.begun:
                refused = answer(error, request_id)
                response = JSONResponse({"error": refused.error}, refused.status, refused.headers)
                await response(scope, receive, finish)

    async def _let_in(self, scope: Scope, receive: Receive, finish: _Finish) -> Receive:
        """Check signature and body; returns what gives that body again. Raises S3Error, Refusal."""
        finish.body_awaited = any(name == b"expect" for name, _ in scope["headers"])
        try:
            request = read_request(scope, finish.request_id)
            if sigv4.parse(request) is None:
                raise S3Error(
                    "AccessDenied",
                    "Access Denied: requests here are signed with AWS Signature Version 4, service "
                    "s3, by the same keys as S3: the labelgate command does so, and "
                    "curl --aws-sigv4 aws:amz:us-east-1:s3 --user <id>:<secret>.",
                )
            identity = await self._services.gate.identify(request)
        except S3Error as error:
            self._services.metrics.auth_failure(error.code)
            raise
        body = await _read(receive)
        finish.body_awaited = False
        _check_body(identity, body)
        caller = Caller(self._services, identity, request)
        scope.setdefault("state", {})["caller"] = caller
        return _Replay(body, receive)


class _Finish:
    """What every answer leaves through: its id, and how it may be kept."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.begun = False
        self.body_awaited = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = [
                *message["headers"],
                (REQUEST_ID_HEADER.encode(), self.request_id.encode()),
                (b"cache-control", b"no-store"),
                (b"x-content-type-options", b"nosniff"),
            ]
            if self.body_awaited:
                # The body may still come: its bytes must not be read as the next request.
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)


class _Replay:
    """Gives a body that was already read, then whatever the server says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Any:
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise Refusal(413, "BodyTooLarge", f"a body here has at most {BODY_BYTES_MAX} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _check_body(identity: Identity, body: bytes) -> None:
    """The body is the one that was signed. Raises S3Error."""
    if identity.payload == payload.UNSIGNED:
        if body:
            raise S3Error(
                "InvalidRequest", "Sign the body too: x-amz-content-sha256 is its SHA-256."
            )
    elif identity.payload.startswith("STREAMING-"):
        raise S3Error("InvalidRequest", "Send the body in one piece, not as an aws-chunked stream.")
    elif not hmac.compare_digest(hashlib.sha256(body).hexdigest(), identity.payload):
        raise S3Error("XAmzContentSHA256Mismatch")

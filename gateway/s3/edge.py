"""The ASGI edge: a scope becomes a Request, an operation runs, one function ends every answer."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from gateway.auth.asgi import Scope, read_request
from gateway.auth.gate import Gate
from gateway.observability.logs import AccessLog
from gateway.protocol import cors, errors, operations, presigned
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Operation
from gateway.protocol.request import Request
from gateway.s3.body import ClientGone
from gateway.s3.call import Call, Handler, Receive, Services
from gateway.s3.cors import rules_of
from gateway.s3.errors import translate
from gateway.s3.response import NO_CONTENT, XML, Response
from gateway.versioning.errors import StoreError

__all__ = ["S3App", "Scope", "Send"]

log = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]

CLIENT_GONE = 499
UNKNOWN = "Unknown"
HEADER_BYTES_MAX = 8192
_BODILESS = (NO_CONTENT, 304)


class S3App:
    """S3 over ASGI: path-style buckets, every operation of the table."""

    def __init__(
        self,
        services: Services,
        gate: Gate,
        handlers: dict[str, Handler],
        access_log: AccessLog,
    ) -> None:
        self._services = services
        self._gate = gate
        self._handlers = handlers
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for what a client did."""
        exchange = _Exchange(self, scope, receive, send)
        self._services.metrics.request_started()
        try:
            await exchange.run()
        finally:
            exchange.account()

    async def answer(self, exchange: _Exchange) -> Response:
        """Route, identify, run. Raises S3Error and StoreError."""
        request = exchange.request = read_request(exchange.scope, exchange.id)
        if request.method == "OPTIONS":
            rules = await rules_of(self._services.store, request)
            exchange.cors = cors.REFUSED
            exchange.cors = cors.preflight(rules, request.headers)
            return Response(200)
        _refuse_large_headers(request)
        asked = presigned.effective(request)
        operation = exchange.operation = operations.find(asked)
        identity = await self._gate.identify(request)
        if identity.anonymous and operation.right is None:
            raise S3Error("AccessDenied")
        call = exchange.call = Call(asked, operation, identity, self._services, exchange.receive)
        return await self._handlers[operation.name](call)


class _Exchange:
    """One request and what is known of it so far, for the answer, the metrics and the log line."""

    __slots__ = (
        "app", "bytes_out", "call", "cors", "error_code", "first_byte", "host_id", "id",
        "operation", "receive", "request", "scope", "send", "started", "status", "why",
    )  # fmt: skip

    def __init__(self, app: S3App, scope: Scope, receive: Receive, send: Send) -> None:
        self.app = app
        self.scope = scope
        self.receive = receive
        self.send = send
        self.id = secrets.token_hex(8).upper()
        self.host_id = base64.b64encode(self.id.encode()).decode()
        self.started = time.perf_counter()
        self.first_byte: float | None = None
        self.request: Request | None = None
        self.operation: Operation | None = None
        self.call: Call | None = None
        self.cors: cors.Headers | None = None
        self.status = 0
        self.error_code = self.why = ""
        self.bytes_out = 0

    async def run(self) -> None:
        try:
            response = await self.app.answer(self)
        except S3Error as error:
            response = self._error(error)
        except StoreError as error:
            assert self.request is not None
            translated = translate(error, self.request)
            if translated.status >= 500:
                log.error("request %s: %s", self.id, error)
            response = self._error(translated)
        except ClientGone:
            self.status, self.error_code = CLIENT_GONE, "ClientGone"
            return
        except Exception:
            log.exception("request %s failed", self.id)
            response = self._error(S3Error("InternalError"))
        await self._finish(response)

    def account(self) -> None:
        """Metrics and the access log line of this request."""
        seconds = time.perf_counter() - self.started
        request, call = self.request, self.call
        operation = self.operation.name if self.operation else UNKNOWN
        bytes_in = call.bytes_in if call else 0
        services = self.app._services  # noqa: SLF001 - an exchange is a part of its app
        services.metrics.request_done(
            operation=operation,
            code=self.status,
            seconds=seconds,
            ttfb=(self.first_byte or seconds + self.started) - self.started,
            bytes_in=bytes_in,
            bytes_out=self.bytes_out,
        )
        # A form names its key in the body.
        shown = _shown(call.request if call else request)
        refused = self.error_code and self.status < 500
        if refused and call is None and self.operation is not None:
            services.metrics.auth_failure(self.error_code)
        self.app._access_log.write(  # noqa: SLF001
            request_id=self.id,
            client=request.client if request else "",
            method=self.scope["method"],
            operation=operation,
            bucket=shown[0],
            key=shown[1],
            status=self.status,
            error=self.error_code,
            why=self.why,
            account=call.identity.account if call else "",
            bytes_in=bytes_in,
            bytes_out=self.bytes_out,
            seconds=seconds,
        )

    def _error(self, error: S3Error) -> Response:
        self.error_code, self.why = error.code, error.why
        resource = self.request.raw_path if self.request else ""
        body = errors.render(error, resource=resource, request_id=self.id, host_id=self.host_id)
        return Response(error.status, [XML, *error.headers.items()], body)

    async def _finish(self, response: Response) -> None:
        """Every answer leaves here: ids, CORS, length, and the connection's fate."""
        method = self.scope["method"]
        headers = response.headers
        body = response.body
        if isinstance(body, bytes):
            if response.status in _BODILESS:
                body = b""
            elif method == "HEAD":
                if not any(name == "content-length" for name, _ in headers):
                    # An error's XML stays away from HEAD, and so does its length.
                    headers.append(("content-length", "0"))
                body = b""
            else:
                headers.append(("content-length", str(len(body))))
        headers += (
            ("x-amz-request-id", self.id),
            ("x-amz-id-2", self.host_id),
            *(self.cors or await self._cors()),
        )
        if self._body_left_unread():
            # Whether the client will still send the body it asked leave for, nobody can know:
            # the next bytes on this connection might be that body or a new request.
            headers.append(("connection", "close"))
        self.status = response.status
        await self.send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            }
        )
        self.first_byte = time.perf_counter()
        if isinstance(body, bytes):
            self.bytes_out = len(body)
            await self.send({"type": "http.response.body", "body": body})
        else:
            await self._stream(body)

    async def _cors(self) -> cors.Headers:
        if self.request is None:
            return cors.ALWAYS
        seen = self.call.seen if self.call is not None else None
        rules = await rules_of(self.app._services.store, self.request, seen)  # noqa: SLF001
        return cors.answer(rules, self.request.method, self.request.headers)

    async def _stream(self, pieces: AsyncIterator[bytes]) -> None:
        # Sending to a client that hung up is silently nothing: only receiving tells.
        gone = asyncio.ensure_future(self._wait_until_gone())
        try:
            async for piece in pieces:
                if gone.done():
                    self.status, self.error_code = CLIENT_GONE, "ClientGone"
                    return
                self.bytes_out += len(piece)
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
            await self.send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()

    async def _wait_until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def _body_left_unread(self) -> bool:
        if self.request is None or "expect" not in self.request.headers:
            return False
        return self.call is None or not self.call.body_read


def _refuse_large_headers(request: Request) -> None:
    """Raise RequestHeaderSectionTooLarge for a write whose headers are more than S3 takes."""
    if request.method != "PUT":
        return
    size = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    if size > HEADER_BYTES_MAX:
        raise S3Error("RequestHeaderSectionTooLarge", MaxSizeAllowed=HEADER_BYTES_MAX)


def _shown(request: Request | None) -> tuple[str, str]:
    """Bucket and key as far as the path names any, for the log."""
    if request is None:
        return "", ""
    try:
        return request.target
    except S3Error:
        return "", ""

"""The gRPC side: every method by its path, errors as pachd words them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from fake_pachd.core import Caller, Core, Method
from fake_pachd.reading import Crash
from fake_pachd.refusals import Code, Refusal

MESSAGE_BYTES_MAX = 20 * 1024 * 1024
GONE_S = 0.001

_OPTIONS = (
    # What is too large is refused in pachd's own words.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)

_Context = grpc.aio.ServicerContext[bytes, bytes]


class Whole(Protocol):
    """The fake, as far as calls need it."""

    calls: Counter[str]

    @property
    def version(self) -> tuple[int, int, int]: ...
    @property
    def running(self) -> bool: ...
    async def before(self, method: str) -> Refusal | None: ...
    async def crash(self) -> None: ...


class Calls(grpc.GenericRpcHandler):
    """All methods that objects have been given by `core.method`."""

    def __init__(
        self,
        whole: Whole,
        core: Core,
        objects: Iterable[object],
    ) -> None:
        self.message_bytes_max = MESSAGE_BYTES_MAX
        self.whole = whole
        self._core = core
        self._methods: dict[str, tuple[Method, Callable[..., Any]]] = {}
        for one in objects:
            for name in dir(one):
                function = getattr(one, name)
                if hasattr(function, "method"):
                    self._methods[function.method.path] = function.method, function

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Who answers a method."""
        path = str(handler_call_details.method)
        found = self._methods.get(path)
        if found is None or self._is_new(found[0]):
            return grpc.stream_stream_rpc_method_handler(self._unknown(path))
        how, function = found
        match how.kind:
            case "unary":
                return grpc.unary_unary_rpc_method_handler(self._unary(how, function))
            case "stream":
                return grpc.unary_stream_rpc_method_handler(self._stream(how, function))
            case _:
                return grpc.stream_unary_rpc_method_handler(self._upload(how, function))

    def _is_new(self, how: Method) -> bool:
        release = self.whole.version
        return (0, 0, 0) < release < how.since

    def _unknown(self, path: str) -> Any:
        service, _, name = path.strip("/").rpartition("/")
        known = any(
            other.startswith(f"/{service}/") and not self._is_new(how)
            for other, (how, _) in self._methods.items()
        )
        text = f"unknown method {name} for service {service}" if known else ""

        async def refuse(questions: AsyncIterator[bytes], context: _Context) -> None:
            self.whole.calls[name] += 1
            await context.abort(Code.UNIMPLEMENTED, text or f"unknown service {service}")

        return refuse

    def _caller(self, how: Method, context: _Context) -> Caller:
        given = dict(context.invocation_metadata() or ())
        token = str(given.get("authn-token", ""))
        auth = self._core.auth
        if not auth.active or not how.token:
            return Caller(auth, None, token)
        caller = Caller(auth, auth.who(token), token)
        if how.cluster:
            caller.need(("CLUSTER", ""), *how.cluster)
        return caller

    def _parsed(self, how: Method, data: bytes) -> Message:
        if len(data) > self.message_bytes_max:
            raise Refusal(
                Code.RESOURCE_EXHAUSTED,
                "grpc: received message larger than max"
                f" ({len(data)} vs. {self.message_bytes_max})",
            )
        return how.request.FromString(data)

    def _unary(self, how: Method, function: Callable[..., Awaitable[Message]]) -> Any:
        async def run(data: bytes, context: _Context) -> bytes:
            async with _Answering(self, how, context) as caller:
                return (await function(self._parsed(how, data), caller)).SerializeToString()
            raise AssertionError

        return run

    def _upload(self, how: Method, function: Callable[..., Awaitable[Message]]) -> Any:
        async def run(questions: AsyncIterator[bytes], context: _Context) -> bytes:
            async def parsed() -> AsyncIterator[Message]:
                async for data in questions:
                    yield self._parsed(how, data)
                # A caller that is gone looks like one that is done, for a moment.
                await asyncio.sleep(GONE_S)
                if context.cancelled() or not self.whole.running:
                    raise Refusal(Code.CANCELLED, "context canceled")

            async with _Answering(self, how, context) as caller:
                return (await function(parsed(), caller)).SerializeToString()
            raise AssertionError

        return run

    def _stream(self, how: Method, function: Callable[..., AsyncIterator[Message]]) -> Any:
        async def run(data: bytes, context: _Context) -> AsyncIterator[bytes]:
            async with _Answering(self, how, context) as caller:
                async for message in function(self._parsed(how, data), caller):
                    yield message.SerializeToString()

        return run


class _Answering:
    """Around a call: what a test planned, who asks, and how errors are told."""

    def __init__(self, calls: Calls, how: Method, context: _Context) -> None:
        self._calls = calls
        self._how = how
        self._context = context
        self._lost: Refusal | None = None

    async def __aenter__(self) -> Caller:
        try:
            name = self._how.path.rpartition("/")[2]
            self._lost = await self._calls.whole.before(name)
            if not self._calls.whole.running:
                raise Refusal(Code.UNAVAILABLE, "dead")
            return self._calls._caller(self._how, self._context)
        except Refusal as refusal:
            await self._context.abort(refusal.code, refusal.text)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Crash):
            await self._calls.whole.crash()
        elif isinstance(error, Refusal):
            await self._context.abort(error.code, error.text)
        elif error is None and self._lost is not None:
            await self._context.abort(self._lost.code, self._lost.text)
        return False


def new_server(calls: Calls) -> grpc.aio.Server:
    """A server, not started."""
    return grpc.aio.server(handlers=[calls], options=_OPTIONS)

"""One line to pachd: deadlines, tries, cancelled streams, uploads, TLS, and a server that dies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc
import pytest
import trustme
from google.protobuf.wrappers_pb2 import BytesValue, StringValue

from gateway.stores.pachyderm import circuit
from gateway.stores.pachyderm.channel import MESSAGE_BYTES_MAX, VERSION_METHOD, Pachd
from gateway.stores.pachyderm.faults import (
    Busy,
    NotFound,
    PfsError,
    TooLarge,
    Unauthenticated,
    Unreachable,
)
from gateway.stores.pachyderm.target import Target

TOKEN = "hush-hush"
ASK, LIST, SEND = "/t.API/Ask", "/t.API/List", "/t.API/Send"

Context = grpc.aio.ServicerContext


class Server:
    """A gRPC server whose three methods do what a test sets, on a port that it keeps."""

    def __init__(self) -> None:
        self.ask: Callable[[str, Context], Awaitable[str]] = self.echo
        self.list: Callable[[str, Context], AsyncIterator[bytes]]
        self.send: Callable[[AsyncIterator[BytesValue], Context], Awaitable[str]]
        self.asked = 0
        self.cancelled = asyncio.Event()
        self.tokens: list[str | None] = []
        self.port = 0
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        )
        self._server.add_generic_rpc_handlers([_Handlers(self)])
        where = f"127.0.0.1:{self.port}"
        if credentials is None:
            self.port = self._server.add_insecure_port(where)
        else:
            self.port = self._server.add_secure_port(where, credentials)
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def echo(self, text: str, context: Context) -> str:
        return text

    async def unary(self, request: StringValue, context: Context) -> StringValue:
        self.asked += 1
        metadata = dict(context.invocation_metadata() or ())
        self.tokens.append(metadata.get("authn-token"))
        return StringValue(value=await self.ask(request.value, context))

    async def version(self, request: bytes, context: Context) -> bytes:
        return b""

    async def stream(self, request: StringValue, context: Context) -> AsyncIterator[BytesValue]:
        self.asked += 1
        try:
            async for piece in self.list(request.value, context):
                yield BytesValue(value=piece)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def take(self, requests: AsyncIterator[BytesValue], context: Context) -> StringValue:
        self.asked += 1
        try:
            return StringValue(value=await self.send(requests, context))
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, server: Server) -> None:
        self._methods: dict[str, Any] = {
            ASK: grpc.unary_unary_rpc_method_handler(
                server.unary, StringValue.FromString, StringValue.SerializeToString
            ),
            LIST: grpc.unary_stream_rpc_method_handler(
                server.stream, StringValue.FromString, BytesValue.SerializeToString
            ),
            SEND: grpc.stream_unary_rpc_method_handler(
                server.take, BytesValue.FromString, StringValue.SerializeToString
            ),
            VERSION_METHOD: grpc.unary_unary_rpc_method_handler(server.version),
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._methods.get(handler_call_details.method)


@pytest.fixture
def server(runner: asyncio.Runner) -> Iterator[Server]:
    async def started() -> Server:
        made = Server()
        await made.start()
        return made

    made = runner.run(started())
    yield made
    runner.run(made.stop())


@pytest.fixture
def pachd(server: Server, runner: asyncio.Runner) -> Iterator[Pachd]:
    made = Pachd(Target(server.address, token=TOKEN), deadline_s=5)
    yield made
    runner.run(made.close())


async def ask(pachd: Pachd, text: str = "x", **options: Any) -> str:
    return (await pachd.unary(ASK, StringValue(value=text), StringValue, **options)).value


def listed(pachd: Pachd, text: str = "x", **options: Any) -> Any:
    return pachd.stream(LIST, StringValue(value=text), BytesValue, **options)


async def pieces(*given: bytes) -> AsyncIterator[BytesValue]:
    for piece in given:
        yield BytesValue(value=piece)


def refusing(code: grpc.StatusCode, text: str, times: int = 1_000_000) -> Any:
    """Says no so many times, then echoes."""
    left = times

    async def answer(said: str, context: Context) -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            await context.abort(code, text)
        return said

    return answer


async def test_a_question_has_its_answer_and_carries_the_token(server: Server, pachd: Pachd):
    assert pachd.state == "unknown"
    assert await ask(pachd, "hällo") == "hällo"
    assert await ask(pachd, token="another") == "x"
    assert await ask(pachd, token="") == "x"
    assert server.tokens == [TOKEN, "another", None]
    assert pachd.state == "reachable"


async def test_without_a_token_none_is_sent(server: Server):
    pachd = Pachd(Target(server.address))
    await ask(pachd)
    assert server.tokens == [None]
    await pachd.close()


async def test_a_refusal_is_an_answer(server: Server, pachd: Pachd):
    server.ask = refusing(grpc.StatusCode.NOT_FOUND, "repo default/x not found")
    for _ in range(5):
        with pytest.raises(NotFound) as caught:
            await ask(pachd, reads=True)
        assert caught.value.what == "repo"
    assert (pachd.state, server.asked) == ("reachable", 5)


async def test_a_call_has_a_deadline_and_is_not_made_again(server: Server, pachd: Pachd):
    async def slow(text: str, context: Context) -> str:
        await asyncio.sleep(30)
        return text

    server.ask = slow
    for reads in (False, True):
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await ask(pachd, timeout_s=0.2, reads=reads)
        assert time.monotonic() - began < 2
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert caught.value.sent
    assert server.asked == 2
    assert pachd.state != "unreachable"


async def test_what_reads_is_tried_again_and_what_writes_is_not(server: Server, pachd: Pachd):
    server.ask = refusing(grpc.StatusCode.UNAVAILABLE, "not now", times=2)
    assert await ask(pachd, reads=True) == "x"
    assert server.asked == 3
    server.ask = refusing(grpc.StatusCode.UNAVAILABLE, "not now", times=1)
    with pytest.raises(Unreachable) as caught:
        await ask(pachd)
    assert caught.value.sent
    assert server.asked == 4


async def test_tries_end_with_the_deadline_of_all(
    server: Server, pachd: Pachd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(circuit, "FAILURES_MAX", 1000)
    server.ask = refusing(grpc.StatusCode.UNAVAILABLE, "not now")
    began = time.monotonic()
    with pytest.raises(Unreachable, match="not now"):
        await ask(pachd, timeout_s=0.5, reads=True)
    assert time.monotonic() - began < 2
    assert 2 <= server.asked <= 10


async def test_unavailable_that_means_busy_is_not_a_lost_connection(server: Server, pachd: Pachd):
    server.ask = refusing(grpc.StatusCode.UNAVAILABLE, "commit default/x@1 not finished")
    for _ in range(4):
        with pytest.raises(Busy):
            await ask(pachd, reads=True)
    assert (pachd.state, server.asked) == ("reachable", 4)


async def test_a_stream_gives_what_comes(server: Server, pachd: Pachd):
    async def three(text: str, context: Context) -> AsyncIterator[bytes]:
        for n in range(3):
            yield f"{text}{n}".encode()

    server.list = three
    assert [piece.value async for piece in listed(pachd, "a")] == [b"a0", b"a1", b"a2"]


async def test_a_stream_takes_messages_as_large_as_pachd_makes_them(server: Server, pachd: Pachd):
    large = bytes(19 * 1024 * 1024)

    async def one(text: str, context: Context) -> AsyncIterator[bytes]:
        yield large

    server.list = one
    assert [len(piece.value) async for piece in listed(pachd)] == [len(large)]


async def test_closing_a_stream_ends_the_call(server: Server, pachd: Pachd):
    async def endless(text: str, context: Context) -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    server.list = endless
    stream = listed(pachd)
    assert (await anext(stream)).value == b"x"
    await stream.aclose()
    await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_a_cancelled_reader_ends_the_call(server: Server, pachd: Pachd):
    async def mute(text: str, context: Context) -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async def read() -> None:
        async for _ in listed(pachd):
            pass

    server.list = mute
    reading = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_the_deadline_of_a_stream_is_for_each_message_that_is_waited_for(
    server: Server, pachd: Pachd
):
    async def stalling(text: str, context: Context) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x"
        await asyncio.sleep(30)

    server.list = stalling
    stream = listed(pachd, timeout_s=0.3)
    for _ in range(3):
        assert (await anext(stream)).value == b"x"
        await asyncio.sleep(0.4)  # a slow reader is no fault of pachd
    with pytest.raises(Unreachable, match=r"within 0.3 s") as caught:
        await anext(stream)
    assert caught.value.sent
    await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_a_stream_is_begun_again_only_while_nothing_came(server: Server, pachd: Pachd):
    failures = 2

    async def failing(text: str, context: Context) -> AsyncIterator[bytes]:
        nonlocal failures
        failures -= 1
        if failures < 0:
            yield b"x"
        if text == "late" or failures >= 0:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    server.list = failing
    assert [piece.value async for piece in listed(pachd)] == [b"x"]
    assert server.asked == 3
    stream = listed(pachd, "late")
    assert (await anext(stream)).value == b"x"
    with pytest.raises(Unreachable):
        await anext(stream)
    assert server.asked == 4


async def test_an_upload_is_taken_as_fast_as_the_other_side_reads(server: Server, pachd: Pachd):
    piece, count = bytes(1024 * 1024), 40
    given = 0

    async def many() -> AsyncIterator[BytesValue]:
        nonlocal given
        for _ in range(count):
            given += 1
            yield BytesValue(value=piece)

    async def reading(requests: AsyncIterator[BytesValue], context: Context) -> str:
        await asyncio.sleep(0.3)
        ahead = given
        total = 0
        async for request in requests:
            total += len(request.value)
        return f"{ahead < count} {total}"

    server.send = reading
    answer = await pachd.upload(SEND, many(), StringValue)
    assert answer.value == f"True {count * len(piece)}"


async def test_an_empty_upload_is_one(server: Server, pachd: Pachd):
    async def counting(requests: AsyncIterator[BytesValue], context: Context) -> str:
        return str(len([1 async for _ in requests]))

    server.send = counting
    assert (await pachd.upload(SEND, pieces(), StringValue)).value == "0"


async def test_an_upload_that_breaks_is_not_kept(server: Server, pachd: Pachd):
    arrived = asyncio.Event()

    async def breaking() -> AsyncIterator[BytesValue]:
        yield BytesValue(value=b"x")
        # A call that is cancelled before the server took it up never reaches its handler.
        await asyncio.wait_for(arrived.wait(), 5)
        raise KeyError("mine")

    async def reading(requests: AsyncIterator[BytesValue], context: Context) -> str:
        async for _ in requests:
            arrived.set()
        # The messages of a cancelled call just end; its handler is cancelled after that.
        return await asyncio.wait_for(asyncio.Future[str](), 5)

    server.send = reading
    with pytest.raises(KeyError, match="mine"):
        await pachd.upload(SEND, breaking(), StringValue)
    await asyncio.wait_for(server.cancelled.wait(), 5)


async def test_an_upload_hears_why_it_is_refused(server: Server, pachd: Pachd):
    async def refusal(requests: AsyncIterator[BytesValue], context: Context) -> str:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no authentication token")

    async def slowly() -> AsyncIterator[BytesValue]:
        while True:
            await asyncio.sleep(0.3)  # what comes while a message is on its way may be lost
            yield BytesValue(value=b"x")

    server.send = refusal
    with pytest.raises(Unauthenticated):
        await pachd.upload(SEND, slowly(), StringValue)
    assert server.asked == 1


async def test_an_answer_before_the_end_of_an_upload_is_none(server: Server, pachd: Pachd):
    async def hasty(requests: AsyncIterator[BytesValue], context: Context) -> str:
        return "done"

    async def slowly() -> AsyncIterator[BytesValue]:
        while True:
            await asyncio.sleep(0.3)  # what comes while a message is on its way may be lost
            yield BytesValue(value=b"x")

    server.send = hasty
    with pytest.raises(PfsError, match="before the upload was complete"):
        await pachd.upload(SEND, slowly(), StringValue)


async def test_an_upload_that_is_not_taken_ends(server: Server, pachd: Pachd):
    async def stuck(requests: AsyncIterator[BytesValue], context: Context) -> str:
        await asyncio.sleep(30)
        return ""

    server.send = stuck
    with pytest.raises(Unreachable, match=r"within 0.3 s"):
        await pachd.upload(SEND, pieces(*[bytes(1_000_000)] * 50), StringValue, timeout_s=0.3)
    assert server.asked == 1


async def test_a_message_that_pachd_would_not_take_is_not_sent(server: Server, pachd: Pachd):
    async def reading(requests: AsyncIterator[BytesValue], context: Context) -> str:
        return str(sum([len(request.value) async for request in requests]))

    server.send = reading
    with pytest.raises(TooLarge):
        await pachd.upload(SEND, pieces(bytes(MESSAGE_BYTES_MAX)), StringValue)
    fits = MESSAGE_BYTES_MAX - 16
    assert (await pachd.upload(SEND, pieces(bytes(fits)), StringValue)).value == str(fits)


async def test_a_server_that_dies_is_noticed_and_found_again(
    server: Server, pachd: Pachd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(circuit, "PROBE_EVERY_S", 0.1)
    assert await ask(pachd) == "x"
    await server.stop()
    for _ in range(3):
        with pytest.raises(Unreachable) as caught:
            await ask(pachd)
    assert not caught.value.sent
    assert pachd.state == "unreachable"
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(Unreachable) as caught:
            await ask(pachd, reads=True)
        assert not caught.value.sent
    with pytest.raises(Unreachable):
        await anext(listed(pachd))
    with pytest.raises(Unreachable):
        await pachd.upload(SEND, pieces(b""), StringValue)
    assert time.monotonic() - began < 0.5
    await server.start()
    await until(lambda: pachd.state == "reachable")
    assert await ask(pachd) == "x"


async def test_a_call_that_was_under_way_may_have_been_done(server: Server, pachd: Pachd):
    there = asyncio.Event()

    async def slow(text: str, context: Context) -> str:
        there.set()
        await asyncio.sleep(30)
        return text

    server.ask = slow
    asking = asyncio.create_task(ask(pachd))
    await there.wait()
    await server.stop()
    with pytest.raises(Unreachable) as caught:
        await asking
    assert caught.value.sent


async def test_calls_end_when_the_gateway_does(server: Server):
    pachd = Pachd(Target(server.address))
    there = asyncio.Event()

    async def slow(text: str, context: Context) -> str:
        there.set()
        await asyncio.sleep(30)
        return text

    async def mute(text: str, context: Context) -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    server.ask, server.list = slow, mute
    asking = [asyncio.create_task(ask(pachd)), asyncio.create_task(anext(listed(pachd)))]
    await there.wait()
    await asyncio.sleep(0.1)
    await pachd.close()
    await pachd.close()
    for task in asking:
        with pytest.raises(Unreachable, match="stopping"):
            await task
    with pytest.raises(Unreachable, match="stopping") as caught:
        await ask(pachd)
    assert not caught.value.sent


async def test_tls_trusts_the_certificates_it_is_given_and_no_others(server: Server):
    authority, stranger = trustme.CA(), trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    await server.stop()
    await server.start(
        grpc.ssl_server_credentials(
            [(made.private_key_pem.bytes(), made.cert_chain_pems[0].bytes())]
        )
    )
    trusting = Pachd(Target(server.address, True, authority.cert_pem.bytes(), TOKEN))
    assert await ask(trusting) == "x"
    assert server.tokens == [TOKEN]
    await trusting.close()
    wary = Pachd(Target(server.address, True, stranger.cert_pem.bytes(), TOKEN))
    with pytest.raises(Unreachable) as caught:
        await ask(wary)
    assert not caught.value.sent
    await wary.close()
    assert len(server.tokens) == 1


async def test_the_token_is_in_no_error_and_no_log(
    server: Server, pachd: Pachd, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    server.ask = refusing(grpc.StatusCode.UNAUTHENTICATED, "no")
    with pytest.raises(Unauthenticated) as refused:
        await ask(pachd)
    await server.stop()
    with pytest.raises(Unreachable) as lost:
        await ask(pachd)
    assert TOKEN not in f"{refused.value!r} {lost.value!r} {pachd.target!r} {caplog.text}"


async def until(holds: Callable[[], bool], limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)

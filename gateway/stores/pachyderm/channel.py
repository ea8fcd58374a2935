"""The line to pachd: one gRPC channel on which nothing waits for ever.

A call has its deadline, a stream one for each of its messages. What only reads is tried again
where it did not get through, with back-off; a write never is, since it may have been done.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable
from typing import Literal, TypeVar, cast

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from gateway.stores.pachyderm import pfs_pb2
from gateway.stores.pachyderm.circuit import Circuit
from gateway.stores.pachyderm.faults import PfsError, TooLarge, Unreachable, classify
from gateway.stores.pachyderm.target import Target

VERSION_METHOD = "/versionpb_v2.API/GetVersion"

MESSAGE_BYTES_MAX = 20 * 1024 * 1024
"""pachd refuses more, and sends files in messages of 19 MiB."""

PROBE_DEADLINE_S = 2.0
BACKOFF_S = 0.1
BACKOFF_MAX_S = 2.0

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A pachd that is back is found within the second; one that swallows packets is given up soon.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.min_reconnect_backoff_ms", 2_000),
)

_Answer = TypeVar("_Answer", bound=Message)
_T = TypeVar("_T")


class Pachd:
    """A pachd. Connects on first use; every method raises the kinds of faults.py."""

    def __init__(self, target: Target, *, deadline_s: float = 30.0) -> None:
        self.target = target
        self._deadline_s = deadline_s
        self._line: grpc.aio.Channel | None = None
        self._closed = False
        self._circuit = Circuit(self._answers)

    @property
    def state(self) -> Literal["unknown", "reachable", "unreachable"]:
        """Whether calls get through, as far as the last ones told."""
        return self._circuit.state

    async def unary(
        self,
        method: str,
        request: Message,
        response_type: type[_Answer],
        *,
        timeout_s: float | None = None,
        token: str | None = None,
        reads: bool = False,
    ) -> _Answer:
        """One question, one answer.

        timeout_s: of all tries together. token: in place of the gateway's own. reads: asking
        twice does no harm, so it is tried again where it did not get through.
        """
        tries = _Tries(timeout_s or self._deadline_s)
        while True:
            began_s = self._circuit.enter()
            call = self._channel().unary_unary(
                method,
                request_serializer=type(request).SerializeToString,
                response_deserializer=response_type.FromString,
            )(request, timeout=tries.left_s, metadata=self._metadata(token))
            try:
                return await self._judged(began_s, call)
            except Unreachable as fault:
                if not reads:
                    raise
                await tries.pause(fault)

    async def stream(
        self,
        method: str,
        request: Message,
        response_type: type[_Answer],
        *,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[_Answer, None]:
        """One question that only reads, many answers. Closing the iterator ends the call.

        timeout_s: for each message, from when it is asked for: who reads slowly loses nothing.
        """
        limit_s = timeout_s or self._deadline_s
        tries = _Tries(limit_s)
        came = False
        while True:
            began_s = self._circuit.enter()
            call = self._channel().unary_stream(
                method,
                request_serializer=type(request).SerializeToString,
                response_deserializer=response_type.FromString,
            )(request, metadata=self._metadata())
            try:
                while True:
                    message: object = await self._judged(began_s, _within(limit_s, call.read()))
                    if message is grpc.aio.EOF:
                        return
                    came = True
                    yield cast("_Answer", message)
                    began_s = time.monotonic()
            except Unreachable as fault:
                if came:
                    raise
                await tries.pause(fault)
            finally:
                call.cancel()

    async def upload(
        self,
        method: str,
        messages: AsyncIterable[Message],
        response_type: type[_Answer],
        *,
        timeout_s: float | None = None,
    ) -> _Answer:
        """Many messages, one answer; as fast as pachd takes them. Never tried again.

        timeout_s: for pachd to take one message, and to answer in the end. An error of `messages`
        is passed on, and pachd then keeps nothing.
        """
        limit_s = timeout_s or self._deadline_s
        began_s = self._circuit.enter()
        call = self._channel().stream_unary(
            method,
            request_serializer=_serialized,
            response_deserializer=response_type.FromString,
        )(metadata=self._metadata())
        complete = False
        try:
            async for message in messages:
                if message.ByteSize() > MESSAGE_BYTES_MAX:
                    raise TooLarge(grpc.StatusCode.RESOURCE_EXHAUSTED, "a message above 20 MiB")
                if not await self._taken(began_s, _within(limit_s, call.write(message))):
                    break
                began_s = time.monotonic()
            else:
                complete = await self._taken(began_s, _within(limit_s, call.done_writing()))
            answer = await self._judged(began_s, _within(limit_s, call))
        finally:
            call.cancel()
        if not complete:
            raise PfsError(grpc.StatusCode.UNKNOWN, "answered before the upload was complete")
        return answer

    async def close(self) -> None:
        """End what is under way and hang up."""
        self._closed = True
        await self._circuit.close()
        if self._line is not None:
            await self._line.close()

    def _channel(self) -> grpc.aio.Channel:
        if self._closed:
            raise Unreachable(grpc.StatusCode.CANCELLED, "the gateway is stopping", sent=False)
        if self._line is None:  # here and not earlier: it belongs to the loop that runs
            self._line = _opened(self.target)
        return self._line

    def _metadata(self, token: str | None = None) -> tuple[tuple[str, str], ...]:
        token = token if token is not None else self.target.token
        return (("authn-token", token),) if token else ()

    async def _judged(self, began_s: float, answer: Awaitable[_T]) -> _T:
        """The answer, and errors in our words; the circuit hears of both."""
        try:
            got = await answer
        except grpc.aio.AioRpcError as error:
            fault = classify(error)
            if error.code() is grpc.StatusCode.UNAVAILABLE and isinstance(fault, Unreachable):
                self._circuit.failed(began_s, fault.text)
            elif not isinstance(fault, Unreachable):
                self._circuit.answered()
            raise fault from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise Unreachable(
                    grpc.StatusCode.CANCELLED, "the gateway is stopping", sent=True
                ) from None
            raise
        self._circuit.answered()
        return got

    async def _taken(self, began_s: float, step: Awaitable[None]) -> bool:
        """Whether pachd still takes what is sent. If not, it has answered why."""
        try:
            await self._judged(began_s, step)
        except (asyncio.InvalidStateError, grpc.aio.InternalError):
            return False
        return True

    async def _answers(self) -> bool:
        """Whether pachd says anything to the smallest question."""
        try:
            await self._channel().unary_unary(
                VERSION_METHOD,
                request_serializer=Empty.SerializeToString,
                response_deserializer=pfs_pb2.Version.FromString,
            )(Empty(), timeout=PROBE_DEADLINE_S, metadata=self._metadata())
        except grpc.aio.BaseError:
            return False
        except grpc.aio.AioRpcError as error:
            return not isinstance(classify(error), Unreachable)
        return True


class _Tries:
    """The time for one question, however often it is asked."""

    def __init__(self, limit_s: float) -> None:
        self._until_s = time.monotonic() + limit_s
        self._backoff_s = BACKOFF_S

    @property
    def left_s(self) -> float:
        return max(self._until_s - time.monotonic(), 0.001)

    async def pause(self, fault: Unreachable) -> None:
        """Wait before the next try. Raises the fault where there is to be none."""
        pause_s = self._backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if fault.code is not grpc.StatusCode.UNAVAILABLE or pause_s >= self.left_s:
            raise fault
        await asyncio.sleep(pause_s)
        self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)


async def _within(limit_s: float, answer: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        raise Unreachable(
            grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {limit_s:g} s", sent=True
        ) from None


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _opened(target: Target) -> grpc.aio.Channel:
    options: list[tuple[str, int]] = list(_OPTIONS)
    if target.address.startswith(("127.", "localhost:", "[::1]:")):
        options.append(("grpc.enable_http_proxy", 0))
    if not target.tls:
        return grpc.aio.insecure_channel(target.address, options)
    trusted = grpc.ssl_channel_credentials(target.root_certificates)
    return grpc.aio.secure_channel(target.address, trusted, options)

"""Bodies on their way in: small ones wait, large ones go ahead, and no memory grows."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sending import UNREACHABLE, until

from gateway.stores.pachyderm.faults import PfsError, TooLarge
from gateway.stores.pachyderm.staging import PfsStaging, staged_parts
from gateway.stores.pachyderm.words import BODY_PATH, INLINE_BYTES_MAX, PIECE_BYTES, Staged
from gateway.versioning import errors

DATA = random.Random(2).randbytes(5 * PIECE_BYTES + 321)
FILE_SET = "f" * 32


@dataclass
class Taker:
    """Stands in for Pfs: takes one file set, piece by piece as the gate lets it."""

    pieces: list[bytes] = field(default_factory=list)
    gate: asyncio.Event | None = None
    error: PfsError | None = None
    error_after: int = 0
    asked: bool = False
    cancelled: bool = False

    async def create_file_set(self, messages: AsyncIterable[Any]) -> str:
        self.asked = True
        try:
            if self.error is not None and not self.error_after:
                raise self.error
            async for message in messages:
                assert message.add_file.path == BODY_PATH
                if self.gate is not None:
                    await self.gate.wait()
                self.pieces.append(message.add_file.raw.value)
                if self.error is not None and len(self.pieces) >= self.error_after:
                    raise self.error
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return FILE_SET


def staging_to(taker: Taker) -> PfsStaging:
    return PfsStaging(cast("Any", taker))


@settings(max_examples=60)
@given(
    size=st.sampled_from(
        [0, 1, INLINE_BYTES_MAX, INLINE_BYTES_MAX + 1, PIECE_BYTES, 2 * PIECE_BYTES, len(DATA)]
    )
    | st.integers(0, len(DATA)),
    step=st.integers(10_000, 3 * PIECE_BYTES),
    told=st.booleans(),
)
def test_a_body_is_whole_however_it_comes(size: int, step: int, told: bool) -> None:
    data, taker = DATA[:size], Taker()
    digest = hashlib.sha256(data).digest()

    async def stage() -> Staged:
        staging = staging_to(taker)
        for start in range(0, size, step):
            buffer = bytearray(data[start : start + step])
            await staging.write(memoryview(buffer))
            buffer[:] = bytes(len(buffer))  # may be used again after the call
        return await staging.finish(digest if told else None)

    staged = asyncio.run(stage())
    if size <= INLINE_BYTES_MAX:
        assert staged == Staged(size, digest, data=data)
        assert taker.pieces == []
    else:
        assert staged == Staged(size, digest, file_set=FILE_SET)
        assert b"".join(taker.pieces) == data
        assert max(map(len, taker.pieces)) <= PIECE_BYTES


async def test_a_slow_pachd_slows_the_sender_down() -> None:
    taker = Taker(gate=asyncio.Event())
    staging = staging_to(taker)
    sent = 0

    async def send() -> None:
        nonlocal sent
        for _ in range(20):
            await staging.write(bytes(PIECE_BYTES))
            sent += 1

    sending = asyncio.create_task(send())
    await until(lambda: sent)
    await asyncio.sleep(0.05)
    assert sent <= 4
    assert taker.gate is not None
    taker.gate.set()
    await sending
    assert (await staging.finish()).size == 20 * PIECE_BYTES
    assert len(taker.pieces) == 20


@pytest.mark.parametrize("after", [0, 1, 3, 6])
async def test_a_call_that_fails_is_said_and_nobody_waits_for_ever(after: int) -> None:
    staging = staging_to(Taker(error=UNREACHABLE, error_after=after))

    async def send() -> None:
        for start in range(0, len(DATA), 300_000):
            await staging.write(DATA[start : start + 300_000])
        await staging.finish()

    with pytest.raises(errors.Unavailable, match="does not answer"):
        await asyncio.wait_for(send(), 10)
    await staging.abort()


async def test_a_call_that_fails_while_a_piece_waits_for_room_is_said() -> None:
    error = TooLarge(grpc.StatusCode.RESOURCE_EXHAUSTED, "received message larger than max")
    taker = Taker(gate=asyncio.Event(), error=error, error_after=1)
    staging = staging_to(taker)
    writing = asyncio.create_task(staging.write(bytes(10 * PIECE_BYTES)))
    await until(lambda: taker.asked)
    assert not writing.done()
    assert taker.gate is not None
    taker.gate.set()
    with pytest.raises(errors.Unavailable, match="larger than max"):
        await writing


async def test_a_call_that_ends_before_the_body_is_no_success() -> None:
    class Hasty(Taker):
        async def create_file_set(self, messages: AsyncIterable[Any]) -> str:
            return FILE_SET

    staging = staging_to(Hasty())
    with pytest.raises(errors.Unavailable, match="before it was complete"):
        await staging.write(bytes(5 * PIECE_BYTES))


@pytest.mark.parametrize("size", [0, 10, PIECE_BYTES])
async def test_aborting_cancels_the_call_at_any_time(size: int) -> None:
    taker = Taker(gate=asyncio.Event())
    staging = staging_to(taker)
    await staging.write(bytes(size))
    await until(lambda: taker.asked or size < PIECE_BYTES)
    await staging.abort()
    await staging.abort()
    assert taker.cancelled == (size == PIECE_BYTES)
    assert taker.pieces == []


async def test_a_cancelled_writer_leaves_a_call_that_can_be_aborted() -> None:
    taker = Taker(gate=asyncio.Event())
    staging = staging_to(taker)
    writing = asyncio.create_task(staging.write(bytes(10 * PIECE_BYTES)))
    await until(lambda: taker.asked)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await staging.abort()
    assert taker.cancelled


async def test_aborting_what_is_finished_does_nothing() -> None:
    taker = Taker()
    staging = staging_to(taker)
    await staging.write(DATA)
    staged = await staging.finish()
    await staging.abort()
    assert staged.file_set == FILE_SET
    assert not taker.cancelled


def test_parts_become_one_body_in_their_order() -> None:
    parts = [
        Staged(5, b"1" * 32, file_set="a"),
        Staged(7, b"2" * 32, file_set="b"),
        Staged(1, b"3" * 32, data=b"x"),
    ]
    digest = hashlib.sha256(b"1" * 32 + b"2" * 32 + b"3" * 32).digest()
    assert staged_parts(parts) == Staged(13, digest, parts=tuple(parts))
    assert staged_parts(parts[::-1]).digest != digest


def test_a_single_part_is_the_body() -> None:
    part = Staged(5, b"1" * 32, file_set="a")
    assert staged_parts([part]) == part

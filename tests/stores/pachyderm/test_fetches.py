"""Blocks are fetched once, and no longer than somebody wants them."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sending import BIG, COMMIT, KIB, REPO, Sender, begun, get, opened, stored, until

from gateway.stores.pachyderm import fetches
from gateway.stores.pachyderm.contents import PIECE_BYTES
from gateway.stores.pachyderm.pfs import Place
from gateway.stores.pachyderm.words import Content
from gateway.versioning import errors


@pytest.fixture
def sender() -> Sender:
    """Has no files yet."""
    return Sender()


async def test_what_was_read_is_there_for_others_and_after_a_start(
    sender: Sender, tmp_path: Path
) -> None:
    small, big = sender.add(b"small", "/small"), sender.add(BIG, "/big")
    first = opened(sender, tmp_path)
    assert await get(first, small) == b"small"
    assert await get(first, big) == BIG
    calls = len(sender.calls)
    for contents in (first, opened(sender, tmp_path)):
        assert await get(contents, small) == b"small"
        assert await get(contents, big) == BIG
        assert await get(contents, big, 1_000_000, 1_100_000) == BIG[1_000_000:1_100_000]
        await contents.close()
    assert len(sender.calls) == calls == 2
    assert first.figures()["hits"] == 3 + 1 + 4 + 2  # three came along with the first
    assert first.figures()["misses"] == 2


@pytest.mark.parametrize("message_bytes", [100_000, 19 * KIB * KIB])
async def test_a_hundred_readers_of_a_new_content_are_one_call(
    sender: Sender, tmp_path: Path, message_bytes: int
) -> None:
    sender.message_bytes = message_bytes
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    ranges = [get(contents, content, 100_000, 150_000) for _ in range(50)]
    wholes = [get(contents, content) for _ in range(50)]
    given = await asyncio.gather(*ranges, *wholes)
    assert given == [BIG[100_000:150_000]] * 50 + [BIG] * 50
    assert len(sender.calls) == 1
    assert contents.figures()["fetched_bytes"] == len(BIG)
    await contents.close()


async def test_blocks_that_came_along_in_a_message_are_kept(sender: Sender, tmp_path: Path) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    await get(contents, content, 10, 20)
    await until(lambda: sender.calls[0].over)
    assert await get(contents, content) == BIG
    assert len(sender.calls) == 1
    await contents.close()


async def test_a_small_range_does_not_wait_for_the_rest_of_a_large_content(
    sender: Sender, tmp_path: Path
) -> None:
    sender.message_bytes = 200_000
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    assert await get(contents, content, 1_100_000, 1_100_010) == BIG[1_100_000:1_100_010]
    await until(lambda: sender.calls[0].over)
    assert sender.calls[0].given_up
    assert sender.calls[0].offset == 1024 * KIB
    assert sender.calls[0].sent == 1_200_000
    await contents.close()


async def test_a_cancelled_reader_cancels_its_call_and_leaves_nothing(
    sender: Sender, tmp_path: Path
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    sender.gate = asyncio.Event()
    for start, stop in ((0, 10), (0, len(BIG))):
        reader = asyncio.create_task(get(contents, content, start, stop))
        await until(lambda: sender.calls and not sender.calls[-1].over)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await until(lambda: sender.calls[-1].given_up)
    assert stored(tmp_path) == []
    sender.gate.set()
    assert await get(contents, content, 0, 10) == BIG[:10]
    await contents.close()


async def test_a_call_goes_on_while_anybody_waits_for_it(sender: Sender, tmp_path: Path) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    sender.gate = asyncio.Event()
    first = asyncio.create_task(get(contents, content))
    await until(lambda: sender.calls)
    second = asyncio.create_task(get(contents, content))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    sender.gate.set()
    assert await second == BIG
    assert len(sender.calls) == 1
    await contents.close()


async def test_one_that_comes_just_when_the_last_has_gone_starts_anew(
    sender: Sender, tmp_path: Path
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    sender.gate = asyncio.Event()
    first = asyncio.create_task(get(contents, content, 0, 10))
    await until(lambda: sender.calls)
    first.cancel()
    second = asyncio.create_task(get(contents, content, 0, 10))
    sender.gate.set()
    assert await second == BIG[:10]
    await contents.close()


async def test_a_reader_that_stops_early_keeps_whole_blocks_and_ends_the_call(
    sender: Sender, tmp_path: Path
) -> None:
    sender.message_bytes = 300_000
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    reader = await begun(contents, content)
    await reader.aclose()
    assert sender.calls[0].given_up
    assert await get(contents, content, 0, 10) == BIG[:10]
    assert await get(contents, content, 1024 * KIB - 10, 1024 * KIB) == BIG[: 1024 * KIB][-10:]
    assert len(sender.calls) == 1
    await contents.close()


async def test_a_reader_that_dawdles_has_no_call_open_and_reads_on(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetches, "_IDLE_SECONDS", 0.01)
    sender.message_bytes = 300_000
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    reader = await begun(contents, content)
    await until(lambda: sender.calls[0].given_up)
    rest = b"".join([piece async for piece in reader])
    assert rest == BIG[PIECE_BYTES:]
    assert [call.offset for call in sender.calls[:2]] == [0, 1024 * KIB]
    await contents.close()


async def test_a_block_evicted_under_its_reader_is_read_to_the_end(
    sender: Sender, tmp_path: Path
) -> None:
    content, other = sender.add(BIG, "/big"), sender.add(BIG[::-1], "/other")
    contents = opened(sender, tmp_path, bytes_max=2 * 1100 * KIB)
    reader = await begun(contents, content)
    assert await get(contents, other) == BIG[::-1]
    assert b"".join([piece async for piece in reader]) == BIG[PIECE_BYTES:]
    await contents.close()


async def test_memory_is_flat_whatever_the_size(tmp_path: Path) -> None:
    """One reader: a message of pachd, what is being handed over and kept, and little else."""

    class Endless(Sender):
        async def get_file(
            self, at: Place, path: str, offset: int = 0
        ) -> AsyncGenerator[bytes, None]:
            while offset < 160 * KIB * KIB:
                size = min(19 * KIB * KIB, 160 * KIB * KIB - offset)
                offset += size
                yield bytes(size)

    content = Content(REPO, COMMIT, "/a", 160 * KIB * KIB, b"digest")
    contents = opened(Endless(), tmp_path, block_bytes=8 * KIB * KIB)
    tracemalloc.start()
    try:
        given = await contents.read(content, 0, content.size)
        assert not isinstance(given, bytes)
        assert sum([len(piece) async for piece in given]) == content.size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < (19 + 3 * 8 + 2) * KIB * KIB
    await contents.close()


async def test_closing_tells_who_waits(sender: Sender, tmp_path: Path) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    sender.gate = asyncio.Event()
    reader = asyncio.create_task(get(contents, content, 0, 10))
    await until(lambda: sender.calls)
    await contents.close()
    with pytest.raises(errors.Unavailable, match="being closed"):
        await reader
    assert sender.calls[0].given_up

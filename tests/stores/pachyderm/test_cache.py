"""The cache of blocks: what it keeps where, and what it does when the disk does not."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.stores.pachyderm import cache as cache_module
from gateway.stores.pachyderm.blocks import BlockFolder, OpenBlock
from gateway.stores.pachyderm.cache import SMALL_BYTES_MAX, Cache

PLENTY = 1 << 30
SMALL = b"s" * SMALL_BYTES_MAX
LARGE = b"l" * (SMALL_BYTES_MAX + 1)


async def whole(cache: Cache, name: str, size: int) -> bytes | None:
    return await cache.read(name, size, 0, size)


def on_disk(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


async def test_small_blocks_are_in_memory_too_and_large_ones_only_on_disk(tmp_path: Path) -> None:
    cache = Cache(tmp_path, PLENTY)
    assert await cache.write("aa1", SMALL)
    assert await cache.write("aa2", LARGE)
    assert cache.recent("aa1") == SMALL
    assert cache.recent("aa2") is None
    assert await whole(cache, "aa2", len(LARGE)) == LARGE
    assert await cache.read("aa2", len(LARGE), 10, 20) == LARGE[10:20]
    assert on_disk(tmp_path) == 2
    await cache.close()


async def test_a_small_block_read_from_disk_is_in_memory_from_then_on(tmp_path: Path) -> None:
    before = Cache(tmp_path, PLENTY)
    await before.write("aa1", SMALL)
    await before.close()
    cache = Cache(tmp_path, PLENTY)
    assert cache.recent("aa1") is None
    assert await cache.read("aa1", len(SMALL), 10, 20) == SMALL[10:20]
    assert cache.recent("aa1") == SMALL
    await cache.close()


async def test_memory_is_bounded_and_drops_the_longest_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_MEMORY_BYTES_MAX", 3 * (len(SMALL) + 256))
    cache = Cache(tmp_path, PLENTY)
    for name in ("aa1", "aa2", "aa3"):
        await cache.write(name, SMALL)
    cache.recent("aa1")
    await cache.write("aa4", SMALL)
    held = {name for name in ("aa1", "aa2", "aa3", "aa4") if cache.recent(name)}
    assert held == {"aa1", "aa3", "aa4"}
    assert cache.figures()["memory_bytes"] <= 3 * (len(SMALL) + 256)
    await cache.close()


@pytest.mark.parametrize("data", [SMALL, LARGE])
async def test_what_is_kept_can_be_read_at_once_and_after_a_start(
    tmp_path: Path, data: bytes
) -> None:
    cache = Cache(tmp_path, PLENTY)
    cache.keep("aa1", data)
    assert cache.recent("aa1") == data
    await cache.close()
    cache = Cache(tmp_path, PLENTY)
    assert await whole(cache, "aa1", len(data)) == data
    await cache.close()


async def test_keeping_more_than_the_disk_takes_leaves_blocks_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_WAITING_BYTES_MAX", 2 * len(LARGE))
    cache = Cache(tmp_path, PLENTY)
    for number in range(5):
        cache.keep(f"aa{number}", LARGE)
    await cache.close()
    assert on_disk(tmp_path) == 2


async def test_a_bound_of_nothing_keeps_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 0)
    assert not cache.working
    cache.keep("aa1", SMALL)
    assert not await cache.write("aa2", SMALL)
    assert cache.recent("aa1") is None
    assert await whole(cache, "aa2", len(SMALL)) is None
    assert await cache.open("aa2", len(SMALL)) is None
    await cache.close()
    assert not (tmp_path / "cache").exists()


async def test_a_folder_that_cannot_be_used_is_said_once_and_tried_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    (tmp_path / "cache").write_text("a file, of all things")
    cache = Cache(tmp_path / "cache", PLENTY, clock=lambda: now)
    with caplog.at_level(logging.WARNING):
        assert not await cache.write("aa1", LARGE)
        assert not cache.working
        assert await whole(cache, "aa1", len(LARGE)) is None
        assert await cache.open("aa1", len(LARGE)) is None
    assert len(caplog.records) == 1
    assert cache.figures()["failures"] == 3
    (tmp_path / "cache").unlink()
    now = 31.0
    assert cache.working
    assert await cache.write("aa1", LARGE)
    await cache.close()


async def test_a_full_disk_does_not_hinder_what_is_kept_on_the_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: BlockFolder, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(BlockFolder, "_place", full)
    cache = Cache(tmp_path, PLENTY)
    cache.keep("aa1", SMALL)
    await cache.close()
    assert cache.figures()["failures"] == 1
    assert cache.figures()["bytes"] == 0


async def test_a_disk_that_does_not_give_what_it_has_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: OpenBlock, start: int, stop: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    cache = Cache(tmp_path, PLENTY)
    await cache.write("aa1", LARGE)
    block = await cache.open("aa1", len(LARGE))
    assert block is not None
    monkeypatch.setattr(OpenBlock, "read", broken)
    assert await cache.read_open(block, 0, 10) is None
    assert await whole(cache, "aa1", len(LARGE)) is None
    block.close()
    await cache.close()


async def test_a_long_sweep_stops_neither_the_loop_nor_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    sweeps = 0

    def slow(self: BlockFolder, room: int = 0) -> None:
        nonlocal sweeps
        sweeps += 1
        assert goes_on.wait(20)

    monkeypatch.setattr(BlockFolder, "sweep", slow)
    cache = Cache(tmp_path, PLENTY)
    await cache.write("aa1", LARGE)  # the first write has the folder counted
    async with asyncio.timeout(10):
        for _ in range(10):
            assert await whole(cache, "aa1", len(LARGE)) == LARGE
            await cache.write("aa2", LARGE)
    goes_on.set()
    await cache.close()
    assert sweeps == 1


async def test_more_than_the_bound_goes_in_and_the_bound_holds(tmp_path: Path) -> None:
    bytes_max = 10 * (len(LARGE) + 16)
    cache = Cache(tmp_path, bytes_max)
    for number in range(40):
        assert await cache.write(f"{number:02}a", LARGE)
    await cache.close()
    assert 0 < cache.figures()["bytes"] <= bytes_max
    assert cache.figures()["evictions"] >= 30
    assert on_disk(tmp_path) <= 10


async def test_a_reader_that_goes_while_a_block_is_opened_leaves_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, goes_on = threading.Event(), threading.Event()
    really_open = BlockFolder.open

    def slow(self: BlockFolder, name: str, size: int) -> OpenBlock | None:
        block = really_open(self, name, size)
        opened.set()
        assert goes_on.wait(20)
        return block

    cache = Cache(tmp_path, PLENTY)
    await cache.write("aa1", LARGE)
    monkeypatch.setattr(BlockFolder, "open", slow)
    reader = asyncio.create_task(cache.open("aa1", len(LARGE)))
    await asyncio.to_thread(opened.wait)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    goes_on.set()
    await cache.close()
    assert not any(path.endswith("aa1") for path in open_files())


def open_files() -> list[str]:
    found = []
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with suppress(FileNotFoundError):  # the one of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    return found


async def test_a_closed_cache_finds_and_keeps_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, PLENTY)
    await cache.write("aa1", LARGE)
    block = await cache.open("aa1", len(LARGE))
    assert block is not None
    await cache.close()
    assert await whole(cache, "aa1", len(LARGE)) is None
    assert await cache.read_open(block, 0, 1) is None
    assert not await cache.write("aa2", LARGE)
    block.close()

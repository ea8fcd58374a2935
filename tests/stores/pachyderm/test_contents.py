"""Reading contents: the right bytes, from the cache where it has them, whatever the disk does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sending import BIG, COMMIT, KIB, PLENTY, REPO, Sender, begun, get, opened, stored

from gateway.stores.pachyderm import blocks
from gateway.stores.pachyderm.contents import PIECE_BYTES
from gateway.stores.pachyderm.pfs import Place
from gateway.stores.pachyderm.words import Content
from gateway.versioning.names import RepoName


@pytest.fixture
def sender() -> Sender:
    """Has no files yet."""
    return Sender()


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 900 * KIB),
    span=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    block_bytes=st.sampled_from([4096, 64 * KIB, 300_000, 8 * KIB * KIB])
    | st.integers(50_000, 1_000_000),
    message_bytes=st.integers(5_000, 1_000_000),
    bytes_max=st.sampled_from([0, 100_000, 2 * KIB * KIB, PLENTY]),
)
def test_any_span_of_any_content_gives_its_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    span: tuple[float, float],
    block_bytes: int,
    message_bytes: int,
    bytes_max: int,
) -> None:
    data = BIG[:size]
    start, stop = sorted(round(part * size) for part in span)
    sender = Sender(message_bytes=message_bytes)
    content = sender.add(data)

    async def read() -> None:
        contents = opened(sender, tmp_path_factory.mktemp("cache"), bytes_max, block_bytes)
        for _ in range(2):
            assert await get(contents, content, start, stop) == data[start:stop]
        assert await get(contents, content) == data
        await contents.close()

    asyncio.run(read())


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, 11), (11, 12)])
async def test_a_span_outside_is_refused_before_anything_is_sent(
    sender: Sender, tmp_path: Path, span: tuple[int, int]
) -> None:
    contents = opened(sender, tmp_path)
    content = sender.add(b"0123456789")
    with pytest.raises(ValueError, match="no bytes"):
        await contents.read(content, *span)
    assert sender.calls == []
    await contents.close()


async def test_no_bytes_are_no_question(sender: Sender, tmp_path: Path) -> None:
    contents = opened(sender, tmp_path)
    assert await contents.read(sender.add(b""), 0, 0) == b""
    assert await contents.read(sender.add(b"abc"), 3, 3) == b""
    assert sender.calls == []
    await contents.close()


@pytest.mark.parametrize("stop", [10, len(BIG)])
async def test_without_a_cache_bytes_pass_through(
    sender: Sender, tmp_path: Path, stop: int
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path / "cache", bytes_max=0)
    assert await get(contents, content, 0, stop) == BIG[:stop]
    assert await get(contents, content, 0, stop) == BIG[:stop]
    assert len(sender.calls) == 2
    assert not (tmp_path / "cache").exists()
    reader = await begun(contents, content)
    await reader.aclose()
    assert sender.calls[-1].given_up
    await contents.close()


async def test_a_disk_that_fills_up_meanwhile_is_not_noticed_by_readers(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sender.add(BIG)
    sender.message_bytes = 300_000
    contents = opened(sender, tmp_path)
    reader = await begun(contents, content)

    def full(self: object, path: Path, data: bytes) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(blocks.BlockFolder, "_place", full)
    assert b"".join([piece async for piece in reader]) == BIG[PIECE_BYTES:]
    assert await get(contents, content) == BIG
    await contents.close()


async def test_a_disk_that_stops_giving_what_it_has_is_not_noticed_by_readers(
    sender: Sender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path, block_bytes=2 * KIB * KIB)
    assert await get(contents, content) == BIG
    reader = await begun(contents, content)

    def broken(self: object, start: int, stop: int) -> bytes:
        raise OSError("Input/output error")

    monkeypatch.setattr(blocks.OpenBlock, "read", broken)
    assert b"".join([piece async for piece in reader]) == BIG[PIECE_BYTES:]
    await contents.close()


async def test_a_damaged_block_is_fetched_again(sender: Sender, tmp_path: Path) -> None:
    content = sender.add(BIG)
    contents = opened(sender, tmp_path)
    assert await get(contents, content) == BIG
    await contents.close()
    for path in stored(tmp_path):
        data = bytearray(path.read_bytes())
        data[500] ^= 1
        path.write_bytes(data)
    contents = opened(sender, tmp_path)
    assert await get(contents, content) == BIG
    assert contents.figures()["damaged"] > 0
    await contents.close()


async def test_what_was_just_written_needs_no_call_now_or_after_a_start(
    sender: Sender, tmp_path: Path
) -> None:
    for size in (10, 64 * KIB, 256 * KIB):
        content = sender.add(BIG[:size])
        contents = opened(sender, tmp_path)
        contents.keep(content.digest, BIG[:size], repo=REPO)
        assert await get(contents, content) == BIG[:size]
        await contents.close()
        contents = opened(sender, tmp_path)
        assert await get(contents, content, 2, 5) == BIG[2:5]
        await contents.close()
    assert sender.calls == []


async def test_a_digest_names_no_bytes_of_another_repo(sender: Sender, tmp_path: Path) -> None:
    other = RepoName("other")
    secret = Content(REPO, COMMIT, "/a", 6, b"the same digest, so it says")
    sender.files[Place(REPO, COMMIT), "/a"] = b"secret"
    sender.files[Place(other, COMMIT), "/a"] = b"public"
    contents = opened(sender, tmp_path)
    contents.keep(secret.digest, b"secret", repo=REPO)
    assert await get(contents, replace(secret, repo=other)) == b"public"
    assert await get(contents, secret) == b"secret"
    await contents.close()

"""What was served is remembered, within bounds, and over restarts."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
from hands import Hand

from gateway.lineage.readfile import EARLIER, NAME, kept_reads
from gateway.lineage.reads import (
    AGE_MS_MAX,
    READS_MAX_OF_ONE,
    Place,
    Read,
    ReadLog,
    place_of,
)
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store

NOW = 1_800_000_000_000


def place(key: str) -> Place:
    return Place("default", "raw", "master", key)


def read(version: str, ms: int = NOW) -> Read:
    return Read(ms, CommitId(version), "studio", presigned=True)


async def test_what_a_branch_served_is_remembered_by_object(raw: Hand) -> None:
    reads = ReadLog()
    await raw.put("a")
    await raw.put("b")
    at = await raw.head()
    for ms in (1, 2):
        reads.served(at, await raw.stat("a"), "studio", link=False, ms=ms)
    reads.served(at, await raw.stat("b"), "studio", link=True, ms=3)
    assert [one.time_ms for one in reads.of(place_of(at, "a"))] == [1, 2]
    [seen] = reads.of(place_of(at, "b"))
    assert (seen.version, seen.presigned) == ((await raw.stat("b")).version, True)
    assert reads.of(place_of(at, "c")) == ()


async def test_what_a_commit_or_tag_served_needs_no_memory(store: Store, raw: Hand) -> None:
    reads = ReadLog()
    commit = await raw.put("a")
    at = await raw.at(commit)
    reads.served(at, await raw.stat("a"), "studio", link=False, ms=1)
    assert len(reads) == 0


async def test_branches_and_repos_are_told_apart(store: Store, raw: Hand, labels: Hand) -> None:
    reads = ReadLog()
    await raw.put("a")
    reads.served(await raw.head(), await raw.stat("a"), "studio", link=False, ms=1)
    dev = await raw.branch("dev")
    assert reads.of(place_of(await dev.head(), "a")) == ()
    assert reads.of(place_of(await labels.head(), "a")) == ()


def test_the_objects_read_least_lately_go_first() -> None:
    reads = ReadLog(reads_max=4)
    for key in ("a", "b", "a", "c", "d"):
        reads.note(place(key), read(key))
    assert len(reads) == 4
    kept = [key for key in "abcd" if reads.of(place(key))]
    assert kept == ["a", "c", "d"]


def test_an_object_that_is_read_all_the_time_displaces_only_its_own_reads() -> None:
    reads = ReadLog(reads_max=1000)
    reads.note(place("quiet"), read("a"))
    for number in range(5000):
        reads.note(place("hot"), read(str(number)))
    assert len(reads) == 1 + READS_MAX_OF_ONE
    assert reads.of(place("hot"))[-1].version == "4999"


def test_old_reads_go() -> None:
    reads = ReadLog()
    reads.note(place("a"), read("a"))
    reads.note(place("b"), read("b", NOW + AGE_MS_MAX))
    assert len(reads) == 2
    reads.note(place("c"), read("c", NOW + AGE_MS_MAX + 1))
    assert len(reads) == 2


async def test_a_read_is_noted_in_microseconds(raw: Hand) -> None:
    reads = ReadLog(reads_max=1000)
    await raw.put("a")
    at, info = await raw.head(), await raw.stat("a")
    began = time.perf_counter()
    for number in range(20_000):
        reads.served(at, info, "studio", link=False, ms=number)
    assert (time.perf_counter() - began) / 20_000 < 50e-6


async def test_the_log_outlives_its_process(tmp_path: Path) -> None:
    for round_ in (1, 2):
        async with kept_reads(tmp_path, clock=lambda: NOW, whole=True) as reads:
            assert len(reads) == round_ - 1
            reads.note(place("k é"), read(str(round_)))
    async with kept_reads(tmp_path, clock=lambda: NOW, whole=False) as reads:
        assert reads.of(place("k é")) == (read("1"), read("2"))
        assert not reads.whole


async def test_what_is_too_old_or_cut_off_is_not_read_back(tmp_path: Path) -> None:
    async with kept_reads(tmp_path, clock=lambda: NOW, whole=True) as reads:
        reads.note(place("old"), read("a", NOW - AGE_MS_MAX - 1))
        reads.note(place("new"), read("b"))
    with (tmp_path / NAME).open("a") as file:
        file.write('["default", "raw", "mas')
    async with kept_reads(tmp_path, clock=lambda: NOW, whole=True) as reads:
        assert reads.of(place("old")) == ()
        assert reads.of(place("new")) == (read("b"),)


async def test_the_files_stay_small(tmp_path: Path) -> None:
    for number in range(10):
        async with kept_reads(tmp_path, clock=lambda: NOW, whole=True, lines_max=3) as reads:
            reads.note(place("k"), read(str(number)))
    lines = [(tmp_path / name).read_text().count("\n") for name in (EARLIER, NAME)]
    assert lines == [3, 1]
    async with kept_reads(tmp_path, clock=lambda: NOW, whole=True) as reads:
        assert [one.version for one in reads.of(place("k"))] == ["6", "7", "8", "9"]


async def test_a_file_is_put_aside_when_its_first_read_has_aged_out(tmp_path: Path) -> None:
    week = AGE_MS_MAX + 1
    for number in range(3):
        now = NOW + number * week
        async with kept_reads(tmp_path, clock=partial(int, now), whole=True) as reads:
            reads.note(place("k"), read(str(number), now))
    texts = [(tmp_path / name).read_text() for name in (EARLIER, NAME)]
    assert [text.count("\n") for text in texts] == [1, 1]
    assert str(NOW) not in "".join(texts)


async def test_a_directory_that_cannot_be_written_costs_no_read(
    tmp_path: Path, raw: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    await raw.put("a")
    at, info = await raw.head(), await raw.stat("a")
    folder = tmp_path / "gone"
    folder.mkdir()
    async with kept_reads(folder, clock=lambda: NOW, whole=True) as reads:
        folder.rmdir()
        reads.served(at, info, "studio", link=False, ms=NOW)
        assert len(reads.of(place_of(at, "a"))) == 1
    assert "read log is not kept" in caplog.text

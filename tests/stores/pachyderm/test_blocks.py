"""The folder of the content cache: bounded, checked, shared, and none the worse for a crash."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stores.pachyderm.blocks import FILE_COST_MIN, BlockFolder, cost

PLENTY = 1 << 30
DATA = bytes(range(256)) * 500


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a cache that was never used."""
    return tmp_path / "cache"


def file_of(folder: Path, name: str) -> Path:
    (found,) = folder.rglob(name)
    return found


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def age(folder: Path, name: str, seconds: float) -> None:
    """As if the block had last been used so long ago."""
    then = time.time() - seconds
    os.utime(file_of(folder, name), (then, then))


def read(blocks: BlockFolder, name: str, size: int = len(DATA)) -> bytes | None:
    return blocks.read(name, size, 0, size)


def test_what_was_written_is_read_in_any_span_by_this_process_and_others(folder: Path) -> None:
    assert BlockFolder(folder, PLENTY).write("ab1", DATA)
    for blocks in (BlockFolder(folder, PLENTY), BlockFolder(folder, 1)):
        assert read(blocks, "ab1") == DATA
        assert blocks.read("ab1", len(DATA), 300, 1300) == DATA[300:1300]
        assert read(blocks, "ab2") is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-1],
        lambda data: data[:10],
        lambda data: b"",
        lambda data: data + b"x",
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: b"LGB2" + data[4:],
        lambda data: bytes(len(data)),  # what a power cut makes of a file whose name was faster
    ],
)
def test_a_damaged_block_is_absent_and_removed(folder: Path, harm) -> None:  # type: ignore[no-untyped-def]
    BlockFolder(folder, PLENTY).write("ab1", DATA)
    path = file_of(folder, "ab1")
    path.write_bytes(harm(path.read_bytes()))
    blocks = BlockFolder(folder, PLENTY)
    assert read(blocks, "ab1") is None
    assert files(folder) == set()
    assert blocks.damaged == 1
    assert blocks.write("ab1", DATA)
    assert read(blocks, "ab1") == DATA


def test_a_block_that_became_shorter_after_its_check_is_absent(folder: Path) -> None:
    blocks = BlockFolder(folder, PLENTY)
    blocks.write("ab1", DATA)
    assert read(blocks, "ab1") == DATA
    os.truncate(file_of(folder, "ab1"), 1000)
    assert read(blocks, "ab1") is None


def test_a_block_of_another_size_is_not_the_one(folder: Path) -> None:
    blocks = BlockFolder(folder, PLENTY)
    blocks.write("ab1", DATA)
    assert read(blocks, "ab1", len(DATA) - 1) is None


def test_the_longest_unused_goes_first(folder: Path) -> None:
    blocks = BlockFolder(folder, 4 * cost(len(DATA)))
    for seconds, name in enumerate(("aa4", "bb3", "cc2", "dd1")):
        blocks.write(name, DATA)
        age(folder, name, 1000 - seconds * 100)
    assert read(blocks, "aa4") == DATA  # used now
    blocks.write("ee0", DATA)
    assert files(folder) == {"aa4", "dd1", "ee0", "cc2"}
    assert blocks.evictions == 1


def test_an_open_block_is_read_to_its_end_though_it_is_evicted(folder: Path) -> None:
    blocks = BlockFolder(folder, cost(len(DATA)))
    blocks.write("aa1", DATA)
    block = blocks.open("aa1", len(DATA))
    assert block is not None
    blocks.write("bb1", DATA)
    assert files(folder) == {"bb1"}
    assert block.read(1000, 2000) == DATA[1000:2000]
    block.close()


def test_what_is_larger_than_the_bound_is_not_kept_and_evicts_nothing(folder: Path) -> None:
    blocks = BlockFolder(folder, cost(len(DATA)))
    blocks.write("aa1", DATA)
    assert not blocks.write("bb1", DATA + b"x")
    assert files(folder) == {"aa1"}


@settings(max_examples=60)
@given(
    bytes_max=st.integers(0, 12 * FILE_COST_MIN),
    sizes=st.lists(st.integers(1, 4 * FILE_COST_MIN), max_size=30),
)
def test_the_folder_never_exceeds_its_bound(
    tmp_path_factory: pytest.TempPathFactory, bytes_max: int, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    blocks = BlockFolder(folder, bytes_max)
    for number, size in enumerate(sizes):
        kept = blocks.write(f"{number:03}", bytes(size))
        assert kept == (cost(size) <= bytes_max)
        stored = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        assert sum(stored) <= blocks.bytes <= bytes_max
        assert not kept or f"{number:03}" in files(folder)


def test_a_sweep_sees_what_other_processes_wrote(folder: Path) -> None:
    bytes_max = 8 * cost(len(DATA))
    one, other = BlockFolder(folder, bytes_max), BlockFolder(folder, bytes_max)
    for number in range(6):
        one.write(f"one{number}", DATA)
        other.write(f"two{number}", DATA)
    assert one.sweep_due
    one.sweep()
    assert one.bytes == len(files(folder)) * cost(len(DATA)) <= bytes_max * 3 // 4
    assert not one.sweep_due


def test_a_sweep_takes_away_what_crashed_writers_left_but_not_what_is_being_written(
    folder: Path,
) -> None:
    blocks = BlockFolder(folder, PLENTY)
    blocks.write("aa1", DATA)
    for name in ("aa2.0011.new", "aa3.0022.new"):
        (folder / "aa" / name).write_bytes(DATA)
    age(folder, "aa2.0011.new", 2 * 3600)
    blocks.sweep()
    assert files(folder) == {"aa1", "aa3.0022.new"}


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = BlockFolder(folder, PLENTY)

    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(OSError, match="No space left"):
            blocks.write("aa1", DATA)
    assert files(folder) == set()
    assert blocks.bytes == 0
    assert blocks.write("aa1", DATA)


def test_a_folder_that_is_removed_meanwhile_is_made_again(folder: Path) -> None:
    blocks = BlockFolder(folder, PLENTY)
    blocks.write("aa1", DATA)
    for path in folder.rglob("aa1"):
        path.unlink()
    (folder / "aa").rmdir()
    folder.rmdir()
    assert read(blocks, "aa1") is None
    blocks.sweep()
    assert blocks.write("aa1", DATA)


WRITER = """
import random, sys
from pathlib import Path
from gateway.stores.pachyderm.blocks import BlockFolder
blocks = BlockFolder(Path(sys.argv[1]), int(sys.argv[2]))
print("begun", flush=True)
while True:
    number = random.randrange(40)
    blocks.write(f"{number:02}", bytes([number]) * 50_000)
    blocks.read(f"{number:02}", 50_000, 0, 50_000)
    if random.random() < 0.1:
        blocks.sweep()
"""


def test_processes_that_share_a_folder_and_are_killed_leave_only_whole_blocks(folder: Path) -> None:
    bytes_max = 20 * cost(50_000)
    command = [sys.executable, "-c", WRITER, str(folder), str(bytes_max)]
    for _ in range(3):
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
        reader = BlockFolder(folder, bytes_max)
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            for number in range(40):
                data = reader.read(f"{number:02}", 50_000, 0, 50_000)
                assert data is None or data == bytes([number]) * 50_000
        for process in running:
            process.kill()
            process.communicate()
        assert reader.damaged == 0
    reader.sweep()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= bytes_max

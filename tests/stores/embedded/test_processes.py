"""Several processes on one directory, and a process that is killed."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

from hands import Hand, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.versioning.names import CommitId

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "support" / "writing_process.py"
PROCESSES, COUNT = 3, 25


def started(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A writing process that waits for a line."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


async def test_processes_that_share_a_directory_make_one_linear_history(folder: Path):
    """They make the store, its repo and branch together, too."""
    processes = [started(folder, f"p{number}", COUNT) for number in range(PROCESSES)]
    for process in processes:
        begin(process)
    answered = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES

    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    hand = Hand(store)
    log = await store.log(await hand.head(), limit=10_000)
    assert len(log) == 1 + 2 * PROCESSES * COUNT
    assert len({one.id for one in log}) == len(log)
    for newer, older in itertools.pairwise(log):
        assert newer.parents == (older.id,)
        assert newer.time_ms >= older.time_ms
    assert await hand.read("counter") == b"%d" % (PROCESSES * COUNT)
    assert len(await hand.all_keys()) == 1 + PROCESSES * COUNT
    every = {one.id for one in log}
    for number, ids in enumerate(answered):
        own = await Hand(store, f"p{number}.labels").log(limit=COUNT)
        assert set(ids[::2]) <= every
        assert own == ids[::-2]
    await store.close()
    assert verify(folder, lambda *_: None) == []


async def test_what_was_answered_survives_a_killed_process(folder: Path):
    """While another process goes on, and without any repair."""
    killed, other = started(folder, "killed", 0), started(folder, "other", COUNT)
    begin(killed)
    begin(other)
    assert killed.stdout is not None
    answered = [killed.stdout.readline().strip() for _ in range(30)]
    killed.kill()
    answered += killed.stdout.read().split()
    killed.wait()
    killed.stdout.close()
    assert killed.stdin is not None
    killed.stdin.close()
    answered += other.communicate()[0].split()
    assert other.returncode == 0

    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    for commit in answered:
        assert len(await store.find_commit(CommitId(commit))) == 1
    hand = Hand(store)
    assert len(await hand.all_keys(prefix="other/")) == COUNT
    await hand.put("later", b"1")
    assert await hand.read("later") == b"1"
    await store.close()
    assert verify(folder, lambda *_: None) == []

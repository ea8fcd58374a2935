"""SIGKILL in the middle of erases: what was answered is gone for good, nothing else is."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import subprocess
import sys
import time
from pathlib import Path

from erasing_process import body
from hands import Hand

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.stores.timeline.database import connect, first_row
from gateway.versioning.errors import Erased
from gateway.versioning.names import CommitId

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "erasing_process.py"
ROUNDS = 5
LINES_MIN, LINES_MAX = 40, 160
SCRUB_SECONDS_MAX = 60

Version = tuple[str, CommitId]


class Journal:
    """What the killed processes said."""

    def __init__(self) -> None:
        self.bodies: dict[Version, bytes] = {}
        self.begun: set[Version] = set()
        self.erased: set[Version] = set()

    def note(self, line: str) -> None:
        match line.split():
            case ["put", key, version, serial, size]:
                self.bodies[key, CommitId(version)] = body(key, int(serial), int(size))
            case ["erasing", key, version]:
                self.begun.add((key, CommitId(version)))
            case ["erased", key, version]:
                self.erased.add((key, CommitId(version)))


def killed_in_the_middle(folder: Path, number: int, lines: int, journal: Journal) -> None:
    paths = os.pathsep.join([str(ROOT), str(SCRIPT.parent)])
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert process.stdout is not None
    for _ in range(lines):
        journal.note(process.stdout.readline())
    process.kill()
    *rest, _ = process.stdout.read().split("\n")  # the last line may be cut off
    for line in rest:
        journal.note(line)
    process.wait()
    process.stdout.close()


async def check(folder: Path, journal: Journal) -> None:
    """Every version is there whole or erased; once scrubbed, no byte of an erased one is left."""
    store = await EmbeddedStore.open(folder, clock=lambda: time.time_ns() // 1_000_000)
    hand = Hand(store)
    at = await hand.head()
    gone: list[bytes] = []
    for (key, version), data in journal.bodies.items():
        try:
            info = await store.stat(at, key, version)
        except Erased:
            assert (key, version) in journal.begun
            gone.append(data)
            continue
        assert (key, version) not in journal.erased
        assert await hand.read(key, await hand.at(version)) == data
        assert info.size == len(data)
    await scrubbed(folder)
    await store.close()
    assert traces(folder, gone) == []


def traces(folder: Path, gone: list[bytes]) -> list[bytes]:
    """Those of the bodies of which something is left in some file."""
    files = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    return [data for data in gone if any(data[:30] in file for file in files)]


async def scrubbed(folder: Path) -> None:
    connection = connect(folder / "store.db", read_only=True)
    async with asyncio.timeout(SCRUB_SECONDS_MAX):
        while first_row(connection, "SELECT 1 FROM scrub LIMIT 1") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    connection.close()


def test_erases_that_were_answered_survive_sigkill(tmp_path: Path):
    seed = int(os.environ.get("LABELGATE_TEST_SEED", secrets.randbits(32)))
    print(f"LABELGATE_TEST_SEED={seed}")
    dice = random.Random(seed)
    folder, journal = tmp_path / "data", Journal()
    for number in range(1, ROUNDS + 1):
        killed_in_the_middle(folder, number, dice.randint(LINES_MIN, LINES_MAX), journal)
        assert verify(folder, lambda *_: None) == []  # before anybody touched it
        asyncio.run(check(folder, journal))
        assert verify(folder, lambda *_: None) == []
    assert len(journal.erased) > ROUNDS

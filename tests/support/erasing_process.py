"""A process that writes objects and erases them until it is killed: for the tests of crashes.

Arguments: the directory, and a number that makes its bodies its own. It says what it is about to
erase, and what was answered: `put KEY VERSION SIZE`, `erasing KEY VERSION`, `erased KEY VERSION`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from pathlib import Path

from hands import REPO, Hand

from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.model import About, Erase
from gateway.versioning.names import CommitId

SIZES = (40, 40, 3000, 70_000, 300_000)
KEYS = 6
KEPT_MAX = 12


def body(key: str, serial: int, size: int) -> bytes:
    """Bytes that are found again wherever they are: no other body has them."""
    mark = b"<%s %08d>" % (key.encode(), serial)
    return (mark * (size // len(mark) + 1))[: max(size, len(mark))]


async def work(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    store = await EmbeddedStore.open(folder, clock=lambda: time.time_ns() // 1_000_000)
    with contextlib.suppress(AlreadyExists):
        await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    there: list[tuple[str, CommitId]] = []
    for serial in range(seed * 100_000, sys.maxsize):
        key = f"{seed}/{dice.randrange(KEYS)}"
        data = body(key, serial, dice.choice(SIZES))
        version = await hand.put(key, data)
        print("put", key, version, serial, len(data), flush=True)
        there.append((key, version))
        if len(there) > KEPT_MAX or dice.random() < 0.3:
            gone = [there.pop(dice.randrange(len(there))) for _ in range(min(3, len(there)))]
            for one in gone:
                print("erasing", *one, flush=True)
            await hand.write(*(Erase(*one, "test") for one in gone), about=About("eve", "erase"))
            for one in gone:
                print("erased", *one, flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))

"""A process that writes to an embedded store and prints the id of each commit it was answered.

Arguments: the store's directory, a name for its keys, how many commits (0: until it is killed).
Reads a line from its input first, so that several begin together.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from contextlib import suppress
from pathlib import Path

from hands import REPO, Hand, etag_of

from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.errors import AlreadyExists, ConditionFailed
from gateway.versioning.model import Condition

LARGE_BYTES = 100_000


async def write(folder: Path, name: str, count: int) -> None:
    store = await EmbeddedStore.open(folder, clock=lambda: time.time_ns() // 1_000_000)
    with suppress(AlreadyExists):  # another process was first
        await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    mine = await hand.branch(name)
    for number in itertools.count() if count == 0 else range(count):
        body = f"{name} {number}".encode()
        print(await hand.put(f"{name}/{number}", body), flush=True)
        if number % 5 == 0:
            body = body.ljust(LARGE_BYTES)
        print(await mine.put("own", body), flush=True)
        await increment(hand)
    await store.close()


async def increment(hand: Hand) -> None:
    """Add one to a counter that every process adds to."""
    while True:
        at = await hand.head()
        keys = await hand.keys(at, prefix="counter")
        try:
            if not keys:
                await hand.put("counter", b"1", condition=Condition(not_etag="*"))
            else:
                value = await hand.read("counter", at)
                swap = Condition(etag=etag_of(value))
                await hand.put("counter", b"%d" % (int(value) + 1), condition=swap)
        except ConditionFailed:
            continue
        return


if __name__ == "__main__":
    sys.stdin.readline()
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

"""`make bench-versions`: branch, tag, diff, promote, log and an old read, at many objects.

Medians in ms of the store's own calls, on a repo of so many objects: they should be the same for a
thousand and for a million. Diff and promote are of two branches that differ in ten objects.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder
from gateway.merging.carrying import Tools, Who
from gateway.merging.promote import Wanted, Way, promote
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.model import About, Attributes, Put, Snapshot
from gateway.versioning.names import BucketName, RepoName

SIZES = (1_000, 100_000, 1_000_000)
REPO = RepoName("labels")
ABOUT = About("default", "put")
DIFFERENT, TIMES = 10, 30
_A_COMMIT = 5_000
_BODY = b"{}"


class Bench:
    """One store of so many objects."""

    def __init__(self, store: EmbeddedStore, size: int) -> None:
        self._store = store
        self._size = size
        self._serial = 0

    async def put(self, bucket: BucketName, keys: list[str]) -> None:
        """Write them all in one commit."""
        changes = []
        for key in keys:
            staging = await self._store.stage()
            self._serial += 1
            body = _BODY + str(self._serial).encode()
            await staging.write(body)
            etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
            changes.append(Put(key, await staging.finish(), len(body), etag, Attributes()))
        await self._store.commit(await self._store.resolve(bucket), changes, ABOUT)

    async def fill(self) -> None:
        """The objects of `master`."""
        await self._store.create_branch(REPO, "master", account="default", create_repo=True)
        for first in range(0, self._size, _A_COMMIT):
            numbers = range(first, min(first + _A_COMMIT, self._size))
            await self.put(BucketName(REPO, "master"), [f"task/{n:07}" for n in numbers])

    async def measure(self) -> dict[str, float]:
        """Medians, in ms."""
        store, master = self._store, BucketName(REPO, "master")
        old = await store.resolve(master)
        times: dict[str, list[float]] = {}

        async def timed(name: str, call: Awaitable[Any]) -> Any:
            begun = time.perf_counter()
            found = await call  # a coroutine begins only now
            times.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
            return found

        def sampled(n: int) -> list[str]:
            step = max(self._size // DIFFERENT, 1)
            return [f"task/{(i * step + n) % self._size:07}" for i in range(DIFFERENT)]

        for n in range(TIMES):
            head = await store.resolve(master)
            name = f"dev{n}"
            await timed("branch", store.create_branch(REPO, name, account="d", start=head))
            await timed("tag", store.create_tag(REPO, f"v{n}", head, account="d"))
            await self.put(BucketName(REPO, name), sampled(n))
            dev = await store.resolve(BucketName(REPO, name))
            found = await timed("diff of 10", store.diff(head, dev))
            assert len(found.entries) == DIFFERENT
            await self.put(master, [f"mine/{n}"])
            made = await timed("promote of 10, a merge", self._promote(dev, master))
            assert made.way is Way.MERGE
            await self.put(BucketName(REPO, name), [f"more/{n}"])
            await timed("log, a page of 100", store.log(dev, limit=100))
            await timed("a read at an old commit", store.stat(old, sampled(n)[0]))
            await timed("list of 1,000 at an old commit", store.list(old, limit=1000))
        return {name: statistics.median(found) for name, found in times.items()}

    async def _promote(self, source: Snapshot, target: BucketName) -> Any:
        who = Who("default", "bench", "R", 1)
        tools = Tools(self._store, Recorder(self._store, ReadLog()), who)
        return await promote(tools, source, await self._store.resolve(target), Wanted())


async def of_size(size: int) -> dict[str, float]:
    """The figures at so many objects."""
    with tempfile.TemporaryDirectory() as folder:
        store = await EmbeddedStore.open(Path(folder), clock=lambda: time.time_ns() // 1_000_000)
        try:
            bench = Bench(store, size)
            await bench.fill()
            return await bench.measure()
        finally:
            await store.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.versions", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    sizes = parser.parse_args().sizes
    found = [asyncio.run(of_size(size)) for size in sizes]
    print(f"{'ms, by objects':34}" + "".join(f"{size:>12,}" for size in sizes) + "   last/first")
    for name in found[0]:
        row = [one[name] for one in found]
        shown = "".join(f"{value:12.3f}" for value in row)
        print(f"{name:34}{shown}   {row[-1] / row[0]:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

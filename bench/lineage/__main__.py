"""`make bench-lineage`: a PUT of a label beside a PUT of as many bytes that are none.

Both to one server in one run, in turn, on one connection, with that many lineage records in the
index. Aim: a label costs at most 15 % more. Then the index is asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.client import Connection, Server, prepared
from bench.lineage import shelf
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.names import CommitId, RepoName
from gateway.versioning.terms import Terms, below_source, of_annotator, of_source, of_task

AIM = 1.15
KEY = "bench", "bench-secret-key"
PAIRS = 3_000
_WARM = 200


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A gateway on the directory, as a user starts it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("LABELGATE_")}
    env |= {"LABELGATE_ACCESS_KEY_ID": KEY[0], "LABELGATE_SECRET_ACCESS_KEY": KEY[1]}
    command = [sys.executable, "-m", "gateway", "serve", "--data", str(folder), "--port", "0"]
    address = folder / "run" / "server.json"
    address.unlink(missing_ok=True)
    with subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            while not address.exists():
                if process.poll() is not None:
                    raise RuntimeError("the gateway did not start")
                time.sleep(0.05)
            time.sleep(1)
            found = json.loads(address.read_text())
            yield Server("gateway", found.get("s3_endpoint", found["endpoint"]), *KEY)
        finally:
            process.terminate()


def put_both(server: Server, first: int) -> tuple[list[float], list[float]]:
    """Milliseconds of PUTs of labels, and of PUTs of other bodies of the same size, in turn."""
    connection = Connection(server)
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(first, first + PAIRS + _WARM):
        for which, body in enumerate(shelf.bodies(number)):
            path = f"/{shelf.LABELS}/{('bench', 'other')[which]}/{number}"
            request = prepared(server, "PUT", path, body)
            start = time.perf_counter()
            connection.send(request)
            if number >= first + _WARM:
                took[which].append((time.perf_counter() - start) * 1000)
    connection.close()
    return took


async def ask(folder: Path, records: int) -> list[tuple[str, int, float]]:
    """What the index is asked, how many rows it answers, and the milliseconds of that."""
    store = await EmbeddedStore.open(folder, clock=lambda: 0)
    labels, raw = RepoName("labels"), RepoName("raw")
    [one] = await store.find_writes(labels, of_task(records // 2), limit=1)
    version = CommitId(one.lineage["sources"][0]["commit"])
    key = one.lineage["sources"][0]["path"]
    questions: list[tuple[str, Terms, int]] = [
        ("labels of one version", of_source(raw, key, version), 100),
        ("labels of any version", of_source(raw, key), 100),
        ("labels below a prefix, a page of 100", below_source(raw, "scenes/"), 100),
        ("labels of an annotator, a page of 100", of_annotator(7), 100),
        ("labels of a task", of_task(records // 2), 100),
    ]
    answers = []
    for name, terms, limit in questions:
        times = []
        for _ in range(200):
            start = time.perf_counter()
            found = await store.find_writes(labels, terms, limit=limit)
            times.append((time.perf_counter() - start) * 1000)
        answers.append((name, len(found), statistics.median(times)))
    await store.close()
    return answers


def _told(records: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if done % 100_000 == 0 or done == records:
            print(f"  {done:,} of {records:,} records", file=sys.stderr)

    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lineage", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, help="kept, and used again if it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = given.data or Path(temporary) / "data"
        if not (folder / "store.db").exists():
            folder.mkdir(parents=True, exist_ok=True)
            asyncio.run(shelf.fill(folder, given.records, _told(given.records)))
        with serving(folder) as server:
            labels, others = put_both(server, int(time.time()))
        print(f"at {given.records:,} lineage records, one connection, p50 and p99 in ms:")
        for name, times in (("PUT of a label", labels), ("PUT of as many other bytes", others)):
            p99 = statistics.quantiles(times, n=100)[98]
            print(f"  {name:42} {statistics.median(times):8.3f} {p99:8.3f}")
        ratio = statistics.median(labels) / statistics.median(others)
        print(f"  {'ratio of p50':42} {ratio:8.3f}   (aim {AIM})")
        for name, rows, ms in asyncio.run(ask(folder, given.records)):
            print(f"  {name:42} {ms:8.3f}   {rows} rows")
    return 0 if ratio <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())

"""The index made anew is the one that was written with the commits, also of an older directory."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from hands import REPO, Hand, put, ticking_clock

from gateway.stores.embedded.reindexing import reindex
from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.stores.timeline.database import all_rows, connect
from gateway.versioning import terms
from gateway.versioning.errors import Corrupt
from gateway.versioning.model import Erase
from gateway.versioning.names import RepoName

TABLES = {"found": "repo, term, back, ord", "entry": "line, key, seq"}


def rows(folder: Path) -> dict[str, list[Any]]:
    """What is derived of a store's directory."""
    connection = connect(folder / "store.db", read_only=True)
    try:
        return {
            table: all_rows(connection, f"SELECT {columns} FROM {table} ORDER BY {columns}")
            for table, columns in TABLES.items()
        }
    finally:
        connection.close()


def execute(folder: Path, statements: str) -> None:
    connection = connect(folder / "store.db")
    connection.execute(statements)
    connection.close()


def sound(folder: Path) -> bool:
    return not verify(folder, lambda *_: None)


def record(key: str, choose: random.Random) -> dict[str, Any]:
    sources = [
        {
            "uri": f"s3://raw/{choose.choice('abc')}",
            "evidence": "observed",
            "repo": "raw",
            "project": "default",
            "ref": "master",
            "path": choose.choice("abc"),
            "commit": f"{choose.randrange(9):032x}",
        }
        for _ in range(choose.randrange(3))
    ]
    return {"key": key, "sources": sources, "annotator": choose.randrange(3), "task": 1}


async def build(folder: Path, seed: int = 1) -> None:
    """Writes, deletes and erasures on two branches, and a repo beside them."""
    choose = random.Random(seed)
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    await store.create_branch(RepoName("other"), "master", account="ann", create_repo=True)
    hands = [Hand(store), Hand(store, "master.other")]
    hands.append(await hands[0].branch("dev"))
    written = []
    for _ in range(60):
        hand, key = choose.choice(hands), choose.choice("abcdef")
        if choose.random() < 0.2:
            await hand.delete(key)
            continue
        keys = dict.fromkeys([key, choose.choice("uvw")])
        puts = [await put(store, one, lineage=record(one, choose)) for one in keys]
        made = await hand.write(*puts)
        assert made.commit is not None
        written.append((hand, key, made.commit.id))
    for hand, key, version in choose.sample(written, 8):
        await hand.write(Erase(key, version))
    await store.close()


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_live_one(tmp_path: Path, seed: int):
    asyncio.run(build(tmp_path, seed))
    live = rows(tmp_path)
    assert len(live["found"]) > 60
    execute(tmp_path, "DELETE FROM found; DELETE FROM entry")
    assert not sound(tmp_path)
    told = []
    made = reindex(tmp_path, lambda what, count: told.append((what, count)))
    assert rows(tmp_path) == live
    assert sound(tmp_path)
    assert made.keys() == {"labels", "other"}
    assert {what for what, _ in told} == {"keys", "lineage"}


def test_what_should_not_be_there_goes(tmp_path: Path):
    asyncio.run(build(tmp_path))
    live = rows(tmp_path)
    execute(tmp_path, "INSERT INTO found VALUES(1, x'00', -1, 1)")
    reindex(tmp_path, lambda *_: None)
    assert rows(tmp_path) == live


@pytest.mark.parametrize(
    "earlier",
    [
        "DROP TABLE found; UPDATE meta SET value=2 WHERE name='format'",
        "DELETE FROM found; CREATE TABLE outbox(n); UPDATE meta SET value=3 WHERE name='format'",
    ],
)
def test_a_directory_of_a_format_before_gets_it_as_it_is_opened(tmp_path: Path, earlier: str):
    asyncio.run(build(tmp_path))
    live = rows(tmp_path)
    execute(tmp_path, earlier)

    async def find() -> int:
        store = await EmbeddedStore.open(tmp_path, clock=ticking_clock())
        try:
            return len(await store.find_writes(REPO, terms.of_annotator(1)))
        finally:
            await store.close()

    assert asyncio.run(find())
    assert rows(tmp_path) == live


def test_it_may_be_made_while_a_store_works(tmp_path: Path):
    async def work() -> None:
        store = await EmbeddedStore.open(tmp_path, clock=ticking_clock())
        await store.create_branch(REPO, "master", account="ann", create_repo=True)
        hand, choose = Hand(store), random.Random(1)

        async def write() -> None:
            for number in range(200):
                await hand.put(str(number), lineage=record(str(number), choose))

        writing = asyncio.create_task(write())
        while not writing.done():
            await asyncio.to_thread(reindex, tmp_path, lambda *_: None)
        await writing
        await store.close()

    asyncio.run(work())
    live = rows(tmp_path)
    reindex(tmp_path, lambda *_: None)
    assert rows(tmp_path) == live
    assert sound(tmp_path)


def test_a_directory_without_a_store_is_refused(tmp_path: Path):
    with pytest.raises(Corrupt):
        reindex(tmp_path, lambda *_: None)

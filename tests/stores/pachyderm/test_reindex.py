"""An index made from nothing tells the same as the one that grew with its commits."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hands import REPO, Hand, put
from others import Other

from gateway.stores.pachyderm import checkpoint
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.reindex import reindex
from gateway.stores.pachyderm.store import INDEX_FOLDER
from gateway.versioning.model import About, Attributes, Delete
from gateway.versioning.names import parse_bucket

BUCKETS = ("master.labels", "dev.labels", "late.labels", "v1.labels", "other.labels")


async def everything(hand: Hand) -> dict[str, Any]:
    """All that a store tells of all refs, page by page, with every commit on the way."""
    store = hand.store
    told: dict[str, Any] = {"refs": await store.refs()}
    for bucket in BUCKETS:
        at = await store.resolve(parse_bucket(bucket))
        log = await store.log(at, limit=10_000)
        told[bucket] = [
            log,
            await store.list(at, limit=10_000),
            await store.list(at, limit=10_000, delimiter="/"),
            await store.versions(at, limit=10_000),
        ]
        for commit in log:
            point = await store.resolve(parse_bucket(f"{commit.id}.labels"))
            told[f"{bucket} {commit.id}"] = [
                await store.commit_info(point),
                await store.changes(point, limit=10_000),
                await store.list(point, limit=10_000),
                await store.diff(point, at, limit=10_000),
            ]
        for entry in (await store.list(at, limit=10_000)).entries:
            info = await store.stat(at, entry.key)
            told[f"{bucket}/{entry.key}"] = [
                info,
                info.content,
                await store.lineage(at, info),
                await hand.read(entry.key, at),
            ]
    return told


async def lived(hand: Hand, pfs: Pfs) -> None:
    """A history with branches, tags, other tools, bursts and deletes."""
    dice = random.Random(7)
    store = hand.store
    for number in range(12):
        about = About(f"user{number % 3}", "put", f"why {number}", {"n": str(number)})
        change = await put(
            store, f"d{number % 3}/k{number % 5}", b"%d" % number,
            attributes=Attributes("text/plain", metadata={"n": str(number)}),
            lineage={"n": number}, same_as=str(number),
        )  # fmt: skip
        await hand.write(change, about=about)
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    await Other(pfs, REPO).write({"/theirs/a.json": b"{}", "/d0/k0": b"x"}, delete=("/d1/k1",))
    dev = await hand.branch("dev")
    await asyncio.gather(*(dev.put(f"burst/{number}") for number in range(20)))
    await hand.write(Delete("d0/k0"), Delete("never"))
    await Other(pfs, REPO).write({"/theirs": b"spoiled", "/good": b"too"})
    await hand.put("after", b"1")
    await store.create_branch(REPO, "other", account="bob", properties={"bucket": "other.labels"})
    other = Hand(store, "other.labels")
    for _ in range(6):
        await dice.choice([dev, other]).put(f"r{dice.randrange(4)}", dice.randbytes(10))
    late = await dev.branch("late")
    await late.put("large", dice.randbytes(600_000))
    await dev.put("last")
    for one in (hand, dev, other, late):
        await store.settled(await one.head())
    await asyncio.sleep(0.3)


async def test_it_tells_the_same_as_the_live_one(
    pfs: Pfs, hand: Hand, open_store, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    await lived(hand, pfs)
    expected = await everything(hand)
    progress: list[int] = []
    counts = await reindex(
        pfs,
        tmp_path / "anew" / INDEX_FOLDER,
        clock=hand.store._clock,
        told=lambda _repo, count: progress.append(count),
    )
    assert counts == {REPO: progress[-1]}
    anew = await everything(Hand(await open_store("anew")))
    assert anew == expected
    fresh = await everything(Hand(await open_store("fresh")))
    assert fresh == expected


async def test_what_a_fresh_replica_restores_is_the_same_too(
    pfs: Pfs, hand: Hand, open_store, fake, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint, "SETTLED_MS", 0)
    await lived(hand, pfs)
    expected = await everything(hand)
    known = await hand.store._refs.known(REPO)
    await hand.store._checkpoints.set_aside(known, await hand.store._heads.index(REPO))
    fake.calls.clear()
    fresh = await everything(Hand(await open_store("fresh")))
    assert fresh == expected
    assert fake.calls["DiffFile"] == fake.calls["ListCommit"] == 0


async def test_it_replaces_segments_that_are_wrong(
    pfs: Pfs, hand: Hand, open_store, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint, "SETTLED_MS", 0)
    await hand.put("a", b"1")
    store = hand.store
    await store.settled(await hand.head())
    known = await store._refs.known(REPO)
    await store._checkpoints.set_aside(known, await store._heads.index(REPO))
    companion = store._checkpoints._companion
    place = await companion.place("default")
    (name,) = await companion.names(place, checkpoint._folder(known))
    await companion.write("default", {name: b"wrong"}, "test")
    await reindex(pfs, tmp_path / "anew" / INDEX_FOLDER, clock=store._clock)
    place = await companion.place("default")
    (name,) = await companion.names(place, checkpoint._folder(known))
    assert (await companion.read(place, name))[:2] == b"\x1f\x8b"
    assert await Hand(await open_store("fresh")).keys() == ["a"]


async def test_there_may_be_nothing_to_index(pfs: Pfs, tmp_path):
    assert await reindex(pfs, tmp_path, clock=lambda: 0) == {}
    await pfs.create_repo(REPO)
    assert await reindex(pfs, tmp_path, clock=lambda: 0) == {REPO: 0}

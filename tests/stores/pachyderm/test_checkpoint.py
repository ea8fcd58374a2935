"""Segments: what is set aside of an index, and what a new replica makes of it."""

from __future__ import annotations

import asyncio
import time

import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand
from recorded import commit_id, wrote

from gateway.stores.pachyderm import checkpoint, segments
from gateway.stores.pachyderm.checkpoint import Checkpoints
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.refs import Refs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.names import RepoName

NOW_MS = 2_000_000_000_000


def chain(count: int, start: int = 0, branch: str = "master") -> list[Recorded]:
    """Commits one behind the other."""
    return [
        Recorded(
            commit_id(number),
            commit_id(number - 1) if number else None,
            branch,
            1_700_000_000_000 + number,
            "put",
            "ann",
            changes=(wrote(f"k{number % 50}", b"%d" % number),),
            batch=f"b{number}",
        )
        for number in range(start, start + count)
    ]


class Replica:
    """An index and its checkpoints, without a store around them."""

    def __init__(self, pfs: Pfs, folder) -> None:
        self.refs = Refs(pfs, lambda: NOW_MS)
        self.folder = folder
        self.companion = Companion(pfs)
        self.checkpoints = Checkpoints(self.companion, self.refs, folder, lambda: NOW_MS)

    async def open(self) -> Replica:
        self.known = await self.refs.known(REPO)
        self.index = await RepoIndex.open(self.folder / "index.db", REPO)
        (self.folder / "default").mkdir(exist_ok=True)
        return self

    async def set_aside(self, commits: list[Recorded]) -> None:
        await self.index.apply(commits)
        await self.checkpoints.set_aside(self.known, self.index)

    async def restore(self) -> None:
        await self.checkpoints.restore(self.known, self.index)

    async def names(self) -> list[str]:
        place = await self.companion.place("default")
        assert place is not None
        return await self.checkpoints._names(place, self.known)

    async def held(self) -> list[Recorded]:
        return [one for _, one in self.index.since(0, 1_000_000)]

    async def close(self) -> None:
        await self.checkpoints.close()
        await self.index.close()
        await self.refs.close()


@pytest.fixture
def replica(pfs: Pfs, tmp_path, runner: asyncio.Runner):
    """Opens replicas, each with a folder of its own."""
    made: list[Replica] = []
    runner.run(pfs.create_repo(REPO))

    async def opened() -> Replica:
        folder = tmp_path / f"r{len(made)}"
        folder.mkdir()
        made.append(await Replica(pfs, folder).open())
        return made[-1]

    yield opened

    async def closed() -> None:
        for one in made:
            await one.close()

    runner.run(closed())


async def test_a_new_index_gets_what_was_set_aside(replica):
    one, two = await replica(), await replica()
    await one.set_aside(chain(30))
    await two.restore()
    assert await two.held() == chain(30)


async def test_nothing_set_aside_is_nothing_restored(replica):
    one = await replica()
    await one.restore()
    assert one.index.count == 0


async def test_an_index_that_was_not_used_for_long_gets_what_it_lacks(replica):
    one, two = await replica(), await replica()
    await one.set_aside(chain(10))
    await two.restore()
    await one.set_aside(chain(10, 10))
    await two.restore()
    assert await two.held() == chain(20)
    await two.set_aside(chain(1, 20))
    spans = [checkpoint._span(name) for name in await one.names()]
    assert spans == [(1, 10), (11, 20), (21, 21)]


async def test_only_what_is_new_is_set_aside(replica):
    one = await replica()
    await one.set_aside(chain(30))
    await one.set_aside(chain(5, 30))
    await one.set_aside([])
    assert [checkpoint._span(name) for name in await one.names()] == [(1, 30), (31, 35)]


async def test_a_restart_goes_on_where_it_was(replica, pfs: Pfs):
    one = await replica()
    await one.set_aside(chain(10))
    again = Checkpoints(one.companion, one.refs, one.folder, lambda: NOW_MS)
    await one.index.apply(chain(3, 10))
    await again.set_aside(one.known, one.index)
    assert [checkpoint._span(name) for name in await one.names()] == [(1, 10), (11, 13)]


async def test_many_small_segments_become_one(replica, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoint, "MERGED", 4)
    one, two = await replica(), await replica()
    for number in range(9):
        await one.set_aside(chain(2, 2 * number))
    assert len(await one.names()) <= 4
    await two.restore()
    assert await two.held() == chain(18)


async def test_two_replicas_set_aside_what_both_have_once(replica):
    one, two = await replica(), await replica()
    await one.set_aside(chain(10))
    await two.restore()
    for replica_ in (one, two):
        await replica_.index.apply(chain(5, 10))
    await one.set_aside([])
    await two.set_aside([])
    assert len(await one.names()) == 2


async def test_replicas_that_write_at_once_lose_nothing(replica):
    replicas = [await replica() for _ in range(3)]
    await asyncio.gather(*(one.set_aside(chain(10)) for one in replicas))
    fresh = await replica()
    await fresh.restore()
    assert await fresh.held() == chain(10)


async def test_commits_whose_parents_come_in_a_later_segment_are_applied_after_them(replica):
    one, two, three = await replica(), await replica(), await replica()
    await one.index.apply(chain(10))
    await two.index.apply(chain(20))
    two.checkpoints._aside(two.known).upto = 10
    await two.set_aside([])
    await one.set_aside([])
    names = await one.names()
    assert [checkpoint._span(name) for name in names] == [(1, 10), (11, 20)]
    await three.restore()
    assert await three.held() == chain(20)


async def test_a_segment_that_is_missing_or_damaged_costs_its_commits_only(replica):
    one, two = await replica(), await replica()
    for number in range(3):
        await one.set_aside(chain(5, 5 * number))
    names = await one.names()
    await one.companion.write("default", {names[1]: b"damaged"}, "test")
    await two.restore()
    assert await two.held() == chain(5)


async def test_young_commits_wait(replica):
    one = await replica()
    one.checkpoints._clock = lambda: 1_700_000_000_000 + 4 + checkpoint.SETTLED_MS
    await one.set_aside(chain(30))
    assert [checkpoint._span(name) for name in await one.names()] == [(1, 5)]


async def test_a_replica_that_died_in_the_middle_does_not_stop_the_others(
    replica, pfs: Pfs, monkeypatch: pytest.MonkeyPatch
):
    one = await replica()
    await one.set_aside(chain(5))
    await pfs.start_commit(RepoName("_labelgate_"), "master", "labelgate: died here")
    one.companion._now_ms = lambda: time.time_ns() // 1_000_000 + 10 * 60_000
    await one.set_aside(chain(5, 5))
    assert len(await one.names()) == 2


async def test_fifty_thousand_commits_are_restored_within_seconds(replica):
    one, two = await replica(), await replica()
    commits = chain(50_000)
    for start in range(0, 50_000, 10_000):
        await one.set_aside(commits[start : start + 10_000])
    began, worked = time.monotonic(), time.process_time()
    await two.restore()
    took_s = time.monotonic() - began
    assert two.index.count == 50_000
    assert time.process_time() - worked < 15  # of the processor: 4 s where nothing else runs
    print(f"{took_s:.1f} s, {len(await one.names())} segments")


async def test_segments_go_with_their_repo(hand: Hand, store: PachydermStore, pfs: Pfs):
    store._checkpoints._clock = lambda: NOW_MS
    await hand.put("a")
    known = await store._refs.known(REPO)
    await store._checkpoints.set_aside(known, await store._heads.index(REPO))
    companion = Companion(pfs)
    place = await companion.place("default")
    assert place is not None
    assert len(await companion.names(place, checkpoint._folder(known))) == 1
    await store.delete_branch(REPO, "master")
    await asyncio.gather(*store._tasks)
    place = await companion.place("default")
    assert place is not None
    assert await companion.names(place, checkpoint._folder(known)) == []


async def test_a_store_sets_aside_by_itself(
    fake: FakePachd, open_store, hand: Hand, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkpoint, "TICK_S", 0.01)
    monkeypatch.setattr(checkpoint, "IDLE_S", 0.05)
    monkeypatch.setattr(checkpoint, "SETTLED_MS", 0)
    store = await open_store("second")
    one = Hand(store)
    for number in range(5):
        await one.put(f"k{number}")
    await store.settled(await one.head())
    companion = Companion(store._pfs)
    async with asyncio.timeout(20):
        while await companion.place("default") is None:  # noqa: ASYNC110 (another loop writes)
            await asyncio.sleep(0.01)
    fake.calls.clear()
    third = await open_store("third")
    assert len(await Hand(third).log()) == 6
    assert fake.calls["DiffFile"] == 0


def test_a_segment_of_the_same_commits_is_the_same_file():
    assert segments.encode(chain(3)) == segments.encode(chain(3))

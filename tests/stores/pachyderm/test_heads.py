"""Heads: what a reader is shown, how soon, and how an index catches up."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand, put
from others import Other

from gateway.stores.pachyderm import catchup, indexes
from gateway.stores.pachyderm.pfs import Pfs, State
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import NoCommit, Unavailable
from gateway.versioning.model import About, Delete
from gateway.versioning.names import CommitId, RepoName, parse_bucket


async def test_our_own_commit_is_the_head_at_once(fake: FakePachd, hand: Hand):
    fake.finish_delay_s = 5.0
    for number in range(5):
        commit = await hand.put("a", str(number).encode())
        assert (await hand.head()).commit == commit
        assert await hand.read("a") == str(number).encode()


async def test_others_do_not_wait_for_what_is_not_finished(
    fake: FakePachd, pfs: Pfs, open_store, hand: Hand
):
    other = Hand(await open_store("other"))
    first = await hand.put("a", b"1")
    await pfs.inspect_commit(REPO, first, wait=State.FINISHED)
    assert await other.read("a") == b"1"
    fake.finish_delay_s = 1.0
    second = await hand.put("a", b"2")
    await asyncio.sleep(0.3)
    began = time.monotonic()
    assert (await other.head()).commit == first
    assert await other.read("a") == b"1"
    assert time.monotonic() - began < 0.5
    await pfs.inspect_commit(REPO, second, wait=State.FINISHED)
    await asyncio.sleep(0.3)
    assert await other.read("a") == b"2"


async def test_a_commit_that_is_open_is_not_shown(pfs: Pfs, hand: Hand):
    commit = await hand.put("a", b"1")
    theirs = await Other(pfs, REPO).begin({"/a": b"theirs"})
    await asyncio.sleep(0.3)
    assert (await hand.head()).commit == commit
    await pfs.finish_commit(REPO, theirs)
    await pfs.inspect_commit(REPO, theirs, wait=State.FINISHED)
    await asyncio.sleep(0.3)
    assert (await hand.head()).commit == theirs


async def test_many_readers_ask_pachd_at_most_four_times_a_second(fake: FakePachd, hand: Hand):
    await hand.put("a")
    fake.calls.clear()
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        await asyncio.gather(*(hand.stat("a") for _ in range(50)))
        await asyncio.sleep(0.001)
    assert fake.calls["InspectBranch"] <= 5
    assert sum(fake.calls.values()) <= 8


async def test_a_branch_that_others_moved_is_shown_where_it_is(pfs: Pfs, hand: Hand):
    first = await hand.put("a", b"1")
    await hand.put("a", b"2")
    await pfs.create_branch(REPO, "master", first)
    await asyncio.sleep(0.3)
    assert await hand.read("a") == b"1"
    third = await hand.put("b", b"3")
    assert (await hand.log())[:2] == [third, first]
    assert await hand.read("a") == b"1"


@pytest.mark.parametrize("count", [1, 15, 16, 17, 60])
async def test_a_long_way_is_caught_up_whole(
    open_store, hand: Hand, count: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(catchup, "PAGE", 7)
    monkeypatch.setattr(catchup, "CHUNK", 10)
    for number in range(count):
        await hand.put(f"k{number % 5}", str(number).encode())
    await hand.store.settled(await hand.head())
    other = Hand(await open_store("other"))
    assert await other.log(limit=999) == await hand.log(limit=999)
    assert await other.keys() == await hand.keys()
    assert (await other.store.versions(await other.head())) == (
        await hand.store.versions(await hand.head())
    )


async def test_an_index_that_is_lost_is_made_again(open_store, tmp_path, hand: Hand):
    await hand.put("a", b"1")
    log = await hand.log()
    await hand.store.close()
    for file in (tmp_path / "data" / "index").rglob("*"):
        if file.is_file():
            file.unlink()
    again = Hand(await open_store("data"))
    assert await again.log() == log
    assert await again.read("a") == b"1"


async def test_a_commit_of_a_branch_nobody_looked_at_is_found_by_its_id(open_store, hand: Hand):
    dev = await hand.branch("dev")
    commit = await dev.put("a", b"1")
    await hand.store.settled(await dev.head())
    other = Hand(await open_store("other"))
    at = await other.at(commit)
    assert await other.read("a", at) == b"1"
    with pytest.raises(NoCommit):
        await other.at(CommitId("f" * 32))


async def test_what_replicas_write_by_turns_is_one_history(open_store, hand: Hand):
    hands = [hand, Hand(await open_store("b")), Hand(await open_store("c"))]
    made = [await hands[n % 3].put("a", str(n).encode()) for n in range(9)]
    assert (await hands[2].log())[:9] == made[::-1]
    await hands[2].store.settled(await hands[2].head())
    await asyncio.sleep(0.3)
    for one in hands:
        assert (await one.log())[:9] == made[::-1]
        assert await one.read("a") == b"8"


async def test_what_replicas_write_at_once_is_all_there(open_store, hand: Hand):
    hands = [hand, Hand(await open_store("b")), Hand(await open_store("c"))]
    for one in hands:
        await one.head()
    await asyncio.gather(
        *(one.put(f"{n}/{m}", b"x") for n, one in enumerate(hands) for m in range(5))
    )
    last = await hand.put("last")
    await hand.store.settled(await hand.head())
    await asyncio.sleep(0.3)
    for one in hands:
        assert (await one.head()).commit == last
        assert len(await one.keys()) == 16


async def test_a_head_that_is_dropped_while_it_is_looked_at_is_asked_for_again(
    pfs: Pfs, hand: Hand, monkeypatch: pytest.MonkeyPatch
):
    commit = await hand.put("a", b"1")
    other = Other(pfs, REPO)
    store_pfs = hand.store._pfs
    real = store_pfs.inspect_branch

    async def then_dropped(*args):
        info = await real(*args)
        if info.head != commit:
            await pfs.drop_commit(REPO, info.head)
        return info

    await other.begin({"/b": b"2"})
    monkeypatch.setattr(store_pfs, "inspect_branch", then_dropped)
    await asyncio.sleep(0.3)
    assert (await hand.head()).commit == commit


async def test_of_many_repos_those_in_use_have_an_open_index(
    store: PachydermStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexes, "OPEN_MAX", 3)
    monkeypatch.setattr(indexes, "IDLE_S", 0.0)
    hands = []
    for name in "abcdef":
        await store.create_branch(RepoName(name), "master", account="ann", create_repo=True)
        hands.append(Hand(store, f"master.{name}"))
        await hands[-1].put("k", name.encode())
    at = await hands[0].head()
    for one in hands:
        assert len(store._indexes.open_indexes()) <= 3
        assert await one.keys() == ["k"]
    for one in hands[3:]:
        await one.head()
    with pytest.raises(Unavailable):
        await store.list(at)
    assert await hands[0].read("k") == b"a"


async def test_commits_of_ours_are_told_alike_wherever_they_are_read(open_store, hand: Hand):
    """A record too long for a description lies in the companion repo."""
    message = "long " * 300_000
    change = await put(
        hand.store, "a", b"1", lineage={"noise": random.Random(1).randbytes(900_000).hex()}
    )
    made = await hand.write(change, about=About("ann", "put", message))
    assert made.commit is not None
    await hand.store.settled(await hand.head())
    other = Hand(await open_store("other"))
    assert await other.store.commit_info(await other.head()) == made.commit
    assert await other.store.lineage(await other.head(), await other.stat("a")) == change.lineage


async def test_a_closed_store_reads_no_more(store: PachydermStore, hand: Hand):
    await hand.write(await put(store, "a"), Delete("b"))
    await store.close()
    with pytest.raises(Exception, match=r"closed|stopping"):
        await store.resolve(parse_bucket("labels"))

"""Writes that pool: which share a commit, whose turn it is, and what waits for what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_pachd import FakePachd
from hands import ABOUT, REPO, Hand, put, staged
from heard import Heard, eventually

from gateway.stores.pachyderm import batch, committing, follow, lane, requests
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import HeadMoved, NoRef, PathConflict, Unavailable
from gateway.versioning.model import Attributes, Delete, Put
from gateway.versioning.names import RepoName


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What the stores of this test tell. Before `store`."""
    heard = Heard()
    monkeypatch.setattr("gateway.stores.pachyderm.store.Unheard", lambda: heard)
    return heard


class Held:
    """One commit is under way and does not get on, so that everything behind it pools."""

    def __init__(self, fake: FakePachd, hand: Hand) -> None:
        self._fake = fake
        self._hand = hand

    async def __aenter__(self) -> None:
        self._fake.hold("FinishCommit")
        seen = self._fake.calls["FinishCommit"]
        self._first = asyncio.create_task(self._hand.put("first"))
        await eventually(lambda: self._fake.calls["FinishCommit"] > seen)

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(0.02)
        self._fake.release("FinishCommit")
        await self._first


async def files(fake: FakePachd) -> dict[str, bytes]:
    """What is in the branch once pachd is done."""
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    return fake.files("labels", "master")


async def begun(hand: Hand, *writes: Any) -> list[asyncio.Task[Any]]:
    """Start writes, each once the one before waits in the pool."""
    pool, tasks = hand.store._lane, []

    async def pooled(write: Any) -> asyncio.Task[Any]:
        waiting, task = pool._waiting, asyncio.create_task(write)
        await eventually(lambda: pool._waiting > waiting or task.done())
        return task

    for write in writes:
        tasks.append(await pooled(write))  # noqa: PERF401 (in order)
    return tasks


async def test_writes_that_come_while_a_commit_is_under_way_share_the_next(
    heard: Heard, hand: Hand, fake: FakePachd
):
    async with Held(fake, hand):
        tasks = await begun(hand, *(hand.put(f"k{number}", b"%d" % number) for number in range(20)))
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert heard.written() == [["first"], [f"k{number}" for number in range(20)]]
    assert await hand.read("k7") == b"7"


async def test_two_writes_of_a_key_never_share_a_commit_and_keep_their_order(
    heard: Heard, hand: Hand, fake: FakePachd
):
    async with Held(fake, hand):
        tasks = await begun(
            hand, hand.put("a", b"1"), hand.put("b", b"2"), hand.put("a", b"3"), hand.put("c", b"4")
        )
    versions = await asyncio.gather(*tasks)
    assert heard.written()[1:] == [["a", "b"], ["a", "c"]]
    assert await hand.read("a", await hand.at(versions[0])) == b"1"
    assert await hand.read("a") == b"3"


async def test_a_write_for_a_certain_head_goes_alone(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    head = (await hand.head()).commit
    async with Held(fake, hand):
        tasks = await begun(
            hand, hand.put("a"), hand.write(await put(store, "b"), if_head=head), hand.put("c")
        )
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], HeadMoved)
    assert heard.written() == [["first"], ["a"], ["c"]]


async def test_a_refused_write_leaves_the_others_and_is_answered_before_them(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    await hand.put("a")
    async with Held(fake, hand):
        good, bad, also_good = await begun(hand, hand.put("b"), hand.put("a/b"), hand.put("c"))
    with pytest.raises(PathConflict) as conflict:
        await bad
    assert conflict.value.other == "a"
    assert await good == await also_good
    assert heard.written()[-1] == ["b", "c"]


async def test_files_of_one_batch_do_not_collide_either(heard: Heard, hand: Hand, fake: FakePachd):
    async with Held(fake, hand):
        good, bad = await begun(hand, hand.put("a/b"), hand.put("a"))
    await good
    with pytest.raises(PathConflict):
        await bad
    await hand.delete("a/b")
    await hand.put("a", b"now")
    assert await hand.read("a") == b"now"


async def test_a_folder_that_is_emptied_in_the_same_commit_may_become_a_file(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    await hand.write(*[await put(store, f"d/{number}") for number in range(3)])
    with pytest.raises(PathConflict):
        await hand.write(Delete("d/0"), Delete("d/2"), await put(store, "d"))
    await hand.write(*(Delete(f"d/{number}") for number in range(3)), await put(store, "d", b"1"))
    assert await files(fake) == {"/d": b"1"}
    await hand.write(Delete("d"), await put(store, "d/x", b"2"))
    assert await files(fake) == {"/d/x": b"2"}


async def test_what_is_no_change_is_answered_without_a_commit(
    heard: Heard, hand: Hand, store: PachydermStore
):
    version = await hand.put("a", b"1", same_as="same")
    made = await hand.write(await put(store, "a", b"2", same_as="same"))
    assert (made.commit, made.outcomes[0].version) == (None, version)
    assert len(heard.commits) == 1


async def test_no_commit_is_larger_than_the_limits_unless_one_request_is(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, monkeypatch
):
    monkeypatch.setattr(batch, "CHANGES_MAX", 5)
    monkeypatch.setattr(batch, "INLINE_BYTES_SHARED_MAX", 1000)
    large = [await put(store, f"large{number}") for number in range(7)]
    async with Held(fake, hand):
        tasks = await begun(
            hand,
            *(hand.put(f"n{number}") for number in range(7)),
            *(hand.put(f"b{number}", bytes(400)) for number in range(3)),
            hand.write(*large),
        )
    await asyncio.gather(*tasks)
    assert [len(keys) for keys in heard.written()] == [1, 5, 4, 1, 7]


async def test_a_heavy_write_is_handed_over_before_its_turn(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, monkeypatch
):
    """Others commit meanwhile."""
    monkeypatch.setattr(requests, "HEAVY_BYTES", 1000)
    other = RepoName("other")
    await store.create_branch(other, "master", account="ann", create_repo=True)
    fake.hold("CreateFileSet")
    heavy = asyncio.create_task(hand.put("heavy", bytes(2000)))
    await eventually(lambda: fake.calls["CreateFileSet"] == 1)
    # What is held is held for all: it is enough that the turn is free.
    assert not store._lane._committer.turns._held
    fake.release("CreateFileSet")
    await heavy
    assert await hand.read("heavy") == bytes(2000)


async def test_repos_take_turns_however_many_branches_one_has(
    heard: Heard, store: PachydermStore, fake: FakePachd
):
    busy, quiet = RepoName("busy"), RepoName("quiet")
    hands = []
    for repo, count in ((busy, 5), (quiet, 1)):
        for number in range(count):
            await store.create_branch(repo, f"b{number}", account="ann", create_repo=True)
            hands.append(Hand(store, f"b{number}.{repo.name}"))
    async with Held(fake, hands[0]):
        tasks = await begun(hands[0], *(one.put("x") for one in hands[1:]))
    await asyncio.gather(*tasks)
    order = [commit.branch for commit in heard.commits]
    assert len(order) == 6
    last = store._lane._committer.heads
    assert last is not None
    quiet_head = (await hands[-1].head()).commit
    assert [commit.id for commit in heard.commits].index(quiet_head) <= 2


async def test_a_caller_that_leaves_takes_nothing_with_it(hand: Hand, fake: FakePachd):
    fake.hold("StartCommit")
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["StartCommit"] == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fake.release("StartCommit")
    await hand.put("b")
    assert await hand.read("a") == b"1"


async def test_closing_finishes_what_was_accepted(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    async with Held(fake, hand):
        tasks = await begun(hand, hand.put("a"), hand.put("b"))
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    await closing
    assert set(await files(fake)) == {"/first", "/a", "/b"}
    with pytest.raises(Unavailable):
        await store._lane.commit(REPO, "master", [Delete("a")], ABOUT)


@pytest.mark.parametrize(("name", "most"), [("WAITING_MAX", 2), ("WAITING_BYTES_MAX", 250)])
async def test_a_full_pool_says_so_at_once(
    hand: Hand, fake: FakePachd, monkeypatch, name: str, most: int
):
    monkeypatch.setattr(lane, name, most)
    async with Held(fake, hand):
        (accepted,) = await begun(hand, hand.put("a", bytes(200)))
        with pytest.raises(Unavailable, match="too many writes are waiting"):
            await hand.put("b", bytes(100))
    await accepted
    await hand.put("b", bytes(200))


async def test_a_repo_with_much_unfinished_waits_and_others_go_on(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, monkeypatch
):
    monkeypatch.setattr(follow, "UNFINISHED_MAX", 3)
    other = Hand(store, "master.other")
    await store.create_branch(RepoName("other"), "master", account="ann", create_repo=True)
    fake.pause_finishing()
    for number in range(3):
        await hand.put(f"k{number}")
    waiting = await begun(hand, hand.put("a"), hand.put("b"))
    await other.put("x")
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    fake.resume_finishing()
    assert len(set(await asyncio.gather(*waiting))) == 1


async def test_a_repo_that_pachyderm_never_finishes_is_unavailable(
    hand: Hand, fake: FakePachd, monkeypatch
):
    monkeypatch.setattr(follow, "UNFINISHED_MAX", 1)
    monkeypatch.setattr(follow, "ROOM_S", 0.05)
    fake.pause_finishing()
    await hand.put("a")
    with pytest.raises(Unavailable, match="to finish first"):
        await hand.put("b")
    fake.resume_finishing()


async def test_what_is_written_is_read_at_once_although_nothing_is_finished(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    fake.pause_finishing()
    large = bytes(range(256)) * 4000
    await hand.put("a", b"1")
    await hand.put("large", large)
    info = await hand.stat("large")
    await hand.write(Put("copy", info.content, info.size, info.etag, Attributes()))
    assert await hand.read("a") == b"1"
    assert await hand.read("copy") == large
    fake.resume_finishing()


async def test_who_wrote_together_comes_back_together(heard: Heard, hand: Hand, fake: FakePachd):
    async def writer(name: int) -> None:
        for number in range(10):
            await hand.put(f"{name}/{number}")

    await asyncio.gather(*(writer(name) for name in range(8)))
    assert len(heard.commits) < 20


async def test_a_body_that_went_ahead_and_expired_is_refused_and_the_others_stand(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    gone = await staged(store, bytes(1_000_000))
    fake.drop_file_sets()
    change = Put("gone", gone, 1_000_000, "e", Attributes())
    async with Held(fake, hand):
        tasks = await begun(hand, hand.put("a"), hand.write(change), hand.put("b"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], Unavailable)
    assert await hand.keys() == ["a", "b", "first"]


async def test_a_missing_branch_is_no_ref_for_all_who_wait(hand: Hand, store: PachydermStore):
    lanes = store._lane
    writes = [lanes.commit(REPO, "nowhere", [Delete(key)], ABOUT) for key in "ab"]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(result) for result in results] == [NoRef, NoRef]


async def test_an_empty_body_is_an_empty_file(hand: Hand, fake: FakePachd):
    await hand.put("a", b"")
    await hand.put("folder/", b"")
    assert await files(fake) == {"/a": b"", "/folder/%-": b""}


async def test_a_commit_of_others_that_pachyderm_does_not_finish_is_waited_for_in_vain(
    hand: Hand, fake: FakePachd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(committing, "BUSY_S", 0.1)
    fake.pause_finishing()
    fake.write("labels", "master", {"/theirs": b"1"})
    with pytest.raises(Unavailable, match="has not finished"):
        await hand.put("a")
    fake.resume_finishing()
    await hand.put("b")
    assert await hand.keys() == ["b", "theirs"]

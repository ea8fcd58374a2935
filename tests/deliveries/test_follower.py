"""Every commit is told, in order, whatever the receiver does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hands import Hand, new_branch

from gateway.deliveries.backoff import Patience
from gateway.deliveries.channel import Undelivered
from gateway.deliveries.desk import delivering
from gateway.deliveries.follower import Follower, Manner
from gateway.deliveries.lease import lease
from gateway.deliveries.ledger import Ledger, Place
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.model import Commit, Snapshot
from gateway.versioning.names import CommitId

QUICK = Patience(tries_max=3, pause_s=0.001)


class Receiver:
    """Hears of commits. refusing: says what goes wrong with a commit, None: nothing."""

    name = "test"
    target = "nowhere"
    since: int | None = 0

    def __init__(self, refusing: Callable[[Commit], Exception | None] | None = None) -> None:
        self.heard: list[CommitId] = []
        self.tried: list[CommitId] = []
        self.refusing = refusing or (lambda _commit: None)

    def since_ms(self) -> int | None:
        return self.since

    def wants(self, branch: str, commit: Commit) -> bool:
        return commit.change_count > 0 and commit.branch == branch

    async def deliver(self, branch: str, at: Snapshot, commit: Commit) -> None:
        assert branch
        assert at.commit == commit.id
        self.tried.append(commit.id)
        if error := self.refusing(commit):
            raise error
        self.heard.append(commit.id)


class Counts:
    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.left: tuple[int, int] = (0, 0)

    def delivery(self, channel: str, outcome: str) -> None:
        assert channel == "test"
        self.outcomes.append(outcome)

    def deliveries_left(self, channel: str, *, behind: int, parked: int) -> None:
        self.left = (behind, parked)


@asynccontextmanager
async def following(
    store: EmbeddedStore, receiver: Receiver, ledger: Ledger, **more: Any
) -> AsyncIterator[Counts]:
    counts = Counts()
    clock = more.pop("clock", lambda: 0)
    manner = Manner(counts, clock, more.pop("patience", QUICK), look_s=0.005, **more)
    task = asyncio.create_task(Follower(store, receiver, ledger, manner).follow())
    try:
        yield counts
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - of files and other tasks nobody tells
            await asyncio.sleep(0.005)


async def test_commits_are_told_in_order(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    receiver = Receiver()
    async with following(store, receiver, ledger) as counts:
        made = [await labels.put(str(number)) for number in range(5)]
        await until(lambda: receiver.heard == made)
        made.append(await labels.delete("1"))
        await until(lambda: receiver.heard == made)
    assert counts.outcomes == ["delivered"] * 6


async def test_an_upload_is_told_when_it_has_arrived(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    receiver = Receiver()
    async with following(store, receiver, ledger):
        await (await labels.branch("upload_0123456789abcdef")).put("on its way")
        like_one = await (await labels.branch("upload_photos")).put("a branch of somebody")
        await until(lambda: receiver.heard)
        await asyncio.sleep(0.005)
    assert receiver.heard == [like_one]


async def test_what_was_there_before_the_first_start_is_not_told(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    old = await labels.put("old")
    now = (await store.commit_info(await labels.at(old))).time_ms
    receiver = Receiver()
    async with following(store, receiver, ledger, clock=lambda: now):
        await until(lambda: ledger.told("test"))
        await asyncio.sleep(0.005)
        new = await labels.put("new")
        await until(lambda: receiver.heard)
    assert receiver.heard == [new]


async def test_what_came_while_nobody_followed_is_told_after(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    first = Receiver()
    async with following(store, first, ledger):
        one = await labels.put("1")
        await until(lambda: first.heard == [one])
        await until(lambda: one in ledger.told("test").values())
    made = [await labels.put("2")]
    dev = await new_branch(store, "dev.labels")
    theirs = await dev.put("3")
    second = Receiver()
    async with following(store, second, ledger):
        await until(lambda: len(second.heard) == 2)
    assert set(second.heard) == {*made, theirs}


async def test_a_new_branch_does_not_tell_again_what_it_was_made_of(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    receiver = Receiver()
    async with following(store, receiver, ledger):
        first = await labels.put("1")
        dev = await labels.branch("dev")
        second = await dev.put("2")
        await until(lambda: len(receiver.heard) >= 2)
    assert receiver.heard.count(first) == 1
    assert set(receiver.heard) == {first, second}


async def test_a_refused_commit_holds_back_its_branch_only_and_is_parked(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    other = await new_branch(store, "dev.labels")
    poison = await labels.put("poison")
    after = await labels.put("after")
    receiver = Receiver(
        lambda commit: Undelivered("no", answered=True) if commit.id == poison else None
    )
    async with following(store, receiver, ledger) as counts:
        theirs = await other.put("theirs")
        await until(lambda: len(receiver.heard) == 2)
        await until(lambda: counts.left == (0, 1))
    assert set(receiver.heard) == {after, theirs}
    assert receiver.tried.count(poison) == 3
    assert receiver.tried.index(after) > receiver.tried.index(poison)
    [parked] = ledger.parked()
    assert (parked.commit, parked.tries, parked.why) == (poison, 3, "no")
    assert counts.outcomes.count("parked") == 1


async def test_a_receiver_that_is_away_is_waited_for(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    away = itertools.count()
    receiver = Receiver(lambda _commit: Undelivered("away") if next(away) < 10 else None)
    made = [await labels.put("1"), await labels.put("2")]
    async with following(store, receiver, ledger) as counts:
        await until(lambda: receiver.heard == made)
    assert counts.outcomes.count("failed") == 10
    assert ledger.parked() == []


async def test_but_not_for_ever(store: EmbeddedStore, labels: Hand, ledger: Ledger) -> None:
    made = await labels.put("1")
    hours = itertools.count(0, 3_600_000)
    receiver = Receiver(lambda _commit: Undelivered("away"))
    patience = Patience(age_s_max=5 * 3600, pause_s=0.001)
    async with following(store, receiver, ledger, clock=lambda: next(hours), patience=patience):
        await until(ledger.parked)
    assert [one.commit for one in ledger.parked()] == [made]


async def test_a_bug_of_ours_is_parked_too(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    first, second = await labels.put("1"), await labels.put("2")
    receiver = Receiver(lambda commit: KeyError("k") if commit.id == first else None)
    async with following(store, receiver, ledger):
        await until(lambda: receiver.heard == [second])
    assert "KeyError" in ledger.parked()[0].why


async def test_what_is_parked_is_tried_again_once_when_asked_for(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    made = await labels.put("1")
    refusing = True
    receiver = Receiver(lambda _commit: Undelivered("no", answered=True) if refusing else None)
    async with following(store, receiver, ledger):
        await until(ledger.parked)
        [parked] = ledger.parked()
        ledger.ask_again(parked.id)
        await until(lambda: ledger.parked()[0].tries == 4)
        assert not ledger.parked()[0].again
        refusing = False
        ledger.ask_again(parked.id)
        await until(lambda: not ledger.parked())
    assert receiver.heard == [made]


async def test_branches_of_other_replicas_are_theirs(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    other = await new_branch(store, "master.other")
    receiver = Receiver()

    def mine(place: Place) -> bool:
        return place.repo.name == "labels"

    async with following(store, receiver, ledger, mine=mine):
        await other.put("1")
        made = await labels.put("1")
        await until(lambda: receiver.heard)
        await asyncio.sleep(0.05)
    assert receiver.heard == [made]


async def test_a_branch_that_goes_is_forgotten(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    dev = await new_branch(store, "dev.labels")
    receiver = Receiver()
    async with following(store, receiver, ledger):
        made = await dev.put("1")
        await until(lambda: receiver.heard == [made])
        await store.delete_branch((await labels.head()).repo.name, "dev")
        await until(lambda: {place.branch for place in ledger.told("test")} == {"master"})


async def test_of_two_processes_one_delivers(tmp_path: Path) -> None:
    order: list[str] = []

    async def hold(name: str, free: asyncio.Event) -> None:
        async with lease(tmp_path, look_s=0.005):
            order.append(name)
            await free.wait()
            order.append(f"{name} ends")

    events = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(hold("first", events[0]))
    await until(lambda: order)
    second = asyncio.create_task(hold("second", events[1]))
    await asyncio.sleep(0.05)
    assert order == ["first"]
    events[0].set()
    events[1].set()
    await asyncio.gather(first, second)
    assert order == ["first", "first ends", "second", "second ends"]


async def test_a_desk_ends_its_followers_with_it(
    store: EmbeddedStore, labels: Hand, tmp_path: Path
) -> None:
    receiver = Receiver(lambda _commit: Undelivered("away"))
    await labels.put("1")
    manner = Manner(Counts(), lambda: 0, Patience(pause_s=1000), look_s=0.005)
    async with delivering(store, [receiver], tmp_path, manner) as desk:
        await until(lambda: receiver.tried)
        assert desk.channels == (receiver,)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_without_channels_nothing_runs(store: EmbeddedStore, tmp_path: Path) -> None:
    async with delivering(store, [], tmp_path, Manner(Counts(), lambda: 0)) as desk:
        assert desk.ledger.parked() == []
        assert not (tmp_path / "deliveries.lock").exists()


@pytest.mark.parametrize("answered", [True, False])
async def test_the_end_of_the_process_comes_between_tries(
    store: EmbeddedStore, labels: Hand, ledger: Ledger, answered: bool
) -> None:
    """What was not told is told by the next process: the cursor moves only behind it."""
    made = await labels.put("1")
    receiver = Receiver(lambda _commit: Undelivered("no", answered=answered))
    async with following(store, receiver, ledger, patience=Patience(pause_s=1000)):
        await until(lambda: receiver.tried)
    assert ledger.told("test") == {}
    second = Receiver()
    async with following(store, second, ledger):
        await until(lambda: second.heard == [made])


async def test_who_wants_nothing_is_told_nothing_until_he_does(
    store: EmbeddedStore, labels: Hand, ledger: Ledger
) -> None:
    receiver = Receiver()
    receiver.since = None
    old = await labels.put("old")
    time = (await store.commit_info(await labels.at(old))).time_ms
    async with following(store, receiver, ledger):
        await asyncio.sleep(0.05)
        assert receiver.tried == []
        receiver.since = time
        await asyncio.sleep(0.005)
        new = await labels.put("new")
        await until(lambda: receiver.heard)
    assert receiver.heard == [new]

"""What a branch was at a time."""

from __future__ import annotations

import pytest
from hands import REPO, Hand

from gateway.versioning.errors import InvalidName, NoCommit
from gateway.versioning.moments import parse_time, state_at
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store


async def time_of(hand: Hand, commit: CommitId) -> int:
    return (await hand.store.commit_info(await hand.at(commit))).time_ms


async def then(hand: Hand, time_ms: int) -> CommitId:
    found = await state_at(hand.store, await hand.head(), time_ms)
    assert not found.writable
    return found.commit


async def test_it_is_the_newest_commit_that_is_no_younger(hand: Hand, store: Store) -> None:
    commits = [await hand.put("k", str(number).encode()) for number in range(20)]
    times = [await time_of(hand, commit) for commit in commits]
    for at in {*times, times[-1] + 10**9}:
        newest = max(n for n, time in enumerate(times) if time <= at)
        assert await then(hand, at) == commits[newest]
    state = await state_at(store, await hand.head(), times[7])
    assert await store.as_of(state, 0) is None


async def test_it_goes_back_before_a_fork(hand: Hand) -> None:
    first = await hand.put("a")
    await hand.put("b")
    dev = await hand.branch("dev")
    await dev.put("c")
    await hand.put("d")
    made = (await dev.store.commit_info(await dev.head())).time_ms
    found = await dev.store.as_of(await dev.head(), await time_of(hand, first))
    assert found is not None
    assert await time_of(hand, found) <= await time_of(hand, first) <= made


async def test_a_branch_that_was_not_there_yet_has_no_state(hand: Hand) -> None:
    with pytest.raises(NoCommit, match="not there then"):
        await then(hand, 0)


async def test_only_a_branch_has_one(hand: Hand, store: Store) -> None:
    commit = await hand.put("a")
    with pytest.raises(InvalidName):
        await state_at(store, await hand.at(commit), 10**15)


async def test_a_branch_that_was_moved_was_elsewhere_before(hand: Hand, store: Store) -> None:
    if not store.capabilities.forward:
        pytest.skip("this store cannot (capability `forward`)")
    mine = await hand.put("mine")
    dev = await hand.branch("dev")
    theirs = [await dev.put("a"), await dev.put("b")]
    before = await time_of(hand, theirs[-1])
    await store.forward(await hand.head(), await dev.head(), account="bob")
    [moved] = [one for one in await store.moves(REPO, "master") if one.action == "forward"]
    assert before < moved.time_ms
    # Its history tells of dev's commits now, but nobody saw them on it then.
    assert await then(hand, moved.time_ms - 1) == mine
    assert await then(hand, moved.time_ms) == theirs[-1]


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:01Z", 1000), ("1970-01-01T00:00:00.5", 500), ("1970-01-02", 86_400_000),
        ("1970-01-01T01:00+01:00", 0), ("19700101T000001Z", 1000),
    ],
)  # fmt: skip
def test_times_are_iso_8601_and_utc_unless_they_say(text: str, time_ms: int) -> None:
    assert parse_time(text) == time_ms


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "1700000000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="2026-11-01T12:00Z"):
        parse_time(text)

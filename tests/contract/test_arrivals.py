"""Commits that came to a branch: each once, oldest first, however the branch was moved."""

from __future__ import annotations

import pytest
from hands import REPO, Hand, put

from gateway.versioning.arrivals import arrived
from gateway.versioning.errors import NoRef, NoRepo
from gateway.versioning.model import Delete
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store


async def came(hand: Hand, told: CommitId | None, since_ms: int = 0) -> list[CommitId]:
    return await arrived(hand.store, await hand.head(), told, since_ms=since_ms)


async def test_what_landed_comes_oldest_first(hand: Hand, store: Store):
    start = (await hand.head()).commit
    assert await came(hand, start) == []
    made = [await hand.put(key) for key in "abc"]
    made.append((await hand.write(Delete("a"))).commit.id)  # type: ignore[union-attr]
    assert await came(hand, start) == made
    assert await came(hand, made[1]) == made[2:]
    assert await came(hand, made[-1]) == []


async def test_more_than_a_page_comes_whole(hand: Hand):
    start = (await hand.head()).commit
    made = [await hand.put("k", str(number).encode()) for number in range(120)]
    assert await came(hand, start) == made
    assert (await came(hand, None))[-120:] == made


async def test_a_commit_of_many_changes_comes_once(hand: Hand, store: Store):
    start = (await hand.head()).commit
    made = await hand.write(*[await put(store, key) for key in "abc"])
    assert made.commit is not None
    assert await came(hand, start) == [made.commit.id]


async def test_without_a_last_one_those_after_a_time_come(hand: Hand, store: Store):
    first, second = await hand.put("a"), await hand.put("b")
    commit = await store.commit_info(await hand.at(first))
    found = await came(hand, None, commit.time_ms)
    assert found in ([second], [])  # several may share a millisecond
    assert first in await came(hand, None, commit.time_ms - 1)


async def test_a_new_branch_has_what_it_was_made_of(hand: Hand):
    first = await hand.put("a")
    dev = await hand.branch("dev")
    mine = await dev.put("b")
    assert (await came(dev, None))[-2:] == [first, mine]
    assert await came(dev, first) == [mine]


async def test_a_branch_made_anew_tells_its_own_history(hand: Hand, store: Store):
    await hand.put("a")
    await store.create_tag(REPO, "keep", await hand.head(), account="ann")
    told = (await hand.head()).commit
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann")
    second = await hand.put("b")
    found = await came(hand, told)
    assert found[-1] == second
    assert told not in found


async def test_a_repo_that_is_gone_says_so(hand: Hand, store: Store):
    head = await hand.head()
    await store.delete_branch(REPO, "master")
    with pytest.raises((NoRef, NoRepo)):
        await came(hand, head.commit)

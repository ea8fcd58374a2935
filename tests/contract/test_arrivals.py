"""Commits as they land: each told once, oldest first, however the branch moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hands import REPO, Hand, put

from gateway.versioning.arrivals import arrivals
from gateway.versioning.errors import NoRef, NoRepo
from gateway.versioning.model import Commit, Delete
from gateway.versioning.names import CommitId, parse_bucket
from gateway.versioning.store import Store

BRANCH = parse_bucket("master.labels")
LOOK_S = 0.01


async def take(coming: AsyncIterator[Commit], count: int) -> list[CommitId]:
    async with asyncio.timeout(20):
        return [(await anext(coming)).id for _ in range(count)]


async def none_comes(coming: AsyncIterator[Commit]) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await anext(coming)
    except TimeoutError:
        return True
    return False


async def test_what_landed_already_is_told_oldest_first_then_what_lands(hand: Hand, store: Store):
    start = (await hand.head()).commit
    first = [await hand.put(key) for key in "abc"]
    coming = arrivals(store, BRANCH, start, look_s=LOOK_S)
    assert await take(coming, 3) == first
    later = [await hand.put("d"), (await hand.write(Delete("a"))).commit.id]  # type: ignore[union-attr]
    assert await take(coming, 2) == later
    await coming.aclose()


async def test_more_than_a_page_is_told_whole(hand: Hand, store: Store):
    start = (await hand.head()).commit
    made = [await hand.put("k", str(number).encode()) for number in range(120)]
    coming = arrivals(store, BRANCH, start, look_s=LOOK_S)
    assert await take(coming, 120) == made
    await coming.aclose()


async def test_a_commit_of_many_changes_is_told_once(hand: Hand, store: Store):
    start = (await hand.head()).commit
    made = await hand.write(*[await put(store, key) for key in "abc"])
    coming = arrivals(store, BRANCH, start, look_s=LOOK_S)
    assert made.commit is not None
    assert await take(coming, 1) == [made.commit.id]
    assert await none_comes(coming)


async def test_other_branches_are_not_told(hand: Hand, store: Store):
    dev = await hand.branch("dev")
    coming = arrivals(store, BRANCH, (await hand.head()).commit, look_s=LOOK_S)
    await dev.put("a")
    mine = await hand.put("b")
    assert await take(coming, 1) == [mine]
    await coming.aclose()


async def test_a_branch_made_anew_tells_its_own_history(hand: Hand, store: Store):
    await hand.put("a")
    await store.create_tag(REPO, "keep", await hand.head(), account="ann")
    told = (await hand.head()).commit
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann")
    second = await hand.put("b")
    coming = arrivals(store, BRANCH, told, look_s=LOOK_S)
    found = await take(coming, 2)
    assert found[-1] == second
    assert told not in found
    await coming.aclose()


async def test_it_ends_with_the_branch(hand: Hand, store: Store):
    coming = arrivals(store, BRANCH, (await hand.head()).commit, look_s=LOOK_S)
    await store.create_tag(REPO, "keep", await hand.head(), account="ann")
    await store.delete_branch(REPO, "master")
    with pytest.raises((NoRef, NoRepo)):
        await take(coming, 1)

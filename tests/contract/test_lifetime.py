"""What a store owes to callers that leave, and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hands import ABOUT, REPO, Hand, put

from gateway.versioning.errors import Unavailable
from gateway.versioning.model import Delete
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store

LARGE = bytes(1_000_000)
Opener = Callable[[], Awaitable[Store]]


async def shown(hand: Hand, commits: set[CommitId]) -> None:
    """Wait for commits that another process made: a store may show them a moment later."""
    async with asyncio.timeout(20):
        while not commits <= set(await hand.log(limit=99)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_store_that_takes_commits_says_so(hand: Hand, store: Store):
    await store.check()


async def test_a_caller_that_is_cancelled_hinders_nobody(hand: Hand, store: Store):
    at = await hand.head()
    changes = [await put(store, f"k{number}", LARGE) for number in range(6)]
    tasks = [asyncio.create_task(store.commit(at, [change], ABOUT)) for change in changes]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    made = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in made[::2])
    keys = await hand.keys()
    assert {"k1", "k3", "k5"} <= set(keys)
    for key in keys:  # what landed all the same is whole
        assert await hand.read(key) == LARGE
    await hand.put("later", b"1")
    assert await hand.read("later") == b"1"


async def test_closing_finishes_what_was_accepted(open_store: Opener):
    store = await open_store()
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    at = await Hand(store).head()
    tasks = [
        asyncio.create_task(store.commit(at, [Delete(f"k{number}")], ABOUT)) for number in range(50)
    ]
    await asyncio.sleep(0)
    await store.close()
    made = await asyncio.gather(*tasks)
    await store.close()
    with pytest.raises(Unavailable):
        await store.commit(at, [Delete("late")], ABOUT)
    with pytest.raises(Unavailable):
        await store.check()
    again = Hand(await open_store())
    await shown(again, {one.commit.id for one in made if one.commit})
    await again.store.close()


async def test_what_was_written_is_there_after_opening_again(open_store: Opener):
    store = await open_store()
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    await hand.put("small", b"1")
    await hand.put("large", LARGE)
    log = await hand.log()
    await store.close()
    again = Hand(await open_store())
    await shown(again, set(log))
    assert await again.log() == log
    assert (await again.read("small"), await again.read("large")) == (b"1", LARGE)
    await again.store.close()

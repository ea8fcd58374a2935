"""Revert and restore: nothing is rewritten, and what came since stays."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hand, new_branch

from gateway.merging.carrying import Tools
from gateway.merging.differing import Policy
from gateway.merging.promote import Wanted, promote
from gateway.merging.undo import Terms, Undone, restore, revert
from gateway.versioning.errors import HeadMoved, NoCommit, ReadOnly
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store


async def reverted(
    tools: Tools, hand: Hand, last: CommitId, first: CommitId | None = None, **terms: Any
) -> Undone:
    start = None if first is None else await hand.at(first)
    return await revert(tools, await hand.head(), await hand.at(last), start, Terms(**terms))


async def content(hand: Hand) -> dict[str, bytes]:
    return {key: await hand.read(key) for key in await hand.all_keys()}


async def test_a_commit_is_undone_and_what_came_since_stays(
    tools: Tools, store: Store, master: Hand
) -> None:
    bad = await master.put("a", b"bad")
    later = await master.put("b", b"good")
    made = await reverted(tools, master, bad)
    assert (made.keys, made.before, made.conflicts) == (("a",), later, ())
    assert await content(master) == {"a": b"0", "b": b"good"}
    commit = await store.commit_info(await master.head())
    assert (commit.id, commit.kind, commit.parents) == (made.head, "revert", (later,))
    assert commit.message == f"Revert {bad}"
    assert commit.metadata["reverts"].endswith(f"..{bad}")
    # The history is all there.
    assert await master.read("a", await master.at(bad)) == b"bad"


async def test_puts_and_deletes_are_undone_alike(tools: Tools, master: Hand) -> None:
    made = await master.put("new", b"1")
    gone = await master.delete("a")
    await reverted(tools, master, gone)
    assert await content(master) == {"a": b"0", "new": b"1"}
    await reverted(tools, master, made)
    assert await content(master) == {"a": b"0"}


async def test_a_revert_can_be_reverted(tools: Tools, master: Hand) -> None:
    bad = await master.put("a", b"bad")
    undone = await reverted(tools, master, bad)
    await reverted(tools, master, undone.head)
    assert await content(master) == {"a": b"bad"}


async def test_a_day_of_commits_is_undone_by_one(tools: Tools, master: Hand) -> None:
    before = (await master.head()).commit
    for number in range(4):
        last = await master.put(f"day/{number}", b"x")
    last = await master.put("a", b"bad")
    await master.put("later", b"y")
    made = await reverted(tools, master, last, before)
    assert len(made.keys) == 5
    assert await content(master) == {"a": b"0", "later": b"y"}


async def test_a_path_alone_is_undone(tools: Tools, master: Hand) -> None:
    before = (await master.head()).commit
    await master.put("day/1")
    await master.put("day/10")
    last = await master.put("other")
    await reverted(tools, master, last, before, path="day/1")
    assert set(await content(master)) == {"a", "day/10", "other"}
    await reverted(tools, master, last, before, path="day/")
    assert set(await content(master)) == {"a", "other"}


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [(Policy.FAIL, b"since"), (Policy.SOURCE, b"0"), (Policy.DESTINATION, b"since")],
)
async def test_what_was_changed_again_since_is_a_conflict(
    tools: Tools, master: Hand, policy: Policy, wanted: bytes
) -> None:
    bad = await master.put("a", b"bad")
    head = await master.put("a", b"since")
    made = await reverted(tools, master, bad, policy=policy)
    assert made.conflicts == ("a",)
    assert (made.head == head) is (policy is not Policy.SOURCE)
    assert await content(master) == {"a": wanted}


async def test_a_promote_is_undone_as_a_whole(tools: Tools, master: Hand, dev: Hand) -> None:
    await dev.put("b")
    await dev.put("c")
    await master.put("mine")
    merged = await promote(tools, await dev.head(), await master.head(), Wanted())
    made = await reverted(tools, master, merged.head)
    assert made.keys == ("b", "c")
    assert set(await content(master)) == {"a", "mine"}


async def test_what_is_not_of_the_history_is_not_undone(
    tools: Tools, master: Hand, dev: Hand
) -> None:
    theirs = await dev.put("b")
    with pytest.raises(NoCommit, match="not in the history"):
        await reverted(tools, master, theirs)
    first = (await master.log())[-1]
    with pytest.raises(NoCommit, match="first of its history"):
        await reverted(tools, master, first)
    with pytest.raises(ReadOnly):
        await revert(tools, await dev.at(theirs), await dev.at(theirs), None, Terms())


async def test_where_nothing_differs_nothing_is_committed(tools: Tools, master: Hand) -> None:
    one = await master.put("a", b"1")
    await master.put("a", b"0")
    head = (await master.head()).commit
    made = await reverted(tools, master, one)
    assert (made.head, made.keys) == (head, ())
    state = await master.head()
    made = await restore(tools, state, state, Terms())
    assert (made.head, made.keys) == (head, ())


async def test_an_earlier_state_is_brought_back(tools: Tools, store: Store, master: Hand) -> None:
    await master.put("dir/b", b"1")
    then = (await master.head()).commit
    await master.put("dir/b", b"2")
    await master.put("c", b"3")
    await master.delete("a")
    made = await restore(tools, await master.head(), await master.at(then), Terms(path="a"))
    assert (made.keys, await content(master)) == (("a",), {"a": b"0", "dir/b": b"2", "c": b"3"})
    await restore(tools, await master.head(), await master.at(then), Terms(path="dir/"))
    assert await content(master) == {"a": b"0", "dir/b": b"1", "c": b"3"}
    made = await restore(tools, await master.head(), await master.at(then), Terms(message="back"))
    assert await content(master) == {"a": b"0", "dir/b": b"1"}
    commit = await store.commit_info(await master.head())
    assert (commit.kind, commit.message, commit.metadata["restores"]) == ("restore", "back", then)


async def test_a_try_and_a_wrong_head_change_nothing(tools: Tools, master: Hand) -> None:
    then = (await master.head()).commit
    head = await master.put("a", b"1")
    state = await master.at(then)
    made = await restore(tools, await master.head(), state, Terms(dry_run=True))
    assert (made.keys, made.head) == (("a",), head)
    with pytest.raises(HeadMoved):
        await restore(tools, await master.head(), state, Terms(if_head=then))
    assert (await master.head()).commit == head


async def test_a_state_of_another_branch_will_do_and_of_another_repo_not(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    await dev.put("a", b"theirs")
    await restore(tools, await master.head(), await dev.head(), Terms(path="a"))
    assert await content(master) == {"a": b"theirs"}
    other = await new_branch(store, "master.other")
    with pytest.raises(NoCommit):
        await restore(tools, await master.head(), await other.head(), Terms())

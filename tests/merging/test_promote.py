"""Promote: forward where it can, else a merge by key, with conflicts told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hands import ABOUT, Hand, new_branch

from gateway.merging.carrying import Tools
from gateway.merging.differing import Policy
from gateway.merging.promote import Promoted, Wanted, Way, promote
from gateway.versioning.errors import HeadMoved, NoCommit, ReadOnly, Unsupported
from gateway.versioning.model import Erase
from gateway.versioning.store import Store


async def promoted(tools: Tools, source: Hand, target: Hand, **wanted: Any) -> Promoted:
    return await promote(tools, await source.head(), await target.head(), Wanted(**wanted))


async def content(hand: Hand) -> dict[str, bytes]:
    return {key: await hand.read(key) for key in await hand.all_keys()}


async def test_what_is_ahead_moves_the_branch(tools: Tools, master: Hand, dev: Hand) -> None:
    before = (await master.head()).commit
    head = await dev.put("b")
    made = await promoted(tools, dev, master)
    if tools.store.capabilities.forward:
        assert (made.way, made.head, made.changes) == (Way.FORWARD, head, None)
    else:
        assert made.way is Way.MERGE
        assert made.changes == {"added": 1, "changed": 0, "removed": 0}
    assert made.before == before
    assert (await master.head()).commit == made.head
    assert await content(master) == await content(dev)
    again = await promoted(tools, dev, master)
    assert (again.way, again.head) == (Way.NOTHING, made.head)


async def test_what_both_have_is_merged_in_one_commit(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    await dev.put("b", b"theirs")
    await dev.put("new", b"theirs")
    await dev.delete("a")
    source = (await dev.head()).commit
    mine = await master.put("c", b"mine")
    made = await promoted(tools, dev, master)
    assert (made.way, made.conflicts) == (Way.MERGE, ())
    assert made.changes == {"added": 2, "changed": 0, "removed": 1}
    assert await content(master) == {"b": b"theirs", "new": b"theirs", "c": b"mine"}
    commit = await store.commit_info(await master.head())
    assert (commit.id, commit.parents) == (made.head, (mine, source))
    assert (commit.kind, commit.author, commit.change_count) == ("promote", "bob", 3)
    assert commit.message == "Promote dev.labels"
    told = {"request_id": "REQUEST", "key_name": "key of bob"}
    assert told.items() <= commit.metadata.items()


async def test_only_what_came_since_is_merged_the_next_time(
    tools: Tools, master: Hand, dev: Hand
) -> None:
    await dev.put("b", b"1")
    await master.put("c", b"mine")
    await promoted(tools, dev, master)
    await master.delete("b")
    await dev.put("d", b"2")
    made = await promoted(tools, dev, master)
    assert made.changes == {"added": 1, "changed": 0, "removed": 0}
    assert await content(master) == {"a": b"0", "c": b"mine", "d": b"2"}
    # And the other way round what dev lacks.
    await promoted(tools, master, dev)
    assert await content(dev) == await content(master)


async def test_a_brought_object_says_where_it_is_from(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    version = await dev.put("b", b"theirs", same_as="digest")
    await master.put("c")
    made = await promoted(tools, dev, master)
    info = await master.stat("b")
    assert (info.version, info.same_as) == (made.head, "digest")
    if store.capabilities.erase:  # what has to be erased with it
        assert info.origin == version
    record = await store.lineage(await master.head(), info)
    assert record is not None
    assert (record["kind"], record["account"], record["time"]) == ("promote", "bob", 7)
    [source] = record["sources"]
    assert (source["evidence"], source["commit"], source["ref"]) == ("pinned", version, "dev")


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (Policy.FAIL, None),
        (Policy.SOURCE, {"a": b"theirs", "b": b"theirs"}),
        (Policy.DESTINATION, {"a": b"mine", "b": b"theirs"}),
    ],
)
async def test_conflicts_are_told_and_decided_by_the_policy(
    tools: Tools, master: Hand, dev: Hand, policy: Policy, wanted: dict[str, bytes] | None
) -> None:
    await dev.put("a", b"theirs")
    await dev.put("b", b"theirs")
    head = await master.put("a", b"mine")
    made = await promoted(tools, dev, master, policy=policy)
    assert made.conflicts == ("a",)
    if wanted is None:
        assert (made.way, made.head) == (Way.REFUSED, head)
        assert await content(master) == {"a": b"mine"}
    else:
        assert made.way is Way.MERGE
        assert await content(master) == wanted
        assert (await promoted(tools, dev, master)).way is Way.NOTHING


async def test_what_both_did_alike_is_no_conflict(tools: Tools, master: Hand, dev: Hand) -> None:
    for hand in (dev, master):
        await hand.put("a", b"same")
    made = await promoted(tools, dev, master)
    assert (made.way, made.conflicts) == (Way.MERGE, ())
    if tools.store.capabilities.forward:
        assert (await promoted(tools, dev, master)).way is Way.NOTHING
    else:  # Pachyderm makes no commit of no change, so nothing says that dev was brought over.
        assert made.head == made.before


async def test_a_delete_against_an_edit_is_a_conflict(
    tools: Tools, master: Hand, dev: Hand
) -> None:
    await dev.delete("a")
    await master.put("a", b"edited")
    assert (await promoted(tools, dev, master)).conflicts == ("a",)
    made = await promoted(tools, dev, master, policy=Policy.SOURCE)
    assert made.way is Way.MERGE
    assert await content(master) == {}


async def test_branches_of_their_own_are_merged_from_nothing(
    tools: Tools, store: Store, master: Hand
) -> None:
    other = await new_branch(store, "other.labels")
    await other.put("a", b"theirs")
    await other.put("b", b"theirs")
    made = await promoted(tools, other, master)
    assert (made.base, made.conflicts) == (None, ("a",))
    made = await promoted(tools, other, master, policy=Policy.DESTINATION)
    assert await content(master) == {"a": b"0", "b": b"theirs"}


async def test_a_try_changes_nothing(tools: Tools, master: Hand, dev: Hand) -> None:
    await dev.put("b")
    head = (await master.head()).commit
    forward = tools.store.capabilities.forward
    made = await promoted(tools, dev, master, dry_run=True)
    assert made.way is (Way.FORWARD if forward else Way.MERGE)
    await master.put("c")
    made = await promoted(tools, dev, master, dry_run=True)
    assert (made.way, made.changes) == (Way.MERGE, {"added": 1, "changed": 0, "removed": 0})
    assert made.head == (await master.head()).commit != head


async def test_two_people_cannot_overwrite_each_other(
    tools: Tools, master: Hand, dev: Hand
) -> None:
    seen = (await master.head()).commit
    await dev.put("b")
    await master.put("c")
    with pytest.raises(HeadMoved):
        await promoted(tools, dev, master, if_head=seen)
    await promoted(tools, dev, master, if_head=(await master.head()).commit)


async def test_who_writes_meanwhile_loses_nothing(tools: Tools, master: Hand, dev: Hand) -> None:
    await master.put("mine")

    async def write() -> None:
        for number in range(20):
            await master.put(f"w{number}")

    async def bring() -> None:
        for number in range(5):
            await dev.put(f"d{number}")
            await promoted(tools, dev, master)

    await asyncio.gather(write(), bring())
    wanted = {"a", "mine", *(f"w{n}" for n in range(20)), *(f"d{n}" for n in range(5))}
    assert set(await master.all_keys()) == wanted


async def test_a_commit_or_tag_is_promoted_as_it_is(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    first = await dev.put("b")
    await dev.put("c")
    made = await promote(tools, await dev.at(first), await master.head(), Wanted())
    if store.capabilities.forward:
        assert made.head == first
    assert await master.all_keys() == ["a", "b"]
    await store.create_tag((await dev.head()).repo.name, "v1", await dev.head(), account="ann")
    tag = await Hand(store, "v1.labels").head()
    await promote(tools, tag, await master.head(), Wanted())
    assert await master.all_keys() == ["a", "b", "c"]
    with pytest.raises(ReadOnly):
        await promote(tools, await dev.head(), tag, Wanted())


async def test_another_repo_is_not_promoted(tools: Tools, store: Store, master: Hand) -> None:
    other = await new_branch(store, "master.other")
    with pytest.raises(NoCommit):
        await promoted(tools, other, master)


async def test_tags_of_an_object_come_with_it_and_holds_do_not(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    await dev.put("b", side={"tags": {"k": "v"}, "hold": True})
    await master.put("c")
    await promoted(tools, dev, master)
    assert (await master.stat("b")).side == {"tags": {"k": "v"}}


async def test_what_was_erased_is_erased_where_it_was_brought_to(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    version = await dev.put("b", b"secret")
    await master.put("c")
    await promoted(tools, dev, master)
    if not store.capabilities.erase:
        with pytest.raises(Unsupported):
            await dev.write(Erase("b", version), about=ABOUT)
        return
    await dev.write(Erase("b", version), about=ABOUT)
    assert "b" not in await master.all_keys()


async def test_what_is_squashed_is_as_if_it_had_been_written_there(
    tools: Tools, store: Store, master: Hand, dev: Hand
) -> None:
    for number in range(3):
        await dev.put(f"new/{number}", b"1", lineage={"v": 1, "kind": "put", "task": {"id": 7}})
    before = (await master.head()).commit
    made = await promoted(tools, dev, master, squash=True, message="of the agency")
    assert (made.way, made.changes) == (Way.MERGE, {"added": 3, "changed": 0, "removed": 0})
    at = await master.head()
    commit = await store.commit_info(at)
    assert (commit.id, commit.parents, commit.kind) == (made.head, (before,), "upload")
    record = await store.lineage(at, await store.stat(at, "new/0"))
    assert record is not None
    assert record["task"] == {"id": 7}
    assert (record["kind"], record["bucket"], record["key"], record["account"]) == (
        "upload", "master.labels", "new/0", "bob"
    )  # fmt: skip
    assert "sources" not in record

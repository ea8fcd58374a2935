"""What promote and revert stand on: common states, second parents, carried objects, moves."""

from __future__ import annotations

import pytest
from hands import REPO, Hand, put

from gateway.versioning.errors import HeadMoved, NoCommit, NoRef, ReadOnly
from gateway.versioning.model import About, Put, Snapshot
from gateway.versioning.names import CommitId, RepoName
from gateway.versioning.store import Store


async def base(store: Store, one: Snapshot, other: Snapshot) -> CommitId | None:
    found = await store.base(one, other)
    back = await store.base(other, one)
    assert (found and found.commit) == (back and back.commit), "it does not matter who asks"
    return found and found.commit


async def merged(source: Hand, target: Hand, *keys: str) -> CommitId:
    """Bring keys of one branch to another in a commit with two parents."""
    head = await source.head()
    changes = [await carried(source, key) for key in keys]
    made = await target.write(*changes, about=About("ann", "promote", merged=head.commit))
    assert made.commit is not None
    return made.commit.id


async def carried(source: Hand, key: str) -> Put:
    info = await source.stat(key)
    return Put(
        key, info.content, info.size, info.etag, info.attributes,
        same_as=info.same_as, origin=info.first_written,
    )  # fmt: skip


async def test_branches_have_their_fork_in_common(hand: Hand, store: Store) -> None:
    fork = await hand.put("a")
    dev = await hand.branch("dev")
    assert await base(store, await hand.head(), await dev.head()) == fork
    await dev.put("b")
    assert await base(store, await hand.head(), await dev.head()) == fork
    await hand.put("c")
    await hand.put("d")
    assert await base(store, await hand.head(), await dev.head()) == fork
    inner = await dev.branch("inner")
    await inner.put("e")
    assert await base(store, await hand.head(), await inner.head()) == fork


async def test_what_is_behind_is_what_they_have_in_common(hand: Hand, store: Store) -> None:
    old = await hand.put("a")
    await hand.put("b")
    assert await base(store, await hand.at(old), await hand.head()) == old
    head = await hand.head()
    assert await base(store, head, head) == head.commit


async def test_branches_of_their_own_have_nothing_in_common(hand: Hand, store: Store) -> None:
    await store.create_branch(REPO, "empty", account="ann")
    other = Hand(store, f"empty.{REPO}")
    await other.put("a")
    assert await store.base(await hand.head(), await other.head()) is None


async def test_two_repos_have_no_state_in_common(hand: Hand, store: Store) -> None:
    await store.create_branch(RepoName("other"), "master", account="ann", create_repo=True)
    other = Hand(store, "master.other")
    with pytest.raises(NoCommit):
        await store.base(await hand.head(), await other.head())


async def test_what_was_merged_is_in_common(hand: Hand, store: Store) -> None:
    await hand.put("a")
    dev = await hand.branch("dev")
    await hand.put("mine")
    brought = await dev.put("b")
    made = await merged(dev, hand, "b")
    assert await base(store, await hand.head(), await dev.head()) == brought
    await dev.put("c")
    await hand.put("more")
    assert await base(store, await hand.head(), await dev.head()) == brought
    await merged(hand, dev, "mine", "more")
    assert await base(store, await hand.head(), await dev.head()) == (await hand.head()).commit
    commit = await store.commit_info(await hand.at(made))
    assert len(commit.parents) == 2
    assert commit.parents[1] == brought


async def test_a_carried_object_is_a_version_of_its_own_that_knows_its_origin(
    hand: Hand, store: Store
) -> None:
    dev = await hand.branch("dev")
    first = await dev.put("k", b"label", same_as="digest")
    await hand.put("mine")
    made = await merged(dev, hand, "k")
    info = await hand.stat("k")
    assert (info.version, info.same_as) == (made, "digest")
    assert info.etag == (await dev.stat("k")).etag
    assert await hand.read("k") == b"label"
    if store.capabilities.forward:
        assert (info.origin, info.first_written) == (first, first)
    # The no-op rule holds of it as of what was written here.
    again = await hand.write(await put(store, "k", b"label 2", same_as="digest"))
    assert again.commit is None


async def test_it_is_a_change_whatever_the_no_op_rule_says(hand: Hand, store: Store) -> None:
    first = await hand.put("k", b"one", same_as="digest")
    info = await hand.stat("k", await hand.at(first))
    again = Put(
        "k", info.content, info.size, info.etag, info.attributes, same_as="digest", origin=first
    )
    made = await hand.write(again)
    assert made.commit is not None
    assert (await hand.stat("k")).version == made.commit.id != first


async def test_a_second_parent_must_be_of_the_repo(hand: Hand, store: Store) -> None:
    if not store.capabilities.forward:
        pytest.skip("this store cannot (capability `forward`)")
    about = About("ann", "promote", merged=CommitId("f" * 32))
    with pytest.raises(NoCommit):
        await hand.write(await put(store, "k"), about=about)
    assert await hand.keys() == []


@pytest.fixture
def moving(store: Store) -> Store:
    if not store.capabilities.forward:
        pytest.skip("this store cannot (capability `forward`)")
    return store


async def test_a_merge_of_nothing_is_a_commit_all_the_same(hand: Hand, moving: Store) -> None:
    dev = await hand.branch("dev")
    brought = await dev.put("k")
    await hand.put("mine")
    made = await hand.write(about=About("ann", "promote", merged=brought))
    assert made.commit is not None
    assert made.commit.parents[1] == brought
    assert await base(moving, await hand.head(), await dev.head()) == brought


async def test_a_branch_goes_forward_to_what_is_ahead_of_it(hand: Hand, moving: Store) -> None:
    await hand.put("a")
    dev = await hand.branch("dev")
    versions = [await dev.put("b"), await dev.put("c")]
    branch = await hand.head()
    moved = await moving.forward(branch, await dev.head(), account="bob")
    assert (moved.commit, moved.name) == (versions[-1], "master")
    assert (await hand.head()).commit == versions[-1]
    assert [(await hand.stat(key)).version for key in "bc"] == versions
    # Both go on from there, each on its own way.
    mine, theirs = await hand.put("mine"), await dev.put("theirs")
    assert set(await hand.all_keys()) == {"a", "b", "c", "mine"}
    assert set(await dev.all_keys()) == {"a", "b", "c", "theirs"}
    assert await base(moving, await hand.head(), await dev.head()) == versions[-1]
    assert {mine, theirs}.isdisjoint(versions)
    again = await moving.forward(await dev.head(), await dev.head(), account="bob")
    assert again.commit == theirs


async def test_it_never_goes_back_or_aside(hand: Hand, moving: Store) -> None:
    old = await hand.put("a")
    dev = await hand.branch("dev")
    await hand.put("b")
    await dev.put("c")
    for to in (await hand.at(old), await dev.head()):
        with pytest.raises(HeadMoved):
            await moving.forward(await hand.head(), to, account="bob")


async def test_it_goes_only_from_where_it_is_thought_to_be(hand: Hand, moving: Store) -> None:
    old = (await hand.head()).commit
    seen = await hand.put("a")
    dev = await hand.branch("dev")
    await dev.put("b")
    with pytest.raises(HeadMoved):
        await moving.forward(await hand.head(), await dev.head(), account="bob", if_head=old)
    await moving.forward(await hand.head(), await dev.head(), account="bob", if_head=seen)


async def test_only_a_branch_that_is_there_goes_forward(hand: Hand, moving: Store) -> None:
    dev = await hand.branch("dev")
    await dev.put("a")
    await moving.create_tag(REPO, "v1", await hand.head(), account="ann")
    branch, to = await hand.head(), await dev.head()
    tag = await Hand(moving, f"v1.{REPO}").head()
    with pytest.raises(ReadOnly):
        await moving.forward(tag, to, account="bob")
    await moving.delete_branch(REPO, "master")
    with pytest.raises(NoRef):
        await moving.forward(branch, to, account="bob")


async def test_what_happened_to_a_branch_is_told(hand: Hand, moving: Store) -> None:
    start = (await hand.head()).commit
    dev = await hand.branch("dev")
    ahead = await dev.put("a")
    await moving.forward(await hand.head(), await dev.head(), account="bob", why="week 48: dev")
    moved, made = await moving.moves(REPO, "master")
    assert (moved.action, moved.old, moved.new, moved.who) == ("forward", start, ahead, "bob")
    assert moved.why == "week 48: dev"
    assert (made.action, made.old, made.new) == ("create branch", None, start)
    assert moved.time_ms >= made.time_ms
    await moving.delete_branch(REPO, "dev")
    assert [one.action for one in await moving.moves(REPO, "dev")] == ["delete", "create branch"]
    assert await moving.moves(REPO, "never") == []

"""The facade: what it does when pachd is away, too old, or loses what it had."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand, put, staged

from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import NoRepo, StoreError, Unavailable, Unsupported
from gateway.versioning.model import Put
from gateway.versioning.names import RepoName, parse_bucket
from gateway.versioning.store import Store

LARGE = bytes(range(256)) * 4000


async def test_a_pachd_that_is_too_old_is_refused(fake: FakePachd, open_store):
    fake.version = (2, 5, 4)
    with pytest.raises(Unsupported, match=r"2\.6"):
        await open_store("data")


async def test_a_build_that_does_not_know_its_release_is_taken(fake: FakePachd, open_store):
    fake.version = (0, 0, 0)
    store = await open_store("data")
    await store.check()


async def test_while_pachd_is_away_everything_says_so_and_then_goes_on(
    fake: FakePachd, hand: Hand, store: PachydermStore
):
    await hand.put("a", b"1")
    at = await hand.head()
    await store.settled(at)
    await fake.kill()
    with pytest.raises(Unavailable):
        await store.check()
    with pytest.raises(Unavailable):
        await store.repos()
    with pytest.raises(Unavailable):
        await store.commit(at, [await put(store, "b")], hand_about())
    assert await hand.read("a", at) == b"1"  # from the cache
    assert await hand.keys(at) == ["a"]
    await fake.restart()
    async with asyncio.timeout(20):
        while True:
            try:
                await hand.put("b", b"2")
                break
            except StoreError:
                await asyncio.sleep(0.05)
    assert await hand.keys() == ["a", "b"]
    await store.check()


async def test_a_pachd_that_is_not_there_when_the_store_is_opened(fake: FakePachd, open_store):
    await fake.kill()
    with pytest.raises(Unavailable):
        await open_store("data")
    await fake.restart()
    async with asyncio.timeout(20):
        while True:
            try:
                await (await open_store("data")).check()
                return
            except StoreError:
                await asyncio.sleep(0.05)


async def test_a_folder_that_cannot_be_used_is_said(open_store, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Unavailable, match="cannot be used"):
        await open_store("data")


async def test_states_of_two_repos_are_not_compared(hand: Hand, store: PachydermStore):
    other = RepoName("other")
    await store.create_branch(other, "master", account="ann", create_repo=True)
    with pytest.raises(Unsupported):
        await store.diff(await hand.head(), await store.resolve(parse_bucket("other")))


async def test_a_snapshot_of_a_repo_that_is_gone_reads_nothing(hand: Hand, store: PachydermStore):
    await hand.put("a")
    at = await hand.head()
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    await hand.head()
    with pytest.raises(NoRepo):
        await store.stat(at, "a")
    with pytest.raises(StoreError):
        await store.commit(at, [await put(store, "a")], hand_about())
    assert await hand.keys() == []


async def test_a_write_while_its_branch_is_deleted_leaves_no_branch_behind(
    hand: Hand, store: PachydermStore
):
    dev = await hand.branch("dev")
    at = await dev.head()
    changes = [await put(store, f"k{number}") for number in range(5)]
    made = await asyncio.gather(
        *(store.commit(at, [change], hand_about()) for change in changes),
        store.delete_branch(REPO, "dev"),
        return_exceptions=True,
    )
    assert all(not isinstance(one, Exception) or isinstance(one, StoreError) for one in made)
    await asyncio.sleep(0.3)
    names = [ref.name for ref in await store.refs(REPO)]
    assert names == ["master"]


async def test_a_body_that_was_taken_is_not_taken_again(hand: Hand, store: PachydermStore):
    for body in (b"small", LARGE):
        content = await staged(store, body)
        change = Put("a", content, len(body), "etag", (await put(store, "a")).attributes)
        await hand.write(change)
        with pytest.raises(ValueError, match="stage its bytes again"):
            await hand.write(change)


async def test_what_pachd_spoiled_is_settled_once_it_is_written_again(
    fake: FakePachd, hand: Hand, store: PachydermStore, open_store
):
    fake.slow("FinishCommit", 0.1)
    made = asyncio.create_task(hand.write(await put(store, "d/x"), await put(store, "good")))
    async with asyncio.timeout(10):
        while not (head := fake.commit("labels", "master")).open or not head.layers:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    fake.write("labels", "master", {"/d": b"in the way"})
    commit = (await made).commit
    fake.slow("FinishCommit", 0)
    assert commit is not None
    await store.settled(await hand.at(commit.id))
    assert "/good" in fake.files("labels", "master")
    await store.settled(await hand.head())
    await asyncio.sleep(0.3)
    other = Hand(await open_store("other"))
    for one in (hand, other):
        assert await one.read("good") == b"x"
        assert (await one.store.stat(await one.head(), "good", commit.id)).version == commit.id
    assert await other.log() == await hand.log()
    assert await other.keys() == await hand.keys()


async def test_figures_are_numbers(hand: Hand, store: PachydermStore):
    await hand.put("a", LARGE)
    await hand.read("a")
    figures = store.figures()
    assert figures["index"] > 0
    assert all(isinstance(value, int) for value in figures.values())


async def test_closing_twice_does_no_harm(store: PachydermStore):
    await store.close()
    await store.close()
    with pytest.raises(Unavailable):
        await store.check()


async def test_capabilities_are_honest(store: PachydermStore):
    assert not store.capabilities.erase
    assert not store.capabilities.side
    assert not store.capabilities.nested_keys
    assert store.capabilities.multipart


def test_it_fills_the_protocol():
    def shape(of: type, name: str) -> list[tuple[str, object, object]]:
        parameters = inspect.signature(getattr(of, name)).parameters.values()
        return [(one.name, one.kind, one.default) for one in parameters]

    names = [name for name in vars(Store) if not name.startswith("_") and name != "capabilities"]
    for name in names:
        assert shape(PachydermStore, name) == shape(Store, name), name


async def test_the_store_of_another_process_reads_what_this_one_wrote(
    pfs: Pfs, open_store, hand: Hand
):
    await hand.put("a", LARGE)
    sibling = Hand(await open_store("data"))
    assert await sibling.read("a") == LARGE


def hand_about():
    from hands import ABOUT

    return ABOUT

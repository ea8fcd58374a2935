"""Repos, branches and tags, and what a bucket's name resolves to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hands import ABOUT, REPO, Hand, put

from gateway.versioning.errors import (
    AlreadyExists,
    InvalidName,
    NoCommit,
    NoKey,
    NoRef,
    NoRepo,
    NotEmpty,
    ReadOnly,
)
from gateway.versioning.model import RefKind
from gateway.versioning.names import CommitId, RepoName, parse_bucket
from gateway.versioning.store import Store

OTHER = RepoName("other", "p2")
NOWHERE = "0" * 32

Opened = Callable[[], Awaitable[Store]]


# ---- repos


async def test_a_new_store_has_no_repos(store: Store):
    assert list(await store.repos()) == []
    assert list(await store.refs()) == []


async def test_a_repo_is_there_once_it_is_made_and_knows_its_account(store: Store):
    made = await store.create_repo(REPO, "ann")
    assert made == await store.repo(REPO)
    assert made.account == "ann"
    assert list(await store.refs(REPO)) == []


async def test_repos_come_by_project_and_name(store: Store):
    for name in (RepoName("b"), OTHER, RepoName("a"), RepoName("a", "p2")):
        await store.create_repo(name, "ann")
    names = [(repo.name.project, repo.name.name) for repo in await store.repos()]
    assert names == [("default", "a"), ("default", "b"), ("p2", "a"), ("p2", "other")]


async def test_a_repo_is_made_once(store: Store):
    await store.create_repo(REPO, "ann")
    with pytest.raises(AlreadyExists):
        await store.create_repo(REPO, "bob")


async def test_a_repo_that_is_not_there_is_said_to_be_missing(store: Store):
    with pytest.raises(NoRepo):
        await store.repo(REPO)
    with pytest.raises(NoRepo):
        await store.refs(REPO)
    with pytest.raises(NoRepo):
        await store.create_branch(REPO, "master", account="ann")
    with pytest.raises(NoRepo):
        await store.resolve(parse_bucket("labels"))


async def test_a_name_outside_the_grammar_is_refused(store: Store):
    with pytest.raises(InvalidName):
        await store.create_repo(RepoName("a.b"), "ann")
    await store.create_repo(REPO, "ann")
    with pytest.raises(InvalidName):
        await store.create_branch(REPO, "a/b", account="ann")
    with pytest.raises(InvalidName):
        await store.create_branch(REPO, NOWHERE, account="ann")


# ---- branches and tags


async def test_a_branch_begins_with_an_empty_commit_of_its_own(hand: Hand, store: Store):
    first = await hand.head()
    await store.create_branch(REPO, "dev", account="ann")
    dev = await store.resolve(parse_bucket("dev.labels"))
    assert dev.commit != first.commit
    info = await store.commit_info(dev)
    assert (info.kind, info.parents, info.change_count) == ("create", (), 0)
    assert await Hand(store, "dev.labels").keys() == []


async def test_a_branch_keeps_the_properties_it_was_made_with(store: Store):
    made = await store.create_branch(
        REPO, "master", account="ann", properties={"bucket": "labels"}, create_repo=True
    )
    assert made.properties == {"bucket": "labels"}
    assert (await store.resolve(parse_bucket("labels"))).properties == {"bucket": "labels"}
    assert [ref.properties for ref in await store.refs()] == [{"bucket": "labels"}]


async def test_a_branch_at_a_snapshot_shows_that_state_and_goes_its_own_way(hand: Hand):
    await hand.put("a", b"1")
    dev = await hand.branch("dev")
    assert (await dev.head()).commit == (await hand.head()).commit
    await dev.put("a", b"dev")
    await hand.put("a", b"master")
    assert (await hand.read("a"), await dev.read("a")) == (b"master", b"dev")


async def test_a_branch_can_start_at_an_old_commit(hand: Hand):
    old = await hand.at(await hand.put("a", b"1"))
    await hand.put("a", b"2")
    dev = await hand.branch("dev", old)
    assert await dev.read("a") == b"1"
    await dev.put("b", b"3")
    assert await dev.keys() == ["a", "b"]
    assert await hand.keys() == ["a"]


async def test_many_branches_at_one_commit_do_not_see_each_other(hand: Hand):
    await hand.put("shared", b"0")
    hands = [await hand.branch(f"b{number}") for number in range(5)]
    for round_ in range(3):
        for number, one in enumerate(hands):
            await one.put("mine", f"{number}.{round_}".encode())
    for number, one in enumerate(hands):
        assert await one.read("mine") == f"{number}.2".encode()
        assert await one.read("shared") == b"0"
        assert len(await one.log()) == 5
    assert await hand.keys() == ["shared"]


async def test_a_name_is_a_branch_or_a_tag_not_both(hand: Hand, store: Store):
    at = await hand.head()
    await store.create_tag(REPO, "v1", at, account="ann")
    for name in ("v1", "master"):
        with pytest.raises(AlreadyExists):
            await store.create_branch(REPO, name, account="ann")
        with pytest.raises(AlreadyExists):
            await store.create_tag(REPO, name, at, account="ann")


async def test_a_repo_that_a_refused_branch_would_have_made_is_not_there(store: Store):
    with pytest.raises(InvalidName):
        await store.create_branch(REPO, "a/b", account="ann", create_repo=True)
    assert list(await store.repos()) == []


async def test_a_tag_never_moves(hand: Hand, store: Store):
    await hand.put("a", b"1")
    made = await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    await hand.put("a", b"2")
    tagged = await store.resolve(parse_bucket("v1.labels"))
    assert tagged.commit == made.commit
    assert (tagged.kind, tagged.writable) == (RefKind.TAG, False)
    assert await hand.read("a", tagged) == b"1"


async def test_refs_come_by_repo_and_name_and_by_kind(hand: Hand, store: Store):
    await hand.branch("dev")
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    await store.create_branch(RepoName("a"), "zz", account="ann", create_repo=True)
    every = [(str(ref.repo), ref.name) for ref in await store.refs()]
    assert every == [("a", "zz"), ("labels", "dev"), ("labels", "master"), ("labels", "v1")]
    assert [ref.name for ref in await store.refs(REPO, RefKind.TAG)] == ["v1"]
    assert [ref.name for ref in await store.refs(kind=RefKind.BRANCH)] == ["zz", "dev", "master"]


async def test_a_snapshot_of_another_repo_is_no_start(hand: Hand, store: Store):
    await store.create_repo(OTHER, "ann")
    with pytest.raises(NoCommit):
        await store.create_branch(OTHER, "x", account="ann", start=await hand.head())
    with pytest.raises(NoCommit):
        await store.create_tag(OTHER, "x", await hand.head(), account="ann")


# ---- resolve


async def test_a_repo_alone_means_its_branch_master(hand: Hand, store: Store):
    at = await store.resolve(parse_bucket("labels"))
    assert (at.ref, at.kind, at.writable) == ("master", RefKind.BRANCH, True)


async def test_a_branch_that_is_not_there_is_said_to_be_missing(hand: Hand, store: Store):
    with pytest.raises(NoRef):
        await store.resolve(parse_bucket("dev.labels"))


async def test_a_commit_is_read_with_or_without_a_ref_beside_it(hand: Hand, store: Store):
    commit = await hand.put("a", b"1")
    await hand.put("a", b"2")
    for bucket in (f"{commit}.labels", f"{commit}.master.labels"):
        at = await store.resolve(parse_bucket(bucket))
        assert (at.commit, at.kind, at.writable) == (commit, RefKind.COMMIT, False)
        assert await hand.read("a", at) == b"1"


async def test_a_ref_beside_a_commit_must_exist(hand: Hand, store: Store):
    commit = await hand.put("a")
    with pytest.raises(NoRef):
        await store.resolve(parse_bucket(f"{commit}.dev.labels"))


async def test_a_commit_of_another_repo_is_not_found_in_this_one(hand: Hand, store: Store):
    await store.create_branch(OTHER, "master", account="ann", create_repo=True)
    commit = await hand.put("a")
    with pytest.raises(NoCommit):
        await store.resolve(parse_bucket(f"{commit}.master.other.p2"))
    with pytest.raises(NoCommit):
        await store.resolve(parse_bucket(f"{NOWHERE}.labels"))


async def test_a_commit_is_found_by_its_id_alone(hand: Hand, store: Store):
    commit = await hand.put("a", b"1")
    (found,) = await store.find_commit(commit)
    assert (found.repo.name, found.commit, found.ref) == (REPO, commit, None)
    assert await hand.read("a", found) == b"1"
    assert list(await store.find_commit(parse_bucket(f"{NOWHERE}.x").commit)) == []


# ---- deleting


async def test_a_deleted_branch_is_gone_and_its_commits_stay_readable(hand: Hand, store: Store):
    dev = await hand.branch("dev")
    commit = await dev.put("a", b"1")
    await store.delete_branch(REPO, "dev")
    with pytest.raises(NoRef):
        await dev.head()
    at = await store.resolve(parse_bucket(f"{commit}.labels"))
    assert await hand.read("a", at) == b"1"


async def test_with_its_last_ref_a_repo_goes_and_its_name_is_free(hand: Hand, store: Store):
    commit = await hand.put("a")
    await store.delete_branch(REPO, "master")
    with pytest.raises(NoRepo):
        await store.repo(REPO)
    assert list(await store.find_commit(commit)) == []
    await store.create_branch(REPO, "master", account="bob", create_repo=True)
    assert (await store.repo(REPO)).account == "bob"
    assert await hand.keys() == []
    with pytest.raises(NoCommit):
        await hand.at(commit)


async def test_a_tag_keeps_its_repo_until_it_goes_too(hand: Hand, store: Store):
    await hand.put("a", b"1")
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    await store.delete_branch(REPO, "master")
    assert await hand.read("a", await store.resolve(parse_bucket("v1.labels"))) == b"1"
    await store.delete_tag(REPO, "v1")
    assert list(await store.repos()) == []


async def test_a_recreated_branch_starts_a_new_history(hand: Hand, store: Store):
    await hand.branch("keeps-the-repo")
    await hand.put("a")
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann")
    assert await hand.keys() == []
    assert len(await hand.log()) == 1
    assert (await store.versions(await hand.head())).versions == ()
    with pytest.raises(NoKey) as refusal:
        await hand.stat("a")
    assert refusal.value.marker is None


async def test_what_was_resolved_before_is_still_read_after_its_branch_is_gone(
    hand: Hand, store: Store
):
    await hand.put("a", b"1")
    at = await hand.head()
    await hand.branch("other")
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann")
    await hand.put("a", b"new")
    assert await hand.read("a", at) == b"1"


async def test_a_branch_that_is_gone_takes_no_commit(hand: Hand, store: Store):
    at = await hand.head()
    await hand.branch("other")
    await store.delete_branch(REPO, "master")
    with pytest.raises(NoRef):
        await store.commit(at, [await put(store, "a")], ABOUT)


async def test_deleting_what_is_not_there_or_is_of_the_other_kind_is_refused(
    hand: Hand, store: Store
):
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    with pytest.raises(NoRef):
        await store.delete_branch(REPO, "dev")
    with pytest.raises(NoRef):
        await store.delete_tag(REPO, "v2")
    with pytest.raises(ReadOnly):
        await store.delete_branch(REPO, "v1")
    with pytest.raises(ReadOnly):
        await store.delete_tag(REPO, "master")
    with pytest.raises(NoRepo):
        await store.delete_tag(OTHER, "v1")


async def test_only_an_empty_branch_is_deleted_where_that_is_asked(hand: Hand, store: Store):
    await store.create_branch(REPO, "fresh", account="ann")
    await store.delete_branch(REPO, "fresh", only_empty=True)
    await hand.put("a")
    for _ in range(2):  # an object, then its versions and marker
        with pytest.raises(NotEmpty):
            await store.delete_branch(REPO, "master", only_empty=True)
        await hand.delete("a")
    assert await hand.keys() == []


async def test_a_branch_of_a_branch_with_objects_is_not_empty(hand: Hand, store: Store):
    await hand.put("a")
    await hand.branch("dev")
    with pytest.raises(NotEmpty):
        await store.delete_branch(REPO, "dev", only_empty=True)


async def test_a_lone_delete_marker_makes_a_branch_not_empty(hand: Hand, store: Store):
    await hand.delete("never-there")
    with pytest.raises(NotEmpty):
        await store.delete_branch(REPO, "master", only_empty=True)


# ---- properties


async def test_the_properties_of_a_branch_change_one_by_one(hand: Hand, store: Store):
    await store.create_branch(REPO, "dev", account="bob", properties={"region": "eu", "a": 1})
    dev = await store.resolve(parse_bucket("dev.labels"))
    made = await store.configure(dev, {"versioning": "unset", "policy": {"x": ["y"]}})
    kept = {"region": "eu", "a": 1, "versioning": "unset", "policy": {"x": ["y"]}}
    assert (made.name, made.commit, made.account, made.properties) == (
        "dev", dev.commit, "bob", kept,
    )  # fmt: skip
    assert (await store.resolve(parse_bucket("dev.labels"))).properties == kept
    await store.configure(dev, {"policy": None, "region": "us", "never": None})
    kept = {"region": "us", "a": 1, "versioning": "unset"}
    now = await store.resolve(parse_bucket("dev.labels"))
    assert (now.properties, now.commit) == (kept, dev.commit)
    listed = {ref.name: ref.properties for ref in await store.refs(REPO)}
    assert listed == {"dev": kept, "master": {}}


async def test_properties_survive_a_new_start(open_store: Opened):
    store = await open_store()
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    at = await store.resolve(parse_bucket("labels"))
    await store.configure(at, {"versioning": "suspended"})
    await store.close()
    store = await open_store()
    at = await store.resolve(parse_bucket("labels"))
    assert at.properties == {"versioning": "suspended"}
    await store.close()


async def test_several_change_properties_at_once(hand: Hand, store: Store):
    at = await hand.head()
    await asyncio.gather(*(store.configure(at, {f"p{number}": number}) for number in range(8)))
    kept = (await hand.head()).properties
    assert kept == {f"p{number}": number for number in range(8)}


async def test_only_a_branch_that_is_there_has_properties_to_change(hand: Hand, store: Store):
    at = await hand.head()
    await store.create_tag(REPO, "v1", at, account="ann")
    for bucket in ("v1.labels", f"{at.commit}.labels"):
        with pytest.raises(ReadOnly):
            await store.configure(await store.resolve(parse_bucket(bucket)), {"a": 1})
    dev = await hand.branch("dev")
    gone = await dev.head()
    await store.delete_branch(REPO, "dev")
    with pytest.raises(NoRef):
        await store.configure(gone, {"a": 1})


# ---- where a commit is


async def test_a_commit_is_in_the_refs_that_came_after_it(hand: Hand, store: Store):
    first = await hand.put("a")
    dev = await hand.branch("dev")
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    second = await hand.put("b")
    third = await dev.put("c")
    await store.create_branch(REPO, "other", account="ann")

    async def names(commit: CommitId) -> list[str]:
        return [ref.name for ref in await store.containing(await hand.at(commit))]

    assert await names(first) == ["dev", "master", "v1"]
    assert await names(second) == ["master"]
    assert [ref.commit for ref in await store.containing(await dev.at(third))] == [third]
    await store.delete_branch(REPO, "dev")
    assert [ref.name for ref in await store.containing(await hand.at(third))] == []


async def test_a_repo_goes_with_all_that_is_in_it(hand: Hand, store: Store):
    await hand.put("a")
    dev = await hand.branch("dev")
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    branch = await dev.head()
    await store.delete_repo(REPO, who="ann")
    with pytest.raises(NoRepo):
        await store.repo(REPO)
    assert [one for one in await store.refs() if one.repo == REPO] == []
    with pytest.raises((NoRef, NoRepo)):
        await store.commit(branch, [await put(store, "b")], ABOUT)
    with pytest.raises(NoRepo):
        await store.delete_repo(REPO, who="ann")
    await store.create_branch(REPO, "master", account="bob", create_repo=True)
    assert await hand.keys() == []

"""Repos, branches and tags on PFS: what others made, what is told from memory, what is refused."""

from __future__ import annotations

import asyncio

import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand, put
from others import Other

from gateway.stores.pachyderm import refs
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.stores.pachyderm.words import COMPANION_REPO
from gateway.versioning.errors import AlreadyExists, InvalidName, NoRef, NoRepo, ReadOnly
from gateway.versioning.model import About, RefKind
from gateway.versioning.names import RepoName, parse_bucket


async def test_repos_and_branches_of_others_are_there_too(pfs: Pfs, store: PachydermStore):
    await pfs.create_project("p2")
    await pfs.create_repo(RepoName("theirs", "p2"), "their words")
    await pfs.create_branch(RepoName("theirs", "p2"), "main")
    (repo,) = await store.repos()
    assert (repo.name, repo.account, repo.settings) == (RepoName("theirs", "p2"), "default", {})
    (ref,) = await store.refs()
    assert (ref.name, ref.kind, ref.account, ref.properties) == (
        "main", RefKind.BRANCH, "default", {},
    )  # fmt: skip
    at = await store.resolve(parse_bucket("main.theirs.p2"))
    info = await store.commit_info(at)
    assert (info.kind, info.parents, info.change_count) == ("create", (), 0)


async def test_a_branch_of_another_tool_takes_properties(pfs: Pfs, store: PachydermStore):
    await pfs.create_repo(RepoName("theirs"))
    await pfs.create_branch(RepoName("theirs"), "main")
    at = await store.resolve(parse_bucket("main.theirs"))
    made = await store.configure(at, {"versioning": "suspended"})
    assert (made.name, made.account, made.commit) == ("main", "default", at.commit)
    assert (await store.resolve(parse_bucket("main.theirs"))).properties == {
        "versioning": "suspended"
    }
    await pfs.delete_branch(RepoName("theirs"), "main")
    with pytest.raises(NoRef):
        await store.configure(at, {"versioning": "enabled"})


async def test_a_repo_that_nobody_used_yet_becomes_the_first_ones(pfs: Pfs, store: PachydermStore):
    for name in "abc":
        await pfs.create_repo(RepoName(name))
    assert (await store.create_repo(RepoName("a"), "ann")).account == "ann"
    with pytest.raises(AlreadyExists):
        await store.create_repo(RepoName("a"), "bob")
    await store.create_branch(RepoName("b"), "master", account="bob", create_repo=True)
    assert (await store.repo(RepoName("b"))).account == "bob"
    await pfs.create_branch(RepoName("c"), "master")
    with pytest.raises(AlreadyExists):
        await store.create_repo(RepoName("c"), "ann")
    assert (await store.repo(RepoName("c"))).account == "default"


async def test_what_no_bucket_can_spell_and_what_is_ours_is_not_shown(
    pfs: Pfs, hand: Hand, store: PachydermStore
):
    await pfs.create_repo(RepoName("-x"))
    assert (await pfs.inspect_repo(RepoName(COMPANION_REPO))).branches  # it has the notes
    await pfs.create_branch(REPO, "-x")
    assert [repo.name for repo in await store.repos()] == [REPO]
    assert [ref.name for ref in await store.refs()] == ["master"]
    with pytest.raises(NoRepo):
        await store.resolve(parse_bucket(COMPANION_REPO))
    with pytest.raises(InvalidName):
        await store.create_repo(RepoName(COMPANION_REPO), "ann")


async def test_the_first_commit_of_a_branch_says_who_made_it(hand: Hand, store: PachydermStore):
    info = await store.commit_info(await hand.head())
    assert (info.kind, info.author, info.branch, info.message) == (
        "create", "ann", "master", "Create branch master",
    )  # fmt: skip


async def test_a_branch_that_another_tool_made_is_not_made_again(pfs: Pfs, store: PachydermStore):
    await store.create_repo(REPO, "ann")
    await pfs.create_branch(REPO, "dev")
    with pytest.raises(AlreadyExists):
        await store.create_branch(REPO, "dev", account="ann")
    assert [ref.name for ref in await store.refs(REPO)] == ["dev"]


async def test_of_many_who_make_a_name_one_succeeds(open_store, hand: Hand):
    replicas = [hand.store, await open_store("b"), await open_store("c")]
    at = await hand.head()
    made = await asyncio.gather(
        *(one.create_branch(REPO, "x", account="ann") for one in replicas),
        *(one.create_tag(REPO, "x", at, account="ann") for one in replicas),
        *(one.create_branch(REPO, "x", account="ann", start=at) for one in replicas),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AlreadyExists) for one in made) == 8, made
    assert [ref.name for ref in await hand.store.refs(REPO)] == ["master", "x"]


async def test_of_many_who_make_a_repo_with_its_branch_one_succeeds(open_store):
    replicas = [await open_store(name) for name in "abc"]
    made = await asyncio.gather(
        *(one.create_branch(REPO, "master", account="ann", create_repo=True) for one in replicas),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AlreadyExists) for one in made) == 2, made


async def test_a_name_that_was_taken_for_a_branch_that_never_came_is_free_after_a_while(
    fake: FakePachd, store: PachydermStore, monkeypatch: pytest.MonkeyPatch
):
    await store.create_repo(REPO, "ann")
    info = (await store._refs.known(REPO)).info
    await store._refs._notes.add(info, "ref.dev", {"kind": "branch", "created": store._clock()})
    with pytest.raises(AlreadyExists):
        await store.create_branch(REPO, "dev", account="bob")
    monkeypatch.setattr("gateway.stores.pachyderm.refs.ABANDONED_MS", -1)
    made = await store.create_branch(REPO, "dev", account="bob")
    assert made.account == "bob"


async def test_a_refused_branch_gives_its_name_back(
    fake: FakePachd, store: PachydermStore, hand: Hand
):
    from grpc import StatusCode

    fake.fail_next("StartCommit", StatusCode.UNKNOWN, "no")
    with pytest.raises(Exception, match="no"):
        await store.create_branch(REPO, "dev", account="ann")
    await store.create_branch(REPO, "dev", account="ann")


async def test_an_output_branch_is_not_deleted_and_says_why(pfs: Pfs, store, hand: Hand):
    await hand.put("a")
    out = RepoName("out")
    await pfs.create_repo(out)
    await Other(pfs, out).make_output(REPO)
    with pytest.raises(ReadOnly, match="pipeline"):
        await store.delete_branch(out, "master")
    with pytest.raises(ReadOnly, match="provenance"):
        await store.delete_branch(REPO, "master")
    assert [str(repo.name) for repo in await store.repos()] == ["labels", "out"]


async def test_what_another_replica_made_or_deleted_shows(open_store, hand: Hand):
    other = Hand(await open_store("other"))
    await hand.put("a", b"1")
    await hand.store.create_tag(REPO, "v1", await hand.head(), account="ann")
    assert (await other.store.resolve(parse_bucket("v1.labels"))).kind is RefKind.TAG
    assert await other.keys() == ["a"]
    await hand.store.create_branch(REPO, "dev", account="ann", properties={"bucket": "dev.labels"})
    assert (await other.store.resolve(parse_bucket("dev.labels"))).properties == {
        "bucket": "dev.labels"
    }
    await hand.store.delete_branch(REPO, "dev")
    await asyncio.sleep(0.3)
    with pytest.raises(NoRef):
        await other.store.resolve(parse_bucket("dev.labels"))


async def test_a_commit_that_somebody_holds_open_is_not_waited_for(fake: FakePachd, hand: Hand):
    """A pipeline's commit is open for as long as its job runs."""
    await hand.put("a")
    dev = await hand.branch("dev")
    fake.start_commit("labels", "dev", "theirs")
    async with asyncio.timeout(2):
        found = await hand.store.containing(await hand.head())
    assert [ref.name for ref in found] == ["dev", "master"]
    fake.write("labels", "master", {"/b": b"theirs"})
    async with asyncio.timeout(2):
        found = await hand.store.containing(await dev.head())
    assert [ref.name for ref in found] == ["dev", "master"]


async def test_who_only_writes_goes_on_where_a_repo_was_made_anew(
    open_store, hand: Hand, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(refs, "KEPT_S", 0.0)
    other = await open_store("other")
    await hand.put("a")
    branch = await other.resolve(parse_bucket("labels"), blind=True)
    await other.commit(branch, [await put(other, "b")], About("ann", "put"))
    await hand.head()
    await hand.store.delete_branch(REPO, "master")
    await hand.store.create_branch(REPO, "master", account="ann", create_repo=True)
    await asyncio.sleep(0.3)  # for which a head is told from memory
    branch = await other.resolve(parse_bucket("labels"), blind=True)
    await other.commit(branch, [await put(other, "c")], About("ann", "put"))
    assert await Hand(other).keys() == ["c"]


async def test_a_repo_deleted_by_others_is_gone_and_made_anew_is_another(
    pfs: Pfs, hand: Hand, store: PachydermStore
):
    commit = await hand.put("a")
    await pfs.delete_repo(REPO)
    await asyncio.sleep(1.05)
    with pytest.raises(NoRepo):
        await hand.head()
    await pfs.create_repo(REPO)
    await Other(pfs, REPO).write({"/b": b"1"})
    assert await hand.keys() == ["b"]
    assert list(await store.find_commit(commit)) == []


async def test_a_repo_made_anew_within_the_second_is_another_too(
    pfs: Pfs, hand: Hand, store: PachydermStore
):
    await hand.put("a")
    await pfs.delete_repo(REPO)
    await pfs.create_repo(REPO)
    await Other(pfs, REPO).write({"/b": b"1"})
    await asyncio.sleep(0.3)
    assert await hand.keys() == ["b"]
    assert (await store.repo(REPO)).account == "default"

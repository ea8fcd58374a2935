"""Commits by other tools: their files are objects like any other."""

from __future__ import annotations

import asyncio

import pytest
from hands import REPO, Hand
from others import Other

from gateway.stores.pachyderm.foreign import content_type
from gateway.stores.pachyderm.pfs import Pfs, Place
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import NoKey, StoreError
from gateway.versioning.model import ChangeKind
from gateway.versioning.names import RepoName

KEPT_S = 0.3


@pytest.fixture
def other(pfs: Pfs) -> Other:
    return Other(pfs, REPO)


async def test_their_files_are_objects(pfs: Pfs, other: Other, hand: Hand, store: PachydermStore):
    commit = await other.write({"/d/a.json": b"{}", "/b": b"12"}, description="why")
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["b", "d/a.json"]
    info = await hand.stat("d/a.json")
    file = await pfs.inspect_file(Place(REPO, commit), "/d/a.json")
    assert (info.version, info.size, info.etag) == (commit, 2, file.hash.hex())
    assert info.attributes.content_type == "application/json"
    assert await hand.read("d/a.json") == b"{}"
    made = await store.commit_info(await hand.head())
    assert (made.kind, made.author, made.message, made.change_count) == (
        "put", "pachyderm", "why", 2,
    )  # fmt: skip
    record = await store.lineage(await hand.head(), info)
    assert record is not None
    assert (record["v"], record["kind"], record["account"]) == (1, "put", "pachyderm")
    assert record["time"] == made.time_ms
    assert "provenance" not in record


async def test_what_they_changed_and_deleted_of_ours(other: Other, hand: Hand, store):
    kept = await hand.put("kept", b"1")
    await hand.put("changed", b"1")
    await hand.put("gone", b"1")
    commit = await other.write({"/changed": b"2"}, delete=("/gone",))
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["changed", "kept"]
    assert (await hand.stat("kept")).version == kept
    assert await hand.read("changed") == b"2"
    with pytest.raises(NoKey) as refusal:
        await hand.stat("gone")
    assert refusal.value.marker == commit
    changes = await store.changes(await hand.head())
    assert [(one.key, one.kind) for one in changes] == [
        ("changed", ChangeKind.PUT),
        ("gone", ChangeKind.DELETE),
    ]


async def test_a_folder_they_deleted_takes_all_that_was_in_it(other: Other, hand: Hand):
    for key in ("d/a", "d/b/c", "e"):
        await hand.put(key)
    await Other(other.pfs, REPO).write(delete=())  # an empty commit changes nothing
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["d/a", "d/b/c", "e"]
    await other.write(delete=("/d/a", "/d/b/c"))
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["e"]


async def test_a_commit_pfs_spoiled_changes_nothing_and_says_why(
    other: Other, hand: Hand, store: PachydermStore
):
    await hand.put("e", b"1")
    spoiled = await other.write({"/e/x": b"2", "/good": b"3"})
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["e"]
    later = await other.write({"/later": b"4"})
    await asyncio.sleep(KEPT_S)
    assert (await hand.head()).commit == later
    assert await hand.keys() == ["e", "later"]
    info = await store.commit_info(await hand.at(spoiled))
    assert "collision" in info.metadata["error"]
    assert info.change_count == 0


async def test_names_that_no_key_of_ours_would_have_show_as_they_are(other: Other, hand: Hand):
    await other.write({"/a%2fb": b"1", "/100%": b"2"})
    await asyncio.sleep(KEPT_S)
    assert await hand.keys() == ["100%", "a%2fb"]
    assert (await hand.read("100%"), await hand.read("a%2fb")) == (b"2", b"1")
    await hand.put("100%", b"ours")
    assert await hand.read("100%") == b"ours"
    await hand.store.settled(await hand.head())
    assert await hand.keys() == ["100%", "a%2fb"]


async def test_we_write_on_what_they_wrote(other: Other, hand: Hand):
    theirs = await other.write({"/a": b"1"})
    ours = await hand.put("b", b"2")
    assert (await hand.log())[:2] == [ours, theirs]
    assert await hand.keys() == ["a", "b"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a/b.json", "application/json"),
        ("a.JPG", "image/jpeg"),
        ("x.png", "image/png"),
        ("x.tar.gz", "binary/octet-stream"),
        ("json", "binary/octet-stream"),
        ("a.b/c", "binary/octet-stream"),
        ("", "binary/octet-stream"),
    ],
)
def test_the_content_type_goes_by_the_extension(key: str, expected: str):
    assert content_type(key) == expected


async def test_the_output_of_a_pipeline_shows_its_inputs(
    pfs: Pfs, hand: Hand, store: PachydermStore
):
    out = RepoName("out", "p2")
    await pfs.create_project("p2")
    await pfs.create_repo(out)
    pipeline = Other(pfs, out)
    await pipeline.make_output(REPO)
    label = await hand.put("label", b"1")
    await store.settled(await hand.head())
    made = await pipeline.run_as_pipeline({"/model": b"weights"})
    await asyncio.sleep(KEPT_S)
    model = Hand(store, "master.out.p2")
    at = await model.head()
    assert at.commit == made == label  # pachd gives one id to what belongs together
    info = await model.stat("model")
    record = await store.lineage(at, info)
    assert record is not None
    assert record["provenance"] == [{"repo": "labels", "project": "default", "commit": label}]
    both = await store.find_commit(label)
    assert [str(one.repo.name) for one in both] == ["labels", "out.p2"]
    with pytest.raises(StoreError):
        await model.put("mine")
    assert await model.keys() == ["model"]

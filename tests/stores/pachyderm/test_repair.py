"""Commits that pachd discards, or that others wrote into: what was answered stands, everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand
from heard import Heard, eventually

from gateway.stores.pachyderm import follow, lane, record, repair
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import NoKey

UNKNOWN = (grpc.StatusCode.UNKNOWN, "no")
LARGE = bytes(range(256)) * 400


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What the stores of this test tell. Before `store`."""
    heard = Heard()
    monkeypatch.setattr("gateway.stores.pachyderm.store.Unheard", lambda: heard)
    return heard


class Theirs:
    """Another writer's files, put into our commit before it is finished."""

    def __init__(self, fake: FakePachd, files: Mapping[str, bytes | None], **more: Any) -> None:
        self._fake = fake
        self._files = files
        self._more = more

    async def into(self, write: Any) -> Any:
        """The outcome of our write, their files in its commit."""
        self._fake.hold("FinishCommit")
        before = self._fake.calls["FinishCommit"]
        task = asyncio.ensure_future(write)
        await eventually(lambda: self._fake.calls["FinishCommit"] > before)
        self._fake.write("labels", "master", self._files, **self._more)
        self._fake.release("FinishCommit")
        return await task


async def mended(heard: Heard, fake: FakePachd, commits: int) -> None:
    """Wait until that many commits stand and are finished, the last one without an error."""
    await eventually(lambda: len(heard.finished_ids) >= commits)
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    assert not fake.commit("labels", "master").error


async def everything(hand: Hand) -> dict[str, Any]:
    """What the index knows of the branch: objects, versions, commits."""
    store, head = hand.store, await hand.head()
    versions = (await store.versions(head)).versions
    return {
        "objects": {key: await hand.read(key) for key in await hand.keys()},
        "versions": [(one.key, one.version, one.marker, one.etag) for one in versions],
        "log": await store.log(head),
    }


async def same_on_a_new_replica(hand: Hand, open_store: Any) -> dict[str, Any]:
    """What this replica knows, which is what one that starts from nothing finds."""
    here = await everything(hand)
    other = Hand(await open_store("another"), hand.bucket)
    there = await everything(other)
    assert there == here
    return here


async def test_a_spoiled_commit_is_written_again_whole(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any, caplog: Any
):
    await hand.put("old", b"old")
    await hand.put("gone", b"gone")
    theirs = Theirs(fake, {"/a/b": b"theirs"})
    version, _, _ = await theirs.into(
        asyncio.gather(hand.put("a", b"ours"), hand.put("good", b"good"), hand.delete("gone"))
    )
    await mended(heard, fake, 4)
    assert heard.spoils == [(version, "file / directory path collision (/a/b)", "/a/b")]
    assert "Pachyderm discarded commit" in caplog.text
    assert fake.files("labels", "master") == {
        "/a": b"ours", "/good": b"good", "/old": b"old",
    }  # fmt: skip
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"a": b"ours", "good": b"good", "old": b"old"}
    kinds = [commit.kind for commit in known["log"]]
    assert kinds[0] == record.REPAIR
    assert known["log"][0].metadata[record.REPLACES] == version
    # The answered version ids are good, but for the bytes that nobody can read in that commit.
    assert (await hand.stat("good")).version == version
    with pytest.raises(NoKey):
        await hand.stat("gone")
    companion = fake.files("_labelgate_", "master")
    assert companion[f"/spoiled/labels/{version}/a/b"] == b"theirs"


async def test_ours_beneath_theirs_is_written_again_too(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    version = await Theirs(fake, {"/a": b"theirs"}).into(hand.put("a/b", b"ours"))
    await mended(heard, fake, 2)
    assert fake.files("labels", "master") == {"/a/b": b"ours"}
    known = await same_on_a_new_replica(hand, open_store)
    assert [one[:2] for one in known["versions"]] == [("a/b", version)]


async def test_what_was_written_since_is_not_written_again(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(
        asyncio.gather(*(hand.put(key, b"1") for key in ["a", "b", "c", "d"]))
    )
    await hand.put("b", b"2")
    await hand.delete("c")
    fake.resume_finishing()
    await mended(heard, fake, 4)
    assert fake.files("labels", "master") == {"/a": b"1", "/b": b"2", "/d": b"1"}
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"a": b"1", "b": b"2", "d": b"1"}


async def test_what_builds_on_a_spoiled_commit_is_repaired_after_it(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    """The second commit is spoiled only because the first one's delete was discarded."""
    await hand.put("a", b"0")
    await eventually(lambda: heard.finished_ids)
    fake.pause_finishing()
    await Theirs(fake, {"/x/y": b"theirs"}).into(
        asyncio.gather(hand.delete("a"), hand.put("x", b"1"))
    )
    await hand.put("a/b", b"2")
    fake.resume_finishing()
    await mended(heard, fake, 5)
    assert len(heard.spoils) == 2
    assert fake.files("labels", "master") == {"/x": b"1", "/a/b": b"2"}
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"x": b"1", "a/b": b"2"}


async def test_a_key_that_cannot_be_there_any_more_is_deleted_and_its_bytes_are_kept(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    """Between the spoiled commit and its repair another tool made a folder of it."""
    version = await Theirs(fake, {"/a/b": b"theirs"}).into(
        asyncio.gather(hand.put("a", LARGE), hand.put("good", b"good"))
    )
    version = version[0]
    fake.hold("RenewFileSet")  # the repair is about to be made
    await eventually(lambda: heard.spoils)
    await eventually(lambda: fake.calls["RenewFileSet"])
    fake.write("labels", "master", {"/a/c": b"theirs too"})
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    fake.release("RenewFileSet")
    await mended(heard, fake, 2)
    assert fake.files("labels", "master") == {"/a/c": b"theirs too", "/good": b"good"}
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"a/c": b"theirs too", "good": b"good"}
    assert fake.files("_labelgate_", "master")[f"/spoiled/labels/{version}/a"] == LARGE


@pytest.mark.parametrize("whole", [1, 2])
async def test_a_repair_that_is_spoiled_itself_is_repaired_and_in_the_end_without_what_pachd_names(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any, monkeypatch: Any, whole: int
):
    monkeypatch.setattr(repair, "WHOLE_MAX", whole)
    await hand.put("a", b"0")
    await Theirs(fake, {"/a/b": b"theirs"}).into(
        asyncio.gather(hand.put("a", b"1"), hand.put("good", b"good"))
    )
    fake.slow("FinishCommit", 0.2)
    await eventually(lambda: fake.commit("labels", "master").layers)
    await eventually(lambda: fake.commit("labels", "master").open)  # of the repair
    await eventually(lambda: fake.commit("labels", "master").layers)
    fake.write("labels", "master", {"/a/b": b"theirs again"})
    await mended(heard, fake, 4)
    assert len(heard.spoils) == 2
    expected = {"good": b"good"} | ({"a": b"1"} if whole == 2 else {})
    assert fake.files("labels", "master") == {f"/{key}": body for key, body in expected.items()}
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == expected
    replaced = known["log"][0].metadata[record.REPLACES].split(",")
    assert set(replaced) == {spoil[0] for spoil in heard.spoils}


async def test_a_repair_whose_file_set_is_gone_takes_what_the_commit_still_shows(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any, caplog: Any
):
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(
        asyncio.gather(hand.put("a", b"1"), hand.put("good", b"good"), hand.put("e", b""))
    )
    fake.drop_file_sets()
    fake.resume_finishing()
    await mended(heard, fake, 2)
    assert fake.files("labels", "master") == {"/good": b"good", "/e": b""}
    assert "'a' of commit" in caplog.text
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"good": b"good", "e": b""}


async def test_a_spoiled_commit_of_a_dead_replica_is_repaired_by_another(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(hand.put("a", b"1"))
    await store.close()
    fake.resume_finishing()
    await eventually(lambda: fake.commit("labels", "master").error)
    other = await open_store("other")
    await other._lane.look_after(REPO, "master")
    await mended(heard, fake, 2)
    assert fake.files("labels", "master") == {"/a": b"1"}
    assert await Hand(other).read("a") == b"1"


async def test_what_was_spoiled_below_all_that_was_unfinished_is_repaired_after_a_restart(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(hand.put("a", b"1"))
    for number in range(follow.UNFINISHED_MAX - 1):
        await hand.put(f"k{number}")
    await store.close()
    fake.resume_finishing()
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    again = Hand(await open_store("data"), hand.bucket)
    await again.put("next")
    await eventually(lambda: fake.files("labels", "master").get("/a") == b"1")


async def test_two_replicas_repair_once(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    others = [await open_store("other")]
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(hand.put("a", b"1"))
    for other in others:
        await other._lane.look_after(REPO, "master")
    fake.resume_finishing()
    await mended(heard, fake, 3)
    await eventually(lambda: not any(one._lane._follower._kept for one in (store, *others)))
    kinds = [commit.kind for commit in await store.log(await hand.head())]
    assert kinds.count(record.REPAIR) == 1


async def test_a_repair_that_cannot_be_made_now_is_made_later(
    heard: Heard, hand: Hand, fake: FakePachd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lane, "MEND_AGAIN_S", 0.01)
    theirs = Theirs(fake, {"/a/b": b"theirs"})
    version = await theirs.into(hand.put("a", b"1"))
    fake.fail_next("CreateFileSet", *UNKNOWN, times=3)
    await mended(heard, fake, 2)
    assert fake.files("labels", "master") == {"/a": b"1"}
    assert heard.spoils[0][0] == version


@pytest.mark.parametrize(
    ("error", "path"),
    [
        ("file / directory path collision (/a/b)", "/a/b"),
        ("file / directory path collision (/a (1)/b)", "/a (1)/b"),
        ("duplicate path output by different datums (/dd from x and /dd from y)", "/dd"),
        ("something else", ""),
    ],
)
def test_the_path_that_pachd_names(error: str, path: str):
    assert repair.named_path(error) == path


# ---- files of others that did not collide


async def test_files_that_others_put_into_our_commit_are_found_and_recorded(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    await hand.put("gone", b"gone")
    theirs = Theirs(fake, {"/theirs": b"theirs", "/gone": None})
    version = await theirs.into(hand.put("ours", b"ours"))
    await eventually(lambda: len(heard.commits) == 3)
    await mended(heard, fake, 3)
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"ours": b"ours", "theirs": b"theirs"}
    assert known["log"][0].metadata == {"joined": version}
    assert (await hand.stat("ours")).version == version


async def test_what_others_made_of_our_file_is_what_is_there(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    await Theirs(fake, {"/a": b"more"}, append=True).into(
        asyncio.gather(hand.put("a", b"ours"), hand.put("b", b"ours"))
    )
    await eventually(lambda: len(heard.commits) == 2)
    await mended(heard, fake, 2)
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"a": b"oursmore", "b": b"ours"}


async def test_of_what_others_put_into_several_commits_the_last_counts(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    fake.pause_finishing()
    for number in range(3):
        await Theirs(fake, {"/theirs": b"x" * (number + 1)}).into(hand.put(f"ours{number}"))
    fake.resume_finishing()
    await eventually(lambda: len(heard.commits) >= 6)
    await mended(heard, fake, 6)
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"]["theirs"] == b"xxx"


async def test_what_others_did_behind_a_spoiled_commit_is_found_once_that_is_repaired(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    fake.pause_finishing()
    await Theirs(fake, {"/a/b": b"theirs"}).into(hand.put("a", b"ours"))
    await Theirs(fake, {"/theirs": b"theirs"}).into(hand.put("c", b"ours"))
    fake.resume_finishing()
    await eventually(lambda: len(heard.commits) == 4)
    await mended(heard, fake, 4)
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {"a": b"ours", "c": b"ours", "theirs": b"theirs"}


async def test_what_a_dead_replica_owes_is_repaired_by_the_next_that_meets_it(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    other = Hand(await open_store("other"))
    other.store._lane._mend = lambda *_: None
    await hand.put("x", b"0")  # it has looked after the branch already
    await eventually(lambda: not store._lane._aside)
    await Theirs(fake, {"/c/d": b"theirs"}).into(other.put("c", b"2"))
    await eventually(lambda: len(heard.spoils) == 1)
    await hand.put("a", b"1")
    whole = {"/a": b"1", "/c": b"2", "/x": b"0"}
    await eventually(lambda: fake.files("labels", "master") == whole)
    assert await hand.keys() == ["a", "c", "x"]
    assert await hand.read("c") == b"2"
    await same_on_a_new_replica(hand, open_store)


async def test_a_file_of_ours_that_others_deleted_at_once_is_deleted(
    heard: Heard, hand: Hand, fake: FakePachd, open_store: Any
):
    await hand.put("old", b"old")
    await Theirs(fake, {"/a": None, "/old": None}).into(
        asyncio.gather(hand.put("a", b"ours"), hand.put("old", b"new"))
    )
    await eventually(lambda: len(heard.commits) == 3)
    await mended(heard, fake, 3)
    known = await same_on_a_new_replica(hand, open_store)
    assert known["objects"] == {}


async def test_sizes_are_compared_and_nothing_is_found_where_nothing_is(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    """Overwrites, deletes, copies, foreign commits between: no false alarm."""
    await hand.put("a", b"1")
    await hand.put("a", b"22")
    fake.write("labels", "master", {"/theirs": b"333", "/a": b"4444"})
    await hand.put("b", LARGE)
    await asyncio.gather(hand.delete("a"), hand.put("theirs", b""), hand.put("c", b"5"))
    await hand.delete("never")
    await mended(heard, fake, 5)
    await asyncio.sleep(0.05)
    assert len(heard.commits) == 5

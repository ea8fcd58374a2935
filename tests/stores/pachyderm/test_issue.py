"""One commit, whatever goes wrong on its way: it lands once, or not at all and its writer knows."""

from __future__ import annotations

import asyncio
import time

import grpc
import pytest
from fake_pachd import FakePachd, Refusal
from hands import REPO, Hand, put, staged
from heard import Heard, eventually

from gateway.stores.pachyderm import committing, issue, opening, record
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import (
    ConditionFailed,
    HeadMoved,
    NoRef,
    NoRepo,
    OutcomeUnknown,
    ReadOnly,
    Unavailable,
)
from gateway.versioning.model import About, Attributes, Condition, Put

UNKNOWN, LOST = grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE
ROLLBACK = (UNKNOWN, "commit unexpectedly resulted in rollback")
GONE = (LOST, "Stream removed (Socket closed)")
STEPS = ["CreateFileSet", "StartCommit", "InspectCommitSet", "AddFileSet", "FinishCommit"]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What the stores of this test tell. Before `store`."""
    heard = Heard()
    monkeypatch.setattr("gateway.stores.pachyderm.store.Unheard", lambda: heard)
    return heard


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for as long as in earnest."""
    monkeypatch.setattr(opening, "DOUBT_S", 0.5)
    monkeypatch.setattr(issue, "FINISH_DOUBT_S", 0.5)
    monkeypatch.setattr(opening, "DROP_S", 0.5)
    monkeypatch.setattr(committing, "BUSY_S", 0.5)


async def settled(fake: FakePachd) -> dict[str, bytes]:
    """The files of the branch, once nothing is open or being finished."""
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    return fake.files("labels", "master")


def commits(fake: FakePachd) -> int:
    """How many commits hold a write, however they came."""
    return sum(bool(commit.layers) for commit in fake.repo("labels").commits.values())


@pytest.mark.parametrize("step", ["StartCommit", "AddFileSet", "FinishCommit"])
@pytest.mark.parametrize("times", [1, 5])
async def test_a_rollback_is_repeated(
    heard: Heard, hand: Hand, fake: FakePachd, step: str, times: int
):
    fake.fail_next(step, *ROLLBACK, times=times)
    await hand.put("a", b"1")
    assert heard.retries == {"rollback": times}
    assert (await settled(fake), commits(fake)) == ({"/a": b"1"}, 1)


@pytest.mark.parametrize("step", ["StartCommit", "AddFileSet", "FinishCommit"])
async def test_rollbacks_without_end_are_told_and_nothing_is_written(
    hand: Hand, fake: FakePachd, step: str
):
    fake.fail_next(step, *ROLLBACK, times=opening.ROLLBACKS_MAX + 1)
    with pytest.raises(Unavailable):
        await hand.put("a", b"1")
    assert await settled(fake) == {}
    await hand.put("b", b"2")
    assert await settled(fake) == {"/b": b"2"}


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("step", ["StartCommit", "AddFileSet", "FinishCommit"])
async def test_a_lost_answer_is_looked_up(
    heard: Heard, hand: Hand, fake: FakePachd, step: str, after: bool
):
    fake.fail_next(step, *GONE, after=after)
    version = await hand.put("a", b"1")
    assert (await settled(fake), commits(fake)) == ({"/a": b"1"}, 1)
    assert (await hand.stat("a")).version == version == fake.commit("labels", "master").id


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_write_that_is_refused_has_left_nothing_and_one_that_stands_is_there_once(
    hand: Hand, store: PachydermStore, fake: FakePachd, step: str, after: bool
):
    """pachd goes away at each step, and comes back."""
    fake.fail_next(step, *GONE, after=after)
    fake.fail_next("*", *GONE, times=3)
    try:
        version = await hand.put("a", b"1")
    except Unavailable:
        version = None
    fake.recover()
    await hand.put("b", b"2")
    expected = {"/b": b"2"} if version is None else {"/a": b"1", "/b": b"2"}
    assert (await settled(fake), commits(fake)) == (expected, len(expected))
    assert await hand.keys() == [path[1:] for path in expected]


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
async def test_an_outcome_that_nobody_can_find_out_is_told_as_such(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd, done: bool
):
    fake.hold("FinishCommit")
    before = fake.calls["FinishCommit"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["FinishCommit"] > before)
    fake.fail_next("FinishCommit", *GONE, after=done)
    fake.refused = Refusal(*GONE)
    fake.release("FinishCommit")
    with pytest.raises(OutcomeUnknown):
        await task
    fake.recover()
    await eventually(lambda: store._pfs.pachd.state == "reachable")
    assert fake.commit("labels", "master").open is not done
    await hand.put("b", b"2")
    # What was left open is dropped by the next write; what was done is there.
    assert heard.retries["left open"] == (0 if done else 1)
    assert await settled(fake) == ({"/a": b"1", "/b": b"2"} if done else {"/b": b"2"})
    assert await hand.keys() == (["a", "b"] if done else ["b"])


async def test_a_start_that_is_done_late_is_dropped(heard: Heard, hand: Hand, fake: FakePachd):
    """It was looked for, was not there, and was repeated."""
    await hand.put("a", b"1")
    lost = heard.commits[-1].batch
    text = record.encode(lost, "", "master", 1, [(About("ann", "put"), [])])
    fake.start_commit("labels", "master", text)
    await hand.put("b", b"2")
    assert heard.retries == {"left open": 1}
    assert await settled(fake) == {"/a": b"1", "/b": b"2"}


@pytest.mark.parametrize("age_s", [5, 90])
async def test_the_open_commit_of_another_gateway_is_dropped_once_that_has_given_it_up(
    heard: Heard, hand: Hand, fake: FakePachd, age_s: int
):
    text = record.encode("other-1", "", "master", 1, [(About("ann", "put"), [])])
    left = fake.start_commit("labels", "master", text)
    found = fake.commit("labels", left)
    found.started_ns = time.time_ns() - age_s * 10**9
    if age_s > 60:
        await hand.put("a", b"1")
        assert heard.retries == {"left open": 1}
        assert await settled(fake) == {"/a": b"1"}
        return
    with pytest.raises(Unavailable, match="another writer holds a commit open on branch master"):
        await hand.put("a", b"1")
    assert fake.commit("labels", "master").id == left


async def test_another_tools_open_commit_is_waited_for_and_never_dropped(
    heard: Heard, hand: Hand, fake: FakePachd
):
    fake.write("labels", "master", {"/theirs": b"0"})
    await settled(fake)
    opened = fake.start_commit("labels", "master", "pachctl")
    fake.commit("labels", opened).started_ns -= 10**15
    fake.write("labels", "master", {"/theirs": b"1"})
    task = asyncio.create_task(hand.put("ours", b"2"))
    await eventually(lambda: heard.retries["busy"] > 1)
    fake.finish_commit("labels", opened)
    await task
    assert await settled(fake) == {"/theirs": b"1", "/ours": b"2"}
    assert await hand.read("theirs") == b"1"


async def test_a_file_set_that_failed_while_the_branch_was_busy_is_made_again(
    heard: Heard, hand: Hand, fake: FakePachd
):
    await hand.put("a", b"1")
    opened = fake.start_commit("labels", "master", "pachctl")
    fake.fail_next("CreateFileSet", grpc.StatusCode.UNKNOWN, "out of luck")
    task = asyncio.create_task(hand.put("b", b"2"))
    await eventually(lambda: heard.retries["busy"] > 1)
    fake.finish_commit("labels", opened)
    await task
    assert await hand.keys() == ["a", "b"]


async def test_a_held_branch_holds_up_no_other(hand: Hand, store: PachydermStore, fake: FakePachd):
    dev = await hand.branch("dev")
    fake.start_commit("labels", "master", "pachctl")
    waiting = asyncio.create_task(hand.put("a"))
    await dev.put("b")
    with pytest.raises(Unavailable):
        await waiting


# ---- another writer comes between


async def test_what_was_judged_on_a_head_that_moved_is_judged_again(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    await hand.put("a", b"1")
    fake.hold("StartCommit")
    before = fake.calls["StartCommit"]
    new, stands = [
        asyncio.create_task(hand.put(key, b"ours", condition=Condition(not_etag="*")))
        for key in ("theirs", "ours")
    ]
    await eventually(lambda: fake.calls["StartCommit"] > before)
    fake.write("labels", "master", {"/theirs": b"first"})
    fake.release("StartCommit")
    with pytest.raises(ConditionFailed):
        await new
    await stands
    assert heard.retries == {"head moved": 1}
    assert await settled(fake) == {"/a": b"1", "/theirs": b"first", "/ours": b"ours"}
    assert len(await hand.log()) == 4


async def test_a_head_that_moved_is_told_to_who_wanted_that_one(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    head = (await hand.head()).commit
    fake.hold("StartCommit")
    before = fake.calls["StartCommit"]
    task = asyncio.create_task(hand.write(await put(store, "a"), if_head=head))
    await eventually(lambda: fake.calls["StartCommit"] > before)
    fake.write("labels", "master", {"/theirs": b"1"})
    fake.release("StartCommit")
    with pytest.raises(HeadMoved):
        await task
    assert await settled(fake) == {"/theirs": b"1"}


async def test_a_file_set_is_used_again_where_the_outcome_is_the_same(hand: Hand, fake: FakePachd):
    fake.hold("StartCommit")
    before = fake.calls["CreateFileSet"], fake.calls["StartCommit"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["StartCommit"] > before[1])
    fake.write("labels", "master", {"/theirs": b"1"})
    fake.release("StartCommit")
    await task
    assert fake.calls["CreateFileSet"] == before[0] + 1
    assert await settled(fake) == {"/a": b"1", "/theirs": b"1"}


async def test_an_expired_file_set_is_made_again(heard: Heard, hand: Hand, fake: FakePachd):
    fake.hold("AddFileSet")
    before = fake.calls["AddFileSet"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["AddFileSet"] > before)
    fake.drop_file_sets()
    fake.release("AddFileSet")
    await task
    assert heard.retries == {"file set expired": 1}
    assert await settled(fake) == {"/a": b"1"}


@pytest.mark.parametrize("step", ["InspectCommitSet", "AddFileSet", "FinishCommit"])
async def test_a_commit_that_another_drops_is_begun_again(
    heard: Heard, hand: Hand, fake: FakePachd, step: str
):
    fake.hold(step)
    before = fake.calls[step]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls[step] > before)
    fake.drop_commit("labels", "master")
    fake.release(step)
    await task
    assert heard.retries == {"dropped": 1}
    assert (await settled(fake), commits(fake)) == ({"/a": b"1"}, 1)


async def test_a_commit_that_another_finishes_too_soon_is_taken_back(hand: Hand, fake: FakePachd):
    fake.pause_finishing()
    fake.hold("AddFileSet")
    before = fake.calls["AddFileSet"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["AddFileSet"] > before)
    fake.finish_commit("labels", fake.commit("labels", "master").id)
    fake.release("AddFileSet")
    with pytest.raises(Unavailable, match="finished"):
        await task
    fake.resume_finishing()
    await hand.put("b", b"2")
    assert (await settled(fake), await hand.keys()) == ({"/b": b"2"}, ["b"])


async def test_a_commit_whose_record_another_takes_away_is_not_answered(
    hand: Hand, fake: FakePachd
):
    """Finished by pachctl, it has our bytes and nothing that says whose they are."""
    fake.pause_finishing()
    fake.hold("FinishCommit")
    before = fake.calls["FinishCommit"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["FinishCommit"] > before)
    fake.finish_commit("labels", fake.commit("labels", "master").id)
    fake.release("FinishCommit")
    with pytest.raises(Unavailable, match="finished"):
        await task
    fake.resume_finishing()
    assert await settled(fake) == {"/a": b"1"}


async def test_the_record_is_there_when_the_commit_is_finished_and_its_batch_before(
    hand: Hand, fake: FakePachd
):
    fake.hold("FinishCommit")
    before = fake.calls["FinishCommit"]
    task = asyncio.create_task(hand.put("a", b"1"))
    await eventually(lambda: fake.calls["FinishCommit"] > before)
    batch = record.batch_of(fake.commit("labels", "master").description)
    assert batch
    assert '"requests"' not in fake.commit("labels", "master").description
    fake.release("FinishCommit")
    await task
    assert record.batch_of(fake.commit("labels", "master").description) == batch
    assert '"requests"' in fake.commit("labels", "master").description


# ---- a head that is remembered is enough to write on, and never enough to refuse


async def test_a_lone_writer_does_not_ask_for_the_head_it_made(hand: Hand, fake: FakePachd):
    await hand.put("a")
    before = fake.calls["InspectBranch"]
    await hand.store.commit(await hand.head(), [await put(hand.store, "b")], About("ann", "put"))
    assert fake.calls["InspectBranch"] == before


async def test_nothing_is_refused_on_a_head_that_may_have_moved(hand: Hand, fake: FakePachd):
    await hand.put("a", b"1")
    branch = await hand.head()
    fake.write("labels", "master", {"/a": None})
    await settled(fake)
    absent = await put(hand.store, "a", b"2", condition=Condition(not_etag="*"))
    await hand.store.commit(branch, [absent], About("ann", "put"))
    assert await settled(fake) == {"/a": b"2"}


async def test_no_write_comes_to_nothing_on_a_head_that_may_have_moved(hand: Hand, fake: FakePachd):
    await hand.put("a", b"1", same_as="one")
    branch = await hand.head()
    fake.write("labels", "master", {"/a": b"theirs"})
    await settled(fake)
    again = await put(hand.store, "a", b"1", same_as="one")
    made = await hand.store.commit(branch, [again], About("ann", "put"))
    assert made.outcomes[0].changed
    assert await settled(fake) == {"/a": b"1"}


async def test_a_branch_that_is_deleted_meanwhile_stays_deleted(
    hand: Hand, store: PachydermStore, pfs: Pfs, fake: FakePachd
):
    dev = await hand.branch("dev")
    await dev.put("a")
    fake.hold("StartCommit")
    before = fake.calls["StartCommit"]
    task = asyncio.create_task(dev.put("b"))
    await eventually(lambda: fake.calls["StartCommit"] > before)
    await pfs.delete_branch(REPO, "dev")
    fake.release("StartCommit")
    with pytest.raises(NoRef):
        await task
    assert set(fake.repo("labels").branches) == {"master"}


async def test_a_repo_that_is_deleted_meanwhile_is_no_repo(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    fake.hold("StartCommit")
    before = fake.calls["StartCommit"]
    task = asyncio.create_task(hand.put("a"))
    await eventually(lambda: fake.calls["StartCommit"] > before)
    fake.delete_repo("labels")
    fake.release("StartCommit")
    with pytest.raises(NoRepo):
        await task


async def test_an_output_branch_is_read_only(hand: Hand, fake: FakePachd):
    fake.fail_next(
        "StartCommit", UNKNOWN, "cannot start a commit on an output branch: default/labels@master"
    )
    with pytest.raises(ReadOnly):
        await hand.put("a")


# ---- one of many is to blame


async def test_what_nobody_foresaw_is_tried_one_by_one(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    fake.hold("FinishCommit")
    before = fake.calls["FinishCommit"]
    first = asyncio.create_task(hand.put("first"))
    await eventually(lambda: fake.calls["FinishCommit"] > before)
    tasks = [asyncio.create_task(hand.put(key)) for key in "abc"]
    await asyncio.sleep(0.02)
    fake.fail_next("AddFileSet", UNKNOWN, "something is wrong with a file", times=2)
    fake.release("FinishCommit")
    await first
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, str, str]
    assert heard.written() == [["first"], ["b"], ["c"]]


async def test_a_copy_of_what_is_gone_is_refused(
    hand: Hand, store: PachydermStore, pfs: Pfs, fake: FakePachd
):
    large = await staged(store, bytes(1_000_000))
    await hand.write(Put("a", large, 1_000_000, "e", Attributes()))
    await settled(fake)
    info = await hand.stat("a")
    fake.commit("labels", "master").layers.clear()
    fake._core.forget_trees()
    fake.commit("labels", "master").kept = None
    with pytest.raises(Exception, match="not there"):
        await hand.write(Put("b", info.content, info.size, info.etag, Attributes()))

"""The writing thread: what shares a transaction, and what a failing disk leaves."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import apsw
import pytest
from hands import ABOUT, REPO, START_MS, Hand, put

from gateway.stores.embedded import refs
from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import verify
from gateway.stores.timeline import flusher, writer
from gateway.stores.timeline.database import ProcessLock, all_rows, connect
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import NoRef, OutcomeUnknown, Unavailable
from gateway.versioning.model import Committed, Condition, Delete, Ref
from gateway.versioning.store import Store

LARGE = bytes(1_000_000)
ABSENT = Condition(not_etag="*")


class Faulty(apsw.Connection):
    """A connection on a disk that fails once where it is told to.

    faults: beginnings of statements with the error to raise, and whether the statement is done
    all the same.
    """

    faults: ClassVar[list[tuple[str, apsw.Error, bool]]] = []

    def execute(self, statements: str, *args: Any, **more: Any) -> Any:
        return self._failing(statements, lambda: super(Faulty, self).execute(statements, *args))

    def executemany(self, statements: str, *args: Any, **more: Any) -> Any:
        return self._failing(statements, lambda: super(Faulty, self).executemany(statements, *args))

    def _failing(self, statements: str, work: Any) -> Any:
        for fault in self.faults:
            begins, error, done = fault
            if statements.startswith(begins):
                self.faults.remove(fault)
                if done:
                    work()
                raise error
        return work()


@pytest.fixture(autouse=True)
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, apsw.Error, bool]]]:
    """Where the disk will fail next; every fault must have been met."""
    monkeypatch.setattr(apsw, "Connection", Faulty)
    monkeypatch.setattr(Faulty, "faults", planned := [])
    yield planned
    assert planned == []


@contextmanager
def one_transaction(folder: Path) -> Iterator[None]:
    """What is submitted inside shares one transaction: the writer waits for the lock."""
    lock = ProcessLock(folder / "store.lock")
    with lock.held():
        yield
    lock.close()


async def together(folder: Path, *coroutines: Any) -> list[Any]:
    """The outcomes of writes that share one transaction, errors among them."""
    with one_transaction(folder):
        tasks = [asyncio.ensure_future(one) for one in coroutines]
        await asyncio.sleep(0)  # each has submitted its job
    return await asyncio.gather(*tasks, return_exceptions=True)


def files(folder: Path) -> list[str]:
    """Every file of contents."""
    return [file.name for file in (folder / "blobs").rglob("*-*")]


# ---- sharing a transaction


async def test_a_job_that_raises_leaves_nothing_and_the_others_stand(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    at = await hand.head()

    def broken(tx: writer.Transaction) -> None:
        tx.connection.execute("INSERT INTO meta VALUES('left', 'behind')")
        refs.create_tag(tx, REPO, "left-behind", at, "ann")
        raise IndexError("a mistake of ours")

    made = await together(
        folder,
        store.commit(at, [await put(store, "a")], ABOUT),
        store._writer.run(broken),
        store.commit(at, [await put(store, "b")], ABOUT),
        store.create_tag(REPO, "v1", at, account="ann"),
    )
    assert [type(one) for one in made] == [Committed, IndexError, Committed, Ref]
    assert await hand.keys() == ["a", "b"]
    assert [ref.name for ref in await store.refs()] == ["master", "v1"]
    assert all_rows(store._reader.connection, "SELECT 1 FROM meta WHERE name='left'") == []


async def test_each_job_sees_what_those_before_it_did(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    """A branch deleted and made again between commits, all in one transaction."""
    at = await hand.head()
    await hand.branch("keeps-the-repo")
    changes = [await put(store, key) for key in "abc"]
    run = store._writer.run
    made = await together(
        folder,
        store.commit(at, [changes[0]], ABOUT),
        run(lambda tx: refs.delete_branch(tx, REPO, "master", only_empty=False)),
        store.commit(at, [changes[1]], ABOUT),
        store.create_branch(REPO, "master", account="ann"),
        store.commit(at, [changes[2]], ABOUT),
        store.create_tag(REPO, "v1", at, account="ann"),
        store.commit(at, [await put(store, "d")], ABOUT),
    )
    assert [type(one) for one in made] == [
        Committed, list, NoRef, Ref, Committed, Ref, Committed,
    ]  # fmt: skip
    assert await hand.keys() == ["c", "d"]
    assert len(await hand.log()) == 3
    assert made[4].commit.parents == (made[3].commit,)


async def test_branches_that_share_a_line_part_within_one_transaction(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    await hand.put("shared")
    dev, late = await hand.branch("dev"), await hand.branch("late")
    hands = [hand, dev, late, hand, dev, late]
    commits = [
        store.commit(await one.head(), [await put(store, f"{number}", b"%d" % number)], ABOUT)
        for number, one in enumerate(hands)
    ]
    made = await together(folder, *commits)
    assert all(isinstance(one, Committed) for one in made)
    assert await hand.keys() == ["0", "3", "shared"]
    assert await dev.keys() == ["1", "4", "shared"]
    assert await late.keys() == ["2", "5", "shared"]


async def test_a_commit_on_a_shared_line_reads_below_what_is_pending_on_it(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    await hand.put("k", b"1")
    dev = await hand.branch("dev")
    made = await together(
        folder,
        store.commit(await hand.head(), [Delete("k")], ABOUT),
        store.commit(
            await dev.head(), [await put(store, "k", b"2", condition=Condition(etag="*"))], ABOUT
        ),
        store.commit(await hand.head(), [await put(store, "k", b"3", condition=ABSENT)], ABOUT),
    )
    assert all(isinstance(one, Committed) for one in made)
    assert (await hand.read("k"), await dev.read("k")) == (b"3", b"2")


async def test_times_never_go_back_whatever_the_clock_does(folder: Path):
    times = itertools.chain([START_MS + 5, START_MS, START_MS - 7], itertools.repeat(START_MS + 1))
    store = await EmbeddedStore.open(folder, clock=times.__next__)
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    for number in range(4):
        await hand.put(f"k{number}")
    log = await store.log(await hand.head())
    assert [one.time_ms for one in log] == sorted((one.time_ms for one in log), reverse=True)
    await store.close()


# ---- a failing disk


@pytest.mark.parametrize("where", ["BEGIN", "INSERT INTO body", "INSERT INTO commits", "COMMIT"])
async def test_a_full_disk_refuses_a_write_and_the_next_one_stands(
    hand: Hand, folder: Path, faults: list, where: str
):
    before = await hand.log()
    faults.append((where, apsw.FullError("database or disk is full"), False))
    with pytest.raises(Unavailable):
        await hand.put("a", b"1")
    assert await hand.log() == before
    await hand.put("a", b"2")
    assert await hand.read("a") == b"2"
    assert verify(folder, lambda *_: None) == []


@pytest.mark.parametrize("where", ["INSERT INTO ref", "RELEASE", "INSERT OR REPLACE INTO meta"])
async def test_a_full_disk_refuses_a_move_of_a_ref_and_the_next_one_stands(
    hand: Hand, store: Store, faults: list, where: str
):
    faults.append((where, apsw.FullError("database or disk is full"), False))
    with pytest.raises(Unavailable):
        await hand.branch("dev")
    assert [ref.name for ref in await store.refs()] == ["master"]
    dev = await hand.branch("dev")
    await dev.put("a")
    assert await dev.keys() == ["a"]


async def test_a_refused_write_takes_its_files_along(hand: Hand, folder: Path, faults: list):
    faults.append(("COMMIT", apsw.FullError("database or disk is full"), False))
    with pytest.raises(Unavailable):
        await hand.put("a", LARGE)
    assert files(folder) == []


async def test_a_commit_that_failed_but_landed_is_answered_as_done(
    hand: Hand, store: Store, folder: Path, faults: list
):
    faults.append(("COMMIT", apsw.IOError("disk I/O error"), True))
    commit = await hand.put("a", LARGE)
    assert (await hand.head()).commit == commit
    assert await hand.read("a") == LARGE
    faults.append(("COMMIT", apsw.IOError("disk I/O error"), True))
    await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    assert [ref.name for ref in await store.refs()] == ["master", "v1"]
    await hand.put("b")
    assert verify(folder, lambda *_: None) == []


async def test_a_commit_that_failed_and_did_not_land_is_refused(
    hand: Hand, store: Store, folder: Path, faults: list
):
    log = await hand.log()
    faults.append(("COMMIT", apsw.IOError("disk I/O error"), False))
    with pytest.raises(Unavailable):
        await hand.put("a", LARGE)
    faults.append(("COMMIT", apsw.IOError("disk I/O error"), False))
    with pytest.raises(Unavailable):
        await store.create_tag(REPO, "v1", await hand.head(), account="ann")
    assert await hand.log() == log
    assert [ref.name for ref in await store.refs()] == ["master"]
    assert files(folder) == []
    await hand.put("a", LARGE)
    assert verify(folder, lambda *_: None) == []


async def test_where_nobody_can_say_whether_a_commit_landed_its_files_stay(
    hand: Hand, folder: Path, faults: list, monkeypatch: pytest.MonkeyPatch
):
    """A file too many is found by whoever looks; one too few is a lost label."""

    def unreachable(_: Path, **more: Any) -> apsw.Connection:
        monkeypatch.setattr(writer, "connect", connect)
        raise apsw.CantOpenError("unable to open database file")

    faults.append(("COMMIT", apsw.IOError("disk I/O error"), True))
    monkeypatch.setattr(writer, "connect", unreachable)
    with pytest.raises(OutcomeUnknown):
        await hand.put("a", LARGE)
    assert await hand.read("a") == LARGE
    await hand.put("b", b"1")
    assert await hand.keys() == ["a", "b"]
    assert verify(folder, lambda *_: None) == []


async def test_a_line_that_was_rolled_back_leaves_its_number_to_a_clean_one(
    hand: Hand, store: EmbeddedStore, folder: Path, faults: list
):
    """The writer must not remember what the lost line of that number stood on."""
    await hand.put("k", b"1")
    dev = await hand.branch("dev")
    await hand.put("other")
    faults.append(("COMMIT", apsw.FullError("database or disk is full"), False))
    lost = await together(
        folder,
        store.commit(await dev.head(), [await put(store, "x")], ABOUT),
        store.commit(await dev.head(), [await put(store, "y", condition=ABSENT)], ABOUT),
    )
    assert [type(one) for one in lost] == [Unavailable, Unavailable]
    await store.create_branch(REPO, "empty", account="ann")
    empty = Hand(store, "empty.labels")
    await empty.put("k", b"2", condition=ABSENT)
    assert await empty.keys() == ["k"]


async def test_a_flush_that_fails_leaves_reads_as_they_were(
    hand: Hand, store: EmbeddedStore, folder: Path, faults: list
):
    for number in range(5):
        await hand.put(f"k{number}")
    reader = Reader(connect(folder / "store.db"))
    faults.append(("INSERT INTO node", apsw.FullError("database or disk is full"), False))
    with pytest.raises(Unavailable):
        flusher.flush(reader, store._writer, 1)
    assert len(await hand.keys()) == 5
    flusher.flush(reader, store._writer, 1)
    assert len(await hand.keys()) == 5
    assert len(all_rows(reader.connection, "SELECT 1 FROM epoch")) == 1
    reader.connection.close()
    assert verify(folder, lambda *_: None) == []

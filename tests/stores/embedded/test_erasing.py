"""What is left of an erased version on the disk (nothing), in trees, in caches, after a crash."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hands import ABOUT, REPO, START_MS, Hand, etag_of, staged, ticking_clock

from gateway.stores.embedded import verify as verifying
from gateway.stores.embedded.scrubbing import Scrubber
from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import Finding, verify
from gateway.stores.timeline import flusher, tree
from gateway.stores.timeline.database import all_rows, connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import Erased
from gateway.versioning.model import About, Attributes, Erase, Part, Put
from gateway.versioning.names import CommitId

SECRET = b"the name of a person that must go"
LARGE = SECRET * 5000
WHY = About("eve", "erase")


def found(folder: Path) -> list[Finding]:
    return verify(folder, lambda *_: None)


def left(folder: Path) -> int:
    """What the scrub still has to do."""
    connection = connect(folder / "store.db", read_only=True)
    (count,) = first_row(connection, "SELECT count(*) FROM scrub")
    connection.close()
    return int(count)


async def scrubbed(folder: Path) -> None:
    async with asyncio.timeout(30):
        while left(folder):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def traces(folder: Path, *secrets: bytes) -> list[tuple[str, bytes]]:
    """The files below a folder in which one of these bytes can be found."""
    return [
        (file.name, secret)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for secret in secrets
        if secret in file.read_bytes()
    ]


async def erase(hand: Hand, key: str, *versions: CommitId) -> CommitId:
    made = await hand.write(*(Erase(key, one, "GDPR 17") for one in versions), about=WHY)
    assert made.commit is not None
    return made.commit.id


def flush(store: EmbeddedStore, folder: Path, line: int = 1) -> None:
    reader = Reader(connect(folder / "store.db"))
    flusher.flush(reader, store._writer, line)
    reader.connection.close()


async def in_parts(hand: Hand, key: str, *parts: bytes, secret: str = "") -> CommitId:
    """An object that came in parts."""
    store, at = hand.store, await hand.head()
    said = Attributes(metadata={"note": secret})
    upload = await store.create_upload(at, key, said, account="ann", about={"message": secret})
    for number, data in enumerate(parts, 1):
        content = await staged(store, data)
        part = Part(number, len(data), etag_of(data), START_MS, content=content)
        await store.put_part(upload, part)
    change = Put(key, None, sum(map(len, parts)), f"{key}-parts", said)
    listed = await store.parts(upload)
    return (await store.complete_upload(at, upload, listed, change, ABOUT)).outcomes[0].version


@pytest.fixture
def _small_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LEAF_ROWS_MAX", 4)
    monkeypatch.setattr(tree, "CHILDREN_MAX", 4)


# ---- the disk


async def test_nothing_of_a_small_object_is_left_on_the_disk(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    said = Attributes(metadata={"person": "SECRET-METADATA"})
    version = await hand.put(
        "k", SECRET, attributes=said, lineage={"annotator": "SECRET-LINEAGE"},
        side={"tags": {"a": "SECRET-TAG"}}, same_as="SECRET-SAME",
    )  # fmt: skip
    await hand.put("other", b"1")
    flush(store, folder)
    secrets = [
        SECRET, b"SECRET-METADATA", b"SECRET-LINEAGE", b"SECRET-TAG", b"SECRET-SAME",
        etag_of(SECRET).encode(), hashlib.sha256(SECRET).digest(),
    ]  # fmt: skip
    assert {secret for _, secret in traces(folder, *secrets)} == set(secrets)
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert traces(folder, *secrets) == []
    assert found(folder) == []


async def test_the_file_of_a_large_object_goes(hand: Hand, folder: Path):
    version = await hand.put("k", LARGE)
    kept = await hand.put("other", LARGE[::-1])
    assert len(traces(folder / "blobs", SECRET)) == 1
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert traces(folder, SECRET) == []
    assert await hand.read("other", await hand.at(kept)) == LARGE[::-1]
    assert found(folder) == []


async def test_an_object_in_parts_goes_with_its_parts_and_its_upload(hand: Hand, folder: Path):
    version = await in_parts(hand, "k", LARGE, SECRET, secret="SECRET-METADATA")
    await in_parts(hand, "other", LARGE[::-1], b"tail")
    assert traces(folder, b"SECRET-METADATA")
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert traces(folder, SECRET, b"SECRET-METADATA") == []
    assert await hand.read("other") == LARGE[::-1] + b"tail"
    assert found(folder) == []


async def test_a_part_that_somebody_else_has_stays(hand: Hand, folder: Path):
    version = await in_parts(hand, "k", LARGE, SECRET)
    await hand.put("twin", LARGE)
    await in_parts(hand, "other", LARGE, b"tail")
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert await hand.read("twin") == LARGE
    assert await hand.read("other") == LARGE + b"tail"
    twin = (await hand.stat("twin")).version
    await erase(hand, "twin", twin)
    await scrubbed(folder)
    assert await hand.read("other") == LARGE + b"tail"
    await erase(hand, "other", (await hand.stat("other")).version)
    await scrubbed(folder)
    assert traces(folder, SECRET) == []
    assert found(folder) == []


async def test_a_body_that_a_copy_has_stays_until_the_copy_goes(hand: Hand, folder: Path):
    version = await hand.put("k", SECRET)
    source = await hand.stat("k")
    copy = Put("copy", source.content, source.size, source.etag, source.attributes)
    await hand.write(copy)
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert await hand.read("copy") == SECRET
    await erase(hand, "copy", (await hand.stat("copy")).version)
    await scrubbed(folder)
    assert traces(folder, SECRET) == []


@pytest.mark.parametrize("data", [SECRET, LARGE], ids=["small", "large"])
async def test_a_copy_of_bytes_that_went_is_refused(hand: Hand, folder: Path, data: bytes):
    version = await hand.put("k", data)
    source = await hand.stat("k")
    await erase(hand, "k", version)
    await scrubbed(folder)
    await hand.put("later", b"1")  # its number is not that of the body that went
    late = Put("copy", source.content, source.size, source.etag, source.attributes)
    with pytest.raises(Erased):
        await hand.write(late)
    assert await hand.keys() == ["later"]


@pytest.mark.parametrize("at", ["_newest", "_used_by_changes"])
@pytest.mark.parametrize("parts", [(), (LARGE, SECRET)], ids=["whole", "in parts"])
async def test_a_copy_that_lands_before_the_scrub_keeps_the_bytes(
    hand: Hand, folder: Path, monkeypatch: pytest.MonkeyPatch, at: str, parts: tuple[bytes, ...]
):
    """at: behind which step of the search the copy comes."""
    version = await (in_parts(hand, "k", *parts) if parts else hand.put("k", SECRET))
    source = await hand.stat("k")
    search: Callable[..., object] = getattr(Scrubber, at)
    copy = Put("copy", source.content, source.size, source.etag, source.attributes)

    def copied_meanwhile(*args: object) -> object:
        found = search(*args)
        asyncio.run_coroutine_threadsafe(hand.write(copy), loop).result()
        return found

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Scrubber, at, copied_meanwhile)
    await erase(hand, "k", version)
    await scrubbed(folder)
    assert await hand.read("copy") == (b"".join(parts) or SECRET)
    assert found(folder) == []


async def test_the_same_bytes_may_come_again(hand: Hand, folder: Path):
    version = await hand.put("k", LARGE)
    await erase(hand, "k", version)
    await scrubbed(folder)
    await hand.put("k", LARGE)
    assert await hand.read("k") == LARGE
    assert found(folder) == []


# ---- crashes


class _Killed(BaseException):
    """The process ends here."""


POINTS = ["_drop_contents", "_truncate_log", "remove_durably"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_scrub_that_was_cut_off_is_finished_by_the_next_open(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, done: bool
):
    """The directory is copied at that moment, as a crash would leave it."""
    copied = asyncio.Event()
    loop = asyncio.get_running_loop()
    cut = tmp_path / "cut"
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    owner: object = store._blobs if point == "remove_durably" else store._scrubber
    work: Callable[..., object] = getattr(owner, point)

    def cut_off(*args: object) -> object:
        made = work(*args) if done else None
        if not cut.exists():
            shutil.copytree(folder, cut)
            loop.call_soon_threadsafe(copied.set)
        return made if done else work(*args)

    monkeypatch.setattr(owner, point, cut_off)
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    hand = Hand(store)
    versions = [await hand.put("k", SECRET), await hand.put("k", LARGE)]
    versions.append(await in_parts(hand, "k", LARGE[3:], SECRET))
    kept = await hand.put("kept", SECRET[::-1])
    await erase(hand, "k", *versions)
    await asyncio.wait_for(copied.wait(), 30)
    await store.close()

    assert found(cut) == []
    store = await EmbeddedStore.open(cut, clock=ticking_clock())
    await scrubbed(cut)
    assert traces(cut, SECRET) == []
    assert await Hand(store).read("kept", await Hand(store).at(kept)) == SECRET[::-1]
    await store.close()
    assert found(cut) == []


# ---- trees and caches


@pytest.mark.usefixtures("_small_trees")
async def test_an_old_state_shows_it_no_more_to_any_process(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    other = await EmbeddedStore.open(folder, clock=ticking_clock())
    for number in range(20):
        await hand.put(f"k{number:02}")
    version = await hand.put("k07", b"2")
    flush(store, folder)
    dev = await hand.branch("dev")
    await dev.put("own")
    flush(store, folder, 1)
    seen = [await hand.head(), await dev.head()]
    hands = [Hand(one, bucket) for one in (store, other) for bucket in (hand.bucket, dev.bucket)]
    for one in hands:
        assert "k07" in await one.keys()
    await erase(hand, "k07", version)
    first = (await hand.stat("k07")).version
    assert first != version
    for one in (store, other):
        for at in seen:
            page = await one.list(at)
            assert "k07" not in [entry.key for entry in page.entries]
            with pytest.raises(Erased):
                await one.stat(at, "k07")
    await other.close()
    assert found(folder) == []


@pytest.mark.usefixtures("_small_trees")
async def test_a_tree_that_was_being_made_does_not_bring_it_back(
    hand: Hand, store: EmbeddedStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    await hand.put("a")
    version = await hand.put("k", SECRET)
    dev = await hand.branch("dev")
    await hand.put("b")
    await dev.put("c")
    loop = asyncio.get_running_loop()
    keep = flusher._keep

    def held(nodes: list[tuple[int, bytes]]) -> object:
        """The erase comes between the nodes and the row that names them."""
        store._writer.run_from_thread(keep(nodes))
        asyncio.run_coroutine_threadsafe(erase(hand, "k", version), loop).result()
        return lambda _: None

    monkeypatch.setattr(flusher, "_keep", held)
    with pytest.raises(Exception, match="erased meanwhile"):
        await asyncio.to_thread(flush, store, folder, 2)
    monkeypatch.undo()
    reader = connect(folder / "store.db", read_only=True)
    etag = etag_of(SECRET)
    assert all_rows(reader, "SELECT 1 FROM node WHERE data LIKE ?", (f"%{etag}%",)) == []
    reader.close()
    flush(store, folder, 2)
    assert await dev.keys() == ["a", "c"]
    assert found(folder) == []


# ---- verify


async def test_the_chain_proves_what_an_erase_left(hand: Hand, store: EmbeddedStore, folder: Path):
    versions = [await hand.put("k", b"%d" % number, null=number == 1) for number in range(3)]
    marker = await hand.delete("k")
    dev = await hand.branch("dev")
    await dev.put("own")
    await erase(hand, "k", versions[1], marker)
    await erase(hand, "k", versions[2])
    flush(store, folder)
    assert found(folder) == []


async def test_an_erase_that_lands_while_a_commit_is_verified_is_no_finding(
    hand: Hand, store: EmbeddedStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    version = await hand.put("k", b"1", lineage={"source": "s"})
    read, loop, erased = verifying.all_rows, asyncio.get_running_loop(), []

    def erased_behind(connection: Any, statement: str, values: Any = ()) -> list[Any]:
        """The change is read before the erase, its lineage after it."""
        rows = read(connection, statement, values)
        if " FROM change " in statement and rows and not erased:
            work = erase(hand, "k", version)
            erased.append(asyncio.run_coroutine_threadsafe(work, loop).result())
        return rows

    monkeypatch.setattr(verifying, "all_rows", erased_behind)
    assert await asyncio.to_thread(found, folder) == []
    assert erased


@pytest.mark.parametrize(
    "tampering",
    [
        "DELETE FROM erased",
        "UPDATE erased SET commitments=zeroblob(128)",
        "UPDATE erased SET was=2",
        "UPDATE erased SET by_seq=by_seq-1",
        "UPDATE change SET nul=1 WHERE kind=3",
        "UPDATE change SET kind=3 WHERE key=CAST('other' AS BLOB)",
        "UPDATE change SET to_seq=to_seq+1 WHERE kind=4",
        "UPDATE part SET data=CAST(replace(CAST(data AS TEXT), 'GDPR', 'a whim') AS BLOB)",
        "UPDATE node SET data=CAST('[0,[]]' AS BLOB)",
    ],
)
async def test_what_is_taken_away_otherwise_is_found(
    hand: Hand, store: EmbeddedStore, folder: Path, tampering: str
):
    await hand.put("k", b"1")
    version = await hand.put("k", b"2")
    await hand.put("other", b"1")
    await erase(hand, "k", version)
    flush(store, folder)
    assert found(folder) == []
    connection = connect(folder / "store.db")
    connection.execute(tampering)
    assert connection.changes() >= 1
    connection.close()
    assert found(folder) != []

"""Files of contents: what is there is what rows mention, and what crashes leave goes."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from hands import ABOUT, START_MS, Hand, etag_of, put, staged, ticking_clock

from gateway.stores.embedded.blobs import Blobs
from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.timeline.database import all_rows
from gateway.versioning.errors import ConditionFailed, Corrupt, NoUpload, Unavailable
from gateway.versioning.model import Attributes, Condition, Part, Put
from gateway.versioning.store import Store

LARGE = bytes(range(256)) * 1000
OTHER = LARGE[::-1]


def files(folder: Path) -> set[str]:
    """Every file of contents or on its way there, relative to the store."""
    found = [*(folder / "blobs").rglob("*"), *(folder / "staging").iterdir()]
    return {str(file.relative_to(folder)) for file in found if file.is_file()}


def mentioned(store: EmbeddedStore) -> set[str]:
    """Every file that a row names."""
    sql = "SELECT file FROM blob UNION SELECT file FROM upload_part WHERE file IS NOT NULL"
    return {file for (file,) in all_rows(store._reader.connection, sql)}


async def test_the_same_bytes_are_kept_once(hand: Hand, store: EmbeddedStore, folder: Path):
    await hand.put("a", LARGE)
    await hand.put("b", LARGE)
    await hand.write(*[await put(store, key, LARGE) for key in "cd"])
    await asyncio.gather(*(hand.put(key, LARGE) for key in "efg"))
    assert len(files(folder)) == 1
    assert files(folder) == mentioned(store)


async def test_what_is_refused_or_no_change_leaves_no_file(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    await hand.put("a", b"1", same_as="digest")
    with pytest.raises(ConditionFailed):
        await hand.put("a", LARGE, condition=Condition(not_etag="*"))
    assert (await hand.write(await put(store, "a", LARGE, same_as="digest"))).commit is None
    await hand.write(await put(store, "b", LARGE), await put(store, "b", b"2"))
    with pytest.raises(TypeError):
        await hand.put("c", OTHER, lineage={"x": object()})
    assert files(folder) == mentioned(store) == set()


async def test_a_file_that_a_later_write_of_the_commit_replaced_goes(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    await hand.write(await put(store, "a", LARGE), await put(store, "a", OTHER))
    assert await hand.read("a") == OTHER
    assert files(folder) == mentioned(store)


async def test_bodies_that_were_given_up_leave_no_file(store: Store, folder: Path):
    for finished in (False, True):
        staging = await store.stage()
        await staging.write(LARGE)
        await staging.write(LARGE)
        if finished:
            await staging.finish()
        assert len(files(folder)) == 1
        await staging.abort()
        assert files(folder) == set()


async def test_a_cancelled_caller_leaves_no_file_behind(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    """Its commit stands or is refused; either way only files with a row are kept."""
    await hand.put("a", b"1")
    at = await hand.head()
    condition = Condition(not_etag="*")
    changes = [await put(store, "a", LARGE, condition=condition), await put(store, "b", OTHER)]
    tasks = [asyncio.create_task(store.commit(at, [change], ABOUT)) for change in changes]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    assert files(folder) == mentioned(store)
    assert await hand.read("b") == OTHER


async def test_parts_that_no_upload_needs_any_more_leave_no_file(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    async def part(number: int, data: bytes) -> Part:
        content = await staged(store, data)
        return Part(number, len(data), etag_of(data), START_MS, content=content)

    at = await hand.head()
    uploads = [
        await store.create_upload(at, "k", Attributes(), account="ann", about={}) for _ in range(3)
    ]
    for upload in uploads:
        for data in (OTHER, LARGE):  # the second replaces the first
            await store.put_part(upload, await part(1, data))
        await store.put_part(upload, await part(2, OTHER + LARGE))
    assert len(files(folder)) == 6
    chosen = await store.parts(uploads[0], limit=1)
    change = Put("k", None, len(LARGE), "t", Attributes())
    await store.complete_upload(at, uploads[0], chosen, change, ABOUT)
    await store.abort_upload(uploads[1])
    with pytest.raises(NoUpload):
        await store.put_part(uploads[1], await part(1, LARGE))
    assert files(folder) == mentioned(store)
    assert len(files(folder)) == 3
    await hand.branch("keeps-the-repo")
    await store.delete_branch(at.repo.name, "master")
    assert len(files(folder)) == 1


async def test_what_crashed_uploads_left_goes_after_a_day(folder: Path):
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    await store.close()
    old, young = folder / "staging" / "old", folder / "staging" / "young"
    for file, hours in ((old, 25), (young, 1)):
        file.write_bytes(b"left")
        then = time.time() - hours * 3600
        os.utime(file, (then, then))
    store = await EmbeddedStore.open(folder, clock=ticking_clock())
    await store.close()
    assert (old.exists(), young.exists()) == (False, True)


async def test_a_file_that_a_crash_left_without_its_row_hinders_nobody(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    """As after a crash between a file's name and its transaction."""
    content = await staged(store, LARGE)
    assert files(folder) == {content.file}
    await hand.put("a", LARGE)
    assert mentioned(store) == files(folder) - {content.file}
    assert await hand.read("a") == LARGE


async def test_a_content_file_that_is_missing_or_short_is_said_to_be_corrupt(
    hand: Hand, store: EmbeddedStore, folder: Path
):
    await hand.put("a", LARGE)
    (file,) = (folder / "blobs").rglob("*-*")
    file.write_bytes(LARGE[:100])
    with pytest.raises(Corrupt):
        await hand.read("a")
    file.unlink()
    with pytest.raises(Corrupt):
        await hand.read("a")


@pytest.mark.parametrize("where", ["open_staging", "settle"])
async def test_a_disk_that_takes_no_body_says_so(
    hand: Hand, store: Store, monkeypatch: pytest.MonkeyPatch, where: str
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Blobs, where, full)
    staging = await store.stage()

    async def whole() -> None:
        await staging.write(LARGE * 2)
        await staging.finish()

    with pytest.raises(Unavailable):
        await whole()
    await staging.abort()
    monkeypatch.undo()
    await hand.put("a", LARGE)

"""Uploads: parts that pachd must not forget, and completions that are interrupted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from fake_pachd import FakePachd
from hands import ABOUT, START_MS, Hand, etag_of, staged

from gateway.stores.pachyderm import renewals as room
from gateway.stores.pachyderm.store import PachydermStore
from gateway.versioning.errors import InvalidPart, NoUpload, OutcomeUnknown, Unavailable
from gateway.versioning.model import Attributes, Committed, Part, Put, Upload

SMALL = b"small part"
LARGE = bytes(range(256)) * 2000  # 512 KB: beyond what waits in memory


@pytest.fixture
def later(store: PachydermStore) -> list[int]:
    """What is added to the clock of the uploads, in ms."""
    offset = [0]
    clock = store._uploads._clock
    for room_ in (store._uploads, store._uploads.renewals):
        room_._clock = lambda: clock() + offset[0]
    return offset


async def begun(hand: Hand, key: str = "big") -> Upload:
    return await hand.store.create_upload(
        await hand.head(), key, Attributes(), account="ann", about={}
    )


async def add(hand: Hand, upload: Upload, number: int, data: bytes) -> Part:
    content = await staged(hand.store, data)
    part = Part(number, len(data), etag_of(data), START_MS, {}, content)
    await hand.store.put_part(upload, part)
    return part


async def completed(hand: Hand, upload: Upload, *parts: Part) -> Committed:
    size = sum(part.size for part in parts)
    put = Put(upload.key, None, size, f"tag-{len(parts)}", Attributes())
    return await hand.store.complete_upload(await hand.head(), upload, parts, put, ABOUT)


async def test_parts_and_uploads_outlive_the_process(open_store, hand: Hand):
    upload = await begun(hand)
    parts = [await add(hand, upload, 1, LARGE), await add(hand, upload, 2, SMALL)]
    await hand.store.close()
    again = Hand(await open_store("data"))
    assert await again.store.upload(await again.head(), "big", upload.id) == upload
    assert [part.etag for part in await again.store.parts(upload)] == [one.etag for one in parts]
    made = await completed(again, upload, *await again.store.parts(upload))
    assert await again.read("big") == LARGE + SMALL
    assert await completed(again, upload, *parts) == made


async def test_what_is_complete_is_remembered_by_the_next_process(open_store, hand: Hand):
    upload = await begun(hand)
    part = await add(hand, upload, 1, LARGE)
    made = await completed(hand, upload, part)
    await hand.put("big", b"later")
    await hand.store.close()
    again = Hand(await open_store("data"))
    assert await completed(again, upload, part) == made
    info = await again.store.completed_upload(await again.head(), "big", upload.id)
    assert info == made.outcomes[0].info


async def test_parts_are_renewed_for_as_long_as_the_upload_takes(
    fake: FakePachd, hand: Hand, store: PachydermStore, later: list[int]
):
    upload = await begun(hand)
    part = await add(hand, upload, 1, LARGE)
    fake.calls.clear()
    await store._uploads.renewals.tick()
    assert fake.calls["RenewFileSet"] == 0
    for _ in range(5):
        later[0] += room.RENEW_EVERY_MS + 1000
        await store._uploads.renewals.tick()
    assert fake.calls["RenewFileSet"] == 5
    await completed(hand, upload, part)
    later[0] += room.RENEW_EVERY_MS + 1000
    fake.calls.clear()
    await store._uploads.renewals.tick()
    assert fake.calls["RenewFileSet"] == 0
    assert await hand.read("big") == LARGE


async def test_a_part_that_pachd_forgot_is_said_to_be_missing(
    fake: FakePachd, hand: Hand, store: PachydermStore, later: list[int]
):
    upload = await begun(hand)
    kept = await add(hand, upload, 1, SMALL)
    lost = await add(hand, upload, 2, LARGE)
    later[0] += 3_600_000
    fake.expire_file_sets()
    log = await hand.log()
    with pytest.raises(InvalidPart) as refusal:
        await completed(hand, upload, kept, lost)
    assert refusal.value.number == 2
    assert await hand.log() == log
    fresh = await add(hand, upload, 2, LARGE)
    await completed(hand, upload, kept, fresh)
    assert await hand.read("big") == SMALL + LARGE


async def test_a_part_that_pachd_forgot_before_it_was_added_is_refused(
    fake: FakePachd, hand: Hand, store: PachydermStore
):
    upload = await begun(hand)
    content = await staged(store, LARGE)
    fake.expire_file_sets()
    with pytest.raises(InvalidPart):
        await store.put_part(upload, Part(1, len(LARGE), "x", START_MS, {}, content))


async def test_an_upload_that_nobody_touches_expires(
    hand: Hand, store: PachydermStore, later: list[int]
):
    upload = await begun(hand)
    await add(hand, upload, 1, SMALL)
    later[0] += room.EXPIRY_MS - 60_000
    await add(hand, upload, 2, SMALL)
    later[0] += 120_000
    await store._uploads.renewals.tick()
    assert len(await store.parts(upload)) == 2
    later[0] += room.EXPIRY_MS
    await store._uploads.renewals.tick()
    with pytest.raises(NoUpload):
        await store.parts(upload)


async def test_a_completion_whose_outcome_nobody_knew_is_not_done_twice(
    hand: Hand, store: PachydermStore, monkeypatch: pytest.MonkeyPatch
):
    upload = await begun(hand)
    parts = [await add(hand, upload, 1, LARGE), await add(hand, upload, 2, SMALL)]
    real = store._lane.commit

    async def landed_but_untold(*args, **kwargs):
        await real(*args, **kwargs)
        raise OutcomeUnknown("the answer was lost")

    monkeypatch.setattr(store._lane, "commit", landed_but_untold)
    with pytest.raises(OutcomeUnknown):
        await completed(hand, upload, *parts)
    monkeypatch.setattr(store._lane, "commit", real)
    log = await hand.log()
    made = await completed(hand, upload, *parts)
    assert made.commit is not None
    assert made.commit.id == log[0]
    assert await hand.log() == log
    assert await completed(hand, upload, *parts) == made


async def test_a_completion_that_did_not_land_is_done_again(
    hand: Hand, store: PachydermStore, monkeypatch: pytest.MonkeyPatch
):
    await hand.put("big", LARGE)  # the same bytes, but before
    upload = await begun(hand)
    part = replace(await add(hand, upload, 1, LARGE), number=1)
    real = store._lane.commit

    async def lost(*_args, **_kwargs):
        raise OutcomeUnknown("nobody knows")

    monkeypatch.setattr(store._lane, "commit", lost)
    with pytest.raises(OutcomeUnknown):
        await completed(hand, upload, part)
    monkeypatch.setattr(store._lane, "commit", real)
    before = await hand.log()
    await completed(hand, upload, part)
    assert (await hand.log())[1:] == before


async def test_a_completion_that_is_refused_may_be_tried_again(
    fake: FakePachd, hand: Hand, store: PachydermStore, monkeypatch: pytest.MonkeyPatch
):
    upload = await begun(hand)
    part = await add(hand, upload, 1, LARGE)
    real = store._lane.commit

    async def refused(*_args, **_kwargs):
        raise Unavailable("not now")

    monkeypatch.setattr(store._lane, "commit", refused)
    with pytest.raises(Unavailable):
        await completed(hand, upload, part)
    monkeypatch.setattr(store._lane, "commit", real)
    await completed(hand, upload, part)
    assert await hand.read("big") == LARGE


async def test_a_caller_that_leaves_does_not_stop_a_completion(hand: Hand):
    upload = await begun(hand)
    part = await add(hand, upload, 1, LARGE)
    at = await hand.head()
    put = Put(upload.key, None, part.size, "tag-1", Attributes())
    task = asyncio.create_task(hand.store.complete_upload(at, upload, [part], put, ABOUT))
    await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made = await completed(hand, upload, part)
    assert made.commit is not None
    assert len(await hand.log()) == 2


async def test_uploads_of_a_repo_that_had_the_name_before_are_gone(hand: Hand, pfs):
    upload = await begun(hand)
    repo = (await hand.head()).repo.name
    await hand.store.delete_branch(repo, "master")
    await hand.store.create_branch(repo, "master", account="ann", create_repo=True)
    assert (await hand.store.uploads(await hand.head())).uploads == ()
    with pytest.raises(NoUpload):
        await hand.store.upload(await hand.head(), "big", upload.id)

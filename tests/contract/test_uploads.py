"""Multipart uploads: parts that become one object without being copied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hands import ABOUT, START_MS, Hand, etag_of, staged

from gateway.versioning.errors import ConditionFailed, InvalidKey, InvalidPart, NoRef, NoUpload
from gateway.versioning.model import Attributes, Committed, Condition, Part, Put, Upload
from gateway.versioning.store import Store

SMALL = b"small part"
LARGE = bytes(range(256)) * 2000  # 512 KB
OTHER = LARGE[::-1]


async def begun(hand: Hand, key: str = "big") -> Upload:
    return await hand.store.create_upload(
        await hand.head(), key, Attributes(), account="ann", about={"algorithm": "CRC32"}
    )


async def under_way(
    hand: Hand, *, after_key: str = "", after_upload: str = "", **asked: Any
) -> list[Upload]:
    """The uploads of all pages."""
    found: list[Upload] = []
    key: str | None = after_key
    while key is not None:
        page = await hand.store.uploads(
            await hand.head(), after_key=key, after_upload=after_upload, **asked
        )
        found += page.uploads
        key, after_upload = page.next_key, page.next_upload or ""
    return found


async def add(hand: Hand, upload: Upload, number: int, data: bytes) -> Part:
    """Upload one part."""
    content = await staged(hand.store, data)
    part = Part(number, len(data), etag_of(data), START_MS, {"CRC32": f"c{number}"}, content)
    await hand.store.put_part(upload, part)
    return part


async def completed(
    hand: Hand, upload: Upload, parts: Sequence[Part], condition: Condition | None = None
) -> Committed:
    size = sum(part.size for part in parts)
    put = Put(
        upload.key,
        None,
        size,
        f"tag-{len(parts)}",
        Attributes(part_sizes=tuple(part.size for part in parts)),
        {"parts": len(parts)},
        condition,
    )
    return await hand.store.complete_upload(await hand.head(), upload, parts, put, ABOUT)


async def test_parts_become_one_object_in_the_order_they_are_named(hand: Hand, store: Store):
    upload = await begun(hand)
    for number, data in ((3, SMALL), (1, LARGE), (7, OTHER)):
        await add(hand, upload, number, data)
    assert await hand.keys() == []
    one, three, seven = await store.parts(upload)
    made = await completed(hand, upload, [one, three, seven])
    assert made.commit is not None
    assert made.commit.id == (await hand.head()).commit
    info = await hand.stat("big")
    assert (info.etag, info.size) == ("tag-3", len(LARGE + SMALL + OTHER))
    assert info == made.outcomes[0].info
    assert info.attributes.part_sizes == (len(LARGE), len(SMALL), len(OTHER))
    assert await store.lineage(await hand.head(), info) == {"parts": 3}
    assert await hand.read("big") == LARGE + SMALL + OTHER


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 5), (511_990, 512_005), (512_000, 512_010), (3, 1_000_000), (512_010, None), (5, 5)],
)
async def test_a_span_across_parts_is_read(hand: Hand, store: Store, start: int, stop: int | None):
    upload = await begun(hand)
    parts = [await add(hand, upload, n, data) for n, data in enumerate((LARGE, SMALL, OTHER), 1)]
    await completed(hand, upload, parts)
    got = await store.read(await hand.stat("big"), start, stop)
    read = got if isinstance(got, bytes) else b"".join([piece async for piece in got])
    assert read == (LARGE + SMALL + OTHER)[start:stop]


async def test_an_upload_under_way_is_known_by_its_key_and_branch(hand: Hand, store: Store):
    upload = await begun(hand)
    at = await hand.head()
    found = await store.upload(at, "big", upload.id)
    assert found == upload
    assert found.about == {"algorithm": "CRC32"}
    dev = await hand.branch("dev")
    for where, key, upload_id in (
        (at, "other", upload.id),
        (at, "big", "0" * 32),
        (at, "big", ""),
        (await dev.head(), "big", upload.id),
    ):
        with pytest.raises(NoUpload):
            await store.upload(where, key, upload_id)


async def test_a_part_is_replaced_by_its_number(hand: Hand, store: Store):
    upload = await begun(hand)
    await add(hand, upload, 1, LARGE)
    part = await add(hand, upload, 1, OTHER)
    assert [one.etag for one in await store.parts(upload)] == [etag_of(OTHER)]
    await completed(hand, upload, [part])
    assert await hand.read("big") == OTHER


async def test_a_part_that_is_missing_or_was_replaced_ends_nothing(hand: Hand, store: Store):
    upload = await begun(hand)
    stale = await add(hand, upload, 1, LARGE)
    fresh = await add(hand, upload, 1, OTHER)
    log = await hand.log()
    for wrong in ([stale], [fresh, replace(fresh, number=2)]):
        with pytest.raises(InvalidPart) as refusal:
            await completed(hand, upload, wrong)
        assert refusal.value.number == wrong[-1].number
    assert await hand.log() == log
    await completed(hand, upload, [fresh])
    assert await hand.read("big") == OTHER


async def test_parts_that_are_not_named_are_left_out(hand: Hand, store: Store):
    upload = await begun(hand)
    await add(hand, upload, 1, OTHER)
    part = await add(hand, upload, 2, LARGE)
    await completed(hand, upload, [part])
    assert await hand.read("big") == LARGE


async def test_parts_come_by_number_from_behind_one(hand: Hand, store: Store):
    upload = await begun(hand)
    for number in (5, 2, 9, 10):
        await add(hand, upload, number, SMALL)
    parts = await store.parts(upload)
    assert [(one.number, one.size, one.checksums) for one in parts][:2] == [
        (2, len(SMALL), {"CRC32": "c2"}),
        (5, len(SMALL), {"CRC32": "c5"}),
    ]
    assert [one.number for one in await store.parts(upload, after=2, limit=2)] == [5, 9]
    assert list(await store.parts(upload, after=10)) == []


async def test_the_same_bytes_may_be_several_parts_and_objects(hand: Hand, store: Store):
    await hand.put("plain", LARGE)
    upload = await begun(hand)
    parts = [await add(hand, upload, number, LARGE) for number in (1, 2, 3)]
    await completed(hand, upload, parts)
    assert await hand.read("big") == LARGE * 3
    assert await hand.read("plain") == LARGE
    again = await begun(hand, "again")
    await completed(hand, again, [await add(hand, again, 1, LARGE)])
    await store.abort_upload(await begun(hand, "x"))
    assert await hand.read("again") == LARGE


async def test_completing_again_answers_the_same_and_commits_nothing(hand: Hand, store: Store):
    upload = await begun(hand)
    parts = [await add(hand, upload, 1, LARGE)]
    made = await completed(hand, upload, parts)
    log = await hand.log()
    assert await completed(hand, upload, parts) == made
    assert await hand.log() == log
    await hand.put("big", b"later")
    assert await completed(hand, upload, parts) == made


async def test_completing_twice_at_once_is_one_commit(hand: Hand, store: Store):
    upload = await begun(hand)
    parts = [await add(hand, upload, 1, LARGE), await add(hand, upload, 2, OTHER)]
    first, *others = await asyncio.gather(*(completed(hand, upload, parts) for _ in range(5)))
    assert others == [first] * 4
    assert len(await hand.log()) == 2


async def test_what_a_complete_upload_made_is_remembered(hand: Hand, store: Store):
    upload = await begun(hand)
    assert await store.completed_upload(await hand.head(), "big", upload.id) is None
    await completed(hand, upload, [await add(hand, upload, 1, SMALL)])
    info = await store.completed_upload(await hand.head(), "big", upload.id)
    assert info == await hand.stat("big")
    assert await store.completed_upload(await hand.head(), "other", upload.id) is None
    assert await under_way(hand) == []
    with pytest.raises(NoUpload):
        await store.upload(await hand.head(), "big", upload.id)
    with pytest.raises(NoUpload):
        await add(hand, upload, 2, LARGE)


async def test_a_condition_is_judged_when_the_upload_completes(hand: Hand, store: Store):
    upload = await begun(hand)
    parts = [await add(hand, upload, 1, LARGE)]
    await hand.put("big", b"first")
    with pytest.raises(ConditionFailed):
        await completed(hand, upload, parts, Condition(not_etag="*"))
    assert await hand.read("big") == b"first"
    await completed(hand, upload, parts, Condition(etag=etag_of(b"first")))
    assert await hand.read("big") == LARGE


async def test_an_aborted_upload_is_gone_with_its_parts(hand: Hand, store: Store):
    upload = await begun(hand)
    part = await add(hand, upload, 1, LARGE)
    await store.abort_upload(upload)
    with pytest.raises(NoUpload):
        await completed(hand, upload, [part])
    with pytest.raises(NoUpload):
        await store.abort_upload(upload)
    with pytest.raises(NoUpload):
        await add(hand, upload, 1, LARGE)
    assert await under_way(hand) == []
    with pytest.raises(NoUpload):
        await store.parts(upload)


async def test_a_complete_upload_has_no_parts_to_tell_of(hand: Hand, store: Store):
    upload = await begun(hand)
    await completed(hand, upload, [await add(hand, upload, 1, LARGE)])
    with pytest.raises(NoUpload):
        await store.parts(upload)


async def test_an_upload_that_is_complete_cannot_be_aborted(hand: Hand, store: Store):
    upload = await begun(hand)
    await completed(hand, upload, [await add(hand, upload, 1, LARGE)])
    with pytest.raises(NoUpload):
        await store.abort_upload(upload)
    assert await hand.read("big") == LARGE


async def test_uploads_come_by_key_then_age_and_are_paged(hand: Hand, store: Store):
    keys = ["b", "a", "b", "c/1", "b", "c/2"]
    made = [await begun(hand, key) for key in keys]
    by_key = [made[1], made[0], made[2], made[4], made[3], made[5]]
    assert await under_way(hand) == by_key
    assert [one.key for one in await under_way(hand, prefix="c/")] == ["c/1", "c/2"]
    assert [one.key for one in await under_way(hand, after_key="b")] == ["c/1", "c/2"]
    for limit in range(1, 7):
        assert await under_way(hand, limit=limit) == by_key


async def test_uploads_are_rolled_up_by_a_delimiter(hand: Hand, store: Store):
    keys = ["a", "b/1", "b/2", "b/2", "c", "d/e/1", "d/e/2", "d/f"]
    made = [await begun(hand, key) for key in keys]
    at = await hand.head()
    page = await store.uploads(at, delimiter="/")
    assert (list(page.uploads), page.prefixes) == ([made[0], made[4]], ("b/", "d/"))
    assert (page.next_key, page.next_upload) == (None, None)
    page = await store.uploads(at, prefix="d/", delimiter="/")
    assert (list(page.uploads), page.prefixes) == ([made[7]], ("d/e/",))
    assert (await store.uploads(at, after_key="b/", delimiter="/")).prefixes == ("d/",)


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_of_uploads_go_on_behind_what_was_rolled_up(
    hand: Hand, store: Store, limit: int
):
    keys = ["a", "b/1", "b/2", "c", "c", "d/1", "e"]
    made = [await begun(hand, key) for key in keys]
    seen: list[str] = []
    key, upload = "", ""
    for _ in range(10):
        page = await store.uploads(
            await hand.head(), delimiter="/", after_key=key, after_upload=upload, limit=limit
        )
        assert len(page.uploads) + len(page.prefixes) <= limit
        seen += sorted([*(one.id for one in page.uploads), *page.prefixes], key=_place(made))
        if page.next_key is None:
            break
        key, upload = page.next_key, page.next_upload or ""
    assert seen == [made[0].id, "b/", made[3].id, made[4].id, "d/", made[6].id]


def _place(made: Sequence[Upload]) -> Callable[[str], tuple[str, str]]:
    """Where an upload's id or a prefix stands in a listing."""
    keys = {one.id: (one.key, one.id) for one in made}
    return lambda shown: keys.get(shown, (shown, ""))


async def test_a_listing_of_uploads_goes_on_behind_one_that_is_gone(hand: Hand, store: Store):
    made = [await begun(hand, "k") for _ in range(4)]
    await store.abort_upload(made[1])
    rest = await under_way(hand, after_key="k", after_upload=made[1].id)
    assert rest == made[2:]


async def test_uploads_go_with_their_branch(hand: Hand, store: Store):
    dev = await hand.branch("dev")
    upload = await begun(dev)
    part = await add(dev, upload, 1, LARGE)
    at = await dev.head()
    await store.delete_branch(at.repo.name, "dev")
    with pytest.raises(NoRef):
        await store.create_upload(at, "big", Attributes(), account="ann", about={})
    await store.create_branch(at.repo.name, "dev", account="ann")
    assert await under_way(dev) == []
    with pytest.raises(NoUpload):
        await completed(dev, upload, [part])


async def test_an_upload_of_a_key_no_store_can_hold_is_refused(hand: Hand):
    with pytest.raises(InvalidKey):
        await begun(hand, "")
    with pytest.raises(InvalidKey):
        await begun(hand, "k" * 1025)

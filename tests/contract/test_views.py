"""Histories of branches that show no versions, or show them no more: `null` and no markers."""

from __future__ import annotations

import pytest
from hands import Hand, put

from gateway.versioning.errors import NoKey, NoVersion
from gateway.versioning.model import Condition, Delete
from gateway.versioning.names import NULL_VERSION, CommitId
from gateway.versioning.store import Store

Row = tuple[str, CommitId, bool, bool, bool]


async def rows(hand: Hand, limit: int = 1000, **asked: str) -> list[Row]:
    """(key, version, latest, marker, null) of all pages."""
    at = await hand.head()
    found: list[Row] = []
    key: str | None = ""
    version = None
    while key is not None:
        page = await hand.store.versions(
            at, after_key=key, after_version=version, limit=limit, **asked
        )
        found += [(v.key, v.version, v.latest, v.marker, v.null) for v in page.versions]
        key, version = page.next_key, page.next_version
    return found


async def unmarked(hand: Hand, key: str) -> CommitId:
    """A delete as a branch that never showed versions does it."""
    made = await hand.write(Delete(key, null=True, marker=False))
    assert made.commit is not None
    return made.commit.id


async def test_a_newer_null_takes_the_place_of_the_older(hand: Hand):
    await hand.put("k", b"1", null=True)
    second = await hand.put("k", b"2", null=True)
    assert await rows(hand) == [("k", second, True, False, True)]


async def test_a_null_stands_among_versions_where_it_was_written(hand: Hand):
    first = await hand.put("k", b"1")
    await hand.put("k", b"2", null=True)
    third = await hand.put("k", b"3")
    fourth = await hand.put("k", b"4", null=True)
    fifth = await hand.put("k", b"5")
    assert await rows(hand) == [
        ("k", fifth, True, False, False),
        ("k", fourth, False, False, True),
        ("k", third, False, False, False),
        ("k", first, False, False, False),
    ]


async def test_a_null_marker_takes_the_place_of_a_null(hand: Hand):
    first = await hand.put("k", b"1")
    await hand.put("k", b"2", null=True)
    made = await hand.write(Delete("k", null=True))
    marker = made.outcomes[0].version
    assert await rows(hand) == [
        ("k", marker, True, True, True),
        ("k", first, False, False, False),
    ]
    with pytest.raises(NoKey) as refusal:
        await hand.stat("k")
    assert refusal.value.marker == marker
    again = await hand.put("k", b"3", null=True)
    assert [row[:3] for row in await rows(hand)] == [("k", again, True), ("k", first, False)]


async def test_a_delete_without_a_marker_leaves_no_trace_in_the_view(hand: Hand):
    await hand.put("k", b"1", null=True)
    await hand.put("other", b"1", null=True)
    await unmarked(hand, "k")
    assert await hand.keys() == ["other"]
    assert [row[0] for row in await rows(hand)] == ["other"]
    with pytest.raises(NoKey) as refusal:
        await hand.stat("k")
    assert refusal.value.marker is None


async def test_what_was_deleted_without_a_marker_is_in_its_commit(hand: Hand, store: Store):
    written = await hand.put("k", b"1", null=True)
    gone = await unmarked(hand, "k")
    at = await hand.at(written)
    assert await hand.read("k", at) == b"1"
    assert await hand.keys(at) == ["k"]
    assert await hand.keys(await hand.at(gone)) == []
    info = await store.stat(await hand.head(), "k", written)
    assert (info.version, info.null) == (written, True)
    with pytest.raises(NoVersion):
        await store.stat(await hand.head(), "k", gone)


async def test_a_key_can_be_written_again_after_a_delete_without_a_marker(hand: Hand):
    await hand.put("k", b"1", null=True)
    await unmarked(hand, "k")
    again = await hand.put("k", b"2", null=True)
    assert await hand.read("k") == b"2"
    assert await rows(hand) == [("k", again, True, False, True)]


async def test_a_delete_without_a_marker_shows_older_versions_but_none_as_latest(hand: Hand):
    first = await hand.put("k", b"1")
    await hand.put("k", b"2", null=True)
    await unmarked(hand, "k")
    assert await rows(hand) == [("k", first, False, False, False)]
    assert await hand.keys() == []


async def test_a_missing_key_can_be_deleted_without_a_marker(hand: Hand):
    made = await hand.write(Delete("never", null=True, marker=False))
    assert made.outcomes[0].info is None
    assert await rows(hand) == []


async def test_a_condition_sees_a_key_that_went_without_a_marker_as_absent(hand: Hand):
    await hand.put("k", b"1", null=True)
    await unmarked(hand, "k")
    with pytest.raises(NoKey) as refusal:
        await hand.write(await put(hand.store, "k", condition=Condition(etag="*")))
    assert refusal.value.marker is None
    await hand.write(await put(hand.store, "k", condition=Condition(not_etag="*")))


async def test_the_null_version_is_the_newest_null(hand: Hand, store: Store):
    first = await hand.put("k", b"1", null=True)
    second = await hand.put("k", b"2", null=True)
    third = await hand.put("k", b"3")
    at = await hand.head()
    info = await store.stat(at, "k", NULL_VERSION)
    assert (info.version, info.null) == (second, True)
    assert (await store.stat(at, "k", first)).version == first
    assert (await store.stat(at, "k")).version == third
    assert not (await store.stat(at, "k")).null


async def test_a_key_without_a_null_has_no_null_version(hand: Hand, store: Store):
    await hand.put("k", b"1")
    for key in ("k", "never"):
        with pytest.raises(NoVersion):
            await store.stat(await hand.head(), key, NULL_VERSION)
    await hand.put("k", b"2", null=True)
    await unmarked(hand, "k")
    with pytest.raises(NoVersion):
        await store.stat(await hand.head(), "k", NULL_VERSION)


async def test_the_null_version_may_be_a_marker(hand: Hand, store: Store):
    await hand.put("k", b"1", null=True)
    made = await hand.write(Delete("k", null=True))
    with pytest.raises(NoKey) as refusal:
        await store.stat(await hand.head(), "k", NULL_VERSION)
    assert refusal.value.marker == made.outcomes[0].version


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_of_a_view_go_on_where_they_ended(hand: Hand, limit: int):
    for key in ("a", "b", "c"):
        for number in range(2):
            await hand.put(key, b"v%d" % number)
            await hand.put(key, b"n%d" % number, null=True)
    await hand.put("b", b"last")
    await unmarked(hand, "c")
    whole = await rows(hand)
    assert [row[0] for row in whole] == ["a"] * 3 + ["b"] * 4 + ["c"] * 2
    assert await rows(hand, limit=limit) == whole


async def test_a_page_goes_on_behind_the_null_version(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    await hand.put("k", b"2", null=True)
    null = await hand.put("k", b"3", null=True)
    newest = await hand.put("k", b"4")
    at = await hand.head()
    page = await store.versions(at, after_key="k", after_version=NULL_VERSION)
    assert [one.version for one in page.versions] == [first]
    page = await store.versions(at, after_key="k", after_version=newest)
    assert [one.version for one in page.versions] == [null, first]


async def test_a_delimiter_rolls_up_only_what_shows_something(hand: Hand, store: Store):
    await hand.put("a/1", b"1", null=True)
    await hand.put("b/1", b"1", null=True)
    await unmarked(hand, "a/1")
    page = await store.versions(await hand.head(), delimiter="/")
    assert page.prefixes == ("b/",)


async def test_a_branch_is_empty_when_its_view_is(hand: Hand, store: Store):
    dev = await hand.branch("dev")
    await dev.put("k", b"1", null=True)
    await dev.put("k", b"2", null=True)
    await unmarked(dev, "k")
    await dev.put("m", b"1", null=True)
    at = await dev.head()
    with pytest.raises(Exception, match="shows objects"):
        await store.delete_branch(at.repo.name, "dev", only_empty=True)
    await unmarked(dev, "m")
    await store.delete_branch(at.repo.name, "dev", only_empty=True)


async def test_a_view_reaches_into_the_history_a_branch_began_with(hand: Hand):
    first = await hand.put("k", b"1", null=True)
    dev = await hand.branch("dev")
    await hand.put("x", b"1")  # the branches are apart from here
    assert await rows(dev) == [("k", first, True, False, True)]
    second = await dev.put("k", b"2", null=True)
    assert await rows(dev) == [("k", second, True, False, True)]
    await unmarked(dev, "k")
    assert await rows(dev) == []
    assert [row[:2] for row in await rows(hand)] == [("k", first), ("x", (await hand.log())[0])]

"""Erasing one version: it goes wherever it is seen, and a tombstone says who, when and why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hands import START_MS, Hand, put, whole

from gateway.versioning.errors import (
    ConditionFailed,
    Erased,
    Held,
    NoKey,
    ReadOnly,
)
from gateway.versioning.model import (
    About,
    ChangeKind,
    Committed,
    Condition,
    Delete,
    Erase,
    Tombstone,
)
from gateway.versioning.names import NULL_VERSION, CommitId
from gateway.versioning.store import Store

WHY = About("eve", "erase", "a person asked for it")
LARGE = bytes(range(256)) * 1500
YEAR_MS = 365 * 86_400_000
SCRUB_SECONDS_MAX = 30


@pytest.fixture(autouse=True)
def _erasing(store: Store) -> None:
    if not store.capabilities.erase:
        pytest.skip("this store cannot (capability `erase`)")


async def erase(hand: Hand, key: str, *versions: CommitId, **more: Any) -> Committed:
    """One commit that takes versions of a key away."""
    return await hand.write(*(Erase(key, one, "GDPR 17", **more) for one in versions), about=WHY)


async def shown(hand: Hand, key: str = "k") -> list[tuple[CommitId, bool, bool]]:
    """(version, latest, marker) of a key."""
    page = await hand.store.versions(await hand.head(), prefix=key)
    return [(one.version, one.latest, one.marker) for one in page.versions]


# ---- what is current


async def test_the_version_before_is_current_again_under_its_own_id(hand: Hand):
    first = await hand.put("k", b"1")
    second = await hand.put("k", b"2")
    made = await erase(hand, "k", second)
    assert made.commit is not None
    assert (made.commit.kind, made.commit.author) == ("erase", "eve")
    outcome = made.outcomes[0]
    assert (outcome.version, outcome.changed, outcome.marker) == (second, True, False)
    info = await hand.stat("k")
    assert (info.version, await hand.read("k")) == (first, b"1")
    assert await shown(hand) == [(first, True, False)]
    assert (await hand.head()).commit == made.commit.id


async def test_the_commit_that_erased_names_what_it_took_and_why(hand: Hand):
    going = [await hand.put("k", b"1"), await hand.put("k", b"2")]
    made = await erase(hand, "k", *going)
    assert made.commit is not None
    assert sorted(made.commit.erased) == [Tombstone("k", one, "GDPR 17") for one in sorted(going)]
    assert await hand.store.commit_info(await hand.head()) == made.commit


async def test_a_key_whose_only_version_goes_is_gone(hand: Hand):
    only = await hand.put("k", b"1")
    await erase(hand, "k", only)
    with pytest.raises(NoKey) as refusal:
        await hand.stat("k")
    assert refusal.value.marker is None
    assert await hand.keys() == []
    assert await shown(hand) == []


async def test_a_marker_before_it_is_current_again(hand: Hand):
    await hand.put("k", b"1")
    marker = await hand.delete("k")
    second = await hand.put("k", b"2")
    await erase(hand, "k", second)
    with pytest.raises(NoKey) as refusal:
        await hand.stat("k")
    assert refusal.value.marker == marker
    assert (await shown(hand))[0][:2] == (marker, True)


async def test_an_erased_marker_brings_the_object_back(hand: Hand):
    first = await hand.put("k", b"1")
    marker = await hand.delete("k")
    made = await erase(hand, "k", marker)
    assert (made.outcomes[0].version, made.outcomes[0].marker) == (marker, True)
    assert (await hand.stat("k")).version == first
    assert await hand.keys() == ["k"]
    assert await shown(hand) == [(first, True, False)]


async def test_an_older_version_goes_without_a_change_of_the_key(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    second = await hand.put("k", b"2")
    made = await erase(hand, "k", first)
    assert made.commit is not None
    assert (await hand.stat("k")).version == second
    assert await shown(hand) == [(second, True, False)]
    with pytest.raises(Erased):
        await store.stat(await hand.head(), "k", first)


async def test_versions_go_one_after_the_other_down_to_nothing(hand: Hand):
    made = [await hand.put("k", b"%d" % number) for number in range(4)]
    for number in (3, 1, 2, 0):
        await erase(hand, "k", made[number])
    assert await shown(hand) == []
    assert await hand.keys() == []
    again = await hand.put("k", b"new")
    assert await shown(hand) == [(again, True, False)]


async def test_several_versions_go_in_one_commit(hand: Hand):
    made = [await hand.put("k", b"%d" % number) for number in range(4)]
    other = await hand.put("other", b"1")
    at = len(await hand.log())
    committed = await hand.write(
        Erase("k", made[3]), Erase("other", other), Erase("k", made[1]), Erase("k", made[3]),
        about=WHY,
    )  # fmt: skip
    assert [one.changed for one in committed.outcomes] == [True, True, True, False]
    assert len(await hand.log()) == at + 1
    assert await shown(hand) == [(made[2], True, False), (made[0], False, False)]
    assert await hand.keys() == ["k"]


async def test_an_erase_goes_with_puts_and_deletes(hand: Hand, store: Store):
    first = await hand.put("a", b"1")
    second = await hand.put("b", b"1")
    third = await hand.put("c", b"1")
    made = await hand.write(
        Erase("a", first), await put(store, "a", b"2"), Delete("b"), Erase("b", second),
        Erase("c", third), await put(store, "d", b"1"), about=WHY,
    )  # fmt: skip
    assert made.commit is not None
    assert await hand.keys() == ["a", "d"]
    assert await shown(hand, "a") == [(made.commit.id, True, False)]
    assert await shown(hand, "b") == [(made.commit.id, True, True)]
    assert await shown(hand, "c") == []


async def test_what_is_not_there_is_no_change(hand: Hand):
    first = await hand.put("k", b"1")
    marker = await hand.delete("gone")
    head = (await hand.head()).commit
    for key, version in [
        ("k", NULL_VERSION), ("k", CommitId("0" * 32)), ("k", marker), ("never", first),
        ("k", CommitId("no version at all")),
    ]:  # fmt: skip
        made = await erase(hand, key, version)
        assert made.commit is None
        outcome = made.outcomes[0]
        assert (outcome.version, outcome.changed, outcome.info) == (version, False, None)
    assert (await hand.head()).commit == head


async def test_a_version_goes_once(hand: Hand):
    first = await hand.put("k", b"1")
    await erase(hand, "k", first)
    made = await erase(hand, "k", first)
    assert (made.commit, made.outcomes[0].changed) == (None, False)


# ---- null


async def test_the_null_version_goes_and_older_nulls_stay_hidden(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    hidden = await hand.put("k", b"2", null=True)
    null = await hand.put("k", b"3", null=True)
    made = await erase(hand, "k", NULL_VERSION)
    assert made.outcomes[0].version == null
    assert (await hand.stat("k")).version == first
    assert await shown(hand) == [(first, True, False)]
    assert (await store.stat(await hand.head(), "k", hidden)).version == hidden
    with pytest.raises(Erased):
        await store.stat(await hand.head(), "k", NULL_VERSION)
    assert (await erase(hand, "k", NULL_VERSION)).commit is None


async def test_a_hidden_null_goes_by_its_own_id(hand: Hand, store: Store):
    hidden = await hand.put("k", b"1", null=True)
    null = await hand.put("k", b"2", null=True)
    await erase(hand, "k", hidden)
    assert await shown(hand) == [(null, True, False)]
    with pytest.raises(Erased):
        await store.stat(await hand.head(), "k", hidden)


# ---- conditions and holds


async def test_a_condition_is_judged_by_what_is_left(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    second = await hand.put("k", b"2")
    etag = (await store.stat(await hand.head(), "k", first)).etag
    with pytest.raises(ConditionFailed):
        await erase(hand, "k", second, condition=Condition(etag=etag))
    assert (await hand.stat("k")).version == second
    await hand.write(
        Erase("k", second), await put(store, "k", b"3", condition=Condition(etag=etag)), about=WHY
    )
    assert await hand.read("k") == b"3"


async def test_an_erased_key_is_absent_to_a_condition(hand: Hand, store: Store):
    only = await hand.put("k", b"1")
    await erase(hand, "k", only)
    await hand.write(await put(store, "k", b"2", condition=Condition(not_etag="*")))
    with pytest.raises(NoKey):
        await hand.write(Delete("never", condition=Condition(etag="*")))


async def test_a_hold_keeps_a_version(hand: Hand, store: Store):
    held = await hand.put("k", b"1", side={"hold": True})
    free = await hand.put("other", b"1")
    with pytest.raises(Held):
        await hand.write(Erase("other", free), Erase("k", held, bypass=True), about=WHY)
    assert await hand.keys() == ["k", "other"]  # nothing of the commit stands
    await store.set_side(await hand.head(), "k", None, {"hold": None})
    await erase(hand, "k", held)
    assert await hand.keys() == ["other"]


async def test_a_retention_keeps_a_version_until_its_day(hand: Hand):
    now = START_MS  # the clock of these stores starts there, or later

    async def kept(mode: str, until: int) -> CommitId:
        return await hand.put(
            "k", mode.encode(), side={"retention": {"mode": mode, "until": until}}
        )

    far = now + 100 * YEAR_MS
    strict, soft = await kept("compliance", far), await kept("governance", far)
    over = await kept("compliance", now)
    for version, bypass in [(strict, False), (strict, True), (soft, False)]:
        with pytest.raises(Held):
            await erase(hand, "k", version, bypass=bypass)
    await erase(hand, "k", over)
    await erase(hand, "k", soft, bypass=True)
    assert await shown(hand) == [(strict, True, False)]


async def test_only_a_branch_can_erase(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    with pytest.raises(ReadOnly):
        await store.commit(await hand.at(first), [Erase("k", first)], WHY)
    dev = await hand.branch("dev", await hand.at((await hand.log())[-1]))
    assert (await erase(dev, "k", first)).commit is None  # it is not in that history
    assert await hand.keys() == ["k"]


# ---- what is left of it


async def test_the_tombstone_says_who_when_and_why(hand: Hand, store: Store):
    first = await hand.put("k", b"secret", lineage={"who": "person"})
    await erase(hand, "k", first)
    with pytest.raises(Erased, match=rf"{first} .*eve .*20\d\d-.*GDPR 17"):
        await store.stat(await hand.head(), "k", first)
    with pytest.raises(Erased, match="eve"):
        await store.stat(await hand.at(first), "k")


async def test_old_commits_show_neither_it_nor_the_version_before(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    second = await hand.put("k", b"2", lineage={"who": "person"})
    before, at = await hand.at(first), await hand.at(second)
    info = await store.stat(at, "k")
    assert await hand.keys(at) == ["k"]
    await erase(hand, "k", second)
    with pytest.raises(Erased):
        await store.stat(at, "k")
    assert await hand.keys(at) == []
    assert await hand.keys(before) == ["k"]
    assert await hand.read("k", before) == b"1"
    assert await store.lineage(at, info) is None
    assert (await store.diff(before, await hand.head())).entries == ()
    (change,) = await store.changes(at)
    assert (change.kind, change.size, change.etag, change.lineage) == (
        ChangeKind.ERASED, 0, "", None,
    )  # fmt: skip


async def test_another_branch_shows_it_no_more(hand: Hand, store: Store):
    first = await hand.put("k", b"1")
    dev = await hand.branch("dev")
    await dev.put("own", b"1")
    await store.create_tag((await dev.head()).repo.name, "v1", await dev.head(), account="ann")
    await erase(hand, "k", first)
    tag = Hand(store, "v1.labels")
    for seen in (dev, tag):
        with pytest.raises(Erased):
            await seen.stat("k")
        assert await seen.keys() == ["own"]
    again = await dev.put("k", b"2")
    assert await shown(dev) == [(again, True, False)]
    assert (await erase(dev, "k", again)).commit is not None
    assert await shown(dev) == []


async def test_a_point_to_what_is_erased_later_leads_on(hand: Hand):
    made = [await hand.put("k", b"%d" % number) for number in range(3)]
    pointing = await erase(hand, "k", made[2])
    await erase(hand, "k", made[1])
    assert (await hand.stat("k")).version == made[0]
    assert pointing.commit is not None
    at = await hand.at(pointing.commit.id)
    with pytest.raises(Erased):
        await hand.stat("k", at)
    assert await hand.keys(at) == []


async def test_side_state_goes_too(hand: Hand, store: Store):
    first = await hand.put("k", b"1", side={"tags": {"person": "eve"}})
    at = await hand.head()
    await erase(hand, "k", first)
    with pytest.raises(Erased):
        await store.set_side(at, "k", first, {"tags": {}})


# ---- bytes


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_who_has_the_same_bytes_keeps_them(hand: Hand, store: Store, data: bytes):
    first = await hand.put("k", data)
    source = await hand.stat("k")
    copy = await put(store, "copy", b"")
    await hand.write(
        type(copy)("copy", source.content, source.size, source.etag, source.attributes)
    )
    await hand.put("twin", data)
    await erase(hand, "k", first)
    assert await hand.read("copy") == data
    assert await hand.read("twin") == data
    await hand.put("later", data)
    assert await hand.read("later") == data


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_a_read_that_comes_after_the_bytes_went_says_why(
    hand: Hand, store: Store, data: bytes
):
    first = await hand.put("k", data)
    info = await hand.stat("k")
    await erase(hand, "k", first)

    async def read_until_it_is_refused() -> None:
        while True:
            assert await whole(await store.read(info)) == data
            await asyncio.sleep(0.01)

    with pytest.raises(Erased, match="eve"):
        await asyncio.wait_for(read_until_it_is_refused(), SCRUB_SECONDS_MAX)

"""What may change of a version without making another: tags, access lists, holds."""

from __future__ import annotations

import pytest
from hands import ABOUT, START_MS, Hand, etag_of, put, staged

from gateway.versioning.errors import Held, NoKey, NoVersion, ReadOnly, Unsupported
from gateway.versioning.model import Attributes, Delete, Part, Put
from gateway.versioning.names import NULL_VERSION
from gateway.versioning.store import Store

SIDE = {"tags": {"team": "vision"}, "hold": True}


@pytest.fixture
def changing(store: Store) -> Store:
    """A store whose side state may change after the write."""
    if not store.capabilities.side:
        pytest.skip("this store cannot (capability `side`)")
    return store


async def test_a_write_brings_the_side_state_it_begins_with(hand: Hand, store: Store):
    made = await hand.write(await put(store, "k", side=SIDE))
    info = made.outcomes[0].info
    assert info is not None
    assert info.side == SIDE
    assert (await hand.stat("k")).side == SIDE
    await hand.put("plain")
    assert (await hand.stat("plain")).side == {}


async def test_side_state_belongs_to_a_version(hand: Hand, store: Store):
    first = await hand.put("k", b"1", side=SIDE)
    await hand.put("k", b"2", side={"tags": {"a": "b"}})
    at = await hand.head()
    assert (await store.stat(at, "k", first)).side == SIDE
    assert (await store.stat(at, "k")).side == {"tags": {"a": "b"}}
    assert (await store.stat(await hand.at(first), "k")).side == SIDE


async def test_a_finished_upload_brings_its_side_state(hand: Hand, store: Store):
    at = await hand.head()
    upload = await store.create_upload(at, "k", Attributes(), account="ann", about={})
    content = await staged(store, b"part")
    part = Part(1, 4, etag_of(b"part"), START_MS, content=content)
    await store.put_part(upload, part)
    change = Put("k", None, 4, "tag", Attributes(), side=SIDE)
    made = await store.complete_upload(at, upload, await store.parts(upload), change, ABOUT)
    assert made.outcomes[0].info is not None
    assert made.outcomes[0].info.side == SIDE
    assert (await hand.stat("k")).side == SIDE
    again = await store.complete_upload(at, upload, (), change, ABOUT)
    assert again.outcomes[0].info is not None
    assert again.outcomes[0].info.side == SIDE


async def test_a_write_that_is_no_change_shows_the_side_state_that_stands(hand: Hand, store: Store):
    await hand.put("k", b"1", side=SIDE, same_as="same")
    made = await hand.write(await put(store, "k", b"2", same_as="same"))
    assert made.commit is None
    assert made.outcomes[0].info is not None
    assert made.outcomes[0].info.side == SIDE


async def test_a_store_changes_it_or_says_that_it_cannot(hand: Hand, store: Store):
    await hand.put("k")
    at = await hand.head()
    if store.capabilities.side:
        assert (await store.set_side(at, "k", None, SIDE)).side == SIDE
        return
    with pytest.raises(Unsupported):
        await store.set_side(at, "k", None, SIDE)


async def test_side_state_changes_without_a_commit(hand: Hand, changing: Store):
    version = await hand.put("k", side={"tags": {"a": "1"}, "hold": True})
    at = await hand.head()
    info = await changing.set_side(at, "k", None, {"tags": {"b": "2"}, "acl": ["x"]})
    assert info.side == {"tags": {"b": "2"}, "hold": True, "acl": ["x"]}
    now = await hand.head()
    assert now.commit == at.commit
    found = await hand.stat("k")
    assert (found.version, found.side) == (version, info.side)


async def test_none_takes_side_state_away(hand: Hand, changing: Store):
    await hand.put("k", side=SIDE)
    info = await changing.set_side(await hand.head(), "k", None, {"tags": None, "never": None})
    assert info.side == {"hold": True}
    assert (await hand.stat("k")).side == {"hold": True}


async def test_the_side_state_of_an_old_version_changes(hand: Hand, changing: Store):
    first = await hand.put("k", b"1")
    null = await hand.put("k", b"2", null=True)
    await hand.put("k", b"3")
    at = await hand.head()
    assert (await changing.set_side(at, "k", first, SIDE)).version == first
    assert (await changing.set_side(at, "k", NULL_VERSION, {"hold": True})).version == null
    assert (await changing.stat(at, "k", first)).side == SIDE
    assert (await changing.stat(at, "k", null)).side == {"hold": True}
    assert (await changing.stat(at, "k")).side == {}


async def test_side_state_of_what_is_not_there_is_refused(hand: Hand, changing: Store):
    version = await hand.put("k")
    marker = await hand.delete("k")
    at = await hand.head()
    with pytest.raises(NoKey) as refusal:
        await changing.set_side(at, "k", None, SIDE)
    assert refusal.value.marker == marker
    with pytest.raises(NoKey):
        await changing.set_side(at, "never", None, SIDE)
    with pytest.raises(NoVersion):
        await changing.set_side(at, "other", version, SIDE)
    with pytest.raises(ReadOnly):
        await changing.set_side(await hand.at(version), "k", None, SIDE)


async def test_a_new_version_begins_without_the_old_ones_side_state(hand: Hand, changing: Store):
    await hand.put("k", side=SIDE)
    await hand.write(Delete("k"))
    await hand.put("k")
    assert (await hand.stat("k")).side == {}


@pytest.mark.parametrize(
    ("mode", "bypass", "loosened"),
    [("governance", False, False), ("governance", True, True), ("compliance", True, False)],
)
async def test_a_retention_is_judged_where_it_is_changed(
    hand: Hand, changing: Store, mode: str, bypass: bool, loosened: bool
):
    far = START_MS + 10**12
    await hand.put("k", side={"retention": {"mode": mode, "until": far}})
    at = await hand.head()
    longer = {"mode": mode, "until": far + 1}
    await changing.set_side(at, "k", None, {"retention": longer, "tags": {"a": "b"}})
    for weaker in (None, {"mode": mode, "until": far}):
        await changing.set_side(at, "k", None, {"tags": None})
        if loosened:
            info = await changing.set_side(at, "k", None, {"retention": weaker}, bypass=bypass)
            assert info.side.get("retention") == weaker
            await changing.set_side(at, "k", None, {"retention": longer}, bypass=bypass)
        else:
            with pytest.raises(Held):
                await changing.set_side(at, "k", None, {"retention": weaker}, bypass=bypass)
            assert (await hand.stat("k")).side == {"retention": longer}


async def test_a_retention_that_is_over_binds_nobody(hand: Hand, changing: Store):
    await hand.put("k", side={"retention": {"mode": "compliance", "until": START_MS}})
    await changing.set_side(await hand.head(), "k", None, {"retention": None})
    assert (await hand.stat("k")).side == {}

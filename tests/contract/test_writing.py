"""Commits: what is judged inside them, what they leave, and what a refused one does not."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hands import ABOUT, Hand, etag_of, put, staged, whole

from gateway.versioning.errors import (
    ConditionFailed,
    HeadMoved,
    InvalidKey,
    NoKey,
    NoRef,
    PathConflict,
    ReadOnly,
    StoreError,
)
from gateway.versioning.model import About, Attributes, Condition, Delete, Put
from gateway.versioning.store import Store

ABSENT = Condition(not_etag="*")
PRESENT = Condition(etag="*")
LARGE = bytes(range(256)) * 4000  # 1 MB: more than any store keeps inline


async def test_what_is_put_is_there_with_all_its_attributes(hand: Hand, store: Store):
    attributes = Attributes(
        content_type="application/json",
        headers={"cache-control": "no-store"},
        metadata={"who": "änn"},
        checksums={"CRC32": "AAAA"},
        lineage={"author": "ann"},
    )
    commit = await hand.put("é/ü.json", b"{}", attributes=attributes)
    info = await hand.stat("é/ü.json")
    assert (info.version, info.size, info.etag) == (commit, 2, etag_of(b"{}"))
    assert info.attributes == attributes
    assert await hand.read("é/ü.json") == b"{}"


async def test_each_put_is_a_commit_and_the_version_of_its_object(hand: Hand):
    commits = [await hand.put("a", str(number).encode()) for number in range(3)]
    assert len(set(commits)) == 3
    assert (await hand.head()).commit == commits[-1] == (await hand.stat("a")).version
    assert (await hand.log())[:3] == commits[::-1]


async def test_an_old_commit_shows_what_it_was_however_much_was_written_since(hand: Hand):
    first = await hand.put("a", b"1")
    second = await hand.delete("a")
    await hand.put("a", b"3")
    await hand.put("b", b"4")
    assert await hand.read("a", await hand.at(first)) == b"1"
    assert await hand.keys(await hand.at(first)) == ["a"]
    assert await hand.keys(await hand.at(second)) == []
    with pytest.raises(NoKey) as refusal:
        await hand.stat("a", await hand.at(second))
    assert refusal.value.marker == second


async def test_a_delete_marks_a_key_whether_or_not_it_is_there(hand: Hand, store: Store):
    made = await hand.write(Delete("nothing"))
    assert made.commit is not None
    (outcome,) = made.outcomes
    assert (outcome.version, outcome.changed, outcome.info) == (made.commit.id, True, None)
    with pytest.raises(NoKey) as refusal:
        await hand.stat("nothing")
    assert refusal.value.marker == made.commit.id


async def test_all_changes_of_a_commit_land_together(hand: Hand, store: Store):
    await hand.put("old")
    made = await hand.write(await put(store, "b", b"2"), Delete("old"), await put(store, "a", b"1"))
    assert made.commit is not None
    assert made.commit.change_count == 3
    assert {outcome.version for outcome in made.outcomes} == {made.commit.id}
    assert [one.info and one.info.key for one in made.outcomes] == ["b", None, "a"]
    assert await hand.keys() == ["a", "b"]
    assert await hand.keys(await hand.at(made.commit.parents[0])) == ["old"]


async def test_a_commit_says_who_when_and_why(hand: Hand, store: Store):
    before = await hand.head()
    about = About("bob", "put", "because", {"request": "r1"})
    made = await hand.write(await put(store, "a"), about=about)
    commit = made.commit
    assert commit is not None
    assert commit == await store.commit_info(await hand.head())
    assert (commit.author, commit.kind, commit.message) == ("bob", "put", "because")
    assert dict(commit.metadata) == {"request": "r1"}
    assert (commit.branch, str(commit.repo)) == ("master", "labels")
    assert commit.parents == (before.commit,)
    assert commit.time_ms >= (await store.commit_info(before)).time_ms


async def test_a_body_may_be_written_in_any_pieces_of_any_buffer(hand: Hand, store: Store):
    buffer = bytearray(b"one")
    staging = await store.stage()
    await staging.write(buffer)
    buffer[:] = b"two"
    await staging.write(memoryview(buffer))
    await staging.write(b"")
    content = await staging.finish()
    await hand.write(Put("a", content, 6, etag_of(b"onetwo"), Attributes()))
    assert await hand.read("a") == b"onetwo"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 262_144, 1_000_000])
async def test_a_body_of_any_size_comes_back_as_it_was(hand: Hand, size: int):
    body = LARGE[:size]
    await hand.put("a", body)
    assert await hand.read("a") == body


async def test_a_large_body_is_read_in_pieces_of_at_most_256_kib(hand: Hand, store: Store):
    await hand.put("a", LARGE)
    got = await store.read(await hand.stat("a"))
    assert not isinstance(got, bytes)
    pieces = [piece async for piece in got]
    assert b"".join(pieces) == LARGE
    assert max(map(len, pieces)) <= 256 * 1024


@pytest.mark.parametrize("size", [100, 1_000_000])
@pytest.mark.parametrize(("start", "stop"), [(0, 10), (5, 5), (90, 100), (50, None), (0, None)])
async def test_a_span_of_a_body_is_read_alone(
    hand: Hand, store: Store, size: int, start: int, stop: int | None
):
    body = LARGE[:size]
    await hand.put("a", body)
    assert await whole(await store.read(await hand.stat("a"), start, stop)) == body[start:stop]


async def test_the_same_large_bytes_may_be_put_under_many_keys(hand: Hand, store: Store):
    for key in "abc":
        await hand.put(key, LARGE)
    await hand.write(await put(store, "d", LARGE), await put(store, "e", LARGE))
    await asyncio.gather(*(hand.put(key, LARGE) for key in "fgh"))
    for key in "abcdefgh":
        assert await hand.read(key) == LARGE


async def test_a_copy_is_the_same_bytes_under_another_name(hand: Hand, store: Store):
    await hand.put("a", LARGE)
    info = await hand.stat("a")
    await hand.write(Put("b", info.content, info.size, info.etag, Attributes()))
    await hand.delete("a")
    assert await hand.read("b") == LARGE


async def test_a_body_that_was_given_up_leaves_nothing_to_see(hand: Hand, store: Store):
    for body in (b"small", LARGE):
        staging = await store.stage()
        await staging.write(body)
        await staging.abort()
        await staging.abort()
        staging = await store.stage()
        await staging.write(body)
        await staging.finish()
        await staging.abort()
    assert await hand.keys() == []


async def test_giving_up_a_body_that_was_committed_does_nothing(hand: Hand, store: Store):
    staging = await store.stage()
    await staging.write(LARGE)
    content = await staging.finish()
    await hand.write(Put("a", content, len(LARGE), etag_of(LARGE), Attributes()))
    await staging.abort()
    assert await hand.read("a") == LARGE


# ---- conditions


async def test_a_put_that_must_be_new_is_refused_where_something_is(hand: Hand, store: Store):
    await hand.put("a", b"1", condition=ABSENT)
    with pytest.raises(ConditionFailed) as refusal:
        await hand.put("a", b"2", condition=ABSENT)
    assert refusal.value.condition == "not_etag"
    await hand.delete("a")
    await hand.put("a", b"3", condition=ABSENT)
    assert await hand.read("a") == b"3"


async def test_a_put_that_must_replace_is_refused_where_another_is_or_nothing(hand: Hand):
    with pytest.raises(NoKey) as refusal:
        await hand.put("a", b"2", condition=PRESENT)
    assert refusal.value.marker is None
    await hand.put("a", b"1")
    with pytest.raises(ConditionFailed) as failed:
        await hand.put("a", b"2", condition=Condition(etag=etag_of(b"other")))
    assert failed.value.condition == "etag"
    await hand.put("a", b"2", condition=Condition(etag=etag_of(b"1")))
    marker = await hand.delete("a", condition=PRESENT)
    with pytest.raises(NoKey) as refusal:
        await hand.delete("a", condition=PRESENT)
    assert refusal.value.marker == marker


async def test_a_put_that_must_differ_is_refused_where_the_same_is(hand: Hand):
    await hand.put("a", b"1", condition=Condition(not_etag=etag_of(b"1")))
    with pytest.raises(ConditionFailed):
        await hand.put("a", b"1", condition=Condition(not_etag=etag_of(b"1")))
    await hand.put("a", b"2", condition=Condition(not_etag=etag_of(b"other")))


async def test_one_of_many_racing_writers_makes_a_new_key(hand: Hand, store: Store):
    changes = [await put(store, "a", str(n).encode(), condition=ABSENT) for n in range(20)]
    made = await asyncio.gather(*map(hand.write, changes), return_exceptions=True)
    assert sum(isinstance(one, ConditionFailed) for one in made) == 19
    assert len(await hand.log()) == 2


async def test_racing_writers_that_swap_lose_no_update(hand: Hand, store: Store):
    await hand.put("counter", b"0")

    async def increment() -> None:
        while True:
            at = await hand.head()
            info = await hand.stat("counter", at)
            value = int(await hand.read("counter", at)) + 1
            try:
                await hand.put("counter", str(value).encode(), condition=Condition(etag=info.etag))
            except ConditionFailed:
                continue
            return

    await asyncio.gather(*(increment() for _ in range(12)))
    assert await hand.read("counter") == b"12"


async def test_a_condition_sees_the_changes_before_it_in_the_same_commit(hand: Hand, store: Store):
    await hand.put("gone")
    await hand.write(
        await put(store, "a", b"1", condition=ABSENT),
        await put(store, "a", b"2", condition=Condition(etag=etag_of(b"1"))),
        Delete("gone"),
        await put(store, "gone", b"3", condition=ABSENT),
    )
    assert (await hand.read("a"), await hand.read("gone")) == (b"2", b"3")
    with pytest.raises(NoKey):
        await hand.write(Delete("a"), Delete("a", condition=PRESENT))
    assert await hand.read("a") == b"2"


async def test_one_failed_condition_refuses_the_whole_commit(hand: Hand, store: Store):
    await hand.put("a", b"1")
    before = await hand.log()
    with pytest.raises(ConditionFailed):
        await hand.write(
            await put(store, "b"), await put(store, "a", b"2", condition=ABSENT), Delete("a")
        )
    assert await hand.log() == before
    assert await hand.keys() == ["a"]


async def test_conditions_hold_on_a_branch_that_left_another(hand: Hand, store: Store):
    """The marker may lie in what the branches have in common."""
    await hand.put("a", b"1")
    marker = await hand.delete("a")
    dev = await hand.branch("dev")
    await hand.put("b")
    await dev.put("c")
    with pytest.raises(NoKey) as refusal:
        await dev.put("a", b"2", condition=PRESENT)
    assert refusal.value.marker == marker
    await dev.put("a", b"2", condition=ABSENT)


# ---- if_head


async def test_a_commit_for_a_head_that_moved_is_refused_and_leaves_no_trace(
    hand: Hand, store: Store
):
    first = await hand.put("a", b"1")
    await hand.write(await put(store, "a", b"2"), if_head=first)
    before = await hand.log(), await hand.all_keys()
    for body in (b"3", LARGE):
        with pytest.raises(HeadMoved):
            await hand.write(await put(store, "a", body), if_head=first)
    assert (await hand.log(), await hand.all_keys()) == before
    assert await hand.read("a") == b"2"


async def test_of_racing_commits_for_one_head_one_lands(hand: Hand, store: Store):
    head = (await hand.head()).commit
    changes = [await put(store, f"k{n}") for n in range(10)]
    made = await asyncio.gather(
        *(hand.write(change, if_head=head) for change in changes), return_exceptions=True
    )
    assert sum(isinstance(one, HeadMoved) for one in made) == 9
    assert len(await hand.keys()) == 1


# ---- the no-op rule


async def test_saving_the_same_again_is_no_change(hand: Hand, store: Store):
    commit = await hand.put("a", b"body 1", same_as="digest")
    made = await hand.write(await put(store, "a", b"body 2", same_as="digest"))
    assert made.commit is None
    (outcome,) = made.outcomes
    assert (outcome.changed, outcome.version) == (False, commit)
    assert outcome.info == await hand.stat("a")
    assert await hand.read("a") == b"body 1"
    assert (await hand.head()).commit == commit


@pytest.mark.parametrize(
    "again",
    [
        {"same_as": "other"},
        {"same_as": None},
        {"same_as": "digest", "attributes": Attributes(content_type="text/plain")},
        {"same_as": "digest", "attributes": Attributes(metadata={"a": "b"})},
        {"same_as": "digest", "attributes": Attributes(headers={"cache-control": "x"})},
    ],
)
async def test_what_differs_or_is_declared_otherwise_is_a_change(hand: Hand, again: dict):
    first = await hand.put("a", b"1", same_as="digest")
    assert await hand.put("a", b"1", **again) != first


async def test_what_follows_from_the_bytes_does_not_make_a_change(hand: Hand, store: Store):
    await hand.put("a", b"1", same_as="digest", attributes=Attributes(checksums={"CRC32": "a"}))
    again = await put(
        store, "a", b"2", same_as="digest", attributes=Attributes(checksums={"CRC32": "b"})
    )
    assert (await hand.write(again)).commit is None


async def test_the_same_after_a_delete_is_a_change(hand: Hand):
    await hand.put("a", b"1", same_as="digest")
    await hand.delete("a")
    await hand.put("a", b"1", same_as="digest")
    assert await hand.read("a") == b"1"


async def test_only_what_changes_of_a_commit_is_in_it(hand: Hand, store: Store):
    kept = await hand.put("a", b"1", same_as="digest")
    made = await hand.write(
        await put(store, "a", b"2", same_as="digest"), await put(store, "b", b"3")
    )
    assert made.commit is not None
    assert made.commit.change_count == 1
    assert [(one.changed, one.version) for one in made.outcomes] == [
        (False, kept),
        (True, made.commit.id),
    ]


async def test_the_condition_of_an_unchanged_put_is_judged(hand: Hand):
    await hand.put("a", b"1", same_as="digest")
    with pytest.raises(ConditionFailed):
        await hand.put("a", b"1", same_as="digest", condition=ABSENT)


async def test_the_same_saved_by_many_at_once_is_one_commit(hand: Hand, store: Store):
    changes = [await put(store, "a", str(n).encode(), same_as="digest") for n in range(10)]
    made = await asyncio.gather(*map(hand.write, changes))
    assert sum(one.commit is not None for one in made) == 1
    assert len({one.outcomes[0].version for one in made}) == 1


# ---- refusals


@pytest.mark.parametrize("key", ["", "k" * 1025, "é" * 513, "\ud800"])
async def test_a_key_no_store_can_hold_is_refused(hand: Hand, store: Store, key: str):
    before = await hand.log()
    with pytest.raises(InvalidKey):
        await hand.write(await put(store, "fine"), await put(store, key))
    with pytest.raises(InvalidKey):
        await hand.write(Delete(key))
    assert await hand.log() == before


@pytest.mark.parametrize("key", ["k" * 1024, "a//b", "/", " ", "a\x00b", "\x7f", "\U0010ffff"])
async def test_any_other_key_is_held(hand: Hand, key: str):
    await hand.put(key, b"1")
    assert await hand.read(key) == b"1"
    assert await hand.keys() == [key]


async def test_a_key_below_another_is_held_or_refused_as_the_store_says(hand: Hand, store: Store):
    await hand.put("a/b", b"1")
    await hand.put("c", b"2")
    for key, other in (("a", "a/b"), ("c/d/e", "c")):
        if store.capabilities.nested_keys:
            await hand.put(key, b"3")
            assert await hand.read(key) == b"3"
            continue
        before = await hand.log()
        with pytest.raises(PathConflict) as refusal:
            await hand.put(key, b"3")
        assert (refusal.value.key, refusal.value.other) == (key, other)
        assert await hand.log() == before
        await hand.write(Delete(other), await put(store, key, b"4"))
        assert await hand.read(key) == b"4"


async def test_keys_of_one_commit_may_be_in_each_others_way(hand: Hand, store: Store):
    changes = [await put(store, "a", b"1"), await put(store, "a/b", b"2")]
    if store.capabilities.nested_keys:
        await hand.write(*changes)
        assert await hand.keys() == ["a", "a/b"]
    else:
        with pytest.raises(PathConflict):
            await hand.write(*changes)
        assert await hand.keys() == []


async def test_commits_and_tags_take_no_writes(hand: Hand, store: Store):
    commit = await hand.put("a")
    for body in (b"small", LARGE):
        with pytest.raises(ReadOnly):
            await store.commit(await hand.at(commit), [await put(store, "a", body)], ABOUT)


async def test_two_writes_of_a_key_never_share_a_commit(hand: Hand, store: Store):
    at = await hand.head()
    changes = [await put(store, f"k{number % 3}", b"%d" % number) for number in range(15)]
    made = await asyncio.gather(*(store.commit(at, [change], ABOUT) for change in changes))
    for key in range(3):
        ids = [one.commit.id for one in made[key::3] if one.commit]
        assert len(set(ids)) == 5
        page = await store.versions(await hand.head(), prefix=f"k{key}")
        assert [one.version for one in page.versions] == ids[::-1]
    for number, one in enumerate(made):
        info = one.outcomes[0].info
        assert info is not None
        assert await whole(await store.read(info)) == b"%d" % number


async def test_a_refused_write_among_many_hinders_none_of_them(hand: Hand, store: Store):
    at = await hand.head()
    good = [await put(store, f"k{number:02}") for number in range(20)]
    bad = [await put(store, "k", condition=PRESENT) for _ in range(20)]
    mixed = itertools.chain.from_iterable(zip(good, bad, strict=True))
    made = await asyncio.gather(
        *(store.commit(at, [change], ABOUT) for change in mixed), return_exceptions=True
    )
    assert [isinstance(one, NoKey) for one in made] == [False, True] * 20
    assert len(await hand.keys()) == 20
    commits = {one.commit.id for one in made if not isinstance(one, BaseException) and one.commit}
    assert len(await hand.log()) == 1 + len(commits)
    assert len(commits) == 20 or not store.capabilities.own_commits


async def test_what_cannot_be_recorded_is_refused_alone(hand: Hand, store: Store):
    """A caller's mistake (metadata that is no JSON) leaves nothing, and its neighbours stand."""
    at = await hand.head()
    bad = [await put(store, f"bad{n}", LARGE, lineage={"x": object()}) for n in range(3)]
    worse = About("ann", "put", metadata={"x": object()})  # type: ignore[dict-item]
    made = await asyncio.gather(
        store.commit(at, [await put(store, "a")], ABOUT),
        store.commit(at, bad, ABOUT),
        store.commit(at, [await put(store, "b")], worse),
        store.commit(at, [await put(store, "c")], ABOUT),
        return_exceptions=True,
    )
    assert [isinstance(one, Exception) for one in made] == [False, True, True, False]
    assert not any(isinstance(one, StoreError) for one in made)
    assert await hand.keys() == ["a", "c"]


async def test_many_branches_written_at_once_keep_apart(hand: Hand, store: Store):
    await hand.put("shared", b"0")
    hands = [await hand.branch(f"b{number}") for number in range(4)]
    await asyncio.gather(
        *(one.put(f"k{n}", one.bucket.encode()) for one in hands for n in range(10))
    )
    for one in hands:
        assert len(await one.log()) == 12 or not store.capabilities.own_commits
        assert await one.keys() == [*(f"k{n}" for n in range(10)), "shared"]
        assert await one.read("k9") == one.bucket.encode()
    assert await hand.keys() == ["shared"]


async def test_writing_behind_a_deleted_branch_is_refused(hand: Hand, store: Store):
    dev = await hand.branch("dev")
    at = await dev.head()
    await store.delete_branch(at.repo.name, "dev")
    with pytest.raises(NoRef):
        await store.commit(at, [Delete("a")], ABOUT)


async def test_a_handle_is_good_for_one_write(hand: Hand, store: Store):
    content = await staged(store, LARGE)
    change = Put("a", content, len(LARGE), etag_of(LARGE), Attributes(), condition=PRESENT)
    with pytest.raises(NoKey):
        await hand.write(change)
    with pytest.raises(ValueError, match="stage its bytes again"):
        await hand.write(change)

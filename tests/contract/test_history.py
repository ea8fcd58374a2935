"""What was: versions of keys, the log, what a commit changed and why, and what differs."""

from __future__ import annotations

import itertools

import pytest
from hands import ABOUT, Hand, etag_of, put

from gateway.versioning.errors import NoKey, NoVersion
from gateway.versioning.model import (
    About,
    Attributes,
    ChangeKind,
    Delete,
    Difference,
    VersionPage,
)
from gateway.versioning.names import CommitId
from gateway.versioning.store import Store

NOWHERE = CommitId("0" * 32)


async def versions(hand: Hand, **asked) -> list[tuple[str, CommitId, bool, bool]]:
    """Key, version, latest and marker of one page."""
    page = await hand.store.versions(await hand.head(), **asked)
    return [(one.key, one.version, one.latest, one.marker) for one in page.versions]


# ---- versions


async def test_every_version_of_a_key_is_read_by_its_id(hand: Hand, store: Store):
    ids = [await hand.put("a", str(number).encode()) for number in range(4)]
    at = await hand.head()
    for number, version in enumerate(ids):
        info = await store.stat(at, "a", version)
        assert info.version == version
        assert await store.read(info) == str(number).encode()


async def test_a_version_that_is_none_of_the_key_or_the_history_is_not_found(
    hand: Hand, store: Store
):
    first = await hand.put("a")
    other = await hand.put("b")
    dev = await hand.branch("dev")
    later = await dev.put("a")
    for version in (other, later, NOWHERE, CommitId("null")):
        with pytest.raises(NoVersion):
            await store.stat(await hand.head(), "a", version)
    with pytest.raises(NoVersion):
        await store.stat(await hand.at(first), "b", other)
    assert (await store.stat(await dev.head(), "a", first)).version == first


async def test_the_version_of_a_marker_is_said_to_be_one(hand: Hand, store: Store):
    await hand.put("a")
    marker = await hand.delete("a")
    await hand.put("a")
    with pytest.raises(NoKey) as refusal:
        await store.stat(await hand.head(), "a", marker)
    assert refusal.value.marker == marker


async def test_versions_come_by_key_and_newest_first_markers_included(hand: Hand):
    a1 = await hand.put("a", b"1")
    b1 = await hand.put("b", b"22")
    a2 = await hand.put("a", b"3")
    b2 = await hand.delete("b")
    assert await versions(hand) == [
        ("a", a2, True, False),
        ("a", a1, False, False),
        ("b", b2, True, True),
        ("b", b1, False, False),
    ]
    page = await hand.store.versions(await hand.head(), prefix="b")
    assert [(one.size, one.etag) for one in page.versions] == [(0, ""), (2, etag_of(b"22"))]
    assert (page.next_key, page.next_version) == (None, None)


async def test_versions_at_an_old_commit_are_those_it_knew(hand: Hand):
    a1 = await hand.put("a", b"1")
    await hand.put("a", b"2")
    page = await hand.store.versions(await hand.at(a1))
    assert [(one.version, one.latest) for one in page.versions] == [(a1, True)]


async def test_versions_go_on_behind_where_a_branch_left(hand: Hand):
    a1 = await hand.put("a", b"1")
    dev = await hand.branch("dev")
    a2 = await dev.put("a", b"2")
    other = await hand.put("a", b"other")
    late = await dev.branch("late")
    a3 = await dev.delete("a")
    a4 = await late.put("a", b"4")
    assert [one[1] for one in await versions(dev)] == [a3, a2, a1]
    assert await versions(late) == [
        ("a", a4, True, False),
        ("a", a2, False, False),
        ("a", a1, False, False),
    ]
    assert [one[1] for one in await versions(hand)] == [other, a1]


async def test_pages_of_versions_cut_anywhere_hold_every_version_once(hand: Hand, store: Store):
    for number in range(4):
        await hand.write(*[await put(store, key, str(number).encode()) for key in ("a", "b", "c")])
        await hand.delete("b")
    whole = await versions(hand)
    assert len(whole) == 16
    for limit in range(1, 18):
        assert await paged(hand, limit=limit) == whole


async def paged(hand: Hand, **asked) -> list[tuple[str, CommitId, bool, bool]]:
    """Key, version, latest and marker of all pages."""
    at = await hand.head()
    found = []
    key, version = "", None
    while key is not None:
        page: VersionPage = await hand.store.versions(
            at, after_key=key, after_version=version, **asked
        )
        found += [(one.key, one.version, one.latest, one.marker) for one in page.versions]
        key, version = page.next_key, page.next_version
    return found


async def test_a_key_of_very_many_versions_is_paged_too(hand: Hand, store: Store):
    for number in range(40):
        await hand.write(*[await put(store, f"x{n}") for n in range(number % 3)], Delete("hot"))
    found = await paged(hand, prefix="hot", limit=7)
    assert len(found) == len(set(found)) == 40
    assert [one[2] for one in found] == [True] + [False] * 39


async def test_after_a_key_alone_skips_all_its_versions(hand: Hand):
    for _ in range(2):
        await hand.put("a")
        await hand.put("b")
    assert [one[0] for one in await versions(hand, after_key="a")] == ["b", "b"]


async def test_versions_roll_up_like_keys_and_deleted_ones_count(hand: Hand, store: Store):
    await hand.write(*[await put(store, key) for key in ("a", "d/1", "d/2", "e/1", "z")])
    await hand.delete("d/1")
    await hand.delete("d/2")
    page = await store.versions(await hand.head(), delimiter="/")
    assert [one.key for one in page.versions] == ["a", "z"]
    assert page.prefixes == ("d/", "e/")
    shown: list[str] = []
    key = ""
    while key is not None:
        page = await store.versions(await hand.head(), delimiter="/", limit=1, after_key=key)
        shown += [*(one.key for one in page.versions), *page.prefixes]
        key = page.next_key
        if page.next_version is not None:
            assert page.next_version == page.versions[-1].version
    assert shown == ["a", "d/", "e/", "z"]


async def test_a_page_of_no_versions_is_empty_and_the_last(hand: Hand):
    await hand.put("a")
    assert await hand.store.versions(await hand.head(), limit=0) == VersionPage(())


async def test_versions_of_a_prefix_that_is_no_text_are_none(hand: Hand):
    await hand.put("a")
    assert await versions(hand, prefix="\ud800") == []


# ---- the log


async def test_the_log_goes_back_to_where_the_branch_began(hand: Hand, store: Store):
    made = [await hand.put("a", str(number).encode()) for number in range(3)]
    log = await store.log(await hand.head())
    assert [commit.id for commit in log][:3] == made[::-1]
    assert [commit.kind for commit in log] == ["put", "put", "put", "create"]
    for newer, older in itertools.pairwise(log):
        assert newer.parents == (older.id,)
    assert log[-1].parents == ()


async def test_the_log_crosses_to_the_line_a_branch_came_from(hand: Hand):
    first = await hand.put("a")
    dev = await hand.branch("dev")
    second = await dev.put("a")
    await hand.put("a")
    late = await dev.branch("late")
    await dev.put("b")
    third = await late.put("b")
    assert (await late.log())[:3] == [third, second, first]
    assert await late.log(after=third) == (await late.log())[1:]
    assert await late.log(after=first) == (await late.log())[3:]


async def test_the_log_is_cut_and_goes_on_behind_a_commit(hand: Hand):
    for number in range(5):
        await hand.put(f"k{number}")
    whole = await hand.log()
    for limit in range(1, 8):
        found: list[CommitId] = []
        while more := await hand.log(limit=limit, after=found[-1] if found else None):
            found += more
        assert found == whole
    assert await hand.log(limit=0) == []


async def test_the_log_of_a_path_holds_the_commits_that_changed_it(hand: Hand, store: Store):
    a1 = await hand.put("a")
    beside = await hand.put("ab")
    a2 = await hand.delete("a")
    below = await hand.put("a/b")
    both = (await hand.write(await put(store, "a/b"), await put(store, "a/c"))).commit
    assert both is not None
    await hand.write(Delete("a/b"), Delete("a/c"))
    gone = (await hand.head()).commit
    dev = await hand.branch("dev")
    await hand.put("z")
    a3 = await dev.put("a")
    assert await dev.log(path="a") == [a3, a2, a1]
    assert await dev.log(path="a", limit=2) == [a3, a2]
    assert await dev.log(path="a", after=a3) == [a2, a1]
    assert await dev.log(path="a/") == [gone, both.id, below]
    assert await dev.log(path="ab") == [beside]
    assert await dev.log(path="nothing") == []
    assert await dev.log(path="\ud800/") == []


async def test_no_path_and_the_empty_path_are_the_whole_log(hand: Hand):
    await hand.put("a")
    assert await hand.log(path="") == await hand.log()


# ---- what a commit changed, and why


async def test_a_commit_tells_its_changes_by_key_with_their_lineage(hand: Hand, store: Store):
    await hand.put("old")
    await hand.write(
        await put(store, "b", b"22", lineage={"sources": ["s3://x/1"]}),
        Delete("old", lineage={"why": "wrong"}),
        await put(store, "a", b"1"),
    )
    at = await hand.head()
    changes = await store.changes(at)
    assert [(one.key, one.kind, one.size) for one in changes] == [
        ("a", ChangeKind.PUT, 1),
        ("b", ChangeKind.PUT, 2),
        ("old", ChangeKind.DELETE, 0),
    ]
    assert [one.lineage for one in changes] == [{}, {"sources": ["s3://x/1"]}, {"why": "wrong"}]
    assert [one.key for one in await store.changes(at, after="a", limit=1)] == ["b"]
    assert list(await store.changes(at, after="old")) == []


async def test_the_lineage_of_an_object_is_that_of_the_write_that_made_it(hand: Hand, store: Store):
    await hand.put("a", b"1", lineage={"n": 1})
    first = await hand.stat("a")
    await hand.put("a", b"2", lineage={"n": 2})
    await hand.put("b", b"3")
    at = await hand.head()
    assert await store.lineage(at, await hand.stat("a")) == {"n": 2}
    assert await store.lineage(at, first) == {"n": 1}
    assert await store.lineage(at, await hand.stat("b")) == {}


async def test_lineage_may_be_any_json(hand: Hand, store: Store):
    lineage = {"text": "😀 é \x00", "deep": [{"a": [1, 2.5, None, True]}], "": {}}
    await hand.put("a", lineage=lineage)
    assert await store.lineage(await hand.head(), await hand.stat("a")) == lineage


# ---- differences


async def differences(hand: Hand, old, new, **asked) -> list[tuple[str, Difference]]:
    page = await hand.store.diff(old, new, **asked)
    return [(one.key, one.difference) for one in page.entries]


async def test_a_difference_shows_both_sides(hand: Hand, store: Store):
    await hand.write(*[await put(store, key, b"1") for key in ("kept", "changed", "removed")])
    old = await hand.head()
    before = await hand.stat("changed")
    await hand.put("changed", b"22")
    await hand.put("added", b"333")
    await hand.delete("removed")
    new = await hand.head()
    page = await store.diff(old, new)
    assert [(one.key, one.difference) for one in page.entries] == [
        ("added", Difference.ADDED),
        ("changed", Difference.CHANGED),
        ("removed", Difference.REMOVED),
    ]
    added, changed, removed = page.entries
    assert added.old is None
    assert added.new is not None
    assert (added.new.size, added.new.etag) == (3, etag_of(b"333"))
    assert changed.old is not None
    assert changed.new is not None
    assert changed.old.version == before.version
    assert changed.new.version == (await hand.stat("changed")).version
    assert removed.new is None
    back = await differences(hand, new, old)
    assert back == [
        ("added", Difference.REMOVED),
        ("changed", Difference.CHANGED),
        ("removed", Difference.ADDED),
    ]


async def test_a_state_does_not_differ_from_itself(hand: Hand):
    await hand.put("a")
    at = await hand.head()
    assert await differences(hand, at, at) == []


async def test_the_same_written_again_is_no_difference(hand: Hand):
    await hand.put("a", b"1")
    await hand.put("b", b"1")
    old = await hand.head()
    await hand.put("a", b"1", attributes=Attributes(checksums={"CRC32": "x"}))
    await hand.put("b", b"1", attributes=Attributes(content_type="text/plain"))
    await hand.put("c")
    await hand.delete("c")
    assert await differences(hand, old, await hand.head()) == [("b", Difference.CHANGED)]


async def test_branches_differ_by_what_each_did(hand: Hand):
    await hand.put("shared")
    dev = await hand.branch("dev")
    await hand.put("mine")
    await dev.put("theirs")
    assert await differences(hand, await hand.head(), await dev.head()) == [
        ("mine", Difference.REMOVED),
        ("theirs", Difference.ADDED),
    ]


async def test_states_without_a_common_history_differ_in_all_they_hold(hand: Hand, store: Store):
    await store.create_branch((await hand.head()).repo.name, "orphan", account="ann")
    orphan = Hand(store, "orphan.labels")
    await hand.put("a", b"1")
    await hand.put("same", b"1")
    await orphan.put("same", b"1")
    assert await differences(hand, await orphan.head(), await hand.head()) == [
        ("a", Difference.ADDED)
    ]


async def test_differences_are_paged_and_cut_to_a_prefix(hand: Hand, store: Store):
    old = await hand.head()
    keys = [f"{letter}{number}" for letter in "abc" for number in range(5)]
    await hand.write(*[await put(store, key) for key in keys])
    new = await hand.head()
    for limit in range(1, 17):
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = await store.diff(old, new, after=after, limit=limit)
            found += [one.key for one in page.entries]
            after = page.next_after
        assert found == keys
    assert [key for key, _ in await differences(hand, old, new, prefix="b")] == keys[5:10]
    assert [key for key, _ in await differences(hand, old, new, prefix="b", after="b2")] == [
        "b3",
        "b4",
    ]
    assert await differences(hand, old, new, limit=0) == []


async def test_metadata_of_a_commit_comes_back_from_the_log(hand: Hand, store: Store):
    about = About("bob", "copy", "why\nnot", {"é": "ü"})
    await hand.write(await put(store, "a"), about=about)
    (commit, *_) = await store.log(await hand.head())
    assert (commit.author, commit.kind, commit.message, dict(commit.metadata)) == (
        "bob",
        "copy",
        "why\nnot",
        {"é": "ü"},
    )
    assert ABOUT.message == ""

"""Pages of keys: order, prefixes, delimiters, and pages that belong together."""

from __future__ import annotations

import pytest
from hands import ABOUT, Hand, put, side_by_side

from gateway.versioning.model import Delete, Page
from gateway.versioning.store import Store

TREE = ["a", "a/", "a/1", "a/2/x", "a/2/y", "b", "b/1", "c/d/e", "c/d/f", "z"]


@pytest.fixture
def tree(hand: Hand, store: Store, runner) -> Hand:
    """The keys of TREE, written in no order."""

    async def write() -> None:
        await hand.write(*[await put(store, key) for key in sorted(held(hand), key=hash)])

    runner.run(write())
    return hand


def held(hand: Hand) -> list[str]:
    """The keys of TREE that the store can hold."""
    return side_by_side(hand.store, TREE)


async def rolled(hand: Hand, **asked) -> tuple[list[str], list[str], str | None]:
    """Keys, prefixes and where to go on."""
    page: Page = await hand.store.list(await hand.head(), **asked)
    return [entry.key for entry in page.entries], list(page.prefixes), page.next_after


async def test_an_entry_shows_its_object(hand: Hand, store: Store):
    await hand.put("a", b"12345")
    info = await hand.stat("a")
    (entry,) = (await store.list(await hand.head())).entries
    assert (entry.key, entry.size, entry.etag, entry.modified_ms) == (
        "a",
        5,
        info.etag,
        info.modified_ms,
    )


async def test_keys_come_in_the_byte_order_of_utf_8(hand: Hand, store: Store):
    keys = ["", "~", "é", "", "\ud7ff", "", "\uffff", "\U00010000", "\U0010ffff", "Z", "a", "A"]
    keys = [key for key in keys if key]
    await hand.write(*[await put(store, key) for key in keys])
    assert await hand.keys() == sorted(keys, key=str.encode)


async def test_pages_cut_anywhere_hold_every_key_once(tree: Hand):
    for limit in range(1, 12):
        assert await tree.all_keys(limit=limit) == held(tree)


async def test_the_last_page_says_that_it_is_the_last(tree: Hand):
    keys = held(tree)
    assert (await rolled(tree, limit=len(keys)))[2] is None
    assert (await rolled(tree, limit=len(keys) - 1))[2] == keys[-2]


async def test_a_page_of_nothing_is_empty_and_the_last(tree: Hand):
    assert await rolled(tree, limit=0) == ([], [], None)


@pytest.mark.parametrize(
    "prefix", ["", "a", "a/", "a/2", "b/1", "b/1x", "c/d/", "zz", "\U0010ffff"]
)
async def test_a_prefix_shows_what_begins_with_it(tree: Hand, prefix: str):
    assert await tree.keys(prefix=prefix) == [key for key in held(tree) if key.startswith(prefix)]


@pytest.mark.parametrize("after", ["", "a", "a/", "a/0", "a/2/x", "b/~", "z", "zz", "\U0010ffff"])
async def test_after_is_exclusive_and_need_not_be_a_key(tree: Hand, after: str):
    assert await tree.keys(after=after) == [key for key in held(tree) if key > after]
    assert await tree.keys(after=after, prefix="a/") == [
        key for key in held(tree) if key > after and key.startswith("a/")
    ]


async def test_a_delimiter_rolls_up_what_lies_below(tree: Hand):
    alone = [key for key in ("a", "b", "z") if key in held(tree)]
    assert await rolled(tree, delimiter="/") == (alone, ["a/", "b/", "c/"], None)
    assert await rolled(tree, delimiter="/", prefix="a/") == (["a/", "a/1"], ["a/2/"], None)
    assert await rolled(tree, delimiter="/", prefix="c") == ([], ["c/"], None)
    assert await rolled(tree, delimiter="/", prefix="c/d/") == (["c/d/e", "c/d/f"], [], None)


async def test_a_delimiter_may_have_several_characters(hand: Hand, store: Store):
    await hand.write(*[await put(store, key) for key in ["a--b", "a--c", "a-d", "a---e", "--"]])
    assert await rolled(hand, delimiter="--") == (["a-d"], ["--", "a--"], None)
    keys = ["a--b", "a--c", "a-d"]
    assert await rolled(hand, delimiter="--", prefix="a-") == (keys, ["a---"], None)


async def test_keys_and_prefixes_count_alike_and_pages_go_on_behind_both(tree: Hand):
    shown: list[tuple[list[str], list[str]]] = []
    after: str | None = ""
    while after is not None:
        keys, prefixes, after = await rolled(tree, delimiter="/", limit=1, after=after)
        shown.append((keys, prefixes))
    every: list[tuple[list[str], list[str]]] = [
        (["a"], []),
        ([], ["a/"]),
        (["b"], []),
        ([], ["b/"]),
        ([], ["c/"]),
        (["z"], []),
    ]
    assert shown == [one for one in every if not one[0] or one[0][0] in held(tree)]


async def test_after_inside_a_rolled_up_prefix_shows_its_rest(tree: Hand):
    alone = [key for key in ("b", "z") if key in held(tree)]
    assert await rolled(tree, delimiter="/", after="a/1") == (alone, ["a/", "b/", "c/"], None)
    assert await rolled(tree, delimiter="/", after="a/") == (alone, ["b/", "c/"], None)


async def test_an_overwritten_key_is_listed_once_as_it_is_now(hand: Hand):
    for number in range(30):
        await hand.put("hot", b"x" * number)
    await hand.put("k")
    page = await hand.store.list(await hand.head())
    assert [(entry.key, entry.size) for entry in page.entries] == [("hot", 29), ("k", 1)]


async def test_what_was_deleted_in_masses_is_not_listed(hand: Hand, store: Store):
    keys = [f"k{number:04}" for number in range(1200)]
    await hand.write(*[await put(store, key) for key in keys])
    before = await hand.head()
    await hand.write(*[Delete(key) for key in keys[5:-5]])
    assert await hand.keys() == keys[:5] + keys[-5:]
    assert await hand.keys(limit=6) == [*keys[:5], keys[-5]]
    assert await hand.all_keys(before, limit=500) == keys


async def test_a_walk_shows_one_commit_whatever_is_written_meanwhile(hand: Hand, store: Store):
    keys = [f"k{number:02}" for number in range(20)]
    await hand.write(*[await put(store, key) for key in keys])
    at = await hand.head()
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await store.list(at, after=after, limit=3)
        found += [entry.key for entry in page.entries]
        after = page.next_after
        await hand.put(f"k{len(found):02}a")
        await hand.delete(keys[-1])
    assert found == keys
    commit = await hand.at(at.commit)
    assert await hand.keys(commit) == keys


async def test_a_walk_goes_on_by_the_commit_alone(hand: Hand, store: Store):
    """What a continuation token holds: the commit and the key."""
    keys = [f"k{number:02}" for number in range(9)]
    await hand.write(*[await put(store, key) for key in keys])
    commit = (await hand.head()).commit
    first = await store.list(await hand.head(), limit=4)
    await hand.delete(keys[4])
    second = await store.list(await hand.at(commit), after=first.next_after or "", limit=100)
    assert [entry.key for entry in (*first.entries, *second.entries)] == keys


async def test_every_branch_lists_its_own(hand: Hand, store: Store):
    await hand.write(*[await put(store, key) for key in ("a", "b", "c")])
    dev = await hand.branch("dev")
    await hand.delete("a")
    await dev.put("d")
    await dev.delete("b")
    late = await dev.branch("late")
    await dev.put("e")
    await late.put("f")
    assert await hand.keys() == ["b", "c"]
    assert await dev.keys() == ["a", "c", "d", "e"]
    assert await late.keys() == ["a", "c", "d", "f"]


async def test_asking_for_what_is_no_text_finds_nothing_or_all_and_breaks_nothing(tree: Hand):
    assert await tree.keys(prefix="\ud800") == []
    assert await tree.keys(after="\udfff") == []
    assert await tree.keys(delimiter="\ud800") == held(tree)


async def test_a_listing_of_a_commit_that_was_just_made_holds_it(hand: Hand, store: Store):
    for number in range(5):
        made = await store.commit(await hand.head(), [await put(store, f"k{number}")], ABOUT)
        assert made.commit is not None
        assert len(await hand.keys()) == number + 1

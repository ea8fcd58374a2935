"""What is counted, and that nothing is counted twice or lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from hands import REPO, Hand, new_branch, put

from gateway.stores.embedded.store import EmbeddedStore
from gateway.triggers.deciding import Deciding
from gateway.triggers.model import Action, Count, Do, On, Trigger, When
from gateway.triggers.shelf import Firing, Kept, Shelf
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.names import CommitId

DO = Do(Action.WEBHOOK, "https://host/")


@pytest.fixture
def deciding(store: EmbeddedStore, shelf: Shelf, clock: Clock) -> Deciding:
    return Deciding(store, shelf, clock, lambda _repo: True)


async def kept(store: EmbeddedStore, shelf: Shelf, when: When, **more: Any) -> Kept:
    repo = await store.repo(REPO)
    on, where = more.pop("on", On.BRANCH), more.pop("where", "dev")
    made = Trigger(
        more.pop("name", "t"), REPO, on, where, when, DO, "ann",
        more.pop("created_ms", 0), repo.created_ms, more.pop("prefix", ""),
    )  # fmt: skip
    return shelf.add(made.checked())


async def told(deciding: Deciding, hand: Hand, *commits: CommitId, branch: str = "dev") -> None:
    for commit in commits:
        at = await hand.at(commit)
        info = await hand.store.commit_info(at)
        assert deciding.wants(branch, info)
        await deciding.deliver(branch, at, info)


def label(project: int, task: int) -> dict[str, Any]:
    return {"body": "label", "project": project, "task": task}


def fired(shelf: Shelf, one: Kept) -> list[Firing]:
    return list(shelf.history(one.number))[::-1]


async def test_it_fires_when_enough_came_and_counts_anew(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand
) -> None:
    one = await kept(store, shelf, When({Count.COMMITS: 2}))
    root = (await dev.head()).commit
    made = [await dev.put(str(number)) for number in range(5)]
    await told(deciding, dev, *made)
    first, second = fired(shelf, one)
    assert (first.commit, first.since, first.ref) == (made[1], root, "dev.labels")
    assert (second.commit, second.since) == (made[3], made[1])
    assert first.counts == {"commits": 2, "objects": 2}
    assert shelf.gained(one.number).counts[Count.COMMITS] == 1


async def test_a_commit_told_twice_counts_once(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, tmp_path: Path, clock: Clock
) -> None:
    one = await kept(store, shelf, When({Count.COMMITS: 2}))
    made = await dev.put("1")
    await told(deciding, dev, made, made)
    again = Shelf(tmp_path)  # after a crash
    await told(Deciding(store, again, clock, lambda _repo: True), dev, made)
    again.close()
    assert shelf.gained(one.number).counts[Count.COMMITS] == 1
    assert fired(shelf, one) == []


async def test_different_tasks_are_counted_and_not_their_saves(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand
) -> None:
    one = await kept(store, shelf, When({Count.TASKS: 2}))
    made = [
        await dev.put("1", lineage=label(1, 1)), await dev.put("1b", lineage=label(1, 1)),
        await dev.put("x"), await dev.delete("x"), await dev.put("2", lineage=label(2, 1)),
    ]  # fmt: skip
    await told(deciding, dev, *made)
    [firing] = fired(shelf, one)
    assert firing.commit == made[-1]
    assert firing.counts["tasks"] == 2
    assert shelf.gained(one.number).counts[Count.TASKS] == 0


async def test_bytes_and_objects_below_a_prefix_are_counted(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand
) -> None:
    one = await kept(store, shelf, When({Count.BYTES: 100}), prefix="in/")
    beside = await dev.put("out/1", b"x" * 500)
    both = await dev.write(
        await put(store, "in/1", b"x" * 60), await put(store, "out/2", b"x" * 60)
    )
    assert both.commit is not None
    last = await dev.put("in/2", b"x" * 40)
    await told(deciding, dev, beside, both.commit.id, last)
    [firing] = fired(shelf, one)
    assert firing.counts == {"commits": 2, "objects": 2, "bytes": 100}


async def test_what_was_there_before_the_trigger_does_not_count(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, clock: Clock
) -> None:
    assert deciding.since_ms() is None
    old = await dev.put("old")
    clock.ms += 1000
    one = await kept(store, shelf, When({}), created_ms=clock.ms)
    assert deciding.since_ms() == clock.ms - 1
    new = await dev.put("new")
    await told(deciding, dev, old, new)
    assert [firing.commit for firing in fired(shelf, one)] == [new]


async def test_another_repo_of_the_name_is_not_its_own(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, clock: Clock
) -> None:
    one = await kept(store, shelf, When({}))
    await store.delete_repo(REPO, who="ann")
    clock.ms += 1000
    theirs = await new_branch(store, "dev.labels")
    await told(deciding, theirs, await theirs.put("x"))
    assert fired(shelf, one) == []


async def test_only_promotes_count_for_a_trigger_on_them(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand
) -> None:
    one = await kept(store, shelf, When({}), on=On.PROMOTE, where="dev")
    direct = await dev.put("x")
    other = await dev.branch("other")
    theirs = await other.put("y")
    await told(deciding, dev, direct)
    assert fired(shelf, one) == []
    # It came by moving the branch forward.
    await told(deciding, dev, theirs)
    assert [firing.commit for firing in fired(shelf, one)] == [theirs]


async def test_quiet_is_a_matter_of_the_clock(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, clock: Clock
) -> None:
    one = await kept(store, shelf, When({}, quiet_s=60))
    deciding.look_at_clock()
    made = [await dev.put("1"), await dev.put("2")]
    await told(deciding, dev, *made)
    clock.ms += 59_000
    deciding.look_at_clock()
    assert fired(shelf, one) == []
    clock.ms += 1_000
    deciding.look_at_clock()
    deciding.look_at_clock()
    [firing] = fired(shelf, one)
    assert (firing.commit, firing.counts["commits"]) == (made[-1], 2)


async def test_tags_that_fit_fire_once(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, clock: Clock
) -> None:
    await dev.put("x")
    await store.create_tag(REPO, "v0", await dev.head(), account="ann")
    clock.ms += 1000
    one = await kept(store, shelf, When({}), on=On.TAG, where="v*", created_ms=clock.ms)
    await deciding.look_at_tags()
    for name in ("v1", "w1"):
        await store.create_tag(REPO, name, await dev.head(), account="ann")
    await deciding.look_at_tags()
    await deciding.look_at_tags()
    assert [firing.ref for firing in fired(shelf, one)] == ["v1.labels"]


async def test_a_name_is_given_once_and_all_goes_with_a_trigger(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand
) -> None:
    one = await kept(store, shelf, When({}))
    with pytest.raises(AlreadyExists):
        await kept(store, shelf, When({}))
    await told(deciding, dev, await dev.put("x"))
    assert shelf.left(one.number) == (1, 0)
    shelf.remove(one.number)
    assert shelf.all() == []
    assert shelf.waiting(10**15) == []


async def test_firings_of_a_trigger_are_done_in_order(
    store: EmbeddedStore, shelf: Shelf, deciding: Deciding, dev: Hand, clock: Clock
) -> None:
    one = await kept(store, shelf, When({}))
    await told(deciding, dev, await dev.put("1"), await dev.put("2"))
    first, second = fired(shelf, one)
    assert [firing.id for firing in shelf.waiting(clock.ms)] == [first.id]
    shelf.settle(first, "waiting", "failed", due_ms=clock.ms + 5)
    assert shelf.waiting(clock.ms) == []
    assert [firing.tries for firing in shelf.waiting(clock.ms + 5)] == [1]
    shelf.settle(first, "parked", "given up")
    assert [firing.id for firing in shelf.waiting(clock.ms)] == [second.id]
    assert shelf.count_parked() == 1
    shelf.replay(first, clock.ms)
    assert [firing.id for firing in shelf.waiting(clock.ms)] == [first.id]

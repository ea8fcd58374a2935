"""What the rule of evidence is given, from a store with a history and a log of reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hands import START_MS, Hand
from labels import annotation, encoded

from gateway.lineage.choice import Choice
from gateway.lineage.evidence import Evidence
from gateway.lineage.labelstudio import Annotation, Label, Layout
from gateway.lineage.labelstudio import read as read_label
from gateway.lineage.reads import ReadLog
from gateway.lineage.resolve import Source, resolve
from gateway.lineage.span import SUBMIT_MS
from gateway.lineage.uris import SourceUri
from gateway.lineage.work import TURNS_MAX, Work
from gateway.versioning.model import Erase, Repo, Snapshot
from gateway.versioning.names import parse_bucket
from gateway.versioning.store import Store

FAR_MS = START_MS + 10**9


async def everywhere(_place: Repo | Snapshot, _key: str) -> bool:
    return True


class Bench:
    """An annotator at work: looks at `k` of `raw` and saves, by the clock that the store has."""

    def __init__(self, raw: Hand, now: Callable[[], int]) -> None:
        self.raw, self.reads, self._now = raw, ReadLog(), now

    async def look(self, *, link: bool = True) -> None:
        at = await self.raw.head()
        self.reads.served(at, await self.raw.stat("k"), "studio", link=link, ms=self._now())

    def open(self) -> int:
        return self._now()

    async def save(self, opened: int, key: str = "k", **annotated: Any) -> Choice:
        """The choice for a label that was begun at `opened` and is saved now."""
        work = Work(label(opened, self._now(), **annotated), FAR_MS, "studio", self.reads)
        return await work.seen(self.raw.store, await self.raw.head(), key)


def label(opened: int, saved: int, *, viewed: bool = True) -> Label:
    lead_s = (saved - opened - SUBMIT_MS) / 1000
    one = Annotation(1, 7, saved, saved, None, lead_s, 1, cancelled=False, viewed=viewed)
    return Label(Layout.ANNOTATION, 2, 3, opened, (one,), (), "")


@pytest.fixture
def bench(raw: Hand, clock: Callable[[], int]) -> Bench:
    return Bench(raw, clock)


async def test_what_was_looked_at_is_told_whatever_came_since(bench: Bench) -> None:
    first = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.look()
    second = await bench.raw.put("k", b"2")
    chosen = await bench.save(opened)
    assert (chosen.evidence, chosen.version, chosen.changed_during) == (
        Evidence.OBSERVED, first, True,
    )  # fmt: skip
    await bench.look()
    assert (await bench.save(opened)).version == second


async def test_the_head_at_the_beginning_is_found_in_the_branchs_history(bench: Bench) -> None:
    await bench.raw.put("k", b"0")
    first = await bench.raw.put("k", b"1")
    await bench.raw.put("other")
    opened = bench.open()
    for body in (b"2", b"3"):
        await bench.raw.put("k", body)
        await bench.raw.put("other", body)
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_OPEN, first, changed_during=True)


async def test_another_object_that_changed_meanwhile_is_no_change(bench: Bench) -> None:
    first = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.raw.put("other")
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_OPEN, first)


async def test_what_was_deleted_meanwhile_is_known_still(bench: Bench) -> None:
    first = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.raw.delete("k")
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_OPEN, first, changed_during=True)
    assert await bench.save(bench.open()) == Choice(Evidence.MISSING)
    again = await bench.raw.put("k", b"1")
    assert await bench.save(bench.open()) == Choice(Evidence.HEAD_AT_OPEN, again)


async def test_what_came_after_the_beginning(bench: Bench) -> None:
    opened = bench.open()
    assert await bench.save(opened) == Choice(Evidence.MISSING)
    first = await bench.raw.put("k", b"1")
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_PUT, first, changed_during=True)


async def test_a_version_that_was_erased_is_not_named(bench: Bench) -> None:
    first = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.look()
    second = await bench.raw.put("k", b"2")
    await bench.raw.write(Erase("k", first))
    chosen = await bench.save(opened)
    assert chosen.version != first
    assert chosen == Choice(Evidence.HEAD_AT_PUT, second, changed_during=True)


async def test_what_changed_too_often_is_not_followed_for_ever(bench: Bench) -> None:
    await bench.raw.put("k", b"1")
    opened = bench.open()
    for number in range(TURNS_MAX + 1):
        newest = await bench.raw.put("k", str(number).encode())
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_PUT, newest, changed_during=True)


async def test_what_nobody_viewed_was_not_observed(bench: Bench) -> None:
    first = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.look()
    assert await bench.save(opened, viewed=False) == Choice(Evidence.HEAD_AT_OPEN, first)
    for changed in ({"import_id": 1}, {"bulk_created": True}):
        found = read_label(encoded(annotation(**changed)))
        assert found is not None
        assert found.newest is not None
        assert not found.newest.viewed


async def test_the_work_says_nothing_of_what_is_pinned_external_or_not_to_be_read(
    bench: Bench, store: Store
) -> None:
    commit = await bench.raw.put("k", b"1")
    opened = bench.open()
    await bench.look()
    newest = await bench.raw.put("k", b"2")
    work = Work(label(opened, bench.open()), FAR_MS, "studio", bench.reads)

    async def found(bucket: str, *, readable: bool = True) -> Source:
        async def may_read(_place: Repo | Snapshot, _key: str) -> bool:
            return readable

        [source] = await resolve(store, [SourceUri(bucket, "k")], may_read, work)
        return source

    assert (await found("raw")).version == commit
    pinned = await found(f"{newest}.raw")
    assert (pinned.evidence, pinned.version) == (Evidence.PINNED, newest)
    assert (await found("elsewhere")).evidence is Evidence.EXTERNAL
    assert (await found("dev.raw")).evidence is Evidence.MISSING
    hidden = await found("raw", readable=False)
    assert (hidden.evidence, hidden.version) == (Evidence.EXTERNAL, None)


async def test_reads_of_another_branch_are_none_of_this_one(bench: Bench, store: Store) -> None:
    first = await bench.raw.put("k", b"1")
    dev = await bench.raw.branch("dev")
    opened = bench.open()
    at = await store.resolve(parse_bucket("dev.raw"))
    bench.reads.served(at, await dev.stat("k"), "studio", link=True, ms=bench.open())
    assert await bench.save(opened) == Choice(Evidence.HEAD_AT_OPEN, first)

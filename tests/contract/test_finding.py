"""Writes found by their lineage: by source, annotator and task, in pages, in every store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hands import ABOUT, REPO, Hand, put

from gateway.versioning import terms
from gateway.versioning.errors import NoRepo
from gateway.versioning.model import Delete, Erase, FoundWrite
from gateway.versioning.names import CommitId, RepoName
from gateway.versioning.store import Store
from gateway.versioning.terms import Terms

RAW = RepoName("raw")
OTHER = RepoName("raw", "lab")


def version(number: int) -> CommitId:
    """An id of a source's version; a higher number is a later one."""
    return CommitId(f"{number:012x}{'5a' * 10}")


def source(path: str, at: int | None = 1, repo: RepoName = RAW) -> dict[str, Any]:
    form = {
        "uri": f"s3://master.{repo.name}/{path}",
        "evidence": "missing" if at is None else "observed",
        "repo": repo.name,
        "project": repo.project,
        "ref": "master",
        "path": path,
    }
    return form if at is None else form | {"commit": version(at)}


def record(key: str, *sources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"v": 1, "kind": "put", "key": key, "sources": list(sources), **fields}


class Labels:
    """Writes labels with lineage, and finds them."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand

    async def put(self, key: str, *sources: dict[str, Any], **fields: Any) -> CommitId:
        lineage = record(key, *sources, **fields)
        return await self.hand.put(key, key.encode(), lineage=lineage)

    async def found(self, wanted: Terms, **asked: Any) -> list[tuple[str, CommitId]]:
        writes = await self.hand.store.find_writes(REPO, wanted, **asked)
        return [(one.key, one.commit) for one in writes]


@pytest.fixture
def labels(hand: Hand) -> Labels:
    return Labels(hand)


async def test_a_label_is_found_by_the_version_of_its_source(labels: Labels):
    first = await labels.put("1", source("cat.jpg", 1))
    again = await labels.put("1", source("cat.jpg", 2))
    await labels.put("2", source("dog.jpg", 1))
    assert await labels.found(terms.of_source(RAW, "cat.jpg", version(1))) == [("1", first)]
    assert await labels.found(terms.of_source(RAW, "cat.jpg", version(2))) == [("1", again)]
    assert await labels.found(terms.of_source(RAW, "cat.jpg", version(3))) == []


async def test_any_version_is_found_the_newest_version_and_the_newest_label_first(labels: Labels):
    made = [
        await labels.put(str(number), source("cat.jpg", at))
        for number, at in enumerate([1, 2, 1, 2, None])
    ]
    expected = [("3", made[3]), ("1", made[1]), ("2", made[2]), ("0", made[0]), ("4", made[4])]
    assert await labels.found(terms.of_source(RAW, "cat.jpg")) == expected


async def test_a_prefix_is_found_by_path(labels: Labels):
    for number, path in enumerate(["b/2", "a/1", "b/1", "b", "b0", "b/1/x", "b/ü"]):
        await labels.put(str(number), source(path))
    assert [key for key, _ in await labels.found(terms.below_source(RAW, "b/"))] == list("2506")
    assert [key for key, _ in await labels.found(terms.below_source(RAW, ""))] == list("1325064")
    assert [key for key, _ in await labels.found(terms.of_source(RAW, "b"))] == ["3"]


async def test_sources_of_other_repos_and_projects_are_others(labels: Labels):
    here = await labels.put("1", source("cat.jpg"))
    there = await labels.put("2", source("cat.jpg", repo=OTHER))
    assert await labels.found(terms.below_source(RAW, "")) == [("1", here)]
    assert await labels.found(terms.below_source(OTHER, "")) == [("2", there)]
    assert await labels.found(terms.of_source(RepoName("ra"), "w")) == []


async def test_a_source_elsewhere_is_found_by_its_uri(labels: Labels):
    made = await labels.put("1", {"uri": "s3://their.bucket.of.x/y", "evidence": "external"})
    assert await labels.found(terms.of_external("s3://their.bucket.of.x/y")) == [("1", made)]
    assert await labels.found(terms.of_external("s3://their.bucket.of.x/")) == []


async def test_labels_are_found_by_annotator_and_by_task(labels: Labels):
    first = await labels.put("1", annotator=1, project=1, task=2)
    second = await labels.put("2", annotator=11, project=12, task=2)
    third = await labels.put("3", annotator=1, project=1, task=22)
    assert await labels.found(terms.of_annotator(1)) == [("3", third), ("1", first)]
    assert await labels.found(terms.of_annotator(11)) == [("2", second)]
    assert await labels.found(terms.of_task(2, 1)) == [("1", first)]
    assert await labels.found(terms.of_task(2)) == [("1", first), ("2", second)]
    assert await labels.found(terms.of_task(2, 3)) == []
    assert await labels.found(terms.of_task(22)) == [("3", third)]


async def test_a_person_is_found_whatever_the_id(labels: Labels):
    first = await labels.put("1", annotator=1, annotator_hash="ab")
    second = await labels.put("2", annotator=9, annotator_hash="ab")
    await labels.put("3", annotator=1, annotator_hash="abc")
    assert await labels.found(terms.of_person("ab")) == [("2", second), ("1", first)]


async def test_in_the_task_layout_every_annotator_finds_it(labels: Labels):
    listed = [{"annotation": 1, "annotator": 5}, {"annotation": 2, "annotator": None}]
    made = await labels.put("t", annotator=7, task=1, annotations=[*listed, {"annotator": 7}])
    assert await labels.found(terms.of_annotator(5)) == [("t", made)]
    assert await labels.found(terms.of_annotator(7)) == [("t", made)]


async def test_what_was_overwritten_or_deleted_is_still_found(labels: Labels):
    made = await labels.put("1", source("cat.jpg"))
    await labels.put("1")
    await labels.hand.delete("1")
    assert await labels.found(terms.of_source(RAW, "cat.jpg")) == [("1", made)]


async def test_every_branch_is_looked_at_and_shared_history_once(labels: Labels):
    shared = await labels.put("1", source("cat.jpg"))
    dev = Labels(await labels.hand.branch("dev"))
    own = await dev.put("2", source("cat.jpg"))
    after = await labels.put("3", source("cat.jpg"))
    found = await labels.found(terms.of_source(RAW, "cat.jpg"))
    assert sorted(found) == sorted([("1", shared), ("2", own), ("3", after)])


async def test_one_commit_of_many_writes(labels: Labels):
    store = labels.hand.store
    puts = [await put(store, k, lineage=record(k, source("cat.jpg"))) for k in "cab"]
    made = await labels.hand.write(*puts)
    assert made.commit is not None
    found = await labels.found(terms.of_source(RAW, "cat.jpg"))
    assert sorted(found) == [(key, made.commit.id) for key in "abc"]


async def test_pages_go_on_behind_any_write(labels: Labels):
    for number in range(7):
        await labels.put(
            str(number), source("a", number % 2), source("b"), annotator=number % 3, task=1
        )
    for wanted in (
        terms.below_source(RAW, ""),
        terms.of_source(RAW, "a"),
        terms.of_annotator(1),
        terms.of_task(1),
    ):
        whole = list(await labels.hand.store.find_writes(REPO, wanted))
        assert whole
        for limit in (1, 2, 3):
            pages: list[FoundWrite] = []
            after = None
            while page := await labels.hand.store.find_writes(
                REPO, wanted, after=after, limit=limit
            ):
                assert len(page) <= limit
                pages += page
                after = page[-1]
            assert pages == whole


async def test_the_record_comes_with_it(labels: Labels):
    made = await labels.put("1", source("cat.jpg"), annotator=3)
    (write,) = await labels.hand.store.find_writes(REPO, terms.of_annotator(3))
    assert write.lineage == record("1", source("cat.jpg"), annotator=3)
    info = await labels.hand.stat("1")
    assert info.version == write.commit == made


async def test_a_repo_that_is_not_there_has_none(labels: Labels, store: Store):
    with pytest.raises(NoRepo):
        await store.find_writes(RepoName("nothing"), terms.of_annotator(1))


async def test_a_repo_of_the_same_name_has_none_of_the_one_before(labels: Labels, store: Store):
    await labels.put("1", annotator=3)
    await store.delete_branch(REPO, "master")
    await store.create_branch(REPO, "master", account="ann", create_repo=True)
    assert await labels.found(terms.of_annotator(3)) == []


async def test_what_was_erased_is_not_found(labels: Labels, store: Store):
    if not store.capabilities.erase:
        pytest.skip("this store cannot (capability `erase`)")
    first = await labels.put("1", source("cat.jpg"), annotator=3)
    second = await labels.put("1", source("cat.jpg"), annotator=4)
    await labels.hand.write(Erase("1", first))
    assert await labels.found(terms.of_source(RAW, "cat.jpg")) == [("1", second)]
    assert await labels.found(terms.of_annotator(3)) == []


async def test_a_delete_is_found_by_nothing(labels: Labels):
    await labels.put("1")
    await labels.hand.write(replace(Delete("1"), lineage=record("1")), about=ABOUT)
    assert await labels.found(Terms(b"", b"\xff")) == []

"""From an object to its record."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hand

from gateway.lineage.query import object_lineage
from gateway.versioning.errors import InvalidName, NoKey, NoRepo, NoVersion
from gateway.versioning.names import CommitId, parse_bucket
from gateway.versioning.store import Store


async def lineage_of(
    store: Store, bucket: str, key: str, version: CommitId | None = None
) -> dict[str, Any]:
    return await object_lineage(store, await store.resolve(parse_bucket(bucket)), key, version)


async def test_an_objects_lineage_is_that_of_the_write_that_made_it(
    store: Store, labels: Hand
) -> None:
    first = await labels.put("a b", lineage={"n": 1})
    second = await labels.put("a b", lineage={"n": 2})
    head = await labels.put("other", lineage={"n": 3})
    found = await lineage_of(store, "labels", "a b")
    assert found == {
        "object": "s3://master.labels/a b", "version": second, "commit": head, "record": {"n": 2},
    }  # fmt: skip
    old = await lineage_of(store, "master.labels", "a b", first)
    assert (old["version"], old["record"]) == (first, {"n": 1})


async def test_a_commits_view_is_spelled_with_the_commit(store: Store, labels: Hand) -> None:
    first = await labels.put("k", lineage={"n": 1})
    await labels.put("k", lineage={"n": 2})
    found = await lineage_of(store, f"{first}.labels", "k")
    assert found["object"] == f"s3://{first}.labels/k"
    assert (found["commit"], found["record"]) == (first, {"n": 1})


async def test_what_is_not_there_has_no_lineage(store: Store, labels: Hand) -> None:
    await labels.put("k")
    with pytest.raises(NoKey):
        await lineage_of(store, "labels", "none")
    with pytest.raises(NoVersion):
        await lineage_of(store, "labels", "k", CommitId("f" * 32))
    with pytest.raises(NoRepo):
        await lineage_of(store, "nowhere", "k")
    with pytest.raises(InvalidName):
        await lineage_of(store, "a.b.c.d", "k")

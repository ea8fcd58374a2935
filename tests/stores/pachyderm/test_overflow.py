"""Records that are too long for a description, and a gateway that has to find them again."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from fake_pachd import FakePachd
from hands import Hand, put
from heard import eventually

from gateway.stores.pachyderm import overflow, record
from gateway.stores.pachyderm.store import PachydermStore

GONE = (grpc.StatusCode.UNAVAILABLE, "Stream removed (Socket closed)")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptions are short."""
    monkeypatch.setattr(overflow, "DESCRIPTION_BYTES_MAX", 1000)


async def test_a_long_record_is_kept_beside_and_every_replica_finds_it(
    hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    lineage = {"v": 1, "sources": [{"uri": f"s3://x/{number}"} for number in range(100)]}
    version = await hand.put("a", b"1", lineage=lineage)
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    description = fake.commit("labels", "master").description
    kept = record.kept_at(description)
    assert kept is not None
    assert len(description) < 1000
    assert kept.path in fake.files("_labelgate_", kept.commit)
    other = Hand(await open_store("other"))
    info = await other.stat("a")
    assert (info, info.version) == (await hand.stat("a"), version)
    assert await other.store.lineage(await other.head(), info) == lineage


async def test_a_kept_record_that_is_gone_makes_it_a_commit_by_another_tool(
    hand: Hand, store: PachydermStore, fake: FakePachd, open_store: Any
):
    await hand.write(*[await put(store, f"k{number}", b"body") for number in range(100)])
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    fake.delete_repo("_labelgate_")
    other = Hand(await open_store("other"))
    assert len(await other.keys()) == 100
    assert await other.read("k7") == b"body"
    assert (await other.stat("k7")).etag != (await hand.stat("k7")).etag


async def test_nothing_is_begun_where_the_record_cannot_be_kept(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    changes = [await put(store, f"k{number}") for number in range(100)]
    fake.create_repo("_labelgate_")
    fake.write("_labelgate_", "master", {"/x": b""})
    before = fake.calls["StartCommit"]
    fake.fail_next("StartCommit", *GONE)
    with pytest.raises(Exception, match="does not answer"):
        await hand.write(*changes)
    assert fake.calls["StartCommit"] == before + 1
    assert await hand.keys() == []

"""What is kept of a write: the record, the summary, the digest of the no-op rule."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from hands import Hand
from labels import annotation, encoded, task

from gateway.lineage.evidence import Evidence
from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import SOURCES_MAX, Described, Recorder, Write
from gateway.versioning.model import Repo, Snapshot
from gateway.versioning.store import Store

# A moment after the label in `annotation()` was saved, and years after what the store holds.
WRITTEN_MS = 1_795_407_543_600


async def write(hand: Hand, body: bytes = b"", **more: Any) -> Write:
    return Write(
        bucket=await hand.head(), key="sentiment/1", size=len(body), etag="e", time_ms=WRITTEN_MS,
        account="ann", key_name="laptop", request_id="R", **more,
    )  # fmt: skip


async def described(store: Store, hand: Hand, body: bytes | None, **more: Any) -> Described:
    return await Recorder(store, ReadLog()).describe_put(
        await write(hand, body or b"", **more), body
    )


async def test_a_labels_record_says_where_it_comes_from(
    store: Store, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("images/img 3.png")
    body = encoded(annotation())
    found = await described(store, labels, body, client_hint="attempt")
    record = found.record
    assert json.loads(json.dumps(record)) == record
    assert (record["v"], record["kind"], record["time"]) == (1, "put", WRITTEN_MS)
    assert (record["account"], record["key_name"], record["request_id"]) == ("ann", "laptop", "R")
    assert (record["bucket"], record["key"]) == ("master.labels", "sentiment/1")
    assert record["client_hint"] == "attempt"
    assert record["content"] == {
        "size": len(body), "etag": "e", "sha256": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    assert record["sources"] == [
        {
            "uri": "s3://master.raw/images/img 3.png", "evidence": "head-at-open", "repo": "raw",
            "project": "default", "ref": "master", "path": "images/img 3.png", "commit": version,
        }
    ]  # fmt: skip
    assert (record["body"], record["layout"]) == ("label", "annotation")
    assert (record["project"], record["task"], record["annotation"]) == (2, 11, 4)
    assert (record["annotator"], record["lead_time"], record["result_count"]) == (7, 9.1, 1)
    assert record["was_cancelled"] is False
    assert record["times"]["task_created"] == 1_795_407_475_248
    assert "example.com" not in json.dumps(record)
    assert found.links == (Evidence.HEAD_AT_OPEN,)
    assert found.summary == {
        "author": "7",
        "sources": f"s3://{version}.master.raw/images/img%203.png",
        "evidence": "head-at-open",
    }


async def test_a_record_says_what_was_observed_and_what_changed_meanwhile(
    store: Store, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("images/img 3.png")
    recorder, read_ms = Recorder(store, ReadLog()), WRITTEN_MS - 3_000
    at, info = await raw.head(), await raw.stat("images/img 3.png")
    recorder.reads.served(at, info, "laptop", link=True, ms=read_ms)
    body = encoded(annotation())
    found = await recorder.describe_put(await write(labels, body), body)
    [source] = found.record["sources"]
    assert (source["evidence"], source["commit"], source["read"]) == (
        "observed", version, read_ms,
    )  # fmt: skip
    assert "changed_during" not in source
    assert found.links == (Evidence.OBSERVED,)
    assert found.summary["evidence"] == "observed"
    early = await recorder.describe_put(replace(await write(labels, body), time_ms=5), body)
    assert early.record["sources"][0]["changed_during"] is True


async def test_a_tasks_record_names_all_its_annotations(store: Store, labels: Hand) -> None:
    found = await described(store, labels, encoded(task()))
    assert found.record["annotations"] == [{"annotation": 4, "annotator": 7}]
    assert found.record["layout"] == "task"


async def test_other_bodies_are_recorded_without_a_summary(store: Store, labels: Hand) -> None:
    found = await described(store, labels, b"no label")
    assert (found.record["body"], found.record["sources"]) == ("other", [])
    assert (found.summary, found.same_as, found.links) == ({}, None, ())
    unread = await described(store, labels, None)
    assert unread.record["body"] == "unread"
    assert "sha256" not in unread.record["content"]
    known = await described(store, labels, None, sha256="ab" * 32)
    assert known.record["content"]["sha256"] == "ab" * 32


async def test_declared_sources_come_behind_the_bodys_each_once(
    store: Store, raw: Hand, labels: Hand
) -> None:
    await raw.put("images/img 3.png")
    await raw.put("texts/1")
    declared = ["s3://raw/texts/1", "no uri", "s3://master.raw/images/img 3.png", "s3://x/y"]
    found = await described(store, labels, encoded(annotation()), declared_sources=declared)
    assert [one["uri"] for one in found.record["sources"]] == [
        "s3://master.raw/images/img 3.png", "s3://raw/texts/1", "s3://x/y",
    ]  # fmt: skip
    assert found.summary["evidence"] == "head-at-open,external"


async def test_what_a_writer_declares_is_part_of_what_must_not_change(
    store: Store, labels: Hand
) -> None:
    body = encoded(annotation())
    plain = await described(store, labels, body)
    one = await described(store, labels, body, declared_sources=["s3://a/1"])
    again = await described(store, labels, body, declared_sources=["s3://a/1"])
    other = await described(store, labels, body, declared_sources=["s3://a/2"])
    assert one.same_as == again.same_as
    assert len({plain.same_as, one.same_as, other.same_as}) == 3


async def test_at_most_1000_sources_are_looked_up_and_the_rest_is_counted(
    store: Store, labels: Hand
) -> None:
    data = {"images": [f"s3://nowhere/{n}" for n in range(SOURCES_MAX + 7)]}
    found = await described(store, labels, encoded(annotation(data=data)))
    assert len(found.record["sources"]) == SOURCES_MAX
    assert found.record["sources_left_out"] == 7


async def test_a_source_the_writer_may_not_read_stays_external_in_the_record(
    store: Store, raw: Hand, labels: Hand
) -> None:
    await raw.put("images/img 3.png")

    async def readable(place: Repo | Snapshot, key: str) -> bool:
        repo = place if isinstance(place, Repo) else place.repo
        return (repo.name.name, key) != ("raw", "images/img 3.png")

    found = await described(store, labels, encoded(annotation()), readable=readable)
    assert found.record["sources"] == [
        {"uri": "s3://master.raw/images/img 3.png", "evidence": "external"}
    ]


async def test_a_copy_keeps_the_summary_of_its_bytes(store: Store, raw: Hand, labels: Hand) -> None:
    version = await raw.put("k")
    info = await raw.stat("k")
    recorder = Recorder(store, ReadLog())
    found = await recorder.describe_copy(await write(labels), await raw.head(), info)
    [source] = found.record["sources"]
    assert (source["evidence"], source["commit"], source["path"]) == ("pinned", version, "k")
    assert found.record["kind"] == "copy"
    assert "body" not in found.record
    assert found.summary == {}
    named = await recorder.describe_copy(
        await write(labels, declared_sources=["s3://raw/k"]), await raw.head(), info
    )
    assert [one["evidence"] for one in named.record["sources"]] == ["pinned", "head-at-put"]
    assert named.summary["sources"] == f"s3://{version}.master.raw/k"


async def test_a_deletes_record_says_who_and_when(store: Store, labels: Hand) -> None:
    given = Write.of_delete(
        await labels.head(), "k", time_ms=5, account="ann", key_name="laptop", request_id="R"
    )
    found = await Recorder(store, ReadLog()).describe_delete(given)
    assert found.record == {
        "v": 1, "kind": "delete", "time": 5, "account": "ann", "key_name": "laptop",
        "request_id": "R", "bucket": "master.labels", "key": "k",
    }  # fmt: skip

"""The file of a task is found by what was in it as the sync read it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hands import Hand
from labels import TASK_CREATED, annotation, encoded

from gateway.lineage.reads import Place, Read, ReadLog
from gateway.lineage.recorder import Recorder, Write
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.model import Erase, Repo, Snapshot
from gateway.versioning.names import CommitId

MADE_MS = int(datetime.fromisoformat(TASK_CREATED).replace(tzinfo=UTC).timestamp() * 1000)
DATA = {"text": "some words", "weight": 1.5}


@pytest.fixture
def reads() -> ReadLog:
    return ReadLog()


@pytest.fixture
def recorder(store: EmbeddedStore, reads: ReadLog) -> Recorder:
    return Recorder(store, reads)


def note(reads: ReadLog, key: str, version: CommitId, *, ms: int = MADE_MS - 50, **of: Any) -> None:
    read = Read(ms, version, of.get("key_name", "key"), of.get("presigned", False))
    reads.note(Place("default", "raw", "master", key), read)


async def sources(recorder: Recorder, labels: Hand, data: Any = None, **more: Any) -> list[Any]:
    body = encoded(annotation(DATA if data is None else data))
    write = Write(await labels.head(), "1", len(body), "e", MADE_MS + 99_000, "ann", "key", "r")
    described = await recorder.describe_put(replace(write, **more), body)
    found: list[Any] = described.record["sources"]
    return found


async def test_the_file_is_found_by_the_tasks_data(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    wanted = await raw.put("a.json", json.dumps({"data": DATA}).encode())
    other = await raw.put("b.json", b'{"data": {"text": "other words"}}')
    note(reads, "a.json", wanted, ms=MADE_MS - 90)
    note(reads, "b.json", other)
    assert await sources(recorder, labels) == [
        {
            "uri": "s3://master.raw/a.json", "evidence": "observed", "repo": "raw",
            "project": "default", "ref": "master", "path": "a.json", "commit": wanted,
            "read": MADE_MS - 90, "found": "content",
        }
    ]  # fmt: skip


async def test_it_is_the_version_that_was_read_and_says_that_it_changed(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    wanted = await raw.put("a.json", json.dumps(DATA).encode())
    note(reads, "a.json", wanted)
    await raw.put("a.json", b"{}")
    [found] = await sources(recorder, labels)
    assert (found["commit"], found["changed_during"]) == (wanted, True)
    await raw.delete("a.json")
    [found] = await sources(recorder, labels)
    assert (found["commit"], found["changed_during"]) == (wanted, True)


async def test_a_line_of_a_file_will_do(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    lines = b"".join(json.dumps({"data": {"n": n}}).encode() + b"\n" for n in range(500))
    wanted = await raw.put("many.jsonl", lines + json.dumps({"data": DATA}).encode())
    note(reads, "many.jsonl", wanted, ms=MADE_MS - 300_000)
    assert [one["commit"] for one in await sources(recorder, labels)] == [wanted]


async def test_a_file_that_the_label_names_is_not_told_twice(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    data = {**DATA, "self": "s3://raw/a.json"}
    wanted = await raw.put("a.json", json.dumps(data).encode())
    note(reads, "a.json", wanted)
    [found] = await sources(recorder, labels, data)
    assert "found" not in found


async def test_what_was_read_at_another_time_or_by_a_browser_is_not_looked_into(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("a.json", json.dumps(DATA).encode())
    note(reads, "a.json", version, ms=MADE_MS - 3_600_000)
    note(reads, "a.json", version, presigned=True)
    assert await sources(recorder, labels) == []
    note(reads, "a.json", version, ms=MADE_MS + 3_600_000)
    assert await sources(recorder, labels) == []


async def test_a_clock_of_label_studio_that_is_behind_does_no_harm(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("a.json", json.dumps(DATA).encode())
    note(reads, "a.json", version, ms=MADE_MS + 20_000)
    assert [one["commit"] for one in await sources(recorder, labels)] == [version]


async def test_of_two_files_alike_that_which_the_writers_key_read_is_meant(
    recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    theirs = await raw.put("theirs.json", json.dumps(DATA).encode())
    mine = await raw.put("mine.json", json.dumps(DATA).encode())
    note(reads, "mine.json", mine, ms=MADE_MS - 500)
    note(reads, "theirs.json", theirs, key_name="another")
    assert [one["path"] for one in await sources(recorder, labels)] == ["mine.json"]


async def test_what_the_writer_may_not_read_or_is_gone_is_not_named(
    store: EmbeddedStore, recorder: Recorder, reads: ReadLog, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("a.json", json.dumps(DATA).encode())
    note(reads, "a.json", version)

    async def nothing(_place: Repo | Snapshot, _key: str) -> bool:
        return False

    assert await sources(recorder, labels, readable=nothing) == []
    await raw.write(Erase("a.json", version))
    assert await sources(Recorder(store, reads), labels) == []


async def test_a_field_that_was_put_in_as_the_file_was_served_pins_it(
    recorder: Recorder, raw: Hand, labels: Hand
) -> None:
    version = await raw.put("dir/a b.json", b"old")
    await raw.put("dir/a b.json", b"new")
    data = {**DATA, "labelgate_source": f"{version}.raw/dir/a b.json"}
    [found] = await sources(recorder, labels, data)
    assert (found["evidence"], found["commit"], found["path"]) == (
        "pinned", version, "dir/a b.json",
    )  # fmt: skip
    for nonsense in (7, "", "x", None, f"{version}.raw"):
        assert await sources(recorder, labels, {"labelgate_source": nonsense}) == []

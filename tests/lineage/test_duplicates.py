"""The same work twice is marked once, whichever of the two comes later."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hand
from labels import RESULT, annotation, encoded, task

from gateway.lineage.labelstudio import read
from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder, Write
from gateway.stores.embedded.store import EmbeddedStore


@pytest.fixture
def recorder(store: EmbeddedStore) -> Recorder:
    return Recorder(store, ReadLog())


async def described(recorder: Recorder, labels: Hand, form: dict[str, Any]) -> dict[str, Any]:
    """The record of a write that then fails."""
    body = encoded(form)
    write = Write(await labels.head(), str(form["id"]), len(body), "e", 1, "ann", "key", "r")
    return (await recorder.describe_put(write, body)).record


async def saved(recorder: Recorder, labels: Hand, form: dict[str, Any]) -> dict[str, Any]:
    """The record of a write that is kept, with its version as `version`."""
    record = await described(recorder, labels, form)
    version = await labels.put(str(form["id"]), encoded(form), lineage=record)
    return record | {"version": version}


async def test_the_second_annotation_of_the_same_work_is_marked(
    recorder: Recorder, labels: Hand
) -> None:
    first = await saved(recorder, labels, annotation(id=5))
    second = await saved(recorder, labels, annotation(id=6))
    assert "duplicate_of" not in first
    assert second["duplicate_of"] == {
        "annotation": 5, "key": "5", "version": first["version"],
    }  # fmt: skip
    assert first["work"] == second["work"]


async def test_an_attempt_that_failed_is_remembered(recorder: Recorder, labels: Hand) -> None:
    await described(recorder, labels, annotation(id=5))
    second = await saved(recorder, labels, annotation(id=6))
    assert second["duplicate_of"] == {"annotation": 5}
    # The first comes with the next sync: of two, one is marked.
    assert "duplicate_of" not in await saved(recorder, labels, annotation(id=5))
    again = await saved(recorder, labels, annotation(id=6, ground_truth=True))
    assert again["duplicate_of"]["annotation"] == 5


async def test_a_retry_is_no_duplicate_of_itself(recorder: Recorder, labels: Hand) -> None:
    await described(recorder, labels, annotation(id=5))
    await described(recorder, labels, annotation(id=5))
    assert "duplicate_of" not in await saved(recorder, labels, annotation(id=5))
    assert "duplicate_of" not in await saved(recorder, labels, annotation(id=5, lead_time=99))


async def test_the_first_stays_unmarked_when_it_is_saved_again(
    store: EmbeddedStore, recorder: Recorder, labels: Hand
) -> None:
    await saved(recorder, labels, annotation(id=5))
    await saved(recorder, labels, annotation(id=6))
    after_a_restart = Recorder(store, ReadLog())
    again = await saved(after_a_restart, labels, annotation(id=5, ground_truth=True))
    assert "duplicate_of" not in again


MOVED = [{**RESULT[0], "value": {**RESULT[0]["value"], "x": 11}}]
OTHER_REGION = [{**RESULT[0], "id": "rect000002"}]


@pytest.mark.parametrize(
    "changed",
    [
        {"result": MOVED},
        {"result": OTHER_REGION},
        {"result": [*RESULT, *OTHER_REGION]},
        {"completed_by": {"id": 8}},
        {"completed_by": None},
        {"project": 3},
        {"task": {**annotation()["task"], "id": 12}},
        {"parent_annotation": 5},
        {"result": []},
    ],
)
async def test_other_work_is_no_duplicate(
    recorder: Recorder, labels: Hand, changed: dict[str, Any]
) -> None:
    await saved(recorder, labels, annotation(id=5))
    assert "duplicate_of" not in await saved(recorder, labels, annotation(id=6, **changed))


async def test_two_empty_submits_say_nothing(recorder: Recorder, labels: Hand) -> None:
    for number in (5, 6):
        record = await saved(recorder, labels, annotation(id=number, result=[]))
        assert record["work"] is None
        assert "duplicate_of" not in record


async def test_another_branch_has_work_of_its_own(
    store: EmbeddedStore, recorder: Recorder, labels: Hand
) -> None:
    await saved(recorder, labels, annotation(id=5))
    dev = await labels.branch("dev")
    assert "duplicate_of" not in await saved(recorder, dev, annotation(id=6))


def test_work_does_not_hang_on_how_a_body_is_written() -> None:
    form = annotation()
    one = read(encoded(form))
    two = read(encoded(dict(reversed(form.items()))))
    assert one
    assert two
    assert one.annotations[0].work == two.annotations[0].work is not None


async def test_in_the_task_layout_the_later_one_in_the_body_is_marked(
    recorder: Recorder, labels: Hand
) -> None:
    [one] = task()["annotations"]
    other = {**one, "id": 6, "result": MOVED}
    record = await saved(recorder, labels, task(annotations=[one, {**one, "id": 5}, other]))
    marks = [listed.get("duplicate_of") for listed in record["annotations"]]
    assert marks == [None, 4, None]
    assert "duplicate_of" not in record

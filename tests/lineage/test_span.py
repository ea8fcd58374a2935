"""When the work on a label was, by the times in bodies as Label Studio writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from labels import annotation, encoded, task

from gateway.lineage.labelstudio import Label
from gateway.lineage.labelstudio import read as read_label
from gateway.lineage.reads import Read
from gateway.lineage.span import SUBMIT_MS, Readers, Span, span_of, viewed
from gateway.versioning.names import CommitId

SAVED = 1_795_407_543_536
TASK_MADE = 1_795_407_475_248
PUT = SAVED + 40
IMAGE, FILE = "images/1.png", "tasks/1.json"


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def label(form: dict[str, Any] | None = None, **changed: Any) -> Label:
    found = read_label(encoded(form or annotation(**changed)))
    assert found is not None
    return found


def read(ms: int, *, link: bool = False) -> Read:
    return Read(ms, CommitId("a"), "studio", link)


@pytest.mark.parametrize("layout", [annotation, task])
def test_the_work_on_a_new_annotation_is_its_lead_time(layout: Any) -> None:
    opened = SAVED - 9_100 - SUBMIT_MS
    assert span_of(label(layout()), IMAGE, PUT, ()) == Span(opened, opened, SAVED)


@pytest.mark.parametrize(
    ("why", "changed", "opened"),
    [
        ("no lead time", {"lead_time": None}, SAVED - SUBMIT_MS),
        ("a draft before", {"draft_created_at": iso(SAVED - 30_000)}, SAVED - 30_000),
        ("a draft since", {"draft_created_at": iso(SAVED - 5_000)}, SAVED - 9_100 - SUBMIT_MS),
        ("only created", {"updated_at": None}, SAVED - 9_100 - SUBMIT_MS),
        ("only updated", {"created_at": None}, SAVED - 9_100 - SUBMIT_MS),
        ("edited at once", {"updated_at": iso(SAVED + 5_000)}, SAVED),
        (
            "edited: the draft was of the work before it",
            {"updated_at": iso(SAVED + 600_000), "draft_created_at": iso(SAVED - 30_000)},
            SAVED + 600_000 - 9_100 - SUBMIT_MS,
        ),
    ],
)
def test_when_the_work_began(why: str, changed: dict[str, Any], opened: int) -> None:
    span = viewed(label(**changed), SAVED + 700_000)
    assert span is not None, why
    assert span.opened_ms == opened, why


def test_no_task_was_open_before_it_was_made() -> None:
    span = viewed(label(lead_time=1e9), PUT)
    assert span is not None
    assert span.opened_ms == TASK_MADE


def test_a_task_that_is_younger_than_its_annotation_still_has_a_span() -> None:
    form = annotation()
    form["task"]["created_at"] = iso(SAVED + 5_000)
    assert viewed(label(form), PUT) == Span(SAVED, SAVED, SAVED)


def test_a_body_without_times_has_no_span() -> None:
    form = annotation(created_at=None, updated_at=None)
    form["task"]["created_at"] = None
    for key in (IMAGE, FILE):
        assert span_of(label(form), key, PUT, ()) is None
    assert span_of(label(task(annotations=[])), IMAGE, PUT, ()) is None


def test_a_clock_that_is_ahead_is_put_right() -> None:
    right, ahead = viewed(label(), SAVED), viewed(label(), SAVED - 60_000)
    assert right is not None
    assert ahead is not None
    assert ahead.opened_ms == right.opened_ms - 60_000
    assert ahead.until_ms == SAVED - 60_000
    assert viewed(label(), SAVED + 60_000) == right  # a later sync writes it again


@pytest.mark.parametrize("changed", [{"import_id": 3}, {"bulk_created": True}])
def test_nobody_looked_at_what_was_imported(changed: dict[str, Any]) -> None:
    span = viewed(label(**changed), PUT)
    assert span is not None
    assert span.readers is Readers.NOBODY


def test_a_file_of_tasks_was_read_by_the_sync_that_made_the_task() -> None:
    for reads in ([], [read(TASK_MADE - 5)], [read(TASK_MADE - 5), read(SAVED - 3_000)]):
        span = span_of(label(), FILE, PUT, reads)
        assert span is not None
        assert (span.readers, span.opened_ms, span.until_ms) == (
            Readers.SYNC, TASK_MADE, TASK_MADE,
        )  # fmt: skip


def test_a_json_file_that_is_shown_as_a_medium_is_looked_at() -> None:
    for reads in ([read(SAVED - 3_000)], [read(TASK_MADE - 5, link=True), read(SAVED - 3_000)]):
        assert span_of(label(), FILE, PUT, reads) == viewed(label(), PUT)

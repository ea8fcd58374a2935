"""A target sync writes every annotation again; only what was edited is a commit."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from studios import Desk, Work, box, choice, pictures, texts
from waiting import until

pytestmark = pytest.mark.labelstudio


@pytest.fixture(params=["http", "https", "task_layout"])
def anywhere(request: pytest.FixtureRequest) -> Desk:
    """Both ways to the gateway, and Label Studio's other layout: one object a task."""
    found: Desk = request.getfixturevalue(f"{request.param}_desk")
    return found


def noops(work: Work) -> float:
    """How many PUTs to the target's branch made no commit."""
    _, repo = work.labels.bucket.split(".")
    return work.desk.gateway.metric("labelgate_noop_puts_total", repo=repo, branch="master")


def synced(work: Work) -> dict[str, Any]:
    """Write everything to the target again."""
    return work.api.sync_storage("target", work.target)


def test_two_syncs_in_a_row_of_unchanged_annotations_make_no_commit(anywhere: Desk) -> None:
    work = texts(anywhere, count=12)
    for number, task in enumerate(work.api.tasks(work.project)):
        work.api.annotate(task["id"], choice("Positive") if number % 4 else [], skip=not number % 4)
    head, before = work.labels.head, noops(work)
    assert synced(work)["status"] == "completed"
    assert noops(work) - before == 12
    assert synced(work)["status"] == "completed"
    assert noops(work) - before == 24
    assert work.labels.since(head) == []


def test_an_annotation_that_has_only_grown_older_is_no_commit(anywhere: Desk) -> None:
    work = texts(anywhere, count=1)
    [task] = work.api.tasks(work.project)
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    # Label Studio writes the age in whole minutes; one that is about to change need not be
    # waited for.
    backdate(anywhere, annotation, seconds=118)
    synced(work)
    head, age = work.labels.head, age_of(work, task["id"])
    until(lambda: age_of(work, task["id"]) != age, "the annotation is a minute older")
    before = noops(work)
    synced(work)
    assert noops(work) - before == 1
    assert work.labels.since(head) == []


def test_an_edit_of_one_coordinate_is_a_commit_also_between_syncs(anywhere: Desk) -> None:
    work = pictures(anywhere)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], box("Circle", x=10.0))["id"]
    synced(work)
    for x in (10.5, 10.25, 10.0):
        head, before = work.labels.head, noops(work)
        work.api.update_annotation(annotation, box("Circle", x=x))
        [commit] = work.labels.since(head)
        assert len(commit["changes"]) == 1
        synced(work)
        assert len(work.labels.since(head)) == 1
        assert noops(work) - before == 1


def test_a_sync_brings_back_a_label_that_was_deleted_behind_label_studios_back(
    anywhere: Desk,
) -> None:
    work = texts(anywhere)
    task = work.api.tasks(work.project)[0]
    work.api.annotate(task["id"], choice("Neutral"))
    head = work.labels.head
    [written] = work.labels.since(_root(work))
    key = written["changes"][0]["key"]
    work.desk.gateway.s3().delete_object(Bucket=work.labels.bucket, Key=key)
    synced(work)
    assert [commit["kind"] for commit in work.labels.since(head)] == ["delete", "put"]


def test_the_task_layout_names_every_annotation_of_its_task(task_layout_desk: Desk) -> None:
    work = texts(task_layout_desk)
    task = work.api.tasks(work.project)[0]
    first = work.api.annotate(task["id"], choice("Positive"))["id"]
    head = work.labels.head
    second = work.api.annotate(task["id"], choice("Negative"))["id"]
    [commit] = work.labels.since(head)
    [change] = commit["changes"]
    assert change["key"] == f"{work.prefix}/{task['id']}.json"
    lineage = change["lineage"]
    assert lineage["layout"] == "task"
    assert {one["annotation"] for one in lineage["annotations"]} == {first, second}
    assert lineage["annotation"] == second
    [source] = lineage["sources"]
    assert source["commit"] == work.version("reviews/001.json")


def test_deleting_one_of_two_annotations_in_the_task_layout_loses_nothing_for_good(
    task_layout_desk: Desk,
) -> None:
    work = texts(task_layout_desk)
    task = work.api.tasks(work.project)[0]
    work.api.annotate(task["id"], choice("Positive"))
    second = work.api.annotate(task["id"], choice("Negative"))["id"]
    key, written = f"{work.prefix}/{task['id']}.json", work.labels.head
    body = work.read(key)
    work.api.delete_annotation(second)
    # Label Studio deletes the whole object here, with the other annotation in it.
    assert work.labels.head != written
    assert work.read(key, written) == body


def test_an_annotation_that_could_not_be_written_is_written_by_the_next_sync(
    http_desk: Desk,
) -> None:
    work, s3 = texts(http_desk), http_desk.gateway.s3()
    task = work.api.tasks(work.project)[0]
    s3.delete_bucket(Bucket=work.labels.bucket)
    with pytest.raises(httpx.HTTPStatusError, match="NoSuchBucket"):
        work.api.annotate(task["id"], choice("Positive"))
    s3.create_bucket(Bucket=work.labels.bucket)
    head = work.labels.head
    synced(work)
    [commit] = work.labels.since(head)
    assert commit["changes"][0]["lineage"]["task"] == task["id"]


def test_an_annotation_submitted_again_after_a_failure_is_marked_and_both_are_kept(
    http_desk: Desk,
) -> None:
    work, s3 = texts(http_desk), http_desk.gateway.s3()
    task = work.api.tasks(work.project)[0]
    s3.delete_bucket(Bucket=work.labels.bucket)
    with pytest.raises(httpx.HTTPStatusError, match="NoSuchBucket"):
        work.api.annotate(task["id"], choice("Positive"))
    s3.create_bucket(Bucket=work.labels.bucket)
    # The annotator sees an error and submits again: Label Studio has both now.
    second = work.api.annotate(task["id"], choice("Positive"))["id"]
    synced(work)
    [now] = [one for one in work.api.tasks(work.project) if one["id"] == task["id"]]
    [first] = {one["id"] for one in now["annotations"]} - {second}
    marks = {
        number: work.labels.lineage(work.key(number)).get("duplicate_of")
        for number in (first, second)
    }
    assert marks[second] is None
    assert marks[first]["annotation"] == second
    assert marks[first]["key"] == work.key(second)


def age_of(work: Work, task: int) -> str:
    """The age of the task's only annotation, in Label Studio's words."""
    [annotation] = next(one for one in work.api.tasks(work.project) if one["id"] == task)[
        "annotations"
    ]
    return str(annotation["created_ago"])


def backdate(desk: Desk, annotation: int, *, seconds: float) -> None:
    """Let the annotation have been made so long ago."""
    made = datetime.now(UTC) - timedelta(seconds=seconds)
    database = desk.studio.log.with_name("label_studio.sqlite3")
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        connection.execute(
            "UPDATE task_completion SET created_at=? WHERE id=?",
            (made.strftime("%Y-%m-%d %H:%M:%S.%f"), annotation),
        )


def _root(work: Work) -> str:
    """The empty commit that the target's branch began with."""
    commit = work.labels.log()[-1]
    assert commit["changes"] == 0
    return str(commit["id"])

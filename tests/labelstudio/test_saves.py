"""Each save of an annotation is one commit, and nothing that was saved is lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from history import Branch
from studios import Desk, box, choice, pictures, texts

pytestmark = pytest.mark.labelstudio

DEMO_USER = 1


def only(commits: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one commit there is, and its one change."""
    [commit] = commits
    [change] = commit["changes"]
    return commit, change


def value(body: bytes) -> Any:
    """What was chosen in a saved annotation; None where nothing was."""
    result = json.loads(body)["result"]
    return result[0]["value"] if result else None


def test_a_submitted_annotation_is_one_commit_that_names_who_did_what(desk: Desk) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    before = work.labels.head
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    commit, change = only(work.labels.since(before))
    assert (commit["kind"], change["kind"], change["key"]) == ("put", "put", work.key(annotation))
    lineage = change["lineage"]
    assert lineage["body"] == "label"
    assert lineage["project"] == work.project
    assert lineage["task"] == task["id"]
    assert lineage["annotation"] == annotation
    assert lineage["annotator"] == DEMO_USER
    assert lineage["result_count"] == 1
    assert lineage["was_cancelled"] is False
    shown = desk.gateway.s3().head_object(Bucket=work.labels.bucket, Key=work.key(annotation))
    assert shown["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"] == commit["id"]
    assert shown["VersionId"] == commit["id"]


def test_a_label_of_a_json_task_names_the_version_of_the_object_its_task_came_from(
    desk: Desk,
) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    [source] = work.labels.lineage(work.key(annotation))["sources"]
    assert source["uri"] == f"s3://{work.raw.bucket}/reviews/001.json"
    assert source["commit"] == work.version("reviews/001.json")
    assert source["evidence"] == "observed"


def test_an_update_is_one_commit_and_the_label_before_is_read_from_the_old_one(
    desk: Desk,
) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    key, first = work.key(annotation), work.labels.head
    as_first_written = work.read(key)
    work.api.update_annotation(annotation, choice("Negative"))
    commit, change = only(work.labels.since(first))
    assert (commit["kind"], change["key"]) == ("put", key)
    assert change["lineage"]["annotation"] == annotation
    assert value(work.read(key)) == {"choices": ["Negative"]}
    assert work.read(key, first) == as_first_written
    assert value(as_first_written) == {"choices": ["Positive"]}


def test_a_skipped_task_is_one_commit_that_says_so(desk: Desk) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    before = work.labels.head
    work.api.annotate(task["id"], [], skip=True)
    _, change = only(work.labels.since(before))
    assert change["lineage"]["was_cancelled"] is True
    assert change["lineage"]["result_count"] == 0


def test_a_deleted_annotation_is_one_commit_and_its_label_is_still_in_the_one_before(
    desk: Desk,
) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    key, written = work.key(annotation), work.labels.head
    as_written = work.read(key)
    work.api.delete_annotation(annotation)
    commit, change = only(work.labels.since(written))
    assert (commit["kind"], change["kind"], change["key"]) == ("delete", "delete", key)
    assert keys(desk, work.labels.bucket) == []
    assert work.read(key, written) == as_written


def test_annotations_deleted_together_are_gone_from_the_head_and_still_in_the_commits_before(
    desk: Desk,
) -> None:
    work = texts(desk, count=5)
    tasks = work.api.tasks(work.project)
    ids = [work.api.annotate(task["id"], choice("Neutral"))["id"] for task in tasks]
    written = work.labels.head
    bodies = {work.key(one): work.read(work.key(one)) for one in ids}
    work.api.bulk_delete_annotations(work.project, [task["id"] for task in tasks[:4]])
    changes = [change for commit in work.labels.since(written) for change in commit["changes"]]
    assert [change["kind"] for change in changes] == ["delete"] * 4
    assert {change["key"] for change in changes} == set(list(bodies)[:4])
    assert keys(desk, work.labels.bucket) == [work.key(ids[4])]
    assert {key: work.read(key, written) for key in bodies} == bodies


def test_an_annotation_can_be_deleted_whose_object_is_gone_already(desk: Desk) -> None:
    work = texts(desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    work.desk.gateway.s3().delete_object(Bucket=work.labels.bucket, Key=work.key(annotation))
    work.api.delete_annotation(annotation)
    assert work.api.tasks(work.project)[0]["total_annotations"] == 0


def changes_of(desk: Desk, commits: list[dict[str, Any]]) -> list[str]:
    """The keys that commits changed, one by one. Only in front of Pachyderm a burst shares one."""
    if desk.gateway.env.get("LABELGATE_STORE") != "pachyderm":
        assert {len(commit["changes"]) for commit in commits} == {1}
    return [change["key"] for commit in commits for change in commit["changes"]]


def test_a_target_made_later_gets_every_annotation_each_as_a_change_of_its_own(
    desk: Desk,
) -> None:
    work = texts(desk)
    annotated = {"data": {"text": "Imported."}, "annotations": [{"result": choice("Neutral")}]}
    work.api.import_tasks(work.project, [annotated] * 40)
    _, labels = desk.buckets()
    branch = Branch(desk.gateway, labels)
    before = branch.head
    settings = {"bucket": labels, "prefix": "a/", "project": work.project}
    work.api.create_storage("target", settings)
    changed = changes_of(desk, branch.since(before))
    # A prefix that ends in a slash gets another one from Label Studio.
    assert all(key.startswith("a//") for key in changed)
    assert sorted(changed) == sorted(keys(desk, labels))
    assert len(changed) == 40


def test_annotators_who_submit_at_once_all_get_their_commit(desk: Desk) -> None:
    work = texts(desk, count=8)
    tasks = [task["id"] for task in work.api.tasks(work.project)]
    before = work.labels.head
    with ThreadPoolExecutor(8) as annotators:
        saved = list(annotators.map(lambda task: work.api.annotate(task, choice("Neutral")), tasks))
    changed = changes_of(desk, work.labels.since(before))
    assert sorted(changed) == sorted(work.key(one["id"]) for one in saved)


def test_puts_behind_a_tls_front_come_in_chunks_with_a_trailing_checksum_that_is_not_stored(
    https_desk: Desk,
) -> None:
    work = texts(https_desk)
    task = work.api.tasks(work.project)[0]
    assert https_desk.front is not None
    https_desk.front.received.clear()
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    sent = bytes(https_desk.front.received)
    assert b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" in sent
    assert b"\r\nx-amz-checksum-crc32:" in sent
    found = https_desk.gateway.s3().get_object(Bucket=work.labels.bucket, Key=work.key(annotation))
    assert json.loads(found["Body"].read())["id"] == annotation
    assert "ContentEncoding" not in found


def test_a_label_of_a_picture_names_the_version_that_was_shown_as_it_was_made(
    desk: Desk,
) -> None:
    work = pictures(desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], box("Circle"))["id"]
    key, first = work.key(annotation), work.labels.head
    old = work.version("scenes/scene-1.png")
    work.desk.gateway.s3().put_object(
        Bucket=work.raw.bucket, Key="scenes/scene-1.png", Body=b"another picture"
    )
    # As Label Studio does where it passes pictures on.
    work.desk.gateway.s3().get_object(Bucket=work.raw.bucket, Key="scenes/scene-1.png")
    work.api.update_annotation(annotation, box("Square"))
    [now] = work.labels.lineage(key)["sources"]
    [then] = work.labels.lineage(key, first)["sources"]
    assert now["uri"] == then["uri"] == f"s3://{work.raw.bucket}/scenes/scene-1.png"
    assert then["commit"] == old
    assert now["commit"] == work.version("scenes/scene-1.png") != old


def test_the_command_line_shows_the_commits_and_the_lineage_of_a_save(http_desk: Desk) -> None:
    gateway, work = http_desk.gateway, texts(http_desk)
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    log = json.loads(gateway.cli("log", work.labels.bucket, "--json").stdout)
    assert log[0]["id"] == work.labels.head
    uri = f"s3://{work.labels.bucket}/{work.key(annotation)}"
    shown = gateway.cli("lineage", uri).stdout
    assert f"s3://{work.raw.bucket}/reviews/001.json" in shown
    assert work.version("reviews/001.json") in shown


def keys(desk: Desk, bucket: str) -> list[str]:
    """What is in the bucket now."""
    page = desk.gateway.s3().list_objects_v2(Bucket=bucket)
    return [one["Key"] for one in page.get("Contents", [])]

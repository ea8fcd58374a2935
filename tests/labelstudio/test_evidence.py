"""What the lineage of a real Label Studio's labels says when sources change under open tasks.

Each case stands in the table of docs/lineage.md.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from studios import Desk, Work, box, choice, pictures, texts, wired

from gateway.lineage.span import SUBMIT_MS
from scripts.example import BOXES

pytestmark = pytest.mark.labelstudio

KEY = "scenes/scene-1.png"
TASK_FILE = "reviews/001.json"


class Annotator:
    """Somebody at the first task of a project."""

    def __init__(self, work: Work, key: str, result: list[dict[str, Any]]) -> None:
        self.work, self.key = work, key
        self.task = work.api.tasks(work.project)[0]["id"]
        self._result = result
        self._opened = time.time()

    def open(self) -> None:
        """Begin to work at the task."""
        self._opened = time.time()

    def look(self) -> None:
        """Have the browser show the picture: by the link it is given, or passed on."""
        answer = self.work.look(self.task, self.key)
        if answer.status_code == 303:
            answer = httpx.get(answer.headers["location"], trust_env=False)
        assert answer.status_code == 200

    def submit(self) -> dict[str, Any]:
        """Save; what the label's record says of the source."""
        worked = time.time() - self._opened
        made = self.work.api.annotate(self.task, self._result, lead_time=worked)
        return self.source(made["id"])

    def source(self, annotation: int) -> dict[str, Any]:
        [source] = self.work.labels.lineage(self.work.key(annotation))["sources"]
        return dict(source)


def replaced(work: Work, key: str, body: bytes = b"another picture") -> str:
    """Put another version of a source object; its id."""
    put = work.desk.gateway.s3().put_object(Bucket=work.raw.bucket, Key=key, Body=body)
    return str(put["VersionId"])


@pytest.fixture(params=[True, False], ids=["presigned", "passed on"])
def annotator(request: pytest.FixtureRequest, http_desk: Desk) -> Annotator:
    """At a picture, which browsers fetch by links or through Label Studio."""
    raw, labels = http_desk.buckets()
    for key, body in sorted(BOXES.objects().items()):
        http_desk.gateway.s3().put_object(Bucket=raw, Key=key, Body=body)
    work = wired(http_desk, BOXES, raw, labels, presign=request.param)
    return Annotator(work, KEY, box("Square"))


def test_a_picture_that_stays_is_observed(annotator: Annotator) -> None:
    version = annotator.work.version(KEY)
    annotator.look()
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert "changed_during" not in source


def test_a_picture_replaced_while_the_task_is_open_is_told_as_it_was_seen(
    annotator: Annotator,
) -> None:
    version = annotator.work.version(KEY)
    annotator.look()
    replaced(annotator.work, KEY)
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert source["changed_during"] is True


def test_a_picture_that_was_looked_at_before_and_comes_from_the_cache(
    annotator: Annotator,
) -> None:
    version = annotator.work.version(KEY)
    annotator.look()
    time.sleep(SUBMIT_MS / 1000 + 0.1)
    annotator.open()
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed-before", version)


def test_a_picture_that_nobody_looked_at(annotator: Annotator) -> None:
    version = annotator.work.version(KEY)
    replaced(annotator.work, KEY)
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("head-at-open", version)
    assert source["changed_during"] is True


def test_an_edited_label_is_of_what_was_seen_as_it_was_edited(annotator: Annotator) -> None:
    work, first = annotator.work, annotator.work.version(KEY)
    annotator.look()
    annotation = work.api.annotate(annotator.task, box("Square"))["id"]
    made = work.labels.head
    second = replaced(work, KEY)
    annotator.look()
    work.api.update_annotation(annotation, box("Square", x=20.0))
    assert annotator.source(annotation)["evidence"] == "observed"
    assert annotator.source(annotation)["commit"] == second
    [before] = work.labels.lineage(work.key(annotation), made)["sources"]
    assert before["commit"] == first


def test_a_target_sync_leaves_the_evidence_as_it_was(annotator: Annotator) -> None:
    work = annotator.work
    annotator.look()
    annotation = work.api.annotate(annotator.task, box("Square"))["id"]
    source, head = annotator.source(annotation), work.labels.head
    replaced(work, KEY)
    annotator.look()
    for _ in range(2):
        assert work.api.sync_storage("target", work.target)["status"] == "completed"
    assert (annotator.source(annotation), work.labels.head) == (source, head)


def test_a_label_of_a_json_task_is_of_what_the_sync_read(http_desk: Desk) -> None:
    work = texts(http_desk)
    version = work.version(TASK_FILE)
    annotator = Annotator(work, TASK_FILE, choice("Positive"))
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert "changed_during" not in source
    replaced(work, TASK_FILE, b'{"data": {"text": "Other."}}')
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert source["changed_during"] is True


def test_a_json_task_that_does_not_name_its_file_is_found_by_its_content(http_desk: Desk) -> None:
    work = texts(http_desk, naming=False)
    version = work.version(TASK_FILE)
    annotator = Annotator(work, TASK_FILE, choice("Positive"))
    replaced(work, TASK_FILE, b'{"data": {"text": "Other."}}')
    source = annotator.submit()
    assert source["uri"] == f"s3://master.{work.raw.bucket.removeprefix('master.')}/{TASK_FILE}"
    assert (source["evidence"], source["found"]) == ("observed", "content")
    assert (source["commit"], source["changed_during"]) == (version, True)


def test_a_json_task_served_with_its_name_is_pinned(embedding_desk: Desk) -> None:
    work = texts(embedding_desk, naming=False)
    version = work.version(TASK_FILE)
    annotator = Annotator(work, TASK_FILE, choice("Positive"))
    replaced(work, TASK_FILE, b'{"data": {"text": "Other."}}')
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("pinned", version)
    shown = [one for one in work.api.tasks(work.project) if one["id"] == annotator.task]
    assert shown[0]["data"]["labelgate_source"].endswith(f"/{TASK_FILE}")


def test_a_picture_deleted_while_the_task_is_open(http_desk: Desk) -> None:
    work = pictures(http_desk)
    version = work.version(KEY)
    annotator = Annotator(work, KEY, box("Square"))
    annotator.look()
    http_desk.gateway.s3().delete_object(Bucket=work.raw.bucket, Key=KEY)
    source = annotator.submit()
    assert (source["evidence"], source["commit"]) == ("observed", version)
    assert source["changed_during"] is True

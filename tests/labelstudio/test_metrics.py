"""The metrics page moves with what Label Studio does."""

from __future__ import annotations

import pytest
from studios import Desk, Work, choice, texts

pytestmark = pytest.mark.labelstudio


class Counted:
    """Samples of the metrics page that are about one project's target branch."""

    def __init__(self, work: Work) -> None:
        self._gateway = work.desk.gateway
        _, repo = work.labels.bucket.split(".")
        self._place = {"project": "default", "repo": repo, "branch": "master"}

    def commits(self, kind: str) -> float:
        return self._gateway.metric("labelgate_commits_total", kind=kind, **self._place)

    def noops(self) -> float:
        return self._gateway.metric("labelgate_noop_puts_total", **self._place)

    def requests(self, operation: str, code: str) -> float:
        return self._gateway.metric("labelgate_requests_total", operation=operation, code=code)

    def links(self, evidence: str) -> float:
        return self._gateway.metric("labelgate_lineage_links_total", evidence=evidence)

    def last_commit(self) -> float:
        return self._gateway.metric("labelgate_last_commit_timestamp_seconds", **self._place)


@pytest.fixture
def work(http_desk: Desk) -> Work:
    return texts(http_desk)


@pytest.fixture
def counted(work: Work) -> Counted:
    return Counted(work)


def test_a_save_moves_the_counters_of_commits_requests_and_links(
    work: Work, counted: Counted
) -> None:
    task = work.api.tasks(work.project)[0]
    requests, links = counted.requests("PutObject", "200"), counted.links("observed")
    assert counted.commits("put") == 0
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    assert counted.commits("put") == 1
    assert counted.requests("PutObject", "200") - requests == 1
    assert counted.links("observed") - links == 1
    saved = counted.last_commit()
    work.api.update_annotation(annotation, choice("Negative"))
    assert counted.commits("put") == 2
    assert counted.last_commit() > saved


def test_a_sync_of_unchanged_annotations_moves_the_counter_of_noops_and_not_that_of_commits(
    work: Work, counted: Counted
) -> None:
    for task in work.api.tasks(work.project):
        work.api.annotate(task["id"], choice("Positive"))
    work.api.sync_storage("target", work.target)
    assert counted.noops() == 2
    assert counted.commits("put") == 2


def test_a_deleted_annotation_moves_the_counter_of_deletes(work: Work, counted: Counted) -> None:
    task = work.api.tasks(work.project)[0]
    annotation = work.api.annotate(task["id"], choice("Positive"))["id"]
    requests = counted.requests("DeleteObject", "204")
    work.api.delete_annotation(annotation)
    assert counted.commits("delete") == 1
    assert counted.requests("DeleteObject", "204") - requests == 1


def test_a_source_sync_moves_the_counters_of_lists_and_reads(work: Work, counted: Counted) -> None:
    lists, reads = counted.requests("ListObjects", "200"), counted.requests("GetObject", "200")
    body = b'{"data": {"text": "A review that came later."}}'
    work.desk.gateway.s3().put_object(Bucket=work.raw.bucket, Key="reviews/new.json", Body=body)
    work.api.sync_storage("source", work.source)
    assert counted.requests("ListObjects", "200") - lists == 1
    assert counted.requests("GetObject", "200") - reads == 1, "only the new task is read"

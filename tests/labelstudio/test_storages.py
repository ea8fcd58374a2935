"""Label Studio finds its source and target storages on the gateway."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from live import LiveGateway
from studios import Desk, choice, texts, wired

from scripts.example import BOXES, SENTIMENT

pytestmark = pytest.mark.labelstudio

MANY = 1105


@pytest.fixture(scope="session")
def many_pictures(studio_gateway: LiveGateway) -> str:
    """A bucket of more objects than a page lists, some of them below a sub-folder."""
    bucket = "master.many-pictures"
    client = studio_gateway.s3()
    client.create_bucket(Bucket=bucket)

    def put(number: int) -> None:
        folder = "scenes/more" if number > MANY - 5 else "scenes"
        client.put_object(Bucket=bucket, Key=f"{folder}/{number:05}.png", Body=b"\x89PNG")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(1, MANY + 1)))
    return bucket


@pytest.mark.parametrize("direction", ["source", "target"])
def test_label_studio_finds_a_storage_on_the_gateway_valid(desk: Desk, direction: str) -> None:
    raw, labels = desk.buckets()
    desk.gateway.s3().put_object(Bucket=raw, Key="reviews/1.json", Body=b"{}")
    settings = SENTIMENT.storage(direction)
    settings |= {"bucket": {"source": raw, "target": labels}[direction]}
    settings |= {"project": desk.project(SENTIMENT)}
    answer = desk.api.validate_storage(direction, settings)
    assert answer.status_code == 200, answer.text
    assert desk.api.create_storage(direction, settings)["bucket"] == settings["bucket"]


def test_a_storage_whose_bucket_is_not_there_is_refused_by_its_name(desk: Desk) -> None:
    settings = SENTIMENT.storage("target") | {"bucket": "master.nowhere", "prefix": ""}
    settings |= {"project": desk.project(SENTIMENT)}
    answer = desk.api.validate_storage("target", settings)
    assert answer.status_code == 400
    assert "Cannot find bucket master.nowhere" in answer.text


def test_a_storage_with_a_wrong_key_is_refused_as_such(desk: Desk) -> None:
    _, labels = desk.buckets()
    settings = SENTIMENT.storage("target") | {"bucket": labels, "prefix": ""}
    settings |= {"aws_access_key_id": "WRONG", "aws_secret_access_key": "wrong"}
    settings |= {"project": desk.project(SENTIMENT)}
    answer = desk.api.validate_storage("target", settings)
    assert answer.status_code == 400
    assert "with specified AWS credentials" in answer.text


def test_a_read_only_target_is_refused_with_the_reason(http_desk: Desk) -> None:
    work = texts(http_desk)
    commit = work.labels.head
    pinned = f"{commit}.{work.labels.bucket}"
    wired(http_desk, SENTIMENT, work.raw.bucket, pinned)
    project = http_desk.project(SENTIMENT)
    http_desk.api.import_tasks(project, [{"data": {"text": "One."}}])
    settings = SENTIMENT.storage("target") | {"bucket": pinned, "project": project}
    http_desk.api.create_storage("target", settings)
    [task] = http_desk.api.tasks(project)
    with pytest.raises(httpx.HTTPStatusError, match="never changes"):
        http_desk.api.annotate(task["id"], choice("Positive"))
    assert work.labels.head == commit


@pytest.mark.parametrize("recursive", [True, False], ids=["recursive", "flat"])
def test_a_sync_makes_a_task_of_each_json_object_that_the_regex_matches(
    desk: Desk, *, recursive: bool
) -> None:
    raw, _ = desk.buckets()
    keys = ["a.json", "b.json", "notes.txt", "deep/c.json", "deep/er/d.json", "deep/e.yaml"]
    for key in ["reviews", "reviews2"]:
        for name in keys:
            body = json.dumps({"data": {"text": f"{key}/{name}"}}).encode()
            desk.gateway.s3().put_object(Bucket=raw, Key=f"{key}/{name}", Body=body)
    project = desk.project(SENTIMENT)
    settings = SENTIMENT.storage("source") | {"bucket": raw, "recursive_scan": recursive}
    storage = desk.api.create_storage("source", {**settings, "project": project})["id"]
    synced = desk.api.sync_storage("source", storage)
    assert synced["status"] == "completed", synced["traceback"]
    found = [task["data"]["text"] for task in desk.api.tasks(project)]
    flat = ["reviews/a.json", "reviews/b.json"]
    deep = ["reviews/deep/c.json", "reviews/deep/er/d.json"]
    assert sorted(found) == (flat + deep if recursive else flat)


@pytest.mark.parametrize("recursive", [True, False], ids=["recursive", "flat"])
def test_a_sync_finds_every_picture_of_a_bucket_of_several_pages_once(
    http_desk: Desk, many_pictures: str, *, recursive: bool
) -> None:
    _sync_many(http_desk, many_pictures, recursive=recursive)


def test_a_sync_over_tls_finds_every_picture_of_a_bucket_of_several_pages(
    https_desk: Desk, many_pictures: str
) -> None:
    _sync_many(https_desk, many_pictures, recursive=True)


def _sync_many(desk: Desk, bucket: str, *, recursive: bool) -> None:
    project = desk.project(BOXES)
    settings = BOXES.storage("source") | {"bucket": bucket, "recursive_scan": recursive}
    storage = desk.api.create_storage("source", {**settings, "project": project})["id"]
    expected = MANY if recursive else MANY - 5
    before = desk.gateway.metric("labelgate_requests_total", operation="ListObjects", code="200")
    assert desk.api.sync_storage("source", storage)["last_sync_count"] == expected
    assert desk.api.sync_storage("source", storage)["last_sync_count"] == 0
    assert desk.api.count_tasks(project) == expected
    after = desk.gateway.metric("labelgate_requests_total", operation="ListObjects", code="200")
    assert after - before == 4, "two syncs of two pages each"

"""Labels: what a read says of their origin, and a save that changes nothing."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from api import Api
from labels import annotation, encoded, task
from live import LiveGateway, live_gateway
from raw import signed
from wire import head, nothing_written, refused


def drifted(form: dict[str, Any]) -> dict[str, Any]:
    """The same label as a later sync writes it."""
    place = form.get("task", form)
    place.update(is_labeled=True, total_annotations=1, updated_at="2026-11-25T00:00:00Z")
    if "created_ago" in form:
        form["created_ago"] = "2\u00a0days"
    return form


def noops(gateway: LiveGateway, bucket: str) -> float:
    """How many were counted; of the branches beyond the cap of series, all together."""
    names = (bucket.removeprefix("master."), "_other")
    return sum(gateway.metric("labelgate_noop_puts_total", repo=name) for name in names)


SKIPPED = partial(annotation, was_cancelled=True, result=[])


@pytest.mark.parametrize("layout", [annotation, task, SKIPPED], ids=["annotation", "task", "skip"])
def test_saving_an_unchanged_label_again_is_200_with_what_is_stored_and_no_commit(
    gateway: LiveGateway, s3: Any, bucket: str, layout: Any
) -> None:
    body = encoded(layout())
    first = s3.put_object(Bucket=bucket, Key="1", Body=body)
    before = noops(gateway, bucket)
    with nothing_written(s3, bucket):
        for again in (body, encoded(drifted(layout()))):
            answer = s3.put_object(Bucket=bucket, Key="1", Body=again)
            assert (answer["ETag"], answer["VersionId"]) == (first["ETag"], first["VersionId"])
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            assert headers["x-labelgate-commit"] == first["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="1")["Body"].read() == body
    assert noops(gateway, bucket) == before + 2


def test_two_syncs_of_a_thousand_unchanged_labels_make_no_commit(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    """Eight at a time and in any order, as Label Studio sends them."""

    def put(number: int, *, again: bool) -> None:
        form = annotation(id=number)
        body = encoded(drifted(form) if again else form)
        s3.put_object(Bucket=bucket, Key=f"labels/{number}", Body=body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(put, again=False), range(1000)))
        before = noops(gateway, bucket)
        with nothing_written(s3, bucket):
            for _ in range(2):
                list(pool.map(partial(put, again=True), range(1000)))
    assert noops(gateway, bucket) == before + 2000
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1000


def test_a_skip_after_a_submit_and_a_submit_after_a_skip_are_commits(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    before = noops(gateway, bucket)
    versions = {
        s3.put_object(Bucket=bucket, Key="1", Body=encoded(layout()))["VersionId"]
        for layout in (annotation, SKIPPED, annotation, SKIPPED)
    }
    assert len(versions) == 4
    assert noops(gateway, bucket) == before


def test_an_edit_however_small_is_a_commit(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="1", Body=encoded(annotation()))
    edited = annotation()
    edited["result"][0]["value"]["x"] = 10.500001
    answer = s3.put_object(Bucket=bucket, Key="1", Body=encoded(edited))
    assert answer["VersionId"] == head(s3, bucket)
    assert answer["ETag"] == f'"{hashlib.md5(encoded(edited)).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="1")["Body"].read() == encoded(edited)


def test_the_same_label_with_other_attributes_under_another_key_or_after_a_delete_is_a_commit(
    s3: Any, bucket: str
) -> None:
    body = encoded(annotation())
    versions = [
        s3.put_object(Bucket=bucket, Key="1", Body=body)["VersionId"],
        s3.put_object(Bucket=bucket, Key="1", Body=body, ContentType="text/x")["VersionId"],
        s3.put_object(Bucket=bucket, Key="1", Body=body, Metadata={"a": "1"})["VersionId"],
        s3.put_object(Bucket=bucket, Key="2", Body=body)["VersionId"],
        s3.delete_object(Bucket=bucket, Key="1")["VersionId"],
        s3.put_object(Bucket=bucket, Key="1", Body=body)["VersionId"],
    ]
    assert len(set(versions)) == len(versions)


def test_an_unchanged_label_that_is_tagged_anew_is_a_commit(s3: Any, bucket: str) -> None:
    body = encoded(annotation())
    s3.put_object(Bucket=bucket, Key="1", Body=body)
    again = s3.put_object(Bucket=bucket, Key="1", Body=body, Tagging="checked=yes")
    assert again["VersionId"] == head(s3, bucket)
    tags = s3.get_object_tagging(Bucket=bucket, Key="1")["TagSet"]
    assert tags == [{"Key": "checked", "Value": "yes"}]


def test_preconditions_come_before_the_no_op_rule(s3: Any, bucket: str) -> None:
    body = encoded(annotation())
    s3.put_object(Bucket=bucket, Key="1", Body=body)
    with refused("PreconditionFailed", 412), nothing_written(s3, bucket):
        s3.put_object(Bucket=bucket, Key="1", Body=body, IfNoneMatch="*")


def test_a_large_label_is_recognised_too(s3: Any, bucket: str) -> None:
    form = annotation()
    form["result"] = [{"id": f"r{n}", "value": {"text": "x" * 100}} for n in range(12_000)]
    body = encoded(form)
    assert len(body) > 1024**2
    s3.put_object(Bucket=bucket, Key="1", Body=body)
    with nothing_written(s3, bucket):
        s3.put_object(Bucket=bucket, Key="1", Body=encoded(drifted(form)))
    assert s3.head_object(Bucket=bucket, Key="1")["Metadata"]["lineage-author"] == "7"


def test_a_label_is_read_with_author_sources_and_evidence(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    version = s3.put_object(Bucket=bucket, Key="images/img 3.png", Body=b"png")["VersionId"]
    data = {"image": f"s3://{bucket}/images/img 3.png"}
    s3.put_object(Bucket=bucket, Key="1", Body=encoded(annotation(data)), Metadata={"mine": "1"})
    for read in (s3.get_object, s3.head_object):
        assert read(Bucket=bucket, Key="1")["Metadata"] == {
            "mine": "1",
            "lineage-author": "7",
            "lineage-sources": f"s3://{version}.{bucket}/images/img%203.png",
            "lineage-evidence": "head-at-put",
        }
    record = Api(gateway.url).get(f"/refs/{bucket}/lineage", key="1").json()["record"]
    assert (record["annotator"], record["sources"][0]["commit"]) == (7, version)
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=f"{bucket}/1")
    assert s3.head_object(Bucket=bucket, Key="copied")["Metadata"]["lineage-author"] == "7"


def test_a_source_bucket_that_names_a_commit_is_pinned(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="t/1", Body=b"text")["VersionId"]
    commit = s3.put_object(Bucket=bucket, Key="t/2", Body=b"text")["VersionId"]
    s3.put_object(Bucket=bucket, Key="t/1", Body=b"changed")
    data = {"text": f"s3://{commit}.{bucket.removeprefix('master.')}/t/1"}
    s3.put_object(Bucket=bucket, Key="1", Body=encoded(annotation(data)))
    shown = s3.head_object(Bucket=bucket, Key="1")["Metadata"]
    assert shown["lineage-evidence"] == "pinned"
    assert shown["lineage-sources"].startswith(f"s3://{version}.")


def test_a_label_that_came_in_parts_or_in_a_stream_has_its_bytes_untouched(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    body = encoded(annotation())
    upload = s3.create_multipart_upload(Bucket=bucket, Key="1")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="1", UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="1", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="1")["Body"].read() == body
    record = Api(gateway.url).get(f"/refs/{bucket}/lineage", key="1").json()["record"]
    assert record["body"] == "unread"


def test_lineage_headers_can_be_switched_off(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data", LABELGATE_LINEAGE_HEADERS="off") as quiet:
        s3 = quiet.s3()
        s3.create_bucket(Bucket="labels")
        s3.put_object(Bucket="labels", Key="1", Body=encoded(annotation()))
        assert s3.head_object(Bucket="labels", Key="1")["Metadata"] == {}
        answer = signed(quiet, "GET", "/labels/1")
        assert not [name for name in answer.headers if name.startswith("x-amz-meta")]

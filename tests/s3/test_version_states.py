"""What S3 shows of versions in each state of a bucket: Enabled, Suspended, unset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from live import LiveGateway, live_gateway
from raw import signed
from wire import head, nothing_written, refused

_serial = itertools.count(1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a gateway whose new buckets have no versions until they are asked to."""
    folder = tmp_path_factory.mktemp("unset") / "data"
    with live_gateway(folder, LABELGATE_DEFAULT_VERSIONING="unset") as serving:
        yield serving.s3()


@pytest.fixture
def unset(plain: Any) -> str:
    name = f"master.plain{next(_serial)}"
    plain.create_bucket(Bucket=name)
    return name


def switch(s3: Any, bucket: str, state: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": state})


def rows(s3: Any, bucket: str) -> list[tuple[str, bool, bool]]:
    """(version id, is latest, is a marker), as listed."""
    page = s3.list_object_versions(Bucket=bucket)
    found = [(row, False) for row in page.get("Versions", [])]
    found += [(row, True) for row in page.get("DeleteMarkers", [])]
    return [(row["VersionId"], row["IsLatest"], marker) for row, marker in found]


def text(s3: Any, bucket: str, **which: str) -> str:
    return str(s3.get_object(Bucket=bucket, Key="k", **which)["Body"].read().decode())


def test_a_bucket_is_enabled_unless_the_setting_says_otherwise(
    s3: Any, bucket: str, plain: Any, unset: str
) -> None:
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "Status" not in plain.get_bucket_versioning(Bucket=unset)
    for state in ("Suspended", "Enabled", "Enabled", "Suspended"):
        switch(plain, unset, state)
        assert plain.get_bucket_versioning(Bucket=unset)["Status"] == state


def test_switching_makes_no_commit(s3: Any, bucket: str) -> None:
    with nothing_written(s3, bucket):
        switch(s3, bucket, "Suspended")


def test_a_second_factor_is_refused(gateway: LiveGateway, bucket: str) -> None:
    inner = "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
    body = f"<VersioningConfiguration>{inner}</VersioningConfiguration>".encode()
    answer = signed(gateway, "PUT", f"/{bucket}?versioning", body)
    assert (answer.status, answer.code) == (501, "NotImplemented")


def test_commits_and_tags_are_in_no_state_to_be_switched(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    at = f"{head(s3, bucket)}.{bucket}"
    assert s3.get_bucket_versioning(Bucket=at)["Status"] == "Enabled"
    with refused("AccessDenied", 403):
        switch(s3, at, "Suspended")


def test_unset_shows_objects_and_no_versions(plain: Any, unset: str) -> None:
    wrote = plain.put_object(Bucket=unset, Key="k", Body=b"one")
    assert "VersionId" not in wrote
    plain.put_object(Bucket=unset, Key="k", Body=b"two")
    shown = plain.get_object(Bucket=unset, Key="k")
    assert "VersionId" not in shown
    assert rows(plain, unset) == [("null", True, False)]
    assert text(plain, unset, VersionId="null") == "two"
    # History is kept all the same, and every commit can be read.
    first = wrote["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"]
    assert text(plain, unset, VersionId=first) == "one"
    assert text(plain, f"{first}.{unset}") == "one"


def test_a_delete_in_unset_leaves_no_marker_and_the_bucket_can_go(plain: Any, unset: str) -> None:
    plain.put_object(Bucket=unset, Key="k", Body=b"one")
    assert "VersionId" not in plain.delete_object(Bucket=unset, Key="k")
    with refused("404", 404) as caught:
        plain.head_object(Bucket=unset, Key="k")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "false"
    assert rows(plain, unset) == []
    plain.put_object(Bucket=unset, Key="k", Body=b"two")
    deleted = plain.delete_objects(Bucket=unset, Delete={"Objects": [{"Key": "k"}, {"Key": "x"}]})
    assert deleted["Deleted"] == [{"Key": "k"}, {"Key": "x"}]
    plain.put_object(Bucket=unset, Key="k", Body=b"three")
    plain.delete_object(Bucket=unset, Key="k", VersionId="null")
    assert rows(plain, unset) == []
    plain.delete_bucket(Bucket=unset)


def test_what_was_there_before_is_null_once_versions_are_enabled(plain: Any, unset: str) -> None:
    plain.put_object(Bucket=unset, Key="k", Body=b"before")
    switch(plain, unset, "Enabled")
    assert plain.get_object(Bucket=unset, Key="k")["VersionId"] == "null"
    version = plain.put_object(Bucket=unset, Key="k", Body=b"after")["VersionId"]
    assert sorted(rows(plain, unset)) == sorted([(version, True, False), ("null", False, False)])
    assert text(plain, unset, VersionId="null") == "before"


def test_suspended_keeps_one_null_version_and_the_older_ones(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    switch(s3, bucket, "Suspended")
    for body in (b"two", b"three"):
        assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert sorted(rows(s3, bucket)) == sorted([("null", True, False), (version, False, False)])
    assert text(s3, bucket, VersionId="null") == "three"
    assert text(s3, bucket, VersionId=version) == "one"


def test_a_delete_in_suspended_puts_a_null_marker_in_the_place_of_the_null_version(
    s3: Any, bucket: str
) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    switch(s3, bucket, "Suspended")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    assert s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    assert sorted(rows(s3, bucket)) == sorted([("null", True, True), (version, False, False)])
    with refused("404", 404) as caught:
        s3.head_object(Bucket=bucket, Key="k")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", "null")
    with refused("MethodNotAllowed", 405):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId="null")["DeleteMarker"] is True
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == version
    many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})["Deleted"]
    assert many == [{"Key": "k", "DeleteMarker": True, "DeleteMarkerVersionId": "null"}]


def test_copies_and_uploads_show_versions_as_a_put_does(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "k"}
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=source)
    assert (copied["CopySourceVersionId"], copied["VersionId"]) == (version, head(s3, bucket))
    switch(s3, bucket, "Suspended")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=source)
    assert copied["CopySourceVersionId"] == "null"
    assert "VersionId" not in copied
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={**source, "VersionId": version})
    assert copied["CopySourceVersionId"] == version
    upload = {"Bucket": bucket, "Key": "u"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    assert "VersionId" not in s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert s3.head_object(Bucket=bucket, Key="u")["VersionId"] == "null"


def test_a_copy_from_an_unset_bucket_names_no_version(plain: Any, unset: str) -> None:
    plain.put_object(Bucket=unset, Key="k", Body=b"one")
    for source in ({}, {"VersionId": "null"}):
        copied = plain.copy_object(
            Bucket=unset, Key="c", CopySource={"Bucket": unset, "Key": "k", **source}
        )
        assert "CopySourceVersionId" not in copied
        assert "VersionId" not in copied


def test_a_null_version_may_be_the_marker_of_a_list(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    switch(s3, bucket, "Suspended")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    page = s3.list_object_versions(Bucket=bucket, KeyMarker="k", VersionIdMarker="null")
    assert [row["VersionId"] for row in page["Versions"]] == [version]
    assert "Versions" not in s3.list_object_versions(
        Bucket=bucket, KeyMarker="k", VersionIdMarker=version
    )


def test_there_is_no_null_version_where_none_was_written(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")


@pytest.mark.parametrize("state", ["Enabled", "Suspended", "unset"])
def test_a_bucket_can_be_emptied_page_by_page(plain: Any, unset: str, state: str) -> None:
    """What was the marker of the next page is gone when that page is asked for."""
    if state != "unset":
        switch(plain, unset, state)
    for at in range(9):
        plain.put_object(Bucket=unset, Key=f"k{at % 3}", Body=b"x")
    plain.delete_object(Bucket=unset, Key="k1")
    more: dict[str, str] = {}
    while True:
        page = plain.list_object_versions(Bucket=unset, MaxKeys=2, **more)
        rows = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]
        done = plain.delete_objects(Bucket=unset, Delete={"Objects": objects})
        assert "Errors" not in done
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        if state == "unset":
            assert page["NextVersionIdMarker"] == "null"
    plain.delete_bucket(Bucket=unset)

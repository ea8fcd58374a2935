"""Tags of objects, of their versions, and of buckets."""

from __future__ import annotations

from typing import Any

import pytest
from live import LiveGateway
from raw import signed
from wire import nothing_written, refused


def tag_set(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags(s3: Any, bucket: str, key: str = "k", **which: str) -> dict[str, str]:
    found = s3.get_object_tagging(Bucket=bucket, Key=key, **which)["TagSet"]
    return {row["Key"]: row["Value"] for row in found}


def test_tags_change_without_a_version_or_a_commit(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    assert tags(s3, bucket) == {}
    with nothing_written(s3, bucket):
        answer = s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(b="2", a="1"))
        assert answer["VersionId"] == version
        assert tags(s3, bucket) == {"a": "1", "b": "2"}
        assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(c="3"))
        assert tags(s3, bucket) == {"c": "3"}
        s3.delete_object_tagging(Bucket=bucket, Key="k")
        assert tags(s3, bucket) == {}
    shown = s3.get_object(Bucket=bucket, Key="k")
    assert (shown["VersionId"], "TagCount" in shown) == (version, False)


def test_each_version_has_its_own_tags(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    assert (tags(s3, bucket), tags(s3, bucket, VersionId=first)) == ({}, {"a": "1"})
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=first, Tagging=tag_set(b="2"))
    assert tags(s3, bucket, VersionId=first) == {"b": "2"}
    assert tags(s3, bucket, VersionId=second) == {}
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("NoSuchKey", 404):
        tags(s3, bucket)
    with refused("MethodNotAllowed", 405):
        tags(s3, bucket, VersionId=marker)
    with refused("NoSuchVersion", 404):
        tags(s3, bucket, VersionId="0" * 32)


def test_a_write_says_its_tags_in_a_header(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1%202&b")
    assert tags(s3, bucket) == {"a": "1 2", "b": ""}
    upload = {"Bucket": bucket, "Key": "u"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Tagging="c=3")["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert tags(s3, bucket, "u") == {"c": "3"}


def test_a_copy_takes_the_tags_along_unless_it_replaces_them(s3: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "k"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source)
    assert tags(s3, bucket, "c") == {"a": "1"}
    s3.copy_object(
        Bucket=bucket, Key="c", CopySource=source, TaggingDirective="REPLACE", Tagging="b=2"
    )
    assert tags(s3, bucket, "c") == {"b": "2"}
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source, TaggingDirective="REPLACE")
    assert tags(s3, bucket, "c") == {}
    # The two directives are about two things.
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source, MetadataDirective="REPLACE")
    assert tags(s3, bucket, "c") == {"a": "1"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("&".join(f"k{at}=" for at in range(11)), "InvalidTag"),
        ("aws:a=1", "InvalidTag"),
        ("a=1&a=2", "InvalidArgument"),
        ("a=" + "v" * 257, "InvalidTag"),
    ],
)
def test_a_write_with_impossible_tags_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, given: str, code: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", b"x", headers={"x-amz-tagging": given})
        assert (answer.status, answer.code) == (400, code)


def test_impossible_tags_leave_those_that_are_there(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    with refused("InvalidTag", 400):
        s3.put_object_tagging(
            Bucket=bucket, Key="k", Tagging=tag_set(**{f"k{at}": "" for at in range(11)})
        )
    assert tags(s3, bucket) == {"a": "1"}


def test_what_is_tagged_must_be_there_and_must_change(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404):
        s3.put_object_tagging(Bucket=bucket, Key="none", Tagging=tag_set(a="1"))
    commit = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    with refused("AccessDenied", 403):
        s3.put_object_tagging(Bucket=f"{commit}.{bucket}", Key="k", Tagging=tag_set(a="1"))


def test_a_bucket_has_tags_of_its_own_or_no_set_of_them(s3: Any, bucket: str) -> None:
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)
    with nothing_written(s3, bucket):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(b="2", a="1"))
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tag_set(a="1", b="2")["TagSet"]
    s3.delete_bucket_tagging(Bucket=bucket)
    with refused("NoSuchTagSet", 404):
        s3.get_bucket_tagging(Bucket=bucket)


def test_a_bucket_may_have_fifty_tags(s3: Any, bucket: str) -> None:
    many = {f"k{at}": "" for at in range(50)}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(**many))
    with refused("InvalidTag", 400):
        s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(**many, more=""))
    assert len(s3.get_bucket_tagging(Bucket=bucket)["TagSet"]) == 50

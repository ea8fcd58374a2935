"""CopyObject: how its source is read, and what comes with the bytes."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from api import Api
from live import LiveGateway
from raw import Answer, signed
from wire import head, nothing_written, refused

BODY = b"copied " * 3
PART = bytes(5 * 1024 * 1024)


def copy(gateway: LiveGateway, bucket: str, source: str, **more: str) -> Answer:
    headers = {"x-amz-copy-source": source}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return signed(gateway, "PUT", f"/{bucket}/copy", headers=headers)


def read(s3: Any, bucket: str, key: str = "copy") -> Any:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize(
    "key",
    ["a+b", "a b", "a%2Bb", "a%20b", "a=b&c", "ü/日本", "a//b", "/lead", "a?b", "a#b",
     "q?versionId=1", "trailing/", "./../x", "a;b'c\"d", "100%"],
)  # fmt: skip
def test_a_copy_source_is_decoded_as_a_path_where_plus_stays_plus(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    spellings = {f"/{bucket}/{quote(key)}", f"{bucket}/{quote(key, safe='')}"}
    if "%" not in key and "?" not in key and key.isascii():
        spellings.add(f"{bucket}/{key}")
    for source in spellings:
        answer = copy(gateway, bucket, source)
        assert answer.status == 200, (source, answer.body)
        assert read(s3, bucket) == key.encode()


def test_a_plus_is_a_space_only_where_no_key_has_the_plus(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    """s5cmd encodes spaces so; other clients send a plus as it is."""
    s3.put_object(Bucket=bucket, Key="a b", Body=b"space")
    assert copy(gateway, bucket, f"{bucket}/a+b").status == 200
    assert read(s3, bucket) == b"space"
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    assert copy(gateway, bucket, f"{bucket}/a+b").status == 200
    assert read(s3, bucket) == b"plus"
    with nothing_written(s3, bucket):
        assert copy(gateway, bucket, f"{bucket}/c+d").code == "NoSuchKey"


def test_a_copy_source_may_encode_the_slash_behind_its_bucket(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=BODY)
    assert copy(gateway, bucket, f"{bucket}%2Fa%2Fb").status == 200


def test_a_copy_takes_bytes_headers_and_metadata_along(s3: Any, bucket: str) -> None:
    source = s3.put_object(
        Bucket=bucket, Key="k", Body=BODY, ContentType="text/x", CacheControl="no-cache",
        Metadata={"a": "1"}, ChecksumAlgorithm="SHA1",
    )  # fmt: skip
    answer = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert answer["CopySourceVersionId"] == source["VersionId"]
    assert answer["VersionId"] == head(s3, bucket)
    assert answer["CopyObjectResult"]["ETag"] == source["ETag"]
    assert answer["CopyObjectResult"]["LastModified"]
    assert answer["CopyObjectResult"]["ChecksumSHA1"] == source["ChecksumSHA1"]
    shown = s3.get_object(Bucket=bucket, Key="copy")
    assert shown["Body"].read() == BODY
    assert (shown["ContentType"], shown["CacheControl"]) == ("text/x", "no-cache")
    assert shown["Metadata"]["a"] == "1"


def test_a_copy_that_replaces_takes_only_what_it_is_given(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentType="text/x", Metadata={"a": "1"})
    s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", MetadataDirective="REPLACE",
        Metadata={"b": "2", "lineage-author": "9"},
    )  # fmt: skip
    shown = s3.head_object(Bucket=bucket, Key="copy")
    assert shown["ContentType"] == "binary/octet-stream"
    assert shown["Metadata"] == {"b": "2"}


def test_an_object_is_not_copied_onto_itself_unless_something_changes(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    with refused("InvalidRequest", 400), nothing_written(s3, bucket):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    s3.copy_object(
        Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE",
        Metadata={"a": "1"},
    )  # fmt: skip
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="STANDARD")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k?versionId={first}")
    assert read(s3, bucket, "k") == b"one"


def test_a_copy_between_branches_that_stand_on_one_commit_is_no_self_copy(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    branch = bucket.replace("master.", "dev.")
    gateway.cli("branch", "create", branch, "--from", bucket)
    s3.copy_object(Bucket=branch, Key="k", CopySource=f"{bucket}/k")
    assert head(s3, branch) != head(s3, bucket)


def test_a_copy_reads_commits_and_versions(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    repo = bucket.removeprefix("master.")
    for source in (f"{first}.{repo}/k", f"{first}.{bucket}/k", f"{bucket}/k?versionId={first}"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        assert read(s3, bucket) == b"one"
        s3.put_object(Bucket=bucket, Key="copy", Body=b"between")


def test_the_copys_lineage_names_the_version_it_was_made_from(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=BODY)["VersionId"]
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    record = Api(gateway.url).get(f"/refs/{bucket}/lineage", key="copy").json()["record"]
    [source] = record["sources"]
    assert (record["kind"], source["evidence"], source["commit"]) == ("copy", "pinned", version)


def test_conditions_on_the_source_are_412_always(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=BODY)["ETag"]
    source = f"{bucket}/k"
    written = s3.head_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]
    with nothing_written(s3, bucket):
        for failing in (
            {"x_amz_copy_source_if_match": '"no"'},
            {"x_amz_copy_source_if_none_match": etag},
            {"x_amz_copy_source_if_modified_since": written["last-modified"]},
            {"x_amz_copy_source_if_unmodified_since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        ):
            answer = copy(gateway, bucket, source, **failing)
            assert (answer.status, answer.code) == (412, "PreconditionFailed"), failing
    assert copy(gateway, bucket, source, x_amz_copy_source_if_match=etag).status == 200
    with nothing_written(s3, bucket):
        again = copy(gateway, bucket, source, if_none_match="*")
        assert (again.status, again.code) == (412, "PreconditionFailed")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{b}/none", "NoSuchKey"),
        ("master.nowhere/k", "NoSuchBucket"),
        ("a.b.c.d/k", "NoSuchBucket"),
        ("{b}/k?versionId=" + "f" * 32, "NoSuchVersion"),
        ("{b}/k?versionId=zz", "InvalidArgument"),
        ("{b}/k?versionId={marker}", "InvalidRequest"),
        ("{b}/k", "NoSuchKey"),
        ("{b}/", "InvalidArgument"),
        ("{b}", "InvalidArgument"),
        ("", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("%ff/%ff", "InvalidArgument"),
        ("{b}/" + "x" * 1025, "InvalidArgument"),
    ],
)
def test_a_source_that_cannot_be_read_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, source: str, code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    source = source.replace("{b}", bucket).replace("{marker}", marker)
    with nothing_written(s3, bucket):
        answer = copy(gateway, bucket, source)
        assert answer.code == code, answer.body
        assert 400 <= answer.status < 500
        if code == "NoSuchBucket":
            assert answer.field("BucketName") == source.partition("/")[0]


@pytest.mark.parametrize("name", ["x-amz-metadata-directive", "x-amz-tagging-directive"])
def test_an_unknown_directive_is_an_invalid_argument(
    gateway: LiveGateway, s3: Any, bucket: str, name: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with nothing_written(s3, bucket):
        answer = copy(gateway, bucket, f"{bucket}/k", **{name: "MERGE"})
        assert (answer.status, answer.code) == (400, "InvalidArgument")
        assert answer.field("ArgumentName") == name


def test_a_copy_of_what_came_in_parts_has_a_plain_md5_and_a_whole_checksum(
    s3: Any, bucket: str
) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    parts = []
    for number, body in enumerate([PART, b"end"], 1):
        part = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload["UploadId"], PartNumber=number, Body=body,
            ChecksumAlgorithm="SHA256",
        )  # fmt: skip
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
    )
    assert done["ETag"].endswith('-2"')
    assert done["ChecksumSHA256"].endswith("-2")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    shown = s3.get_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert shown["ETag"] == f'"{hashlib.md5(PART + b"end").hexdigest()}"'
    assert shown["ChecksumType"] == "FULL_OBJECT"
    assert shown["Body"].read() == PART + b"end"  # botocore checks the SHA-256 on the way


def test_a_copy_can_ask_for_another_checksum(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    answer = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", ChecksumAlgorithm="SHA256"
    )
    assert answer["CopyObjectResult"]["ChecksumSHA256"]
    shown = s3.get_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
    assert shown["ChecksumSHA256"] == answer["CopyObjectResult"]["ChecksumSHA256"]
    assert shown["Body"].read() == BODY

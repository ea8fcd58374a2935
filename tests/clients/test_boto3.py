"""boto3, as it is installed: its defaults, its transfer manager, its paginators."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway
from wire import refused

pytestmark = pytest.mark.client("boto3")

IN_PARTS = TransferConfig(
    multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2, max_concurrency=8
)


ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"


def client_of(gateway: LiveGateway, **config: Any) -> Any:
    """A client with nothing set that need not be, but for `config`."""
    return boto3.client(
        "s3",
        endpoint_url=gateway.url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name="us-east-1",
        config=Config(**config) if config else None,
    )


@pytest.fixture
def client(gateway: LiveGateway) -> Any:
    """A client as it comes."""
    return client_of(gateway)


def test_objects_are_put_read_ranged_copied_listed_and_deleted(client: Any, bucket: str) -> None:
    put = client.put_object(Bucket=bucket, Key="dir/a b+c", Body=io.BytesIO(b"0123456789"))
    read = client.get_object(Bucket=bucket, Key="dir/a b+c")
    assert (read["Body"].read(), read["VersionId"]) == (b"0123456789", put["VersionId"])
    part = client.get_object(Bucket=bucket, Key="dir/a b+c", Range="bytes=2-4")
    assert part["Body"].read() == b"234"
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "dir/a b+c"})
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert [row["Key"] for row in listed] == ["copy", "dir/a b+c"]
    client.delete_object(Bucket=bucket, Key="copy")
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "dir/a b+c"}]})
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    versions = client.list_object_versions(Bucket=bucket)
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (2, 2)
    old = client.get_object(Bucket=bucket, Key="dir/a b+c", VersionId=put["VersionId"])
    assert old["Body"].read() == b"0123456789"


def test_a_large_file_goes_up_in_parts_over_threads_and_comes_back(
    client: Any, bucket: str, folder: Path
) -> None:
    big = folder / "big.bin"
    client.upload_file(str(big), bucket, "big", Config=IN_PARTS)
    shown = client.head_object(Bucket=bucket, Key="big")
    assert shown["ContentLength"] == big.stat().st_size
    assert shown["ETag"].endswith('-3"')
    client.download_file(bucket, "big", str(folder / "back"), Config=IN_PARTS)
    assert (folder / "back").read_bytes() == big.read_bytes()
    client.copy({"Bucket": bucket, "Key": "big"}, bucket, "copied")
    assert client.get_object(Bucket=bucket, Key="copied")["Body"].read() == big.read_bytes()


@pytest.mark.parametrize("signature", [None, "s3v4"])
def test_presigned_urls_work_in_a_plain_http_client(
    gateway: LiveGateway, bucket: str, signature: str | None
) -> None:
    """Without a choice boto3 presigns with SigV2 at custom endpoints."""
    client = client_of(gateway, **({"signature_version": signature} if signature else {}))
    where = {"Bucket": bucket, "Key": "pre signed"}
    up = client.generate_presigned_url("put_object", where)
    assert httpx.put(up, content=b"by url").status_code == 200
    down = client.generate_presigned_url("get_object", where)
    assert httpx.get(down).content == b"by url"
    assert httpx.get(down, headers={"Range": "bytes=-3"}).content == b"url"
    assert ("X-Amz-Signature" in down) == (signature == "s3v4")


def test_paginators_waiters_and_the_resource_find_everything(client: Any, bucket: str) -> None:
    for number in range(7):
        client.put_object(Bucket=bucket, Key=f"p/{number}", Body=b"")
    client.get_waiter("object_exists").wait(Bucket=bucket, Key="p/6")
    for name in ("list_objects", "list_objects_v2"):
        pages = client.get_paginator(name).paginate(
            Bucket=bucket, Prefix="p/", PaginationConfig={"PageSize": 3}
        )
        assert [row["Key"] for page in pages for row in page["Contents"]] == [
            f"p/{n}" for n in range(7)
        ]
    versions = client.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    assert sum(len(page.get("Versions", [])) for page in versions) == 7


def test_the_resource_empties_and_deletes_as_far_as_history_allows(
    gateway: LiveGateway, bucket: str
) -> None:
    resource = boto3.resource(
        "s3", endpoint_url=gateway.url, aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY, region_name="us-east-1",
    )  # fmt: skip
    store = resource.Bucket(bucket)
    store.put_object(Key="a/1", Body=b"x")
    store.upload_fileobj(io.BytesIO(b"y"), "a/2")
    assert [one.key for one in store.objects.filter(Prefix="a/")] == ["a/1", "a/2"]
    store.objects.delete()
    assert list(store.objects.all()) == []


def test_keys_of_every_kind_come_back_from_both_lists(client: Any, bucket: str) -> None:
    keys = sorted([ODD, "folder/", "a//b", "tab\tand\nline", "+", "dir/.", "é", "e\u0301"])
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for listed in (client.list_objects(Bucket=bucket), client.list_objects_v2(Bucket=bucket)):
        assert sorted(row["Key"] for row in listed["Contents"]) == keys
    for key in keys:
        client.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": key})
        assert client.get_object(Bucket=bucket, Key="c")["Body"].read() == key.encode()
    gone = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "c"]]}
    )
    assert "Errors" not in gone
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("when", ["when_supported", "when_required"])
@pytest.mark.parametrize("algorithm", [None, "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_verified_on_both_ways(
    gateway: LiveGateway, bucket: str, when: str, algorithm: str | None
) -> None:
    client = client_of(
        gateway, request_checksum_calculation=when, response_checksum_validation=when
    )
    chosen = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    put = client.put_object(Bucket=bucket, Key="k", Body=b"0123456789", **chosen)
    got = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"0123456789"
    name = f"Checksum{algorithm or ('CRC32' if when == 'when_supported' else 'CRC64NVME')}"
    assert put[name] == got[name]


def test_an_upload_is_made_of_sent_and_copied_parts_by_hand(
    client: Any, bucket: str, folder: Path
) -> None:
    big = (folder / "big.bin").read_bytes()
    client.put_object(Bucket=bucket, Key="from", Body=big)
    at = {"Bucket": bucket, "Key": "to"}
    upload = client.create_multipart_upload(**at, Metadata={"a": "b"}, ChecksumAlgorithm="CRC32")[
        "UploadId"
    ]
    sent = client.upload_part(**at, UploadId=upload, PartNumber=2, Body=b"tail")
    copied = client.upload_part_copy(
        **at, UploadId=upload, PartNumber=1, CopySource={"Bucket": bucket, "Key": "from"},
        CopySourceRange=f"bytes=0-{IN_PARTS.multipart_chunksize - 1}",
    )["CopyPartResult"]  # fmt: skip
    listed = client.list_parts(**at, UploadId=upload)["Parts"]
    assert [row["ETag"] for row in listed] == [copied["ETag"], sent["ETag"]]
    assert [row["UploadId"] for row in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [
        upload
    ]
    parts = [
        {
            "PartNumber": row["PartNumber"],
            "ETag": row["ETag"],
            "ChecksumCRC32": row["ChecksumCRC32"],
        }
        for row in listed
    ]
    client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
    assert client.get_object(**at, PartNumber=2)["Body"].read() == b"tail"
    assert client.head_object(**at)["Metadata"] == {"a": "b"}
    given_up = client.create_multipart_upload(**at)["UploadId"]
    client.abort_multipart_upload(**at, UploadId=given_up)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_conditions_hold_on_reading_writing_copying_and_deleting(client: Any, bucket: str) -> None:
    at = {"Bucket": bucket, "Key": "k"}
    first = client.put_object(**at, Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412):
        client.put_object(**at, Body=b"2", IfNoneMatch="*")
    second = client.put_object(**at, Body=b"2", IfMatch=first)["ETag"]
    with refused("PreconditionFailed", 412):
        client.put_object(**at, Body=b"3", IfMatch=first)
    with refused("304"):
        client.get_object(**at, IfNoneMatch=second)
    with refused("PreconditionFailed", 412):
        client.copy_object(
            Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"},
            CopySourceIfMatch=first,
        )  # fmt: skip
    with refused("PreconditionFailed", 412):
        client.delete_object(**at, IfMatch=first)
    client.delete_object(**at, IfMatch=second)


def test_a_form_and_a_part_by_url_need_no_key(client: Any, bucket: str) -> None:
    form = client.generate_presigned_post(
        bucket, "form/${filename}", Conditions=[["content-length-range", 1, 10]]
    )
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("a b", b"by form")})
    assert sent.status_code == 204, sent.text
    assert client.get_object(Bucket=bucket, Key="form/a b")["Body"].read() == b"by form"
    at = {"Bucket": bucket, "Key": "parts"}
    upload = client.create_multipart_upload(**at)["UploadId"]
    url = client.generate_presigned_url("upload_part", {**at, "UploadId": upload, "PartNumber": 1})
    etag = httpx.put(url, content=b"by url").headers["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert client.get_object(**at)["Body"].read() == b"by url"


def test_what_is_said_of_an_object_goes_with_its_copy_or_is_replaced(
    client: Any, bucket: str
) -> None:
    at = {"Bucket": bucket, "Key": "k"}
    source = {"CopySource": at, "Bucket": bucket}
    client.put_object(
        **at, Body=b"1", Metadata={"a": "b"}, ContentType="text/plain", CacheControl="no-store",
        Tagging="kind=label&by=me",
    )  # fmt: skip
    client.copy_object(**source, Key="same")
    same = client.head_object(Bucket=bucket, Key="same")
    assert (same["Metadata"], same["ContentType"], same["CacheControl"]) == (
        {"a": "b"}, "text/plain", "no-store",
    )  # fmt: skip
    tags = client.get_object_tagging(Bucket=bucket, Key="same")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"kind": "label", "by": "me"}
    client.copy_object(**source, Key="k", MetadataDirective="REPLACE", Metadata={"c": "d"})
    assert client.head_object(**at)["Metadata"] == {"c": "d"}
    shown = client.get_object_attributes(**at, ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
    assert shown["ObjectSize"] == 1

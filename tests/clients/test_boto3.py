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

pytestmark = pytest.mark.client("boto3")

IN_PARTS = TransferConfig(
    multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2, max_concurrency=8
)


@pytest.fixture
def client(gateway: LiveGateway) -> Any:
    """A client with nothing set that need not be."""
    return boto3.client(
        "s3",
        endpoint_url=gateway.url,
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name="us-east-1",
    )


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
    client = boto3.client(
        "s3", endpoint_url=gateway.url, aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY, region_name="us-east-1",
        config=Config(signature_version=signature) if signature else None,
    )  # fmt: skip
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

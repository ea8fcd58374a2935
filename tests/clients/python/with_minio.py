"""minio-py: signs chunks of no request, probes the bucket's region, reads V1 and V2 lists."""

import os
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import urllib3
from minio import Minio
from minio.commonconfig import REPLACE, ComposeSource, CopySource, Tags
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

BUCKET = os.environ["S3_BUCKET"]
ODD = "dir/a b+c %2F ümlaut&=?#'😀.txt"
PART_BYTES = 5 * 1024**2


def body_of(client, key, **further):
    answer = client.get_object(BUCKET, key, **further)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def objects(client):
    assert client.bucket_exists(BUCKET)
    assert body_of(client, "seed/old+new ü.txt") == b"seeded"
    first = client.put_object(BUCKET, "dir/small.txt", BytesIO(b"first"), 5)
    client.fput_object(BUCKET, "dir/small.txt", "small.txt", metadata={"From": "minio"})
    shown = client.stat_object(BUCKET, "dir/small.txt")
    assert (shown.size, shown.metadata["x-amz-meta-from"]) == (10, "minio")
    assert body_of(client, "dir/small.txt", version_id=first.version_id) == b"first"
    assert body_of(client, "dir/small.txt", offset=2, length=3) == b"234"
    client.put_object(BUCKET, ODD, BytesIO(b"odd name"), 8)
    client.copy_object(
        BUCKET, "copied", CopySource(BUCKET, ODD), metadata={"a": "b"}, metadata_directive=REPLACE
    )
    tags = Tags.new_object_tags()
    tags["kind"] = "a copy"
    client.set_object_tags(BUCKET, "copied", tags)
    assert client.get_object_tags(BUCKET, "copied") == tags
    try:
        client.stat_object(BUCKET, "none")
    except S3Error as error:
        assert error.code == "NoSuchKey"
    else:
        raise AssertionError("a missing key was found")


def large(client):
    big = Path("big.bin").read_bytes()
    # Of unknown length: parts of its own choice, over threads.
    client.put_object(BUCKET, "whole", BytesIO(big), -1, part_size=PART_BYTES)
    assert client.stat_object(BUCKET, "whole").etag.endswith("-3")
    half = len(big) // 2
    client.compose_object(
        BUCKET,
        "big",
        [
            ComposeSource(BUCKET, "whole", offset=0, length=half),
            ComposeSource(BUCKET, "whole", offset=half, length=half),
        ],
    )
    client.fget_object(BUCKET, "big", "back")
    assert Path("back").read_bytes() == big


def lists(client):
    for further in ({}, {"use_api_v1": True}, {"include_version": True}):
        found = {one.object_name for one in client.list_objects(BUCKET, "seed/", **further)}
        assert found == {"seed/deep/", "seed/old+new ü.txt"}, found
    deep = client.list_objects(BUCKET, "seed/", recursive=True, start_after="seed/e")
    assert [one.object_name for one in deep] == ["seed/old+new ü.txt"]
    assert not list(client.remove_objects(BUCKET, [DeleteObject("whole")]))


def urls(client):
    put = client.presigned_put_object(BUCKET, "by url", expires=timedelta(minutes=5))
    urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT")).close()
    with urllib.request.urlopen(client.presigned_get_object(BUCKET, "by url")) as answer:
        assert answer.read() == b"by url"
    client.remove_object(BUCKET, "by url")

    policy = PostPolicy(BUCKET, datetime.now(UTC) + timedelta(minutes=5))
    policy.add_equals_condition("key", "by form")
    policy.add_content_length_range_condition(1, 10)
    fields = {**client.presigned_post_policy(policy), "key": "by form"}
    posted = urllib3.request(
        "POST",
        f"{os.environ['S3_ENDPOINT']}/{BUCKET}",
        fields=[*fields.items(), ("file", ("name.txt", b"by form"))],
    )
    assert posted.status == 204, posted.data
    assert body_of(client, "by form") == b"by form"
    client.remove_object(BUCKET, "by form")


def main():
    client = Minio(
        re.sub("^http://", "", os.environ["S3_ENDPOINT"]),
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        secure=False,
    )
    objects(client)
    large(client)
    lists(client)
    urls(client)


main()

"""Files of tasks served with their name in each task: what S3 clients see of it."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from labels import annotation, encoded
from live import LiveGateway, live_gateway

DATA = {"text": "some words"}
BODY = json.dumps({"data": DATA}).encode()


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    folder = tmp_path_factory.mktemp("embedding") / "data"
    with live_gateway(folder, LABELGATE_LINEAGE_EMBED="on") as serving:
        serving.s3().create_bucket(Bucket="raw")
        serving.s3().create_bucket(Bucket="labels")
        yield serving


def test_a_task_is_served_with_its_exact_version(embedding: LiveGateway) -> None:
    s3 = embedding.s3()
    version = s3.put_object(Bucket="raw", Key="dir/a.json", Body=BODY)["VersionId"]
    got = s3.get_object(Bucket="raw", Key="dir/a.json", ChecksumMode="ENABLED")
    body = got["Body"].read()
    assert json.loads(body) == {
        "data": {**DATA, "labelgate_source": f"{version}.raw/dir/a.json"}
    }  # fmt: skip
    assert got["ContentLength"] == len(body)
    assert got["ETag"].strip('"') == hashlib.md5(body).hexdigest()
    # boto3 has verified the checksum that it asked for; this is the same by hand.
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    assert got["ChecksumCRC32"] == crc
    head = s3.head_object(Bucket="raw", Key="dir/a.json")
    assert (head["ETag"], head["ContentLength"]) == (got["ETag"], len(body))
    assert head["VersionId"] == got["VersionId"] == version


def test_ranges_and_conditions_are_of_what_is_served(embedding: LiveGateway) -> None:
    s3 = embedding.s3()
    s3.put_object(Bucket="raw", Key="r.json", Body=BODY)
    whole = s3.get_object(Bucket="raw", Key="r.json")
    body = whole["Body"].read()
    part = s3.get_object(Bucket="raw", Key="r.json", Range="bytes=5-20")
    assert part["Body"].read() == body[5:21]
    assert part["ContentRange"] == f"bytes 5-20/{len(body)}"
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket="raw", Key="r.json", IfNoneMatch=whole["ETag"])


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("a.txt", BODY), ("a.json", b"no json"), ("b.json", b"[]"),
        ("c.json", b"\x00" * 100), ("d.json", b""),
    ],
)  # fmt: skip
def test_everything_else_is_served_as_it_is(embedding: LiveGateway, key: str, body: bytes) -> None:
    s3 = embedding.s3()
    put = s3.put_object(Bucket="raw", Key=key, Body=body)
    got = s3.get_object(Bucket="raw", Key=key)
    assert (got["Body"].read(), got["ETag"]) == (body, put["ETag"])


def test_a_label_is_served_as_it_was_written(embedding: LiveGateway) -> None:
    s3 = embedding.s3()
    body = encoded(annotation())
    s3.put_object(Bucket="labels", Key="4.json", Body=body)
    assert s3.get_object(Bucket="labels", Key="4.json")["Body"].read() == body


def test_a_copy_takes_what_is_stored(embedding: LiveGateway) -> None:
    s3 = embedding.s3()
    s3.put_object(Bucket="raw", Key="o.json", Body=BODY)
    source = {"Bucket": "raw", "Key": "o.json"}
    s3.copy_object(Bucket="raw", Key="copy.txt", CopySource=source)
    assert s3.get_object(Bucket="raw", Key="copy.txt")["Body"].read() == BODY


def test_a_label_of_such_a_task_is_pinned(embedding: LiveGateway) -> None:
    s3 = embedding.s3()
    version = s3.put_object(Bucket="raw", Key="p.json", Body=BODY)["VersionId"]
    data = json.loads(s3.get_object(Bucket="raw", Key="p.json")["Body"].read())["data"]
    s3.put_object(Bucket="raw", Key="p.json", Body=b"{}")
    s3.put_object(Bucket="labels", Key="5", Body=encoded(annotation(data)))
    head: Any = s3.head_object(Bucket="labels", Key="5")["ResponseMetadata"]["HTTPHeaders"]
    assert head["x-amz-meta-lineage-sources"] == f"s3://{version}.raw/p.json"
    assert head["x-amz-meta-lineage-evidence"] == "pinned"


def test_it_is_off_unless_it_is_asked_for(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a.json", Body=BODY)
    assert s3.get_object(Bucket=bucket, Key="a.json")["Body"].read() == BODY

"""GetObjectAttributes of live objects, their parts and their versions."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from live import LiveGateway
from raw import signed
from wire import refused

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
MIB = 1024 * 1024


def attributes(s3: Any, bucket: str, names: list[str] = ALL, **more: Any) -> Any:
    return s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=names, **more)


def test_attributes_are_those_of_the_object(s3: Any, bucket: str) -> None:
    wrote = s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ChecksumAlgorithm="SHA256")
    found = attributes(s3, bucket)
    assert found["ETag"] == wrote["ETag"].strip('"')
    assert (found["ObjectSize"], found["StorageClass"]) == (3, "STANDARD")
    digest = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    assert found["Checksum"]["ChecksumSHA256"] == digest
    assert found["VersionId"] == wrote["VersionId"]
    assert "ObjectParts" not in found
    assert "LastModified" in found


def test_parts_are_told_with_the_checksums_they_came_with(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    begun = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")
    upload["UploadId"] = begun["UploadId"]
    bodies = [b"a" * 5 * MIB, b"b" * 7]
    parts = []
    for number, body in enumerate(bodies, start=1):
        part = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append(
            {"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}
        )
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    told = attributes(s3, bucket)["ObjectParts"]
    assert told["TotalPartsCount"] == 2
    for row, body in zip(told["Parts"], bodies, strict=True):
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert (row["Size"], row["ChecksumSHA256"]) == (len(body), digest)
    page = attributes(s3, bucket, MaxParts=1, PartNumberMarker=1)["ObjectParts"]
    assert [row["PartNumber"] for row in page["Parts"]] == [2]


def test_a_version_has_attributes_and_a_delete_marker_has_none(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"longer")
    found = attributes(s3, bucket, VersionId=first)
    assert (found["VersionId"], found["ObjectSize"]) == (first, 3)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("NoSuchKey", 404) as caught:
        attributes(s3, bucket)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    with refused("MethodNotAllowed", 405):
        attributes(s3, bucket, VersionId=marker)
    answer = signed(gateway, "GET", f"/{bucket}/k?attributes")
    assert answer.status == 400

"""Checksums in a presigned query: signed as all of it is, and held against no body."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from live import LiveGateway
from raw import presigned, send
from signing import CREDENTIALS, SECRET, signed_v2, signed_v4

from gateway.protocol import sigv2
from gateway.protocol.checksums import ALGORITHMS
from gateway.protocol.errors import S3Error
from gateway.protocol.presigned import effective

OF_NOTHING = "AAAAAA=="
BODY = b"what the browser sends"
# As @aws-sdk/s3-request-presigner writes it, long before there is a body.
JAVASCRIPT = (
    f"x-amz-checksum-crc32={quote(OF_NOTHING)}&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject"
)


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("name", [*ALGORITHMS, "MD5"])
def test_the_value_of_a_checksum_in_the_query_is_no_header(name: str) -> None:
    header = f"x-amz-checksum-{name.lower()}"
    for written in (header, header.upper(), header.replace("k", "%6b")):
        v4 = signed_v4("PUT", f"/b/k?x-amz-meta-a=1&{written}=AAAA", expires=60)
        assert effective(v4).headers == {**v4.headers, "x-amz-meta-a": "1"}
    assert effective(replace(v4, headers={header: "BBBB"})).headers[header] == "BBBB"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("checksum-algorithm", "SHA256"),
        ("checksum-type", "COMPOSITE"),
        ("checksum-mode", "ENABLED"),
    ],
)
def test_what_else_is_said_of_checksums_is_a_header(name: str, value: str) -> None:
    request = signed_v4("POST", f"/b/k?x-amz-{name}={value}", expires=60)
    assert effective(request).headers[f"x-amz-{name}"] == value


def test_sigv2_signs_it_all_the_same() -> None:
    signed = signed_v2("PUT", "/b/k", {"x-amz-checksum-crc32": OF_NOTHING}, expires=60)
    bare = replace(signed, headers={"host": "h"})
    assert "x-amz-checksum-crc32=" in bare.raw_query
    assert "x-amz-checksum-crc32" not in effective(bare).headers
    claim = sigv2.parse(bare)
    assert claim is not None
    sigv2.check_signature(claim, bare, SECRET)
    tampered = replace(bare, raw_query=bare.raw_query.replace("AAAAAA", "AAAAAB"))
    with pytest.raises(S3Error, match="signature"):
        sigv2.check_signature(claim, tampered, SECRET)


def test_a_put_by_url_is_not_held_against_the_checksum_of_no_body(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    target = presigned(gateway, "PUT", f"/{bucket}/k?{JAVASCRIPT}")
    assert send(gateway, "PUT", target, BODY).status == 200
    read = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert read["Body"].read() == BODY
    assert OF_NOTHING not in read["ResponseMetadata"]["HTTPHeaders"].values()


def test_a_part_by_url_is_not_either(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**place, ChecksumAlgorithm="CRC32")["UploadId"]
    query = f"partNumber=1&uploadId={upload}&{JAVASCRIPT.replace('PutObject', 'UploadPart')}"
    answer = send(gateway, "PUT", presigned(gateway, "PUT", f"/{bucket}/k?{query}"), BODY)
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (200, crc32(BODY))


@pytest.mark.parametrize(
    ("value", "status", "code"), [(OF_NOTHING, 400, "BadDigest"), (crc32(BODY), 200, "")]
)
def test_the_checksum_in_a_header_is_verified_beside_one_in_the_query(
    gateway: LiveGateway, bucket: str, value: str, status: int, code: str
) -> None:
    header = {"x-amz-checksum-crc32": value}
    request = AWSRequest("PUT", f"{gateway.url}/{bucket}/k?{JAVASCRIPT}", dict(header))
    S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=60).add_auth(request)
    url = urlsplit(request.url)
    answer = send(gateway, "PUT", f"{url.path}?{url.query}", BODY, header)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_boto3_presigns_with_a_checksum(
    gateway: LiveGateway, bucket: str, version: str
) -> None:
    """SigV2 moves it into the query; SigV4 leaves it a header that has to be sent, and holds."""
    client = gateway.s3(signature_version=version)
    asked = {"Bucket": bucket, "Key": "k", "ChecksumCRC32": OF_NOTHING}
    url = urlsplit(client.generate_presigned_url("put_object", asked))
    target = f"{url.path}?{url.query}"
    if version == "s3":
        assert "x-amz-checksum-crc32=" in url.query
        assert send(gateway, "PUT", target, BODY).status == 200
    else:
        assert "x-amz-checksum-crc32" in url.query.partition("SignedHeaders=")[2]
        answer = send(gateway, "PUT", target, BODY, {"x-amz-checksum-crc32": OF_NOTHING})
        assert answer.code == "BadDigest"

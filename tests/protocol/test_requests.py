"""Request documents: botocore writes them, we read them; what is malformed is MalformedXML."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.errors import S3Error
from gateway.protocol.requests import parse_complete, parse_create_bucket, parse_delete

KEYS = st.text(
    st.characters(
        min_codepoint=32, exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=40,
)


def written(operation: str, **parameters: Any) -> bytes:
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    model = client.meta.service_model.operation_model(operation)
    body: bytes = client._serializer.serialize_to_request(parameters, model)["body"]
    return body


@given(st.lists(st.tuples(KEYS, st.none() | st.just("0" * 32)), min_size=1, max_size=4))
def test_a_delete_document_is_read_as_botocore_meant_it(
    wanted: list[tuple[str, str | None]],
) -> None:
    objects = [
        {"Key": key, **({"VersionId": version} if version else {})} for key, version in wanted
    ]
    body = written("DeleteObjects", Bucket="b", Delete={"Objects": objects, "Quiet": True})
    assert parse_delete(body) == (wanted, True)


def test_a_completion_is_read_as_botocore_meant_it() -> None:
    parts = [
        {"PartNumber": 1, "ETag": '"e"', "ChecksumCRC32": "AAAAAA=="},
        {"PartNumber": 2, "ETag": "f"},
    ]
    body = written(
        "CompleteMultipartUpload",
        Bucket="b",
        Key="k",
        UploadId="u",
        MultipartUpload={"Parts": parts},
    )
    first, second = parse_complete(body)
    assert (first.number, first.etag, first.checksums) == (1, '"e"', {"CRC32": "AAAAAA=="})
    assert (second.number, second.etag, second.checksums) == (2, "f", {})


def test_a_bucket_configuration_is_optional() -> None:
    body = written(
        "CreateBucket", Bucket="b", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert parse_create_bucket(body) == "eu-west-1"
    assert parse_create_bucket(b"") is None
    assert (
        parse_create_bucket(b"<CreateBucketConfiguration><A/></CreateBucketConfiguration>") is None
    )


def test_a_document_may_come_with_or_without_namespace_or_prefix() -> None:
    inner = "<Object><Key>k</Key></Object>"
    for document in (
        f"<Delete>{inner}</Delete>",
        f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</Delete>',
        '<s:Delete xmlns:s="urn:x"><s:Object><s:Key>k</s:Key></s:Object></s:Delete>',
        f"<?xml version='1.0' encoding='UTF-8'?>\n<Delete>\n {inner}\n</Delete>\n",
    ):
        assert parse_delete(document.encode()) == ([("k", None)], False)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>
<Delete><Object><Key>&b;</Key></Object></Delete>"""
EXTERNAL = b"""<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>
<Delete><Object><Key>&x;</Key></Object></Delete>"""


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"<Delete>", b"<Delete/>", b"<Other><Object><Key>k</Key></Object></Other>",
        b"<Delete><Object><Key></Key></Object></Delete>", b"<Delete><Object/></Delete>",
        b"<Delete><Object>text</Object></Delete>", b"<Delete>text</Delete>",
        b"<Delete><Object><Key><a/></Key></Object></Delete>", b"\xff\xfe<Delete/>",
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>",
        b"<a>" * 100_000, BOMB, EXTERNAL,
    ],
)  # fmt: skip
def test_what_is_no_delete_document_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        parse_delete(body)
    assert caught.value.code == "MalformedXML"


@pytest.mark.parametrize("number", ["0", "10001", "x", "-1", "1.5", "99999999999"])
def test_a_part_number_outside_its_range_is_malformed(number: str) -> None:
    part = f"<Part><PartNumber>{number}</PartNumber><ETag>e</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>"
    with pytest.raises(S3Error) as caught:
        parse_complete(body.encode())
    assert caught.value.code == "MalformedXML"


@given(st.binary(max_size=200))
def test_no_bytes_make_a_parser_do_anything_but_read_or_refuse(body: bytes) -> None:
    codes = set()
    for parse in (parse_delete, parse_complete, parse_create_bucket):
        try:
            parse(body)
        except S3Error as error:
            codes.add(error.code)
    assert codes <= {"MalformedXML"}

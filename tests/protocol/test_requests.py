"""Request documents: botocore writes them, we read them; what is malformed is MalformedXML."""

from __future__ import annotations

from functools import partial

import pytest
from documents import written
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import locks, tagging
from gateway.protocol.deletes import parse_delete
from gateway.protocol.errors import S3Error
from gateway.protocol.requests import parse_complete, parse_create_bucket, parse_versioning


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
        (wanted,), quiet = parse_delete(document.encode())
        assert (wanted.key, wanted.version, wanted.terms.given, quiet) == ("k", None, False, False)


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_versioning_state_is_read_as_botocore_meant_it(status: str) -> None:
    configuration = {"Status": status, "MFADelete": "Disabled"}
    body = written("PutBucketVersioning", Bucket="b", VersioningConfiguration=configuration)
    assert parse_versioning(body) == status


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<Status>enabled</Status>", "MalformedXML"),
        ("<Status>Unset</Status>", "MalformedXML"),
        ("<MfaDelete>Maybe</MfaDelete>", "MalformedXML"),
        ("", "IllegalVersioningConfigurationException"),
        ("<MfaDelete>Disabled</MfaDelete>", "IllegalVersioningConfigurationException"),
        ("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", "NotImplemented"),
    ],
)
def test_a_versioning_state_that_cannot_be_is_refused(inner: str, code: str) -> None:
    body = f"<VersioningConfiguration>{inner}</VersioningConfiguration>"
    with pytest.raises(S3Error) as caught:
        parse_versioning(body.encode())
    assert caught.value.code == code


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
        b"<a>" * 100_000, BOMB, EXTERNAL, b"<!-- -->" * 1000 + EXTERNAL,
        b"<!---->" * 100_000 + b"<a/>", b" " * 1_000_000 + b"<a/>",
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
    for parse in (
        parse_delete, parse_complete, parse_create_bucket, parse_versioning, tagging.parse_object,
        locks.parse_configuration, locks.parse_legal_hold, partial(locks.parse_retention, now_ms=0),
    ):  # fmt: skip
        try:
            parse(body)
        except S3Error as error:
            codes.add(error.code)
    assert codes <= {"MalformedXML"}

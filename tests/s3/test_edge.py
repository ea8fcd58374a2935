"""The edge: odd keys and targets, unknown requests, and bytes that mean no harm to anybody."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote

import pytest
from live import LiveGateway
from raw import send, signed
from wire import Conversation, nothing_written, refused, sign

KEYS = [
    "plain",
    "with space",
    " lead and trail ",
    "a+b",
    "a=b&c=d",
    "year=2026/month=11/x.parquet",
    "a%2Fb",
    "%",
    "100%",
    "a/b",
    "a//b",
    "/lead",
    "//two",
    "trail/",
    ".",
    "..",
    "./a",
    "a/../b",
    "a/./b",
    "../../etc/passwd",
    "quote'\"`",
    "semi;colon,comma",
    "star*question?hash#",
    "back\\slash|pipe^tilde~",
    "{braces}[brackets]<angles>",
    "ünïcödé",
    "日本語/キー",
    "\N{GRINNING FACE}",
    "e\u0301 is not \u00e9",
    "tab\there",
    "line\nbreak",
    "return\rhere",
    "bell\x07",
    "\x01\x1f\x7f",
    "\ufeffbom",
    "x" * 1024,
    "\N{SNOWMAN}" * 341 + "x",
    "-/-",
    "admin/-/healthz",
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: quote(key, safe="")[:40])
def test_any_key_of_at_most_1024_bytes_is_one_object_of_its_own(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    target = f"/{bucket}/{quote(key, safe='')}"
    assert signed(gateway, "PUT", target, key.encode()).status == 200
    assert signed(gateway, "GET", target).body == key.encode()
    assert signed(gateway, "HEAD", target).status == 200
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [row["Key"] for row in listed] == [key]
    assert signed(gateway, "DELETE", target).status == 204
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_keys_that_a_file_system_would_take_for_one_are_many(s3: Any, bucket: str) -> None:
    keys = ["foo", "foo/", "foo//", "foo/bar", "foo/./bar", "foo/../foo", "/foo", "./foo", "FOO"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(keys, key=str.encode)


def test_an_encoded_slash_belongs_to_the_key_and_is_the_same_key(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"x")
    assert signed(gateway, "GET", f"/{bucket}/a%2Fb").body == b"x"
    assert signed(gateway, "GET", f"/{bucket}/a%2fb").body == b"x"
    assert signed(gateway, "GET", f"/{bucket}/%61/b").body == b"x"


@pytest.mark.parametrize("size", [1025, 4000])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_longer_key_is_too_long(
    gateway: LiveGateway, s3: Any, bucket: str, size: int, method: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, method, f"/{bucket}/{'x' * size}")
        assert (answer.status, answer.code) == (400, "KeyTooLongError")
        assert (answer.field("Size"), answer.field("MaxSizeAllowed")) == (str(size), "1024")


@pytest.mark.parametrize("path", ["%ff", "a%c3", "%ed%a0%80"])
def test_a_key_that_is_not_utf_8_is_an_invalid_uri(
    gateway: LiveGateway, s3: Any, bucket: str, path: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/{path}", b"x")
        assert (answer.status, answer.code) == (400, "InvalidURI")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/", 405),
        ("PUT", "/", 405),
        ("DELETE", "/", 405),
        ("PATCH", "/{b}/k", 405),
        ("POST", "/{b}/k", 405),
        ("GET", "//k", 200),
        ("PUT", "//k", 405),
        ("GET", "/{b}%2Fk", 404),
        ("GET", "/{b}?location&versioning", 400),
        ("GET", "/{b}/k?uploadId=1&tagging", 400),
        ("PUT", "/{b}/k?partNumber=1", 400),
        ("PUT", "/{b}/k?uploadId=1", 400),
        ("PUT", "/{b}/k?tagging", 400),
        ("PUT", "/{b}/k?acl", 400),
        ("PUT", "/{b}?policy", 400),
        ("PUT", "/{b}?versioning", 400),
        ("PUT", "/{b}/k?renameObject", 501),
        ("PUT", "/{b}?metadataJournalTable", 501),
        ("POST", "/{b}/k?select&select-type=2", 501),
        ("GET", "/{b}/k?torrent", 501),
        ("DELETE", "/{b}/k?tagging", 204),
        ("DELETE", "/{b}?versions", 405),
        ("PUT", "/{b}?delete", 405),
    ],
)
def test_a_request_that_names_no_operation_never_becomes_another(
    gateway: LiveGateway, s3: Any, bucket: str, method: str, target: str, status: int
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with nothing_written(s3, bucket):
        answer = signed(gateway, method, target.replace("{b}", bucket), b"")
        assert answer.status == status, answer.body
    if status == 405:
        assert answer.headers["allow"]
        assert answer.field("Method") == method
    if status == 501:
        assert "not implemented" in answer.field("Message")


def test_every_error_is_xml_that_a_parser_takes(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    for answer in (
        signed(gateway, "GET", f"/{bucket}/{quote('a&<b>]]>')}"),
        signed(gateway, "GET", f"/{bucket}?max-keys=%3Cx%26"),
        signed(gateway, "GET", "/a..b"),
        signed(gateway, "PUT", "/%22%3E%3C"),
        send(gateway, "GET", f"/{bucket}/k"),
        signed(gateway, "POST", "/"),
    ):
        assert answer.headers["content-type"] == "application/xml"
        root = ET.fromstring(answer.body)
        assert root.tag == "Error"
        assert [root.findtext(name) for name in ("Code", "Message", "RequestId", "HostId")].count(
            None
        ) == 0
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="]]>&lt;")
    assert caught.value.response["Error"]["Key"] == "]]>&lt;"


def test_a_target_in_absolute_form_is_the_same_request(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    request = sign(gateway, "GET", f"/{bucket}/k")
    wire = request.bytes().replace(b"GET /", b"GET " + gateway.url.encode() + b"/", 1)
    with Conversation(gateway) as talk:
        talk.say(wire)
        assert talk.hear_answer()[2] == b"x"


def test_requests_on_one_connection_are_answered_one_after_the_other(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    with Conversation(gateway) as talk:
        one = sign(gateway, "GET", f"/{bucket}/k").bytes()
        put = sign(gateway, "PUT", f"/{bucket}/p", b"body").bytes(b"body")
        missing = sign(gateway, "GET", f"/{bucket}/none").bytes()
        talk.say(one + put + missing + one)
        answers = [talk.hear_answer() for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 404, 200]
    assert len(answers[3][2]) == 100_000


def test_a_large_body_that_is_refused_does_not_upset_the_connection(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    body = bytes(600_000)
    with Conversation(gateway) as talk, nothing_written(s3, bucket):
        talk.say(sign(gateway, "PUT", f"/{bucket}/k", body, secret="wrong").bytes(body))
        assert talk.hear_answer()[0] == 403
        talk.say(sign(gateway, "HEAD", f"/{bucket}").bytes())
        assert talk.hear_answer()[0] == 200

"""The edge: odd keys and targets, unknown requests, and bytes that mean no harm to anybody."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import LiveGateway
from raw import Answer, send, send_bytes, signed
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
        ("PUT", "/{b}/k?tagging", 501),
        ("PUT", "/{b}/k?acl", 501),
        ("PUT", "/{b}?policy", 501),
        ("PUT", "/{b}?versioning", 501),
        ("POST", "/{b}/k?select&select-type=2", 501),
        ("GET", "/{b}/k?torrent", 501),
        ("DELETE", "/{b}/k?tagging", 501),
        ("DELETE", "/{b}?lifecycle", 501),
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


# ---- anything at all

METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
PRINTABLE = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?&#%"), max_size=9
)
ODD_SEGMENTS = [
    "master.fuzz", "fuzz", "0" * 32 + ".fuzz", "a.b.c.d", "", "..", "%2F", "%ff", "-", "k", "%00",
    "x" * 1100, "master.fuzz.default", "%E6%97%A5",
]  # fmt: skip
ODD_NAMES = [
    "versions", "uploads", "uploadId", "partNumber", "versionId", "list-type", "max-keys", "prefix",
    "delimiter", "marker", "continuation-token", "encoding-type", "delete", "acl", "tagging",
    "location", "versioning", "key-marker", "version-id-marker", "response-content-type", "zzz",
    "start-after", "X-Amz-Signature", "X-Amz-Algorithm", "Signature", "x-amz-meta-a", "max-uploads",
    "part-number-marker", "max-parts", "x-amz-copy-source", "fetch-owner", "upload-id-marker",
]  # fmt: skip
ODD_VALUES = [
    "", "1", "2", "0", "-1", "url", "null", "0" * 32, "%ff", "%00", "9" * 40, "%0d%0a", "%20",
]  # fmt: skip
ODD_HEADERS = [
    "range", "if-match", "if-none-match", "if-modified-since", "if-range", "content-md5", "expires",
    "x-amz-copy-source", "x-amz-checksum-crc32", "x-amz-trailer", "x-amz-meta-a", "content-type",
    "x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm", "content-encoding", "origin",
    "x-amz-metadata-directive", "x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-acl",
    "x-amz-expected-bucket-owner", "x-amz-mp-object-size", "access-control-request-method",
    "x-amz-meta-labelgate-sources", "x-amz-meta-labelgate-message", "amz-sdk-invocation-id",
]  # fmt: skip
ODD_HEADER_VALUES = [
    "", "*", '"x"', "bytes=0-", "bytes=-1", "1", "x", "AAAAAA==", "master.fuzz/k", "9" * 5000,
    "Mon, 01 Jan 2001 00:00:00 GMT", "=?utf-8?b?_?=", "=?x?q?=0a?=", "s3://fuzz/k,s3:///,s3://a",
]  # fmt: skip
ONE_PART = b"<Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>"
ODD_BODIES = [
    b"", b"x", b"<Delete/>", b"<a>" * 2000, b"{}", b"\xff\xfe", b"5\r\nhello\r\n0\r\n\r\n",
    b"<Delete><Object><Key>k</Key></Object></Delete>", b"<!DOCTYPE a><a/>",
    b"<CompleteMultipartUpload>%b</CompleteMultipartUpload>" % ONE_PART,
]  # fmt: skip
SEGMENTS = st.sampled_from(ODD_SEGMENTS) | PRINTABLE
QUERIES = st.lists(
    st.tuples(st.sampled_from(ODD_NAMES), st.none() | st.sampled_from(ODD_VALUES) | PRINTABLE),
    max_size=3,
)
HEADERS = st.dictionaries(
    st.sampled_from(ODD_HEADERS), st.sampled_from(ODD_HEADER_VALUES) | PRINTABLE, max_size=4
)
BODIES = st.sampled_from(ODD_BODIES)


@pytest.fixture(scope="module")
def fuzz(s3: Any) -> str:
    """The bucket that random requests hit as a rule."""
    s3.create_bucket(Bucket="master.fuzz")
    s3.put_object(Bucket="master.fuzz", Key="k", Body=b"0123456789")
    return "master.fuzz"


def assert_sane(gateway: LiveGateway, answer: Answer, what: object) -> None:
    assert answer.status < 500 or answer.status == 501, (what, answer.body)
    assert b"Traceback" not in answer.body
    if answer.status >= 400 and answer.body:
        root = ET.fromstring(answer.body)
        assert (root.tag, bool(root.findtext("Code"))) == ("Error", True)
        assert root.findtext("RequestId") == answer.headers["x-amz-request-id"]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(METHODS, st.lists(SEGMENTS, max_size=4), QUERIES, HEADERS, BODIES, st.booleans())
def test_no_request_is_ever_answered_with_a_5xx_but_501_by_name(
    gateway: LiveGateway,
    fuzz: str,
    method: str,
    segments: list[str],
    query: list[tuple[str, str | None]],
    headers: dict[str, str],
    body: bytes,
    with_signature: bool,
) -> None:
    pairs = "&".join(name if value is None else f"{name}={value}" for name, value in query)
    target = "/" + "/".join(segments) + (f"?{pairs}" if pairs else "")
    if target.startswith("/-/"):
        return  # not S3's
    ask = signed if with_signature else send
    answer = ask(gateway, method, target, body, headers)  # type: ignore[operator]
    assert_sane(gateway, answer, target)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"GET / HTTP/1.1\r\n", b"PUT /master.fuzz/k HTTP/1.1\r\nHost: x\r\n"]),
)
def test_bytes_that_are_no_http_leave_the_gateway_well(
    gateway: LiveGateway, fuzz: str, junk: bytes, start: bytes
) -> None:
    try:
        received = send_bytes(gateway, start + junk)
    except ConnectionError:
        return
    assert not received.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in received


def test_after_all_that_nothing_went_wrong_inside(gateway: LiveGateway, s3: Any, fuzz: str) -> None:
    assert gateway.process.poll() is None
    assert len(s3.head_bucket(Bucket=fuzz)["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"])
    assert gateway.metric("labelgate_requests_total", code="500") == 0
    log = gateway.log.read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]

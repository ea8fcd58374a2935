"""Anything at all: no request is answered with a 5xx, and none leaves a traceback in the log."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import botocore.loaders
import pytest
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import LiveGateway
from raw import Answer, send, send_bytes, signed
from wire import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, ChunkSigner, sign

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
        # Like AWS's, ours refer to characters that XML 1.0 has no place for.
        root = ET.fromstring(re.sub(rb"&#x[0-9a-f]+;", b"?", answer.body))
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


# ---- what botocore can say

MODEL = ServiceModel(botocore.loaders.Loader().load_service_model("s3", "service-2"), "s3")
SERIALIZER = create_serializer("rest-xml", include_validation=False)
# The bucket that all of this happens in stays.
OPERATIONS = [MODEL.operation_model(name) for name in MODEL.operation_names]
DEPTH_MAX = 6
ODD_TEXTS = [
    "", "k", "null", "*", "master.fuzz", "master.fuzz/k", "a=b&c=d", "x" * 1100, "default",
    "2026-01-01T00:00:00Z", "COMPLIANCE", "Enabled", "arn:aws:s3:::master.fuzz/*", "AAAAAA==",
    "<>&\"'", "\N{GRINNING FACE}", "http://acs.amazonaws.com/groups/global/AllUsers",
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*"}]}',
]  # fmt: skip
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=5)
MOMENTS = st.integers(0, 2**32).map(lambda at: dt.datetime.fromtimestamp(at, dt.UTC))
PLAIN: Mapping[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "integer": st.integers(-2, 10_001) | st.sampled_from([2**31, -(2**63)]),
    "long": st.integers(-2, 2**40),
    "boolean": st.booleans(),
    "timestamp": MOMENTS,
    "blob": st.binary(max_size=30),
}


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a shape, of the kind that botocore can write: each member there or not."""
    if isinstance(shape, StructureShape):
        inner = {
            name: values(member, depth + 1)
            for name, member in shape.members.items()
            if depth < DEPTH_MAX
        }
        return st.fixed_dictionaries({}, optional=inner)
    if isinstance(shape, ListShape):
        return st.lists(values(shape.member, depth + 1), max_size=2)
    if isinstance(shape, MapShape):
        return st.dictionaries(st.text("ab-", min_size=1, max_size=4), TEXTS, max_size=2)
    if enum := getattr(shape, "enum", None):
        return st.sampled_from(enum) | TEXTS
    return PLAIN[shape.type_name]


@st.composite
def serialized(draw: st.DrawFn) -> tuple[OperationModel, dict[str, Any]]:
    """An operation of S3, and a request of it in the bucket `master.fuzz`."""
    operation = draw(st.sampled_from(OPERATIONS))
    shape = operation.input_shape
    given = draw(values(shape)) if shape else {}
    keys = st.sampled_from(["k", "k", "l", "\N{SNOWMAN}/"])
    place = {"Bucket": "master.fuzz", "Key": draw(keys), "RequestRoute": "host"}
    known = shape.members if shape else {}
    given |= {name: value for name, value in place.items() if name in known}
    return operation, SERIALIZER.serialize_to_request(given, operation)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(serialized(), st.booleans(), st.data())
def test_any_input_of_any_operation_is_answered(
    gateway: LiveGateway,
    fuzz: str,
    made: tuple[OperationModel, dict[str, Any]],
    with_signature: bool,
    data: st.DataObject,
) -> None:
    operation, request = made
    body = request["body"] if isinstance(request["body"], bytes) else b""
    if body:
        body = data.draw(mutated(body))
    pairs = urlencode(request["query_string"], doseq=True, quote_via=quote)
    path, _, marker = request["url_path"].partition("?")
    query = "&".join(part for part in (marker, pairs) if part)
    ask = signed if with_signature else send
    target = f"{path}?{query}" if query else path
    answer = ask(gateway, request["method"], target, body, _sendable(request["headers"]))  # type: ignore[operator]
    assert_sane(gateway, answer, (operation.name, target, body))


def _sendable(headers: Mapping[str, Any]) -> dict[str, str]:
    """Those that HTTP can carry, of a true length; the rest is tried as raw bytes below."""
    texts = {name: str(value) for name, value in headers.items() if name != "Content-Length"}
    return {name: text for name, text in texts.items() if text.isascii() and text.isprintable()}


def mutated(body: bytes) -> st.SearchStrategy[bytes]:
    """A document as it is, cut, doubled, or with a piece of it exchanged."""
    at = st.integers(0, len(body))
    junk = st.sampled_from(
        [b"", b"<", b">", b"&", b"&#0;", b"<a/>", b"</a>", b"]]>", b"<!--", b"\xff", b"\x00",
         b"<![CDATA[x]]>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b" ", b"1" * 400, b"<Key>k</Key>"]
    )  # fmt: skip
    exchanged = st.builds(
        lambda start, stop, piece: body[: min(start, stop)] + piece + body[max(start, stop) :],
        at,
        at,
        junk,
    )
    return st.just(body) | exchanged | at.map(lambda stop: body[:stop]) | st.just(body * 2)


# ---- framed bodies, forms, and bytes that are hardly HTTP

FRAMES = st.lists(
    st.sampled_from(
        [b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\n", b"\r\n", b"5;chunk-signature=", b"a" * 64,
         b"x-amz-checksum-crc32:AAAAAA==\r\n", b"x-amz-trailer-signature:", b"-1\r\n", b"ffffffff",
         b"0x5\r\n", b"5 \r\nhello", b"+5\r\nhello\r\n", b"\n", b";", b":"]
    )
    | st.binary(max_size=9),
    max_size=8,
).map(b"".join)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    token=st.sampled_from([SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]),
    frames=FRAMES,
    good=st.lists(st.binary(max_size=20), max_size=2),
    announced=st.integers(-1, 40) | st.just(2**63),
    trailer=st.sampled_from(["", "x-amz-checksum-crc32", "x-amz-checksum-sha1", "a", ","]),
)
def test_any_frames_of_a_stream_are_answered(
    gateway: LiveGateway,
    fuzz: str,
    token: str,
    frames: bytes,
    good: list[bytes],
    announced: int,
    trailer: str,
) -> None:
    headers = {
        "X-Amz-Content-SHA256": token,
        "x-amz-decoded-content-length": str(announced),
        "Content-Encoding": "aws-chunked",
        **({"x-amz-trailer": trailer} if trailer else {}),
    }
    request = sign(gateway, "PUT", f"/{fuzz}/framed", headers=headers)
    signer = ChunkSigner.behind(request)
    body = b"".join(map(signer.chunk, good)) + frames
    answer = send(gateway, "PUT", f"/{fuzz}/framed", body, request.headers)
    assert_sane(gateway, answer, (token, body))


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["key", "policy", "file", "acl", "tagging", "success_action_status", "Content-Type",
             "success_action_redirect", "x-amz-algorithm", "x-amz-credential", "x-amz-date",
             "x-amz-signature", "AWSAccessKeyId", "signature", "x-amz-meta-a", "bucket", ""]
        ),
        st.sampled_from(["", "k", "e30=", "${filename}", "201", "http://a/", "AWS4-HMAC-SHA256"])
        | st.text(max_size=4),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=FIELDS, data=st.data(), boundary=st.sampled_from(["b", "b", "", '"b"', "b" * 80]))
def test_any_form_is_answered(
    gateway: LiveGateway,
    fuzz: str,
    fields: list[tuple[str, str]],
    data: st.DataObject,
    boundary: str,
) -> None:
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    body = data.draw(mutated(f"{parts}--b--\r\n".encode()))
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    assert_sane(gateway, send(gateway, "POST", f"/{fuzz}", body, headers), body)


TOKENS = st.sampled_from(
    [b"GET", b"PUT", b"POST", b"get", b"BREW", b"", b" ", b"  ", b"/master.fuzz/k", b"/", b"*",
     b"//", b"/%", b"/%zz", b"/\xff", b"/master.fuzz?%", b"http://h/master.fuzz/k", b"HTTP/1.1",
     b"HTTP/1.0", b"HTTP/9.9", b"HTTP/2.0", b"\t", b"\x00", b"/" + b"a" * 9000, b"?versions", b"#x"]
)  # fmt: skip
LINES = st.sampled_from(
    [b"Host: h", b"Host:", b"Content-Length: 5", b"Content-Length: x", b"Content-Length: -1",
     b"Content-Length: 5, 5", b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", b": x", b"x",
     b"Expect: 100-continue", b"Expect: x", b"Authorization: AWS4-HMAC-SHA256 Credential=",
     b"Authorization: AWS a:b", b"Authorization: ", b"x-amz-date: 20260101T000000Z", b"Date: x",
     b"x-amz-meta-a: \xff", b"x-amz-meta-\xff: a", b"Range: bytes=-", b" folded", b"Connection: x"]
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    line=st.lists(TOKENS, min_size=1, max_size=4).map(b" ".join),
    lines=st.lists(LINES, max_size=5),
    body=st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"\x00" * 20]),
)
def test_any_request_line_and_headers_are_answered_or_hung_up_on(
    gateway: LiveGateway, fuzz: str, line: bytes, lines: list[bytes], body: bytes
) -> None:
    received = b""
    try:
        received = send_bytes(gateway, b"\r\n".join([line, *lines, b"", body]))
    except ConnectionError:
        return
    status = received[9:12]
    assert not status.startswith(b"5") or status == b"501", (line, lines, received[:300])
    assert b"Traceback" not in received


def test_after_all_that_nothing_went_wrong_inside(gateway: LiveGateway, s3: Any, fuzz: str) -> None:
    assert gateway.process.poll() is None
    assert len(s3.head_bucket(Bucket=fuzz)["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"])
    assert gateway.metric("labelgate_requests_total", code="500") == 0
    log = gateway.log.read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]

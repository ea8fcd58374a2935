"""GetObject and HeadObject: ranges, preconditions, overrides, versions, headers."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from live import LiveGateway
from raw import presigned, send, signed
from wire import Conversation, head, refused, sign

BODY = b"0123456789"
BIG = bytes(range(256)) * 4096  # 1 MiB, kept in a file of its own


@pytest.fixture
def key(s3: Any, bucket: str) -> str:
    """Target of an object that holds BODY."""
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    return f"/{bucket}/k"


def wire(answer: Any) -> Any:
    return answer["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("body", [b"", BODY, BIG], ids=["empty", "small", "large"])
def test_what_was_put_is_read_with_its_headers(s3: Any, bucket: str, body: bytes) -> None:
    expires = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    put = s3.put_object(
        Bucket=bucket,
        Key="dir/k",
        Body=body,
        ContentType="image/png",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="a b.png"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        Expires=expires,
        Metadata={"project": "7", "note": "two  spaces"},
    )
    for read in (s3.get_object, s3.head_object):
        answer = read(Bucket=bucket, Key="dir/k")
        assert answer["ContentLength"] == len(body)
        assert answer["ETag"] == put["ETag"]
        assert answer["VersionId"] == put["VersionId"]
        assert wire(answer)["x-labelgate-commit"] == put["VersionId"]
        assert answer["ContentType"] == "image/png"
        assert answer["CacheControl"] == "max-age=60"
        assert answer["ContentDisposition"] == 'attachment; filename="a b.png"'
        assert answer["ContentEncoding"] == "gzip"
        assert answer["ContentLanguage"] == "de"
        assert answer["Expires"] == expires
        assert answer["Metadata"] == {"project": "7", "note": "two  spaces"}
        assert answer["AcceptRanges"] == "bytes"
        if "Body" in answer:
            assert answer["Body"].read() == body


def test_an_object_without_a_type_is_binary(s3: Any, key: str, bucket: str) -> None:
    assert s3.head_object(Bucket=bucket, Key="k")["ContentType"] == "binary/octet-stream"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-4", 2, 5),
        ("bytes=7-", 7, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-99", 0, 10),
        ("bytes=0-99", 0, 10),
        ("BYTES=1-1", 1, 2),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_range_is_206_with_exactly_those_bytes(
    gateway: LiveGateway, key: str, method: str, asked: str, start: int, stop: int
) -> None:
    answer = signed(
        gateway, method, key, headers={"range": asked, "x-amz-checksum-mode": "ENABLED"}
    )
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.body == (BODY[start:stop] if method == "GET" else b"")
    # A checksum of the whole beside a part of it fails in every SDK that verifies.
    assert not [name for name in answer.headers if name.startswith("x-amz-checksum")]


@pytest.mark.parametrize(
    "asked", ["bytes=9-2", "nonsense", "bytes=a-b", "bytes=-", "bytes=0-1,4-5", "lines=0-1",
              "bytes=" + "9" * 5000 + "-"],
)  # fmt: skip
def test_a_range_that_is_none_is_ignored(gateway: LiveGateway, key: str, asked: str) -> None:
    answer = signed(gateway, "GET", key, headers={"range": asked})
    assert (answer.status, answer.body) == (200, BODY)
    assert "content-range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=999999999999-"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_range_behind_the_end_is_416_with_the_size(
    gateway: LiveGateway, key: str, method: str, asked: str
) -> None:
    answer = signed(gateway, method, key, headers={"range": asked})
    assert answer.status == 416
    assert answer.headers["content-range"] == "bytes */10"
    if method == "GET":
        assert (answer.code, answer.field("ActualObjectSize")) == ("InvalidRange", "10")
        assert answer.field("RangeRequested") == asked
    else:
        assert answer.body == b""


def test_ranges_of_an_empty_object(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    target = f"/{bucket}/empty"
    suffix = signed(gateway, "GET", target, headers={"range": "bytes=-5"})
    assert (suffix.status, suffix.body) == (200, b"")
    for asked in ("bytes=0-0", "bytes=0-", "bytes=40-50"):
        answer = signed(gateway, "GET", target, headers={"range": asked})
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */0")


def test_ranges_of_a_large_object_cross_its_pieces(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="big", Body=BIG)
    for start, stop in [(0, 1), (262143, 262145), (100, 900_000), (1048575, 1048576)]:
        answer = s3.get_object(Bucket=bucket, Key="big", Range=f"bytes={start}-{stop - 1}")
        assert answer["Body"].read() == BIG[start:stop]
        assert answer["ContentLength"] == stop - start


def test_a_resumed_download_gets_the_whole_of_what_replaced_its_object(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    resumed = signed(gateway, "GET", key, headers={"range": "bytes=5-", "if-range": etag})
    assert (resumed.status, resumed.body) == (206, BODY[5:])
    s3.put_object(Bucket=bucket, Key="k", Body=b"something else")
    resumed = signed(gateway, "GET", key, headers={"range": "bytes=5-", "if-range": etag})
    assert (resumed.status, resumed.body) == (200, b"something else")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_304_has_no_body_no_length_and_no_checksum(
    gateway: LiveGateway, s3: Any, bucket: str, method: str
) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY, CacheControl="max-age=9")
    for headers in (
        {"if-none-match": put["ETag"]},
        {"if-none-match": "*"},
        {"if-none-match": put["ETag"].strip('"')},
        {"if-none-match": f'"other", {put["ETag"]}'},
    ):
        answer = signed(
            gateway, method, f"/{bucket}/k", headers={**headers, "x-amz-checksum-mode": "ENABLED"}
        )
        assert (answer.status, answer.body) == (304, b"")
        assert "content-length" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("x-amz-checksum")]
        assert answer.headers["etag"] == put["ETag"]
        assert answer.headers["last-modified"]
        assert answer.headers["cache-control"] == "max-age=9"
        assert answer.headers["x-labelgate-commit"] == put["VersionId"]


def test_preconditions_override_each_other_as_s3_says(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    past, future = "Mon, 01 Jan 2001 00:00:00 GMT", "Tue, 01 Jan 2041 00:00:00 GMT"
    cases = [
        ({"if-match": etag, "if-unmodified-since": past}, 200),
        ({"if-match": '"no"'}, 412),
        ({"if-match": '"no"', "if-unmodified-since": future}, 412),
        ({"if-match": "*"}, 200),
        ({"if-unmodified-since": past}, 412),
        ({"if-unmodified-since": future}, 200),
        ({"if-modified-since": past}, 200),
        ({"if-modified-since": future}, 200),  # a clock that is wrong says nothing
        ({"if-none-match": etag, "if-modified-since": past}, 304),
        ({"if-none-match": '"no"', "if-modified-since": future}, 200),
        ({"if-modified-since": "no date"}, 200),
        ({"if-modified-since": "Mon, 1 Jan 2020 00:00:00 +99999999999999"}, 200),
        ({"if-match": '"no"', "range": "bytes=99-"}, 412),
        ({"if-none-match": etag, "range": "bytes=99-"}, 304),
    ]
    for headers, status in cases:
        answer = signed(gateway, "GET", key, headers=headers)
        assert answer.status == status, headers
        if status == 412:
            assert answer.code == "PreconditionFailed"
            assert answer.field("Condition") in {"If-Match", "If-Unmodified-Since"}


def test_what_was_not_changed_since_it_was_seen_is_304(s3: Any, bucket: str, key: str) -> None:
    seen = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    with refused("304", 304):
        s3.head_object(Bucket=bucket, Key="k", IfModifiedSince=seen)


OVERRIDES = {
    "response-content-type": "text/x-odd",
    "response-content-disposition": 'attachment; filename="ü.txt"',
    "response-cache-control": "no-store",
    "response-content-encoding": "identity",
    "response-content-language": "fr",
    "response-expires": "Thu, 01 Dec 2033 16:00:00 GMT",
}


def test_response_overrides_are_honoured_on_get_and_head(gateway: LiveGateway, key: str) -> None:
    query = urlencode(OVERRIDES, quote_via=quote, safe="")
    for method in ("GET", "HEAD"):
        target = presigned(gateway, method, f"{key}?{query}")
        answer = send(gateway, method, target)
        assert answer.status == 200
        for name, value in OVERRIDES.items():
            assert answer.headers[name.removeprefix("response-")] == value


def test_response_overrides_of_anonymous_requests_are_refused(
    gateway: LiveGateway, key: str
) -> None:
    answer = send(gateway, "GET", f"{key}?response-content-type=text/html")
    assert answer.status in {400, 403}
    assert answer.headers["content-type"] == "application/xml"


@pytest.mark.parametrize("value", ["a%0D%0Ax-injected%3A%201", "%E6%97%A5%E6%9C%AC", "%00"])
def test_a_response_override_that_cannot_be_a_header_is_refused(
    gateway: LiveGateway, key: str, value: str
) -> None:
    answer = signed(gateway, "GET", f"{key}?response-content-disposition={value}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert "x-injected" not in answer.headers


@pytest.mark.parametrize(
    ("target", "status"),
    [("/{b}/none", 404), ("/master.nowhere/k", 404), ("/{b}/k?versionId=zz", 400),
     ("/{b}/k?acl", 405), ("/{b}/k?versions", 400), ("/{b}/" + "x" * 1025, 400)],
)  # fmt: skip
def test_a_head_error_has_no_body_and_does_not_break_the_connection(
    gateway: LiveGateway, bucket: str, key: str, target: str, status: int
) -> None:
    target = target.format(b=bucket)
    with Conversation(gateway) as wire:
        wire.say(sign(gateway, "HEAD", target).bytes())
        top = wire.hear_until(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 %d " % status)
        wire.say(sign(gateway, "GET", key).bytes())  # the next bytes are the next answer
        answered, _, body = wire.hear_answer()
        assert (answered, body) == (200, BODY)


def test_head_says_the_length_of_the_object(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="big", Body=BIG)
    answer = signed(gateway, "HEAD", f"/{bucket}/big")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "1048576", b"")


def test_a_missing_key_is_named_in_the_error(s3: Any, bucket: str) -> None:
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="a/ü b&<c>")
    assert caught.value.response["Error"]["Key"] == "a/ü b&<c>"


def test_versions_are_read_by_id_for_ever(s3: Any, bucket: str) -> None:
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"v%d" % n)["VersionId"] for n in range(3)]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for n, version in enumerate(ids):
        answer = s3.get_object(Bucket=bucket, Key="k", VersionId=version)
        assert (answer["Body"].read(), answer["VersionId"]) == (b"v%d" % n, version)
        assert s3.head_object(Bucket=bucket, Key="k", VersionId=version)["ContentLength"] == 2
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=bucket, Key="k")
    shown = wire(caught.value.response)
    assert (shown["x-amz-delete-marker"], shown["x-amz-version-id"]) == ("true", marker)
    assert shown["x-labelgate-commit"] == marker
    with refused("MethodNotAllowed", 405) as caught:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker)
    shown = wire(caught.value.response)
    assert (shown["x-amz-delete-marker"], shown["allow"]) == ("true", "DELETE")
    [listed] = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    made = email.utils.parsedate_to_datetime(shown["last-modified"])
    assert made == listed["LastModified"].replace(microsecond=0)


def test_a_version_of_another_key_or_branch_is_no_such_version(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    other = bucket.replace("master.", "dev.")
    s3.create_bucket(Bucket=other)
    for where, key, asked in [
        (bucket, "other", version),
        (other, "k", version),
        (bucket, "k", "f" * 32),
        (bucket, "k", "null"),
    ]:
        with refused("NoSuchVersion", 404):
            s3.get_object(Bucket=where, Key=key, VersionId=asked)


@pytest.mark.parametrize("asked", ["", "zz", "A" * 32, "0" * 31, "0" * 33])
def test_a_version_id_of_no_such_form_is_an_invalid_argument(
    gateway: LiveGateway, key: str, asked: str
) -> None:
    answer = signed(gateway, "GET", f"{key}?versionId={asked}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.field("ArgumentName") == "versionId"


def test_a_checksum_is_shown_only_where_it_was_asked_for(
    gateway: LiveGateway, bucket: str, s3: Any
) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256")
    for mode in ("ENABLED", "enabled"):
        answer = signed(gateway, "GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": mode})
        assert answer.headers["x-amz-checksum-sha256"] == put["ChecksumSHA256"]
        assert answer.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    plain = signed(gateway, "GET", f"/{bucket}/k")
    assert not [name for name in plain.headers if name.startswith("x-amz-checksum")]


def test_a_client_that_hangs_up_in_a_large_answer_leaves_the_gateway_well(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    s3.put_object(Bucket=bucket, Key="big", Body=BIG * 16)
    for _ in range(3):
        with Conversation(gateway) as wire:
            wire.say(sign(gateway, "GET", f"/{bucket}/big").bytes())
            wire.hear_until(b"\r\n\r\n")
    assert signed(gateway, "GET", key).body == BODY
    assert len(head(s3, bucket)) == 32


def test_a_presigned_url_needs_no_headers(gateway: LiveGateway, key: str) -> None:
    assert send(gateway, "GET", presigned(gateway, "GET", key)).body == BODY


def test_what_came_in_one_piece_is_its_own_first_part(gateway: LiveGateway, key: str) -> None:
    answer = signed(gateway, "GET", f"{key}?partNumber=1")
    assert (answer.status, answer.body) == (206, BODY)
    assert "x-amz-mp-parts-count" not in answer.headers
    beyond = signed(gateway, "GET", f"{key}?partNumber=2")
    assert (beyond.status, beyond.code) == (416, "InvalidPartNumber")
    assert beyond.field("ActualPartCount") == "1"
    both = signed(gateway, "GET", f"{key}?partNumber=1", headers={"range": "bytes=0-1"})
    assert (both.status, both.code) == (400, "InvalidRequest")
    for text in ("0", "x", "10001", "1" * 5000):
        answer = signed(gateway, "GET", f"{key}?partNumber={text}")
        assert (answer.status, answer.code) == (400, "InvalidArgument")

"""What a browser's form uploads: signed by boto3, sent by httpx."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from api import Api
from labels import annotation, encoded
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway, live_gateway
from raw import send, signed
from waiting import until
from wire import Conversation, head, nothing_written, refused

VERSIONS = pytest.mark.parametrize("version", ["s3", "s3v4"])


def form(
    gateway: LiveGateway,
    bucket: str,
    key: str = "k",
    *,
    conditions: list[Any] | None = None,
    version: str = "s3v4",
    access: str = ACCESS_KEY_ID,
    secret: str = SECRET_ACCESS_KEY,
    seconds: int = 60,
    **fields: str,
) -> dict[str, str]:
    """The fields that boto3 signs; further ones are in the policy as they are."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    client = gateway.s3(access, secret, signature_version=version)
    allowed = [*({name: value} for name, value in named.items()), *(conditions or [])]
    made = client.generate_presigned_post(bucket, key, named, allowed, ExpiresIn=seconds)
    return dict(made["fields"])


def post(
    gateway: LiveGateway, bucket: str, fields: dict[str, str], body: bytes = b"x", name: str = "f"
) -> httpx.Response:
    return httpx.post(f"{gateway.url}/{bucket}", data=fields, files={"file": (name, body)})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, ET.fromstring(answer.content).findtext("Code") or ""


def test_the_tags_of_a_form_are_judged_by_the_buckets_policy(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:RequestObjectTag/level": "secret"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    def sent(level: str) -> int:
        tag = f"<Tag><Key>level</Key><Value>{level}</Value></Tag>"
        tags = f"<Tagging><TagSet>{tag}</TagSet></Tagging>"
        return post(gateway, bucket, form(gateway, bucket, tagging=tags)).status_code

    assert [sent("open"), sent("secret")] == [204, 403]


@VERSIONS
def test_a_signed_form_is_a_put_in_a_commit_of_its_own(
    gateway: LiveGateway, s3: Any, bucket: str, version: str
) -> None:
    fields = form(
        gateway, bucket, "a/ü &+.txt", version=version, acl="private", Content_Type="text/plain",
        Cache_Control="no-cache", x_amz_meta_a="grün", x_amz_meta_labelgate_message="from a form",
    )  # fmt: skip
    answer = post(gateway, bucket, fields, b"hello")
    assert (answer.status_code, answer.content) == (204, b"")
    shown = s3.get_object(Bucket=bucket, Key="a/ü &+.txt")
    assert shown["Body"].read() == b"hello"
    assert (shown["ContentType"], shown["CacheControl"]) == ("text/plain", "no-cache")
    assert shown["ResponseMetadata"]["HTTPHeaders"]["x-amz-meta-a"].startswith("=?utf-8?b?")
    assert answer.headers["etag"] == shown["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert answer.headers["x-amz-version-id"] == shown["VersionId"] == head(s3, bucket)
    assert answer.headers["location"] == f"{gateway.url}/{bucket}/a/%C3%BC%20%26%2B.txt"
    (commit, _) = Api(gateway.url).get(f"/refs/{bucket}/log").json()["commits"]
    assert (commit["kind"], commit["message"]) == ("put", "from a form")


def test_a_form_is_counted_and_logged_as_one(gateway: LiveGateway, bucket: str) -> None:
    labels = {"operation": "PostObject", "code": "204"}
    before = gateway.metric("labelgate_requests_total", **labels)
    answer = post(gateway, bucket, form(gateway, bucket))
    assert gateway.metric("labelgate_requests_total", **labels) == before + 1
    request_id = answer.headers["x-amz-request-id"]
    line = until(
        lambda: [one for one in gateway.log.read_text().splitlines() if request_id in one],
        "the line of the form in the log",
    )
    logged = json.loads(line[0])
    assert (logged["operation"], logged["bucket"], logged["key"]) == ("PostObject", bucket, "k")
    assert logged["bytes_in"] == int(answer.request.headers["content-length"])


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 3 * 1024 * 1024 + 7])
def test_a_file_of_any_size_arrives_whole(
    gateway: LiveGateway, s3: Any, bucket: str, size: int
) -> None:
    body = (b"\r\n--x" * (size // 5 + 1))[:size]
    assert post(gateway, bucket, form(gateway, bucket), body).status_code == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_the_key_may_be_made_of_the_files_name(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    fields = form(gateway, bucket, "in/${filename}")
    assert post(gateway, bucket, fields, b"x", "C:\\photos\\cat.jpg").status_code == 204
    assert s3.get_object(Bucket=bucket, Key="in/cat.jpg")["Body"].read() == b"x"
    outside = form(gateway, bucket, "in/${filename}", conditions=[["eq", "$key", "in/cat.jpg"]])
    assert code(post(gateway, bucket, outside, b"x", "dog.jpg")) == (403, "AccessDenied")


def test_tags_come_as_a_document(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>"
    assert post(gateway, bucket, form(gateway, bucket, tagging=tagging)).status_code == 204
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b c"}]
    broken = form(gateway, bucket, tagging="<Tagging>")
    assert code(post(gateway, bucket, broken)) == (400, "MalformedXML")


def test_a_checksum_needs_no_leave_and_is_checked(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    right = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    fields = form(gateway, bucket)
    with nothing_written(s3, bucket):
        for wrong in ("AAAAAA==", "nonsense"):
            answer = post(gateway, bucket, {**fields, "x-amz-checksum-crc32": wrong}, b"hello")
            assert code(answer) == (400, "BadDigest")
    answer = post(gateway, bucket, {**fields, "x-amz-checksum-crc32": right}, b"hello")
    assert (answer.status_code, answer.headers["x-amz-checksum-crc32"]) == (204, right)


def test_success_is_told_as_the_form_asks(gateway: LiveGateway, bucket: str) -> None:
    fields = form(gateway, bucket, conditions=[["eq", "$success_action_status", "201"]])
    document = post(gateway, bucket, {**fields, "success_action_status": "201"})
    assert document.status_code == 201
    root = ET.fromstring(document.content)
    assert (root.tag, root.findtext("Key"), root.findtext("Bucket")) == (
        "PostResponse",
        "k",
        bucket,
    )
    assert root.findtext("ETag") == document.headers["etag"]
    assert root.findtext("Location") == document.headers["location"]


def test_success_sends_the_browser_on(gateway: LiveGateway, bucket: str) -> None:
    target = "https://studio.example/done?a=1"
    condition = ["starts-with", "$success_action_redirect", "https://studio.example/"]
    fields = form(gateway, bucket, "a b", conditions=[condition])
    answer = post(gateway, bucket, {**fields, "success_action_redirect": target})
    assert answer.status_code == 303
    asked = httpx.URL(answer.headers["location"]).params
    assert dict(asked) == {"a": "1", "bucket": bucket, "key": "a b", "etag": answer.headers["etag"]}
    elsewhere = post(gateway, bucket, {**fields, "success_action_redirect": "https://other/"})
    assert code(elsewhere) == (403, "AccessDenied")


@VERSIONS
def test_what_the_policy_does_not_allow_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, version: str
) -> None:
    def fields(**more: Any) -> dict[str, str]:
        return form(gateway, bucket, version=version, **more)

    name = "signature" if version == "s3" else "x-amz-signature"
    cases: list[tuple[dict[str, str], tuple[int, str]]] = [
        ({**fields(), "key": "other"}, (403, "AccessDenied")),
        ({**fields(), "acl": "public-read"}, (403, "AccessDenied")),
        ({**fields(), name: "0" * 64}, (403, "SignatureDoesNotMatch")),
        ({**fields(), "policy": "e30="}, (403, "SignatureDoesNotMatch")),
        (fields(secret="another"), (403, "SignatureDoesNotMatch")),
        (fields(access="NOSUCHKEY"), (403, "InvalidAccessKeyId")),
        (fields(seconds=-1), (403, "AccessDenied")),
        (fields(conditions=[["content-length-range", 0]]), (400, "InvalidPolicyDocument")),
        ({k: v for k, v in fields().items() if k != "key"}, (400, "InvalidArgument")),
        ({k: v for k, v in fields().items() if k != name}, (400, "InvalidArgument")),
        ({**fields(), "x-amz-security-token": "t"}, (400, "InvalidToken")),
    ]
    for given, expected in cases:
        with nothing_written(s3, bucket):
            assert code(post(gateway, bucket, given)) == expected, given


def test_a_policy_for_another_bucket_opens_none(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    other = f"other-{bucket.rpartition('.')[2]}"
    s3.create_bucket(Bucket=other)
    assert code(post(gateway, other, form(gateway, bucket))) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("limits", "expected", "field"),
    [
        ((0, 9), "EntityTooLarge", "MaxSizeAllowed"),
        ((11, 20), "EntityTooSmall", "MinSizeAllowed"),
        ((10**7, 10**8), "EntityTooSmall", "MinSizeAllowed"),
    ],
)
def test_a_file_outside_its_limits_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, limits: tuple[int, int], expected: str, field: str
) -> None:
    fields = form(gateway, bucket, conditions=[["content-length-range", *limits]])
    with nothing_written(s3, bucket):
        answer = post(gateway, bucket, fields, b"0123456789")
        assert code(answer) == (400, expected)
        assert ET.fromstring(answer.content).findtext(field)
        large = (
            post(gateway, bucket, fields, b"0" * 10**6) if expected == "EntityTooLarge" else None
        )
        assert large is None or code(large) == (400, expected)
    fits = form(gateway, bucket, conditions=[["content-length-range", 10, 10]])
    assert post(gateway, bucket, fits, b"0123456789").status_code == 204


def test_nobody_may_write_where_nothing_lets_him(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    with nothing_written(s3, bucket):
        assert code(post(gateway, bucket, {"key": "k"})) == (403, "AccessDenied")


def test_anybody_may_write_where_the_bucket_lets_him(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert post(gateway, bucket, {"key": "k", "acl": "public-read"}, b"hello").status_code == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    assert httpx.get(f"{gateway.url}/{bucket}/k").content == b"hello"


def test_a_bucket_may_deny_what_comes_in_a_form(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:authType": "POST"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with nothing_written(s3, bucket):
        assert code(post(gateway, bucket, form(gateway, bucket))) == (403, "AccessDenied")


def test_a_state_that_never_changes_takes_no_form(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    commit = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    pinned = f"{commit}.{bucket}"
    answer = post(gateway, pinned, form(gateway, pinned))
    assert code(answer) == (403, "AccessDenied")
    assert "never changes" in answer.text


def test_a_form_cannot_be_signed_by_its_headers_too(gateway: LiveGateway, bucket: str) -> None:
    request = httpx.Request("POST", gateway.url, data={"key": "k"}, files={"file": b"x"})
    kind = {"content-type": request.headers["content-type"]}
    answer = signed(gateway, "POST", f"/{bucket}", request.read(), headers=kind)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/xml"}])
def test_a_post_that_is_no_form_is_412(
    gateway: LiveGateway, bucket: str, headers: dict[str, str]
) -> None:
    answer = send(gateway, "POST", f"/{bucket}", b"<x/>", headers)
    assert (answer.status, answer.code) == (412, "PreconditionFailed")


def test_a_form_without_a_length_is_411(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    with nothing_written(s3, bucket), Conversation(gateway) as wire:
        wire.say(
            f"POST /{bucket} HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n0\r\n\r\n".encode()
        )
        assert wire.hear_answer()[0] == 411


def test_a_form_that_breaks_off_leaves_nothing(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    request = httpx.Request(
        "POST", gateway.url, data=form(gateway, bucket), files={"file": b"x" * 200_000}
    )
    kind = {"content-type": request.headers["content-type"]}
    with nothing_written(s3, bucket):
        for cut in (100_000, -3):
            answer = send(gateway, "POST", f"/{bucket}", request.read()[:cut], kind)
            assert (answer.status, answer.code) == (400, "MalformedPOSTRequest")
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize(
    ("fields", "status", "expected"),
    [
        ({"x_amz_server_side_encryption": "AES256"}, 501, "NotImplemented"),
        ({"x_amz_storage_class": "GLACIER"}, 400, "InvalidStorageClass"),
        ({"x_amz_website_redirect_location": "/x"}, 501, "NotImplemented"),
    ],
)
def test_a_form_is_refused_what_a_put_is(
    gateway: LiveGateway, s3: Any, bucket: str, fields: dict[str, str], status: int, expected: str
) -> None:
    with nothing_written(s3, bucket):
        answer = post(gateway, bucket, form(gateway, bucket, **fields))
        assert code(answer) == (status, expected)


def test_version_2_can_be_switched_off_for_forms_too(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data", LABELGATE_SIGV2="off") as strict:
        strict.s3().create_bucket(Bucket="labels")
        old = post(strict, "labels", form(strict, "labels", version="s3"))
        assert code(old) == (400, "InvalidRequest")
        assert post(strict, "labels", form(strict, "labels")).status_code == 204


def test_a_label_that_came_in_a_form_is_recognised(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    label = encoded(annotation())
    s3.put_object(Bucket=bucket, Key="by-put", Body=label)
    assert post(gateway, bucket, form(gateway, bucket, "by-form"), label).status_code == 204
    put, posted = (s3.head_object(Bucket=bucket, Key=key) for key in ("by-put", "by-form"))
    assert "lineage-author" in put["Metadata"]
    assert posted["Metadata"] == put["Metadata"]

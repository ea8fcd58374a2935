"""Wrong keys, wrong times, wrong signatures: AWS's error each time, and nothing written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway
from raw import presigned, send, signed
from wire import nothing_written

DAY = timedelta(days=1)


def test_a_key_nobody_has_is_invalid_access_key_id(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", b"x", access="NOBODY")
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")
    assert answer.field("AWSAccessKeyId") == "NOBODY"


def test_a_wrong_secret_is_told_what_was_signed(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", b"x", secret="wrong")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    for name in ("AWSAccessKeyId", "StringToSign", "SignatureProvided", "CanonicalRequest"):
        assert answer.field(name)
    assert SECRET_ACCESS_KEY.encode() not in answer.body


def test_an_unsigned_request_is_access_denied(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    with nothing_written(s3, bucket):
        for method in ("PUT", "GET", "DELETE", "HEAD"):
            assert send(gateway, method, f"/{bucket}/k", b"").status == 403


def test_a_header_changed_behind_the_signature_is_noticed(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    headers = {"x-amz-meta-a": "1"}
    with nothing_written(s3, bucket):
        changed = signed(
            gateway, "PUT", f"/{bucket}/k", headers=headers, after={"x-amz-meta-a": "2"}
        )
        assert (changed.status, changed.code) == (403, "SignatureDoesNotMatch")
        added = signed(gateway, "PUT", f"/{bucket}/k", after={"x-amz-meta-b": "2"})
        assert (added.status, added.code) == (403, "AccessDenied")


@pytest.mark.parametrize("by", [timedelta(minutes=-16), timedelta(minutes=16), -400 * DAY])
def test_a_clock_that_is_off_by_more_than_15_minutes_is_too_skewed(
    gateway: LiveGateway, s3: Any, bucket: str, by: timedelta
) -> None:
    moment = (datetime.now(UTC) + by).strftime("%Y%m%dT%H%M%SZ")
    signature, scope = "0" * 64, f"{moment[:8]}/us-east-1/s3/aws4_request"
    headers = {
        "x-amz-date": moment,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/{scope}, "
        f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}",
    }
    with nothing_written(s3, bucket):
        answer = send(gateway, "PUT", f"/{bucket}/k", b"x", headers)
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
    assert answer.field("MaxAllowedSkewMilliseconds") == "900000"


def query_signed(gateway: LiveGateway, target: str, *, when: str, expires: int) -> str:
    """A presigned target of another time. botocore signs; only its clock is replaced."""

    class At(S3SigV4QueryAuth):
        def add_auth(self, request: Any) -> None:
            request.context["timestamp"] = when
            self._modify_request_before_signing(request)
            canonical = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, canonical), request)
            self._inject_signature_to_request(request, signature)

    request = AWSRequest("PUT", gateway.url + target)
    At(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3", "us-east-1", expires=expires).add_auth(
        request
    )
    return str(request.url).removeprefix(gateway.url)


def stamp(by: timedelta) -> str:
    return (datetime.now(UTC) + by).strftime("%Y%m%dT%H%M%SZ")


def test_a_presigned_url_is_bound_by_its_own_expiry_only(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    target = f"/{bucket}/k"
    long = query_signed(gateway, target, when=stamp(-6 * DAY), expires=7 * 86400)
    assert send(gateway, "PUT", long, b"x").status == 200
    with nothing_written(s3, bucket):
        over = query_signed(gateway, target, when=stamp(timedelta(minutes=-2)), expires=60)
        answer = send(gateway, "PUT", over, b"x")
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.field("Message") == "Request has expired"
        assert answer.field("Expires")
        early = query_signed(gateway, target, when=stamp(timedelta(hours=1)), expires=60)
        assert send(gateway, "PUT", early, b"x").code == "AccessDenied"


@pytest.mark.parametrize("expires", [0, -1, 604801])
def test_an_expiry_beyond_seven_days_or_before_now_is_refused(
    gateway: LiveGateway, s3: Any, bucket: str, expires: int
) -> None:
    with nothing_written(s3, bucket):
        url = query_signed(gateway, f"/{bucket}/k", when=stamp(timedelta()), expires=expires)
        answer = send(gateway, "PUT", url, b"x")
    assert 400 <= answer.status < 500
    assert answer.code in {"AuthorizationQueryParametersError", "AccessDenied"}


def test_a_presigned_put_may_carry_headers_in_its_query(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    """As the JavaScript SDK presigns: what would be x-amz-* headers are parameters."""
    target = presigned(gateway, "PUT", f"/{bucket}/k?x-amz-meta-who=ann&x-amz-acl=private")
    assert send(gateway, "PUT", target, b"x").status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"who": "ann"}


def test_a_tampered_presigned_url_does_not_match(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    target = presigned(gateway, "PUT", f"/{bucket}/k")
    with nothing_written(s3, bucket):
        other_key = target.replace("/k?", "/other?")
        assert send(gateway, "PUT", other_key, b"x").code == "SignatureDoesNotMatch"
        longer = target.replace("X-Amz-Expires=60", "X-Amz-Expires=600")
        assert send(gateway, "PUT", longer, b"x").code == "SignatureDoesNotMatch"
        assert send(gateway, "DELETE", target).code == "SignatureDoesNotMatch"


GOOD = (
    "AWS4-HMAC-SHA256 Credential={key}/{day}/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
)


@pytest.mark.parametrize(
    ("pattern", "replacement", "status"),
    [
        ("Credential=[^,]*, ", "", 400),
        ("SignedHeaders=[^,]*, ", "", 400),
        (", Signature=.*", "", 400),
        ("/us-east-1/s3/aws4_request", "", 400),
        ("/s3/", "/iam/", 400),
        ("aws4_request", "aws5_request", 400),
        ("/{day}/", "/19990101/", 400),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", 400),
        ("AWS4-HMAC-SHA256", "Bearer", 400),
        ("AWS4-HMAC-SHA256 .*", "AWS4-HMAC-SHA256", 400),
        ("AWS4-HMAC-SHA256 .*", "AWS x", 400),
        ("AWS4-HMAC-SHA256 .*", "AWS nobody:AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 403),
        ("Signature=.*", "Signature=zz", 400),
        ("SignedHeaders=[^,]*", "SignedHeaders=;;", 400),
    ],
)
def test_a_malformed_authorization_is_never_more_than_an_error_of_the_client(
    gateway: LiveGateway, s3: Any, bucket: str, pattern: str, replacement: str, status: int
) -> None:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    day = now[:8]
    text = GOOD.format(key=ACCESS_KEY_ID, day=day, signature="0" * 64)
    text = re.sub(pattern.replace("{day}", day), replacement, text)
    headers = {
        "authorization": text,
        "x-amz-date": now,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    with nothing_written(s3, bucket):
        answer = send(gateway, "PUT", f"/{bucket}/k", b"x", headers)
    assert answer.status == status, answer.body
    assert answer.code


def test_a_signature_is_good_for_any_region(gateway: LiveGateway, bucket: str) -> None:
    request = AWSRequest("GET", f"{gateway.url}/{bucket}?list-type=2")
    S3SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), "s3", "mars-1").add_auth(request)
    target = f"/{bucket}?list-type=2"
    assert send(gateway, "GET", target, b"", dict(request.headers.items())).status == 200


def test_sigv2_headers_and_urls_are_accepted(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    old = boto3.client(
        "s3", endpoint_url=gateway.url, aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY, region_name="us-east-1",
        config=Config(signature_version="s3", s3={"addressing_style": "path"}),
    )  # fmt: skip
    assert old.get_object(Bucket=bucket, Key="a b")["Body"].read() == b"x"
    url = old.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b"})
    assert "Signature=" in url
    assert "X-Amz-" not in url
    assert httpx.get(url).content == b"x"
    assert httpx.get(url.replace("Signature=", "Signature=A")).status_code == 403


def test_a_session_token_is_refused_because_none_was_issued(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    client = boto3.client(
        "s3", endpoint_url=gateway.url, aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY, aws_session_token="t", region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    with nothing_written(s3, bucket), pytest.raises(Exception, match="InvalidToken"):
        client.put_object(Bucket=bucket, Key="k", Body=b"x")

"""CORS: what lets Label Studio's pages read from here, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from live import LiveGateway
from raw import Answer, presigned, send, signed
from wire import nothing_written, refused

ORIGIN = {"origin": "https://studio.example"}


def assert_readable(answer: Answer) -> None:
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = {
        name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")
    }
    assert exposed >= {"etag", "x-amz-request-id", "x-amz-version-id", "content-range"}
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("headers", [{}, ORIGIN], ids=["no origin", "origin"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "k", 200),
        ("HEAD", "k", 200),
        ("PUT", "k2", 200),
        ("DELETE", "k2", 204),
        ("GET", "none", 404),
        ("HEAD", "none", 404),
        ("GET", "k?torrent", 501),
        ("GET", "?list-type=2", 200),
    ],
)
def test_every_answer_can_be_read_by_a_page_of_another_origin(
    gateway: LiveGateway, s3: Any, bucket: str, method: str, path: str, status: int,
    headers: dict[str, str],
) -> None:  # fmt: skip
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    answer = signed(gateway, method, f"/{bucket}/{path}".replace("/?", "?"), headers=headers)
    assert answer.status in {status, 405}
    assert_readable(answer)


def test_refusals_missing_buckets_and_304s_can_be_read_too(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    target = f"/{bucket}/k"
    assert_readable(send(gateway, "GET", target, headers=ORIGIN))
    assert_readable(signed(gateway, "GET", "/master.nowhere/k", headers=ORIGIN))
    assert_readable(signed(gateway, "GET", target, headers={**ORIGIN, "if-none-match": etag}))
    assert_readable(signed(gateway, "GET", target, headers={**ORIGIN, "range": "bytes=9-"}))
    assert_readable(signed(gateway, "GET", target, headers={**ORIGIN, "range": "bytes=0-0"}))
    assert_readable(signed(gateway, "GET", "/?x=%ff", headers=ORIGIN))


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "POST", "DELETE"])
def test_a_preflight_needs_no_signature(gateway: LiveGateway, bucket: str, method: str) -> None:
    wanted = {
        **ORIGIN,
        "access-control-request-method": method,
        "access-control-request-headers": "Range, X-Amz-Date",
    }
    for target in (f"/{bucket}/k", presigned(gateway, "GET", f"/{bucket}/k"), "/master.nowhere/k"):
        answer = send(gateway, "OPTIONS", target, headers=wanted)
        assert answer.status == 200
        assert method in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "range, x-amz-date"
        assert answer.headers["access-control-max-age"]
        assert answer.headers["access-control-allow-origin"] == "*"


RULES = {
    "CORSRules": [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example"]},
        {
            "AllowedMethods": ["PUT"],
            "AllowedOrigins": ["https://studio.example"],
            "AllowedHeaders": ["x-amz-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 9,
        },
    ]
}


def test_the_rules_of_a_bucket_are_kept_until_they_are_taken_away(s3: Any, bucket: str) -> None:
    for _ in range(2):
        with refused("NoSuchCORSConfiguration", 404):
            s3.get_bucket_cors(Bucket=bucket)
        with nothing_written(s3, bucket):
            s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES["CORSRules"]
        with refused("InvalidRequest", 400):
            s3.put_bucket_cors(
                Bucket=bucket,
                CORSConfiguration={
                    "CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]
                },
            )
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES["CORSRules"]
        s3.delete_bucket_cors(Bucket=bucket)


@pytest.fixture
def ruled(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    return bucket


@pytest.mark.parametrize("target", ["/{}/k", "/{}/none", "/{}?list-type=2", "/{}?cors"])
def test_an_answer_is_told_to_the_pages_that_the_rules_let_read_it(
    gateway: LiveGateway, ruled: str, target: str
) -> None:
    path = target.format(ruled)
    readable = signed(gateway, "GET", path, headers=ORIGIN)
    assert readable.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert readable.headers["access-control-allow-methods"] == "GET"
    for headers in ({"origin": "https://other"}, {}):
        answer = signed(gateway, "GET", path, headers=headers)
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"


def test_a_refusal_at_the_gate_is_told_by_the_same_rules(gateway: LiveGateway, ruled: str) -> None:
    target = f"/{ruled}/k"
    written = send(gateway, "PUT", target, headers=ORIGIN)
    assert (written.status, written.headers["access-control-allow-methods"]) == (403, "PUT")
    assert written.headers["access-control-expose-headers"] == "ETag"
    assert (
        "access-control-allow-origin" not in send(gateway, "DELETE", target, headers=ORIGIN).headers
    )
    unsigned = send(gateway, "GET", target, headers={**ORIGIN, "authorization": "AWS x"})
    assert unsigned.headers["access-control-allow-origin"] == ORIGIN["origin"]


def test_a_preflight_is_judged_by_the_rules_without_a_signature(
    gateway: LiveGateway, ruled: str
) -> None:
    asked = {
        **ORIGIN,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "X-Amz-Date",
    }
    answer = send(gateway, "OPTIONS", f"/{ruled}/k", headers=asked)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert answer.headers["access-control-allow-headers"] == "x-amz-date"
    assert answer.headers["access-control-max-age"] == "9"
    for changed in (
        {"origin": "https://other.example"},
        {"access-control-request-method": "DELETE"},
        {"access-control-request-headers": "cookie"},
    ):
        refusal = send(gateway, "OPTIONS", f"/{ruled}/k", headers={**asked, **changed})
        assert (refusal.status, refusal.code) == (403, "AccessForbidden")
        assert "access-control-allow-origin" not in refusal.headers


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "BadRequest"),
        ({"access-control-request-method": "GET"}, 400, "BadRequest"),
        (ORIGIN, 400, "BadRequest"),
        ({**ORIGIN, "access-control-request-method": "PATCH"}, 403, "AccessForbidden"),
    ],
)
def test_a_preflight_that_asks_nothing_sensible_is_refused(
    gateway: LiveGateway, bucket: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = send(gateway, "OPTIONS", f"/{bucket}/k", headers=headers)
    assert (answer.status, answer.code) == (status, code)

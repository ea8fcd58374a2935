"""CORS: what lets Label Studio's pages read from here, errors included."""

from __future__ import annotations

from typing import Any

import pytest
from live import LiveGateway
from raw import Answer, presigned, send, signed

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
        ("GET", "k?acl", 501),
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

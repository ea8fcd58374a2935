"""What browsers are told of other origins."""

from __future__ import annotations

import pytest

from gateway.protocol import cors
from gateway.protocol.errors import S3Error

ASKED = {"origin": "http://studio:8080", "access-control-request-method": "GET"}


def test_a_preflight_allows_the_headers_asked_for_and_no_others() -> None:
    answer = dict(cors.preflight({**ASKED, "access-control-request-headers": "Range, X-Amz-Date,"}))
    assert answer["access-control-allow-headers"] == "range, x-amz-date"
    assert "access-control-allow-headers" not in dict(cors.preflight(ASKED))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
def test_a_preflight_allows_every_method_that_s3_has(method: str) -> None:
    answer = dict(cors.preflight({**ASKED, "access-control-request-method": method}))
    assert method in answer["access-control-allow-methods"].split(", ")
    assert int(answer["access-control-max-age"]) > 0


@pytest.mark.parametrize("method", ["PATCH", "get", "GET, HEAD", ",", " "])
def test_a_method_that_s3_does_not_have_is_forbidden(method: str) -> None:
    with pytest.raises(S3Error) as caught:
        cors.preflight({**ASKED, "access-control-request-method": method})
    assert (caught.value.code, caught.value.status) == ("AccessForbidden", 403)


@pytest.mark.parametrize("missing", ASKED)
def test_a_preflight_without_origin_or_method_is_a_bad_request(missing: str) -> None:
    with pytest.raises(S3Error) as caught:
        cors.preflight({name: value for name, value in ASKED.items() if name != missing})
    assert (caught.value.code, caught.value.status) == ("BadRequest", 400)


def test_every_answer_may_be_read_by_a_page_and_cached_for_its_origin_only() -> None:
    always = dict(cors.ALWAYS)
    assert always["access-control-allow-origin"] == "*"
    assert always["vary"] == "Origin"
    exposed = set(always["access-control-expose-headers"].split(", "))
    assert exposed >= {"ETag", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Type"}
    assert exposed >= {"x-amz-version-id", "x-amz-request-id", "x-labelgate-commit"}
    assert "access-control-allow-credentials" not in always

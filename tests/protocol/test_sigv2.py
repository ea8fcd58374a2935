"""Signature Version 2: botocore signs, we verify."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import KEY_ID, NOW_MS, SECRET, signed_v2

from gateway.protocol import sigv2
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def verified(request: Request, *, secret: str = SECRET, now_ms: int = NOW_MS) -> sigv2.Claim:
    claim = sigv2.parse(request)
    assert claim is not None
    sigv2.check_time(claim, now_ms)
    sigv2.check_signature(claim, request, secret)
    return claim


def refusal(request: Request, *, secret: str = SECRET, now_ms: int = NOW_MS) -> str:
    with pytest.raises(S3Error) as caught:
        verified(request, secret=secret, now_ms=now_ms)
    return caught.value.code


@given(KEYS)
def test_whatever_botocore_signs_in_a_header_is_believed(key: str) -> None:
    request = signed_v2("PUT", f"/b/{quote(key)}?acl", {"content-type": "a/b", "x-amz-meta-a": "1"})
    assert verified(request).access_key_id == KEY_ID


@given(KEYS)
def test_whatever_botocore_presigns_is_believed(key: str) -> None:
    request = signed_v2(
        "GET", f"/b/{quote(key)}?response-content-type=text%2Fplain&versionId=1", expires=60
    )
    assert verified(request).expires is not None


QUERIES = st.dictionaries(
    st.sampled_from(
        ["versionId", "uploadId", "partNumber", "response-content-type", "response-expires", "acl",
         "prefix", "max-keys", "delimiter"]
    ),
    KEYS,
    max_size=4,
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(["x-amz-meta-a", "x-amz-meta-b", "x-amz-acl", "content-md5", "content-type"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
)


@given(KEYS, QUERIES, HEADERS, st.none() | st.integers(1, 10**6))
def test_any_query_and_headers_are_believed_as_botocore_signed_them(
    key: str, query: dict[str, str], headers: dict[str, str], expires: int | None
) -> None:
    pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    assert verified(signed_v2("PUT", f"/b/{quote(key)}?{pairs}", headers, expires=expires))


@pytest.mark.parametrize("date", ["", "Bad Date", "Tue, 07 Jul 1950 21:53:04 GMT"])
def test_a_date_that_is_none_is_no_date(date: str) -> None:
    headers = {"authorization": f"AWS {KEY_ID}:{'A' * 27}=", "x-amz-date": date}
    with pytest.raises(S3Error) as caught:
        sigv2.parse(Request("GET", "/b", "", (), headers))
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


def test_what_is_not_signed_may_change_and_what_is_may_not() -> None:
    request = signed_v2("GET", "/b/k?acl&prefix=a")
    assert verified(replace(request, raw_query="prefix=b&acl", query=parse_query("prefix=b&acl")))
    assert refusal(replace(request, raw_path="/b/l")) == "SignatureDoesNotMatch"
    assert refusal(replace(request, method="PUT")) == "SignatureDoesNotMatch"
    other = replace(request, raw_query="policy", query=parse_query("policy"))
    assert refusal(other) == "SignatureDoesNotMatch"
    assert refusal(request, secret="other") == "SignatureDoesNotMatch"


def test_times_bind() -> None:
    assert refusal(signed_v2("GET", "/b"), now_ms=NOW_MS + 16 * 60_000) == "RequestTimeTooSkewed"
    request = signed_v2("GET", "/b/k", expires=60)
    assert verified(request, now_ms=NOW_MS + 59_000)
    assert refusal(request, now_ms=NOW_MS + 62_000) == "AccessDenied"


@pytest.mark.parametrize("value", ["AWS", "AWS x", f"AWS {KEY_ID}:short", f"AWS:{KEY_ID}"])
def test_a_malformed_header_is_no_signature(value: str) -> None:
    request = Request("GET", "/b", "", (), {"authorization": value, "date": "x"})
    try:
        assert sigv2.parse(request) is None
    except S3Error as error:
        assert error.code == "InvalidArgument"


@pytest.mark.parametrize("query", ["AWSAccessKeyId=a", "AWSAccessKeyId=a&Signature=b&Expires=x"])
def test_a_broken_presigned_query_is_refused(query: str) -> None:
    assert refusal(Request("GET", "/b/k", query, parse_query(query), {})) == "AccessDenied"


def test_spaces_in_what_is_signed_are_no_work() -> None:
    request = signed_v2("GET", "/b/k")
    headers = {**request.headers, "x-amz-meta-a": f"b{' ' * 300_000}c"}
    assert refusal(replace(request, headers=headers)) == "SignatureDoesNotMatch"

"""Signature Version 4: botocore signs, we verify."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import HOST, KEY_ID, NOW_MS, SECRET, signed_v4

from gateway.protocol import sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NAMES = st.text("abcdefgh-ABC", min_size=1, max_size=8)
DAY_MS = 24 * 3600 * 1000


def verified(request: Request, *, secret: str = SECRET, now_ms: int = NOW_MS) -> sigv4.Claim:
    claim = sigv4.parse(request)
    assert claim is not None
    sigv4.check_time(claim, now_ms)
    sigv4.check_signature(claim, request, secret)
    return claim


def refusal(request: Request, *, secret: str = SECRET, now_ms: int = NOW_MS) -> S3Error:
    with pytest.raises(S3Error) as caught:
        verified(request, secret=secret, now_ms=now_ms)
    return caught.value


def changed(request: Request, **headers: str | None) -> Request:
    merged = {**request.headers, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return replace(request, headers={n: v for n, v in merged.items() if v is not None})


def requery(request: Request, raw_query: str) -> Request:
    return replace(request, raw_query=raw_query, query=parse_query(raw_query))


@given(
    KEYS, st.dictionaries(NAMES, KEYS, max_size=4), st.sampled_from(["us-east-1", "local", "x y"])
)
def test_whatever_botocore_signs_in_a_header_is_believed(
    key: str, query: Mapping[str, str], region: str
) -> None:
    pairs = "&".join(f"{n}={quote(v, safe='')}" for n, v in query.items())
    request = signed_v4("GET", f"/master.b/{quote(key)}?{pairs}", region=region)
    assert verified(request).access_key_id == KEY_ID


@given(KEYS, st.integers(1, 604_800))
def test_whatever_botocore_presigns_is_believed(key: str, expires: int) -> None:
    claim = verified(signed_v4("GET", f"/master.b/{quote(key)}", expires=expires))
    assert (claim.expires, claim.payload) == (expires, "UNSIGNED-PAYLOAD")


@given(st.text("ab \t", min_size=1, max_size=12))
def test_spaces_in_a_signed_header_count_as_one(value: str) -> None:
    sent = signed_v4("PUT", "/b/k", {"x-amz-meta-a": value.strip() or "a"}, b"body")
    spaced = changed(sent, x_amz_meta_a=f"  {sent.headers['x-amz-meta-a']} ")
    assert verified(spaced)


def test_the_order_and_form_of_the_query_does_not_matter() -> None:
    request = signed_v4("GET", "/b?prefix=a%20b&delimiter=%2F&acl")
    assert verified(requery(request, "delimiter=/&acl=&prefix=a+b"))


@pytest.mark.parametrize(
    "change",
    [{"host": "other"}, {"x_amz_date": "20261124T160001Z"}, {"x_amz_content_sha256": "0" * 64}],
)
def test_a_changed_signed_header_is_found(change: dict[str, str]) -> None:
    assert refusal(changed(signed_v4("GET", "/b/k"), **change)).code == "SignatureDoesNotMatch"


def test_a_changed_method_path_query_or_secret_is_found() -> None:
    request = signed_v4("GET", "/b/k?a=1")
    for other in (
        replace(request, method="PUT"),
        replace(request, raw_path="/b/%6b"),
        requery(request, "a=2"),
    ):
        assert refusal(other).code == "SignatureDoesNotMatch"
    assert refusal(request, secret="other").code == "SignatureDoesNotMatch"


def test_a_mismatch_tells_what_was_signed() -> None:
    error = refusal(signed_v4("GET", "/b/ü"), secret="other")
    assert error.fields["AWSAccessKeyId"] == KEY_ID
    assert str(error.fields["StringToSign"]).startswith("AWS4-HMAC-SHA256\n")
    assert str(error.fields["CanonicalRequest"]).startswith("GET\n/b/")
    assert bytes.fromhex(str(error.fields["StringToSignBytes"])).startswith(b"AWS4")
    assert SECRET not in str(error.fields)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_a_quarter_of_an_hour_off_is_too_skewed(minutes: int) -> None:
    request = signed_v4("GET", "/b")
    assert refusal(request, now_ms=NOW_MS + minutes * 60_000).code == "RequestTimeTooSkewed"
    assert verified(request, now_ms=NOW_MS + minutes // 16 * 14 * 60_000)


def test_a_presigned_url_holds_until_it_expires_and_no_longer() -> None:
    request = signed_v4("GET", "/b/k", expires=604_800)
    assert verified(request, now_ms=NOW_MS + 7 * DAY_MS)
    late = refusal(request, now_ms=NOW_MS + 7 * DAY_MS + 1)
    assert (late.code, late.message) == ("AccessDenied", "Request has expired")
    assert late.fields["X-Amz-Expires"] == 604_800
    assert refusal(request, now_ms=NOW_MS - 16 * 60_000).message == "Request is not yet valid"


def test_a_url_that_expires_at_once_has_expired() -> None:
    for expires in (0, -7):
        late = refusal(signed_v4("GET", "/b/k", expires=expires), now_ms=NOW_MS + 1)
        assert (late.code, late.message) == ("AccessDenied", "Request has expired")


@pytest.mark.parametrize("expires", ["604801", "x", "", "-", "9" * 400])
def test_an_expiry_outside_its_bounds_is_refused(expires: str) -> None:
    request = signed_v4("GET", "/b/k", expires=60)
    other = requery(
        request, request.raw_query.replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}")
    )
    assert refusal(other).code == "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Credential=", "Credentia="),
        ("Signature=", "Signature=zz"),
        ("/s3/", "/ec2/"),
        ("aws4_request", "aws4"),
        ("/20261124/", "/20261123/"),
        ("SignedHeaders=host;", "SignedHeaders="),
        ("SignedHeaders=", "SignedHeaders=;"),
    ],
)
def test_a_malformed_authorization_header_is_said_to_be(old: str, new: str) -> None:
    request = signed_v4("GET", "/b")
    broken = changed(request, authorization=request.headers["authorization"].replace(old, new))
    assert refusal(broken).code == "AuthorizationHeaderMalformed"


def test_spaces_behind_the_commas_of_the_header_are_optional() -> None:
    request = signed_v4("GET", "/b")
    assert verified(
        changed(request, authorization=request.headers["authorization"].replace(", ", ","))
    )


def test_an_unsigned_amz_header_is_refused() -> None:
    error = refusal(changed(signed_v4("PUT", "/b/k"), x_amz_meta_evil="1"))
    assert (error.code, error.fields["HeadersNotSigned"]) == ("AccessDenied", "x-amz-meta-evil")
    assert verified(changed(signed_v4("PUT", "/b/k"), amz_sdk_request="attempt=1"))


def test_a_signed_header_that_was_not_sent_counts_as_empty() -> None:
    request = signed_v4("GET", "/b", {"x-amz-meta-a": ""})
    assert verified(changed(request, x_amz_meta_a=None))


def test_the_payload_header_is_demanded_and_read() -> None:
    request = signed_v4("GET", "/b")
    without = changed(signed_v4("PUT", "/b/k", body=b"x"), x_amz_content_sha256=None)
    assert refusal(changed(without, content_length="1")).code == "InvalidRequest"
    assert refusal(changed(request, x_amz_content_sha256="abc")).code == "InvalidArgument"
    ecdsa = changed(request, x_amz_content_sha256="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")
    assert refusal(ecdsa).code == "NotImplemented"


def test_without_a_body_the_payload_header_may_be_missing_as_curl_leaves_it_out() -> None:
    request = signed_v4("GET", "/-/api/v1/repos")
    implied = sigv4.parse(changed(request, x_amz_content_sha256=None))
    assert implied == sigv4.parse(request)


def test_a_request_without_a_date_is_refused() -> None:
    assert refusal(changed(signed_v4("GET", "/b"), x_amz_date=None)).code == "AccessDenied"


def test_session_tokens_and_other_algorithms_are_refused() -> None:
    request = signed_v4("GET", "/b", {"x-amz-security-token": "t"})
    assert refusal(request).code == "InvalidToken"
    header = request.headers["authorization"]
    ecdsa = header.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
    assert refusal(changed(request, authorization=ecdsa)).code == "NotImplemented"


def test_a_presigned_url_beside_an_authorization_header_is_refused() -> None:
    request = changed(signed_v4("GET", "/b/k", expires=60), authorization="Bearer x")
    assert refusal(request).code == "InvalidArgument"


def test_a_request_without_a_signature_has_no_claim() -> None:
    assert sigv4.parse(Request("GET", "/b", "", (), {"host": HOST})) is None
    assert sigv4.parse(Request("GET", "/b", "", (), {"authorization": "Bearer x"})) is None


@given(KEYS, st.dictionaries(NAMES, KEYS, max_size=3))
def test_what_we_sign_is_what_botocore_would_sign(key: str, query: Mapping[str, str]) -> None:
    pairs = "&".join(f"{n}={quote(v, safe='')}" for n, v in sorted(query.items()))
    target = f"/-/api/{quote(key)}" + (f"?{pairs}" if pairs else "")
    theirs = signed_v4("GET", target)
    ours = sigv4.sign(
        "GET",
        target,
        {"Host": HOST},
        sha256=theirs.headers["x-amz-content-sha256"],
        access_key_id=KEY_ID,
        secret=SECRET,
        now_ms=NOW_MS,
    )
    assert ours["authorization"] == theirs.headers["authorization"]


HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-amz-meta-a", "x-amz-meta-b", "content-md5", "range"]),
    st.text("ab=/; ", max_size=20),
)


@given(HEADERS, st.binary(max_size=40), st.sampled_from([None, 60]))
def test_headers_with_any_spaces_and_any_body_are_believed_as_botocore_signed_them(
    headers: Mapping[str, str], body: bytes, expires: int | None
) -> None:
    # What it presigns has no body yet: botocore would take one for parameters of a form.
    sent = signed_v4("PUT", "/b/k", headers, b"" if expires else body, expires=expires)
    arrived = replace(sent, headers={name: value.strip() for name, value in sent.headers.items()})
    for request in (sent, arrived):
        claim = verified(request)
        wanted = hashlib.sha256(body).hexdigest() if expires is None else "UNSIGNED-PAYLOAD"
        assert claim.payload == wanted


@pytest.mark.parametrize("name", ["X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Date"])
@pytest.mark.parametrize("value", [None, "", "nonsense", "a%2Fb"])
def test_a_broken_presigned_query_is_said_to_be(name: str, value: str | None) -> None:
    request = signed_v4("GET", "/b/k", expires=60)
    pairs = [pair for pair in request.raw_query.split("&") if not pair.startswith(f"{name}=")]
    if value is not None:
        pairs.append(f"{name}={value}")
    error = refusal(requery(request, "&".join(pairs)))
    assert (error.code, error.status) == ("AuthorizationQueryParametersError", 400)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%2Fs3%2F", "%2Fec2%2F"),
        ("aws4_request", "aws4"),
        ("%2F20261124%2F", "%2F20261123%2F"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=range"),
        ("X-Amz-Signature=", "X-Amz-Signature=z"),
    ],
)
def test_the_scope_of_a_presigned_url_is_checked_part_by_part(old: str, new: str) -> None:
    request = signed_v4("GET", "/b/k", expires=60)
    assert old in request.raw_query
    error = refusal(requery(request, request.raw_query.replace(old, new)))
    assert error.code == "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "NotImplemented"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5", "InvalidRequest"),
        ("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Security-Token=t", "InvalidToken"),
        ("X-Amz-Expires=60", "X-Amz-Expires=61", "SignatureDoesNotMatch"),
        ("X-Amz-Expires=60", "X-Amz-Expires=60&versionId=1", "SignatureDoesNotMatch"),
    ],
)
def test_a_presigned_url_that_says_more_or_else_is_refused(old: str, new: str, code: str) -> None:
    request = signed_v4("GET", "/b/k", expires=60)
    assert refusal(requery(request, request.raw_query.replace(old, new))).code == code


def test_the_same_region_is_meant_by_scope_and_key() -> None:
    request = signed_v4("GET", "/b", region="eu-west-1")
    header = request.headers["authorization"].replace("eu-west-1", "us-east-1")
    assert refusal(changed(request, authorization=header)).code == "SignatureDoesNotMatch"

"""Signature Version 4 as the C library of AWS's other SDKs makes it: awscrt signs, we verify.

It differs from botocore: it signs every header, takes any payload, and normalises by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

import pytest
from awscrt import auth, http
from hypothesis import given
from hypothesis import strategies as st
from signing import HOST, KEY_ID, NOW_MS, SECRET

from gateway.protocol import sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NAMES = st.text("abcdefgh-_.~ABC", min_size=1, max_size=8)
VALUES = st.text("ab=/;, \t", max_size=20)
HOSTS = st.sampled_from([HOST, "Gateway", "s3.example:443", "[::1]:9000", "master.b.s3.example"])
PAYLOADS = st.sampled_from(
    [
        "0" * 64,
        "UNSIGNED-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ]
)


def signed(
    method: str,
    target: str,
    headers: Mapping[str, str],
    *,
    payload: str = "UNSIGNED-PAYLOAD",
    region: str = "us-east-1",
    expires: int | None = None,
) -> Request:
    """The request as awscrt signs it, its headers as a server would hand them on."""
    presign = expires is not None
    config = auth.AwsSigningConfig(
        algorithm=auth.AwsSigningAlgorithm.V4,
        signature_type=auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS
        if presign
        else auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
        credentials_provider=auth.AwsCredentialsProvider.new_static(KEY_ID, SECRET),
        region=region,
        service="s3",
        date=dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC),
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value=payload,
        signed_body_header_type=auth.AwsSignedBodyHeaderType.NONE
        if presign
        else auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        expiration_in_seconds=expires,
    )
    request = http.HttpRequest(method, target, http.HttpHeaders(list(headers.items())))
    done = auth.aws_sign_request(request, config).result(30)
    path, _, query = done.path.partition("?")
    sent = {name.lower(): value.strip(" \t") for name, value in done.headers}
    return Request(method, path, query, parse_query(query), sent)


def believed(request: Request) -> sigv4.Claim:
    claim = sigv4.parse(request)
    assert claim is not None
    sigv4.check_time(claim, NOW_MS)
    sigv4.check_signature(claim, request, SECRET)
    return claim


def target_of(key: str, query: Mapping[str, str]) -> str:
    pairs = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query.items())
    return f"/master.b/{quote(key, safe='/~')}" + (f"?{pairs}" if pairs else "")


@given(KEYS, st.dictionaries(NAMES, KEYS, max_size=4), HOSTS, PAYLOADS)
def test_whatever_awscrt_signs_in_a_header_is_believed(
    key: str, query: Mapping[str, str], host: str, payload: str
) -> None:
    request = signed("PUT", target_of(key, query), {"Host": host}, payload=payload)
    assert believed(request).payload == payload


@given(VALUES, VALUES, st.sampled_from(["us-east-1", "eu-central-2", "local"]))
def test_no_spaces_in_headers_come_between_awscrt_and_us(
    meta: str, content_type: str, region: str
) -> None:
    headers = {
        "Host": HOST,
        "Content-Type": content_type,
        "Content-Length": "5",
        "Range": "bytes=0-1",
        "X-Amz-Meta-A": meta,
    }
    request = signed("PUT", "/b/k", headers, region=region)
    claim = believed(request)
    assert {"range", "content-length", "x-amz-meta-a"} <= set(claim.signed_headers.split(";"))
    changed = replace(request, headers={**request.headers, "x-amz-meta-a": meta + "x"})
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        believed(changed)


@given(KEYS, st.dictionaries(NAMES, KEYS, max_size=4), HOSTS, st.integers(1, 604_800))
def test_whatever_awscrt_presigns_is_believed(
    key: str, query: Mapping[str, str], host: str, expires: int
) -> None:
    request = signed("GET", target_of(key, query), {"Host": host}, expires=expires)
    assert (believed(request).expires, request.headers["host"]) == (expires, host)
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        believed(replace(request, headers={"host": "another"}))

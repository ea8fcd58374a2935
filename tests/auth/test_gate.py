"""The gate: botocore signs, the gate says who it was, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest
from signing import HOST, KEY_ID, NOW_MS, SECRET, signed_v2, signed_v4

from gateway.auth.asgi import read_request
from gateway.auth.credentials import Key, Keyring
from gateway.auth.gate import Gate
from gateway.auth.grants import Grants, Scope
from gateway.auth.identity import Identity
from gateway.protocol import sigv4
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query

KEY = Key("k", "team", KEY_ID, SECRET, Grants(Scope.OWN))
SHA256 = "a" * 64


def gate(key: Key = KEY, *, sigv2_accepted: bool = True, now_ms: int = NOW_MS) -> Gate:
    keyring = Keyring([key], clock=lambda: now_ms)
    return Gate(keyring, sigv2_accepted=sigv2_accepted, clock=lambda: now_ms)


def identified(request: Request, through: Gate | None = None) -> Identity:
    return asyncio.run((through or gate()).identify(request))


def refusal(request: Request, through: Gate | None = None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        identified(request, through)
    return caught.value


def streaming(kind: str) -> Request:
    """A request whose payload is a stream, signed as such."""
    target, headers = "/b/k", {"host": HOST, "x-amz-decoded-content-length": "5"}
    added = sigv4.sign(
        "PUT",
        target,
        headers,
        sha256=kind,
        access_key_id=KEY_ID,
        secret=SECRET,
        now_ms=NOW_MS,
    )
    return Request("PUT", target, "", (), headers | added)


@pytest.mark.parametrize("expires", [None, 60])
def test_whoever_signs_with_either_version_is_known(expires: int | None) -> None:
    for signed in (signed_v4, signed_v2):
        identity = identified(signed("GET", "/b/k", expires=expires))
        assert (identity.key, identity.account) == (KEY, "team")
        assert identity.presigned == (expires is not None)
        assert identity.chunk_signer is None


@pytest.mark.parametrize("header", [None, ""])
def test_a_request_that_nobody_signed_is_nobodys(header: str | None) -> None:
    headers = {"host": HOST} | ({} if header is None else {"authorization": header})
    identity = identified(Request("GET", "/b", "", (), headers))
    assert identity.anonymous
    assert not identity.presigned
    assert (identity.account, identity.payload) == ("anonymous", "UNSIGNED-PAYLOAD")
    assert not identified(signed_v4("GET", "/b")).anonymous


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "aws", "AWS5-HMAC-SHA256"])
def test_a_scheme_that_is_not_awss_is_no_signature(scheme: str) -> None:
    headers = {"host": HOST, "authorization": f"{scheme} x"}
    error = refusal(Request("GET", "/b", "", (), headers))
    assert (error.status, error.code) == (400, "InvalidArgument")
    assert error.message == "Unsupported Authorization Type"
    assert error.fields == {"ArgumentName": "Authorization", "ArgumentValue": scheme}


def test_nobody_may_choose_the_headers_of_an_answer() -> None:
    query = parse_query("response-content-type=text/html")
    error = refusal(Request("GET", "/b/k", "response-content-type=text/html", query, {}))
    assert (error.status, error.code) == (400, "InvalidRequest")
    assert identified(signed_v4("GET", "/b/k?response-content-type=text%2Fhtml")).key == KEY


def test_nobody_can_sign_a_stream() -> None:
    headers = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    assert refusal(Request("PUT", "/b/k", "", (), headers)).code == "InvalidRequest"
    unsigned = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    assert identified(Request("PUT", "/b/k", "", (), unsigned)).payload.startswith("STREAMING-")


def test_the_gate_knows_the_accounts_of_its_keys() -> None:
    assert gate().knows("team")
    assert not gate().knows("others")


def test_a_key_nobody_has_is_no_key() -> None:
    other = replace(KEY, access_key_id="OTHER")
    error = refusal(signed_v4("GET", "/b"), gate(other))
    assert (error.code, error.fields["AWSAccessKeyId"]) == ("InvalidAccessKeyId", KEY_ID)


def test_a_disabled_or_expired_key_opens_nothing_in_either_version() -> None:
    for key in (replace(KEY, disabled=True), replace(KEY, expires_ms=NOW_MS)):
        for signed in (signed_v4, signed_v2):
            assert refusal(signed("GET", "/b"), gate(key)).code == "InvalidAccessKeyId"
    lasting = replace(KEY, expires_ms=NOW_MS + 1)
    assert identified(signed_v4("GET", "/b"), gate(lasting)).key == lasting


def test_a_wrong_secret_opens_nothing_in_either_version() -> None:
    wrong = gate(replace(KEY, secret_access_key="wrong"))
    for signed in (signed_v4, signed_v2):
        assert refusal(signed("GET", "/b"), wrong).code == "SignatureDoesNotMatch"


def test_sigv2_can_be_switched_off() -> None:
    off = gate(sigv2_accepted=False)
    for expires in (None, 60):
        assert refusal(signed_v2("GET", "/b", expires=expires), off).code == "InvalidRequest"
    assert identified(signed_v4("GET", "/b"), off).key == KEY


@pytest.mark.parametrize(
    ("kind", "signed"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", True),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", True),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", False),
        ("UNSIGNED-PAYLOAD", False),
        (SHA256, False),
    ],
)
def test_only_a_signed_stream_has_its_chunks_checked(kind: str, *, signed: bool) -> None:
    identity = identified(streaming(kind))
    assert identity.payload == kind
    assert (identity.chunk_signer is not None) == signed


@pytest.mark.parametrize(
    ("said", "payload"),
    [
        (None, "UNSIGNED-PAYLOAD"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        (SHA256, SHA256),
    ],
)
def test_sigv2_does_not_hide_what_the_body_is(said: str | None, payload: str) -> None:
    headers = {} if said is None else {"x-amz-content-sha256": said}
    for expires in (None, 60):
        request = signed_v2("PUT", "/b/k", headers, expires=expires)
        assert identified(request).payload == payload


@pytest.mark.parametrize(
    ("said", "code"),
    [("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "InvalidRequest"), ("x", "InvalidArgument")],
)
def test_sigv2_cannot_begin_a_signed_stream(said: str, code: str) -> None:
    assert refusal(signed_v2("PUT", "/b/k", {"x-amz-content-sha256": said})).code == code


def test_a_parameter_that_nobody_signed_never_becomes_a_header() -> None:
    from gateway.protocol.presigned import effective

    request = signed_v2("PUT", "/b/k")
    for name in ("Signature", "X-Amz-Signatur%65", "AWSAccessKey%49d", "x-amz-signature%00"):
        query = f"{name}=x&x-amz-copy-source=%2Fb%2Fother"
        forged = replace(request, raw_query=query, query=parse_query(query))
        try:
            identified(forged)
        except S3Error:
            continue
        assert "x-amz-copy-source" not in effective(forged).headers


def test_a_scope_becomes_the_request_that_was_sent() -> None:
    request = read_request(scope(b"/b/a%20b", b"x=1&y", {b"x-amz-meta-a": b" a   b \t"}), "R")
    assert (request.raw_path, request.query) == ("/b/a%20b", (("x", "1"), ("y", "")))
    assert (request.headers["x-amz-meta-a"], request.client, request.id) == ("a   b", "::1", "R")


def test_repeated_headers_are_joined_as_they_are_signed() -> None:
    sent = scope(b"/b", b"", {})
    sent["headers"] = [(b"x-amz-meta-a", b" one "), (b"x-amz-meta-a", b"two\t")]
    assert read_request(sent, "").headers == {"x-amz-meta-a": "one,two"}


def scope(path: bytes, query: bytes, headers: Mapping[bytes, bytes]) -> dict[str, object]:
    return {
        "method": "GET",
        "raw_path": path,
        "query_string": query,
        "headers": list(headers.items()),
        "client": ("::1", 1),
        "scheme": "http",
    }

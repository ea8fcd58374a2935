"""What a listing asks, and the token that carries it from page to page."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import listing
from gateway.protocol.errors import S3Error

COMMIT = "0123456789abcdef" * 2
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PARSERS: list[Callable[[Mapping[str, str]], Any]] = [
    listing.parse_v1,
    listing.parse_v2,
    listing.parse_versions,
]


def token_of(form: Any) -> str:
    text = form if isinstance(form, str) else json.dumps(form)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def refused(parse: Callable[..., object], *arguments: object) -> S3Error:
    with pytest.raises(S3Error) as caught:
        parse(*arguments)
    return caught.value


@given(KEYS, st.binary(min_size=16, max_size=16))
def test_a_token_carries_any_key_and_is_safe_in_a_url(after: str, commit: bytes) -> None:
    token = listing.Token(after, commit.hex())
    text = token.encode()
    assert listing.Token.decode(text) == token
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "text",
    [
        "x", "!!!!", "é", "=", token_of("x"), token_of({}), token_of(1), token_of([]),
        token_of([2, COMMIT, "k"]), token_of([1, COMMIT]), token_of([1, COMMIT, 5]),
        token_of([1, None, "k"]), token_of([1, "ab cd", "k"]), token_of([1, COMMIT[:-1], "k"]),
        token_of([1, COMMIT.upper(), "k"]), token_of(f'[1,"{COMMIT}","\\ud800"]'),
        token_of("[" * 50_000), token_of([1, COMMIT, "k", "more"]), token_of("NaN"),
    ],
)  # fmt: skip
def test_a_token_that_we_did_not_make_is_an_invalid_argument(text: str) -> None:
    error = refused(listing.Token.decode, text)
    assert (error.code, error.fields["ArgumentName"]) == ("InvalidArgument", "continuation-token")


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda b: base64.b64encode(b).decode()))
def test_no_text_does_anything_but_be_a_token_or_not(text: str) -> None:
    code = None
    try:
        listing.Token.decode(text)
    except S3Error as error:
        code = error.code
    assert code in {None, "InvalidArgument"}


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (None, 1000),
        ("", 1000),
        ("0", 0),
        ("7", 7),
        ("1000", 1000),
        ("1001", 1000),
        ("2147483647", 1000),
    ],
)
def test_a_page_holds_what_was_asked_and_a_thousand_at_most(
    parse: Callable[[Mapping[str, str]], Any], text: str | None, limit: int
) -> None:
    assert parse({} if text is None else {"max-keys": text}).limit == limit


@pytest.mark.parametrize(
    "text",
    ["-1", "x", "1.5", "0x1", " 1", "1 ", "+1", "\u0661", "2147483648", "9" * 5000, "0" * 5000],
)
def test_a_limit_that_is_no_count_is_an_invalid_argument(text: str) -> None:
    for parse in PARSERS:
        assert refused(parse, {"max-keys": text}).fields["ArgumentName"] == "max-keys"
    assert refused(listing.parse_uploads, {"max-uploads": text}).code == "InvalidArgument"
    assert refused(listing.parse_parts, {"max-parts": text}).code == "InvalidArgument"
    assert refused(listing.parse_parts, {"part-number-marker": text}).code == "InvalidArgument"


def test_v2_starts_behind_start_after_until_it_has_a_token() -> None:
    first = listing.parse_v2({"start-after": "a", "fetch-owner": "True"})
    assert (first.after, first.start_after, first.token, first.fetch_owner) == (
        "a",
        "a",
        None,
        True,
    )
    token = listing.Token("k", COMMIT)
    later = listing.parse_v2({"start-after": "a", "continuation-token": token.encode()})
    assert (later.after, later.token, later.token_text) == ("k", token, token.encode())
    assert listing.parse_v2({"continuation-token": ""}).after == ""


def test_v1_goes_on_behind_its_marker() -> None:
    asked = listing.parse_v1({"prefix": "p/", "delimiter": "/", "marker": "p/m", "max-keys": "5"})
    assert asked == listing.Listing("p/", "/", 5, encoded=False, after="p/m")


@pytest.mark.parametrize("encoding", ["url", "URL"])
def test_url_encoding_is_the_only_one(encoding: str) -> None:
    for parse in PARSERS:
        assert parse({"encoding-type": encoding}).encoded
        assert not parse({"encoding-type": ""}).encoded
        assert refused(parse, {"encoding-type": "base64"}).code == "InvalidArgument"


def test_a_version_marker_needs_its_key_and_an_upload_marker_goes_without() -> None:
    both = listing.parse_versions({"key-marker": "k", "version-id-marker": COMMIT})
    assert (both.after_key, both.after_version) == ("k", COMMIT)
    assert refused(listing.parse_versions, {"version-id-marker": COMMIT}).code == "InvalidArgument"
    assert listing.parse_uploads({"upload-id-marker": "u"}).after_version == ""
    uploads = listing.parse_uploads(
        {"key-marker": "k", "upload-id-marker": "u", "max-uploads": "3"}
    )
    assert (uploads.after_key, uploads.after_version, uploads.limit) == ("k", "u", 3)


def test_parts_go_on_behind_a_number() -> None:
    assert listing.parse_parts({}) == listing.PartListing(0, 1000)
    asked = listing.parse_parts({"part-number-marker": "7", "max-parts": "2"})
    assert asked == listing.PartListing(7, 2)

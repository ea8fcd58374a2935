"""A request's target and query, and the headers that a presigned query stands for."""

from __future__ import annotations

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import signed_v2, signed_v4

from gateway.protocol.errors import S3Error
from gateway.protocol.presigned import effective
from gateway.protocol.request import Request, parse_query

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LATIN1 = st.text(st.characters(max_codepoint=255), max_size=40)


def at(raw_path: str, raw_query: str = "", **headers: str) -> Request:
    return Request("GET", raw_path, raw_query, parse_query(raw_query), headers)


@given(TEXT.filter(bool))
def test_any_key_is_read_as_it_was_written(key: str) -> None:
    assert at(f"/master.b/{quote(key, safe='/~')}").target == ("master.b", key)
    assert at(f"/master.b/{quote(key, safe='')}").target == ("master.b", key)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", ("", "")),
        ("/b", ("b", "")),
        ("/b/", ("b", "")),
        ("/b//k", ("b", "/k")),
        ("/b/k/", ("b", "k/")),
        ("/b/a/../k", ("b", "a/../k")),
        ("/b/a+b", ("b", "a+b")),
        ("/b%2Fk", ("b/k", "")),
        ("/b/a%2Fk", ("b", "a/k")),
        ("//k", ("", "")),
        ("/b/\xc3\xa9", ("b", "é")),
    ],
)
def test_bucket_and_key_part_at_the_first_slash_that_was_sent(
    path: str, target: tuple[str, str]
) -> None:
    request = at(path)
    assert (request.bucket, request.key) == target == request.target


@pytest.mark.parametrize("path", ["/b/%ff", "/%c3/k", "/b/\xff", "/b/%ed%a0%80"])
def test_a_path_that_is_not_utf_8_is_no_uri(path: str) -> None:
    with pytest.raises(S3Error) as caught:
        _ = at(path).target
    assert caught.value.code == "InvalidURI"


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=5), st.booleans())
def test_a_query_is_read_as_it_was_written(pairs: list[tuple[str, str]], plus: bool) -> None:
    raw = urlencode(pairs, quote_via=quote_plus if plus else quote)
    assert parse_query(raw) == tuple(pairs)


def test_order_repeats_and_missing_values_of_a_query_are_kept() -> None:
    assert parse_query("b=2&a&&b=1&c==") == (("b", "2"), ("a", ""), ("b", "1"), ("c", "="))
    assert at("/", "b=2&b=1").params == {"b": "2"}
    assert parse_query("") == ()


@given(LATIN1, LATIN1)
def test_no_target_does_anything_but_be_read_or_refused(path: str, query: str) -> None:
    code = None
    try:
        _ = at(f"/{path}", query).target
        effective(at(f"/{path}", f"X-Amz-Signature=a&{query}"))
    except S3Error as error:
        code = error.code
    assert code in {None, "InvalidURI", "InvalidArgument"}


def test_a_request_that_is_not_presigned_stays_itself() -> None:
    for query in ("", "x-amz-meta-a=1", "Signature=a&x-amz-meta-a=1", "a=X-Amz-Signature"):
        request = at("/b/k", query)
        assert effective(request) is request


def test_a_presigned_query_stands_for_amz_headers_and_none_of_its_own_parameters() -> None:
    sent = signed_v4("PUT", "/b/k?x-amz-meta-A=a%20b&X-Amz-Acl=private", expires=60)
    headers = effective(sent).headers
    assert (headers["x-amz-meta-a"], headers["x-amz-acl"]) == ("a b", "private")
    assert set(headers) == {"host", "x-amz-meta-a", "x-amz-acl"}


def test_what_botocore_puts_into_a_sigv2_query_stands_for_headers_again() -> None:
    written = {"content-type": "a/b", "x-amz-meta-a": "1"}
    sent = signed_v2("PUT", "/b/k", written, expires=60)
    bare = Request("PUT", "/b/k", sent.raw_query, sent.query, {"host": "h"})
    assert {"host": "h", **written}.items() <= effective(bare).headers.items()


def test_a_header_that_was_sent_goes_before_the_parameter_of_its_name() -> None:
    request = at("/b/k", "X-Amz-Signature=a&x-amz-acl=public-read", **{"x-amz-acl": "private"})
    assert effective(request).headers["x-amz-acl"] == "private"


@pytest.mark.parametrize(
    "query", ["x-amz-meta-a=1%0d%0ax-evil:1", "x-amz-meta-a=%00", "x-amz-meta-a=1&X-Amz-Meta-A=2"]
)
def test_a_parameter_that_could_be_no_single_header_is_refused(query: str) -> None:
    with pytest.raises(S3Error) as caught:
        effective(at("/b/k", f"X-Amz-Signature=a&{query}"))
    assert caught.value.code == "InvalidArgument"

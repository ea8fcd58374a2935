"""s3 URIs, as Label Studio reads them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lineage.uris import URI_CHARS_MAX, SourceUri, parse_origin, parse_uri, uris_in


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b/k", "b", "k"),
        ("s3://master.raw/a b/ü.png", "master.raw", "a b/ü.png"),
        ("s3://b/a//b", "b", "a//b"),
        ("s3://b//k", "b", "k"),
        ("s3://b/a+b%20&c=d#e", "b", "a+b%20&c=d#e"),
        ("s3://b/k?x=y", "b", "k"),
        ("s3://b/a\nb", "b", "ab"),
        ("s3://" + "0" * 32 + ".raw/k", "0" * 32 + ".raw", "k"),
    ],
)
def test_a_uri_names_a_bucket_and_a_raw_key(text: str, bucket: str, key: str) -> None:
    assert parse_uri(text) == SourceUri(bucket, key)


@pytest.mark.parametrize(
    "text", ["", "s3:", "s3://", "s3://b", "s3://b/", "s3:///k", "S3://b/k", "gs://b/k", "s3://b/?x",
             " s3://b/k", "s3://b/" + "k" * URI_CHARS_MAX],
)  # fmt: skip
def test_text_that_names_no_object_is_none(text: str) -> None:
    assert parse_uri(text) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_raising_and_what_is_found_can_be_stored(text: str) -> None:
    for found in (parse_uri("s3://" + text), *uris_in({"a": [text, "x s3://" + text]})):
        if found is not None:
            assert found.bucket.encode()
            assert found.key.encode()


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert parse_uri("s3://b/a\ud800b") == SourceUri("b", "a\ufffdb")


def test_order_is_the_documents_and_each_is_named_once() -> None:
    value = {"b": "s3://b/2", "a": ["s3://b/1", {"x": "s3://b/2"}], "t": "s3://b/3"}
    assert [uri.key for uri in uris_in(value)] == ["2", "1", "3"]


def test_a_large_value_is_walked_in_linear_time() -> None:
    def took(count: int) -> float:
        value = {"html": "<img src='s3://b/k'>" + "s3://" * count + '"s3://' * count}
        started = time.perf_counter()
        uris_in(value)
        return time.perf_counter() - started

    assert took(200_000) < 5  # squared it would be hours


@pytest.mark.parametrize(
    ("text", "key", "version"),
    [
        ("s3://b/k?versionId=3HL4", "k", "3HL4"),
        ("s3://b/k", "k", None),
        ("s3://b/k?versionId=", "k", None),
        ("s3://b/a%20b%3F%23+%C3%BC?versionId=a%2Bb", "a b?#+ü", "a+b"),
        ("s3://b//k/?partNumber=1", "/k/", None),
    ],
)
def test_an_origin_is_an_object_and_its_version(text: str, key: str, version: str | None) -> None:
    assert parse_origin(text) == (SourceUri("b", key), version)


@pytest.mark.parametrize(
    "text",
    ["", "s3://", "s3://b", "s3://b/", "http://b/k", "s3:///k", "s3://b/" + "k" * 2000,
     "s3://b/k?versionId=" + "v" * 2000],
)  # fmt: skip
def test_what_is_no_origin_is_none(text: str) -> None:
    assert parse_origin(text) is None

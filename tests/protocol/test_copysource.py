"""The source of a copy, as botocore writes it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from botocore.handlers import handle_copy_source_param
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import copysource
from gateway.protocol.errors import S3Error

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
VERSION = "0" * 32


def by_botocore(key: str, version: str | None) -> str:
    source = {"Bucket": "master.b", "Key": key} | ({"VersionId": version} if version else {})
    params = {"CopySource": source}
    handle_copy_source_param(params)
    return str(params["CopySource"])


@given(KEYS, st.sampled_from([None, VERSION]))
def test_a_source_is_read_as_botocore_meant_it(key: str, version: str | None) -> None:
    assert copysource.parse(by_botocore(key, version)) == ("master.b", key, version)


@given(KEYS.filter(lambda key: "?" not in key and "%" not in key))
def test_a_source_in_bare_utf_8_is_read_too(key: str) -> None:
    header = f"/b/{key}".encode().decode("latin-1")
    assert copysource.parse(header) == ("b", key, None)


@pytest.mark.parametrize(
    ("header", "source"),
    [
        ("b/k", ("b", "k", None)),
        ("/b/k", ("b", "k", None)),
        ("b/a+b%20c", ("b", "a+b c", None)),
        ("b//k", ("b", "/k", None)),
        ("b%2Fk", ("b", "k", None)),
        ("b/k%3FversionId%3D1", ("b", "k?versionId=1", None)),
        ("b/k?versionId=", ("b", "k", "")),
    ],
)
def test_a_source_is_a_path_and_perhaps_a_version(
    header: str, source: tuple[str, str, str | None]
) -> None:
    assert copysource.parse(header) == source


@pytest.mark.parametrize(
    "header", ["", "/", "b", "b/", "/k", "//k/", "b/%ff", "%ff/k", "?versionId=1"]
)
def test_what_names_no_object_is_an_invalid_argument(header: str) -> None:
    with pytest.raises(S3Error) as caught:
        copysource.parse(header)
    assert caught.value.code == "InvalidArgument"
    assert caught.value.fields["ArgumentName"] == "x-amz-copy-source"


@given(st.text(st.characters(max_codepoint=255), max_size=30))
def test_no_header_does_anything_but_name_a_source_or_be_refused(header: str) -> None:
    outcome: object
    try:
        bucket, key, _ = copysource.parse(header)
        outcome = bool(bucket and key)
    except S3Error as error:
        outcome = error.code
    assert outcome in (True, "InvalidArgument")


def test_every_way_to_quote_a_key_names_the_same_key() -> None:
    for safe in ("", "/", "/~+"):
        assert copysource.parse("b/" + quote("a/b c~+é", safe=safe))[1] == "a/b c~+é"

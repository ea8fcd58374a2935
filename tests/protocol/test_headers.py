"""What writers say in headers and what readers are told: nothing is lost, nothing slips in."""

from __future__ import annotations

from email.header import Header, decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.errors import S3Error
from gateway.protocol.headers import (
    METADATA_BYTES_MAX,
    METADATA_PREFIX,
    encode_metadata,
    object_headers,
    response_overrides,
    without_aws_chunked,
)

LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
WIRE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))


def said(value: str) -> str:
    """How a value sent as x-amz-meta-a is kept."""
    return object_headers({"x-amz-meta-a": value}).metadata["a"]


def shown(value: str) -> str:
    """How a kept value leaves."""
    ((name, answer),) = encode_metadata({"a": value})
    assert name == "x-amz-meta-a"
    return answer


@given(LINE)
def test_raw_utf_8_is_kept_as_its_writer_meant_it(value: str) -> None:
    sent = value.encode().decode("latin-1")
    if "=?" not in value:
        assert said(sent) == value


@given(LINE.filter(lambda value: not value.isascii()))
def test_what_is_not_ascii_leaves_in_words_that_the_standard_library_reads(value: str) -> None:
    answer = shown(value)
    assert answer.isascii()
    assert all(len(word) <= 75 for word in answer.split(" "))
    assert str(make_header(decode_header(answer))) == value


@given(LINE.filter(lambda value: not value.isascii()))
def test_what_was_shown_can_be_written_back(value: str) -> None:
    assert said(shown(value)) == value


def test_words_of_the_standard_library_are_decoded() -> None:
    assert said(Header("schön", "utf-8").encode()) == "schön"
    assert said("=?iso-8859-1?q?sch=F6n?=") == "schön"


@pytest.mark.parametrize(
    "value",
    [
        "=?utf-8?b?a?=",  # half a byte of base64
        "=?utf-8?b?abc=d?=",
        "=?no-such-charset?q?a?=",
        "=?utf-8?b?/w==?=",  # not UTF-8
        "=?utf-8?q?a=0D=0AX-Evil:_1?=",
        "=?utf-8?b?AA==?=",
        "=?",
    ],
)
def test_words_that_are_none_or_hide_a_line_end_stay_as_they_are(value: str) -> None:
    assert said(value) == value


@given(WIRE)
def test_no_value_of_metadata_becomes_more_than_one_header(value: str) -> None:
    answer = shown(said(value))
    assert "\r" not in answer
    assert "\n" not in answer
    answer.encode("latin-1")


def test_metadata_has_2_kib_and_not_a_byte_more() -> None:
    fits = "x" * (METADATA_BYTES_MAX - 1)
    assert said(fits) == fits
    with pytest.raises(S3Error) as caught:
        said(fits + "x")
    assert (caught.value.code, caught.value.fields["Size"]) == ("MetadataTooLarge", 2049)


def test_lineage_is_virtual_and_words_for_the_commit_are_no_metadata() -> None:
    given_headers = object_headers(
        {
            "x-amz-meta-lineage-author": "7",
            "x-amz-meta-labelgate-message": "why",
            "x-amz-meta-labelgate-sources": "s3://a/b, s3://c/d,",
            "x-amz-meta-labelgate-origin": "s3://old/k?versionId=1",
            "x-amz-meta-other": "o",
        }
    )
    assert given_headers.metadata == {"other": "o"}
    assert given_headers.message == "why"
    assert given_headers.sources == ("s3://a/b", "s3://c/d")
    assert given_headers.origin == "s3://old/k?versionId=1"


def test_the_headers_of_content_are_kept_and_no_others() -> None:
    sent = {
        "cache-control": "no-store",
        "content-disposition": "inline",
        "content-encoding": "aws-chunked, gzip",
        "content-language": "de",
        "expires": "0",
        "content-type": "a/b",
        "content-length": "5",
        "authorization": "secret",
        "cookie": "secret",
    }
    kept = object_headers(sent)
    assert kept.content_type == "a/b"
    assert kept.headers == {
        "cache-control": "no-store",
        "content-disposition": "inline",
        "content-encoding": "gzip",
        "content-language": "de",
        "expires": "0",
    }


def test_an_object_nobody_gave_a_type_has_the_one_of_s3() -> None:
    assert object_headers({}).content_type == "binary/octet-stream"
    assert object_headers({"content-type": ""}).content_type == "binary/octet-stream"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", ""),
        ("AWS-Chunked,gzip", "gzip"),
        ("gzip,aws-chunked", "gzip"),
        ("gzip, aws-chunked ,br", "gzip,br"),
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
        ("deflate, aws-chunked, gzip", "deflate, gzip"),
        ("", ""),
    ],
)
def test_aws_chunked_is_dropped_wherever_it_stands(sent: str, kept: str) -> None:
    assert without_aws_chunked(sent) == kept
    assert object_headers({"content-encoding": sent}).headers.get("content-encoding", "") == kept


def test_a_read_may_ask_for_other_headers_of_six_kinds() -> None:
    names = ("cache-control", "content-disposition", "content-encoding", "content-language")
    wanted = dict.fromkeys((*names, "content-type", "expires"), "x")
    asked = {f"response-{name}": value for name, value in wanted.items()}
    assert response_overrides({**asked, "response-location": "x", "prefix": "p"}) == wanted


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "\x7f", "\u0100"])
def test_an_override_that_could_be_no_header_is_refused(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        response_overrides({"response-content-disposition": value})
    assert caught.value.fields["ArgumentName"] == "response-content-disposition"


def test_metadata_is_named_as_its_writer_named_it() -> None:
    assert METADATA_PREFIX == "x-amz-meta-"
    assert object_headers({"x-amz-meta-a.b_c": "1"}).metadata == {"a.b_c": "1"}

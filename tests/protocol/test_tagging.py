"""Tags: botocore writes and reads them; AWS's limits hold."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from documents import parsed, written
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import tagging
from gateway.protocol.errors import S3Error

LEGAL = st.characters(categories=["L", "Nd"], include_characters=" _.:/=+-@")
TAGS = st.dictionaries(
    st.text(LEGAL, min_size=1, max_size=20).filter(lambda key: not key.lower().startswith("aws:")),
    st.text(LEGAL, max_size=20),
    max_size=10,
)


def document(tags: list[tuple[str, str]]) -> bytes:
    rows = [{"Key": key, "Value": value} for key, value in tags]
    return written("PutObjectTagging", Bucket="b", Key="k", Tagging={"TagSet": rows})


@given(TAGS)
def test_tags_are_read_as_they_were_meant_and_told_by_key(tags: dict[str, str]) -> None:
    assert tagging.parse_object(document(list(tags.items()))) == tags
    assert tagging.parse_header(urlencode(tags)) == tags
    told = parsed("GetObjectTagging", tagging.render(tags))["TagSet"]
    assert told == [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def test_a_tag_in_a_header_may_have_no_value() -> None:
    assert tagging.parse_header("foo=bar&bar") == {"foo": "bar", "bar": ""}


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([(str(at), "") for at in range(11)], "Object tags cannot be greater than 10"),
        ([("k" * 129, "")], "The TagKey you have provided is too long, max allowed length is 128"),
        ([("k", "v" * 257)],
         "The TagValue you have provided is too long, max allowed length is 256"),
        ([("k", "1"), ("k", "2")], "Cannot provide multiple Tags with the same key"),
        ([("aws:k", "")], "Your TagKey cannot be prefixed with aws:"),
        ([("a\nb", "")], "The TagKey you have provided is invalid"),
        ([("k<", "")], "The TagKey you have provided is invalid"),
        ([("k", "a&b")], "The TagValue you have provided is invalid"),
    ],
)  # fmt: skip
def test_a_tag_beyond_the_limits_is_an_invalid_tag(
    tags: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(S3Error) as caught:
        tagging.parse_object(document(tags))
    assert (caught.value.code, caught.value.message) == ("InvalidTag", message)


def test_tags_up_to_the_limits_are_taken() -> None:
    most = [(f"{at:0128}", "v" * 256) for at in range(10)]
    assert tagging.parse_object(document(most)) == dict(most)
    many = [(str(at), "") for at in range(50)]
    assert tagging.parse_bucket(document(many)) == dict(many)
    with pytest.raises(S3Error) as caught:
        tagging.parse_bucket(document([*many, ("50", "")]))
    assert caught.value.message == "Bucket tags cannot be greater than 50"


def test_a_tag_without_a_key_is_an_invalid_tag() -> None:
    body = b"<Tagging><TagSet><Tag><Key/><Value>v</Value></Tag></TagSet></Tagging>"
    with pytest.raises(S3Error) as caught:
        tagging.parse_object(body)
    assert caught.value.code == "InvalidTag"
    with pytest.raises(S3Error) as caught:
        tagging.parse_header("=v")
    assert caught.value.code == "InvalidTag"


@pytest.mark.parametrize("header", ["a=1&a=2", "a=%ff", "a&a"])
def test_a_header_that_is_no_query_of_tags_is_an_invalid_argument(header: str) -> None:
    with pytest.raises(S3Error) as caught:
        tagging.parse_header(header)
    assert caught.value.code == "InvalidArgument"
    assert caught.value.fields["ArgumentName"] == "x-amz-tagging"


@pytest.mark.parametrize(
    "inner", ["", "<TagSet><Tag><Key>k</Key></Tag></TagSet>", "<TagSet><Tag/></TagSet>",
              "<TagSet/><TagSet/>", "<TagSet><Tag><Key>k</Key><Value><a/></Value></Tag></TagSet>"],
)  # fmt: skip
def test_a_document_without_whole_tags_is_malformed(inner: str) -> None:
    with pytest.raises(S3Error) as caught:
        tagging.parse_object(f"<Tagging>{inner}</Tagging>".encode())
    assert caught.value.code == "MalformedXML"

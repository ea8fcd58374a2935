"""DeleteObjects: botocore writes what we read and reads what we write; the terms of a delete."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from documents import parsed, written
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.deletes import Gone, Kept, Terms, Wanted, parse_delete, render, terms
from gateway.protocol.errors import S3Error

ID = "0123456789abcdef0123456789abcdef"
KEYS = st.text(
    st.characters(
        min_codepoint=32, exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=40,
)


@given(st.lists(st.tuples(KEYS, st.none() | st.sampled_from([ID, "null"])), min_size=1, max_size=4))
def test_a_delete_document_is_read_as_botocore_meant_it(
    wanted: list[tuple[str, str | None]],
) -> None:
    objects = [
        {"Key": key, **({"VersionId": version} if version else {})} for key, version in wanted
    ]
    body = written("DeleteObjects", Bucket="b", Delete={"Objects": objects, "Quiet": True})
    assert parse_delete(body) == ([Wanted(key, version) for key, version in wanted], True)


def test_the_terms_of_a_delete_are_the_same_in_headers_and_in_a_document() -> None:
    moment = datetime(2026, 11, 24, 16, 0, 0, tzinfo=UTC)
    entry = {"Key": "k", "ETag": '"e"', "LastModifiedTime": moment, "Size": 5}
    body = written("DeleteObjects", Bucket="b", Delete={"Objects": [entry]})
    ((wanted,), _) = parse_delete(body)
    headers = {
        "if-match": '"e"',
        "x-amz-if-match-last-modified-time": "Tue, 24 Nov 2026 16:00:00 GMT",
        "x-amz-if-match-size": "5",
    }
    assert wanted.terms == terms(headers) == Terms("e", int(moment.timestamp()), 5)
    assert not terms({}).given


@pytest.mark.parametrize(
    ("given_terms", "failed"),
    [
        (Terms(), ""), (Terms("*"), ""), (Terms("e", 1, 5), ""), (Terms("f"), "If-Match"),
        (Terms("e", 2), "x-amz-if-match-last-modified-time"),
        (Terms(size=6), "x-amz-if-match-size"),
    ],
)  # fmt: skip
def test_terms_hold_of_an_object_or_say_which_does_not(given_terms: Terms, failed: str) -> None:
    if not failed:
        given_terms.demand("e", 1999, 5)
        return
    with pytest.raises(S3Error) as caught:
        given_terms.demand("e", 1999, 5)
    assert (caught.value.code, caught.value.fields) == ("PreconditionFailed", {"Condition": failed})


def test_of_a_delete_marker_only_its_being_there_can_hold() -> None:
    Terms("*").demand_of_marker()
    for other in (Terms("e"), Terms(modified_s=1), Terms("*", size=0)):
        with pytest.raises(S3Error):
            other.demand_of_marker()


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-amz-if-match-size", "x"), ("x-amz-if-match-size", "-1"),
     ("x-amz-if-match-last-modified-time", "yesterday")],
)  # fmt: skip
def test_terms_that_cannot_be_read_are_no_terms_to_be_ignored(name: str, value: str) -> None:
    with pytest.raises(S3Error) as caught:
        terms({name: value})
    assert caught.value.code == "InvalidArgument"
    assert caught.value.fields["ArgumentName"] == name


def test_results_are_read_back_by_botocore() -> None:
    gone = [Gone("a<"), Gone("m", None, ID), Gone("v", ID), Gone("w", "null", "null")]
    answer = parsed("DeleteObjects", render(gone, [Kept("k", ID, "AccessDenied", "no & no")]))
    assert answer["Deleted"] == [
        {"Key": "a<"},
        {"Key": "m", "DeleteMarker": True, "DeleteMarkerVersionId": ID},
        {"Key": "v", "VersionId": ID},
        {"Key": "w", "VersionId": "null", "DeleteMarker": True, "DeleteMarkerVersionId": "null"},
    ]
    assert answer["Errors"] == [
        {"Key": "k", "VersionId": ID, "Code": "AccessDenied", "Message": "no & no"}
    ]

"""Preconditions, by the table of RFC 9110, 13.2.2, and S3's two exceptions."""

from __future__ import annotations

import pytest

from gateway.protocol import conditions
from gateway.protocol.errors import S3Error

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
MODIFIED_MS = 1_795_536_000_750  # 24 Nov 2026 16:00:00.75
AT = "Tue, 24 Nov 2026 16:00:00 GMT"
BEFORE, AFTER = "Tue, 24 Nov 2026 15:59:59 GMT", "Tue, 24 Nov 2026 16:00:01 GMT"
NOW_MS, FUTURE = MODIFIED_MS + 60_000, "Tue, 24 Nov 2026 16:01:01 GMT"
SAME, OTHER = f'"{ETAG}"', '"0"'
GO_ON, HAS_IT, FAILED = 200, 304, 412


def read(**headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        return conditions.evaluate_read(named, ETAG, MODIFIED_MS, NOW_MS) or GO_ON
    except S3Error as error:
        return error.status


def copied(**headers: str) -> int:
    named = {f"x-amz-copy-source-{n.replace('_', '-')}": value for n, value in headers.items()}
    try:
        conditions.evaluate_copy_source(named, ETAG, MODIFIED_MS, NOW_MS)
    except S3Error as error:
        return error.status
    return GO_ON


TABLE = [
    ({}, GO_ON),
    ({"if_match": SAME}, GO_ON),
    ({"if_match": ETAG}, GO_ON),
    ({"if_match": "*"}, GO_ON),
    ({"if_match": f"{OTHER}, {SAME}"}, GO_ON),
    ({"if_match": OTHER}, FAILED),
    ({"if_match": ""}, FAILED),
    ({"if_none_match": OTHER}, GO_ON),
    ({"if_none_match": SAME}, HAS_IT),
    ({"if_none_match": f"W/{SAME}"}, HAS_IT),
    ({"if_none_match": "*"}, HAS_IT),
    ({"if_none_match": f"{OTHER},{SAME}"}, HAS_IT),
    ({"if_modified_since": BEFORE}, GO_ON),
    ({"if_modified_since": AT}, HAS_IT),
    ({"if_modified_since": AFTER}, HAS_IT),
    ({"if_modified_since": FUTURE}, GO_ON),
    ({"if_modified_since": "yesterday"}, GO_ON),
    ({"if_unmodified_since": BEFORE}, FAILED),
    ({"if_unmodified_since": AT}, GO_ON),
    ({"if_unmodified_since": AFTER}, GO_ON),
    ({"if_unmodified_since": "yesterday"}, GO_ON),
    # An ETag test overrides the date test beside it.
    ({"if_match": SAME, "if_unmodified_since": BEFORE}, GO_ON),
    ({"if_match": OTHER, "if_unmodified_since": AFTER}, FAILED),
    ({"if_none_match": OTHER, "if_modified_since": AFTER}, GO_ON),
    ({"if_none_match": SAME, "if_modified_since": BEFORE}, HAS_IT),
    # What fails goes before what the client has.
    ({"if_match": OTHER, "if_none_match": SAME}, FAILED),
    ({"if_match": SAME, "if_none_match": SAME}, HAS_IT),
    ({"if_unmodified_since": BEFORE, "if_modified_since": AT}, FAILED),
]


@pytest.mark.parametrize(("headers", "status"), TABLE)
def test_a_read_is_answered_as_its_conditions_say(headers: dict[str, str], status: int) -> None:
    assert read(**headers) == status


@pytest.mark.parametrize(("headers", "status"), TABLE)
def test_a_copy_fails_where_a_read_would_say_not_modified(
    headers: dict[str, str], status: int
) -> None:
    assert copied(**headers) == (FAILED if status == HAS_IT else status)


def test_a_copys_conditions_are_not_those_of_its_target() -> None:
    conditions.evaluate_copy_source({"if-match": OTHER}, ETAG, MODIFIED_MS, NOW_MS)
    assert read(x_amz_copy_source_if_match=OTHER) == GO_ON


def test_a_failed_condition_is_named() -> None:
    with pytest.raises(S3Error) as caught:
        conditions.evaluate_read({"if-match": OTHER}, ETAG, MODIFIED_MS, NOW_MS)
    assert caught.value.code == "PreconditionFailed"
    assert caught.value.fields == {"Condition": "If-Match"}


@pytest.mark.parametrize("value", [SAME, ETAG, AT, AFTER])
def test_if_range_holds_for_the_same_object(value: str) -> None:
    assert conditions.is_current(value, ETAG, MODIFIED_MS)


@pytest.mark.parametrize("value", [OTHER, BEFORE, "", "nonsense"])
def test_if_range_does_not_hold_for_another_object(value: str) -> None:
    assert not conditions.is_current(value, ETAG, MODIFIED_MS)


def test_a_write_may_ask_for_an_etag_or_for_absence() -> None:
    assert conditions.write_condition({}) == (None, None)
    assert conditions.write_condition({"if-match": SAME}) == (ETAG, None)
    assert conditions.write_condition({"if-none-match": " * "}) == (None, "*")
    assert conditions.write_condition({"if-none-match": SAME}) == (None, ETAG)


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": ""},
        {"if-match": '""'},
        {"if-none-match": f"{SAME}, *"},
        {"if-match": f"{SAME},{SAME}"},
        {"if-match": SAME, "if-none-match": "*"},
    ],
)
def test_a_condition_of_a_write_that_s3_does_not_have_is_never_ignored(
    headers: dict[str, str],
) -> None:
    with pytest.raises(S3Error) as caught:
        conditions.write_condition(headers)
    assert caught.value.code == "NotImplemented"

"""Dates as the standard library and botocore write them."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime, formatdate

import pytest
from botocore.utils import parse_timestamp
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.protocol import dates

MS = st.integers(0, dates.MS_MAX)
MOMENT = 1_795_536_000_000


@given(MS)
def test_botocore_reads_every_form_we_write(ms: int) -> None:
    seconds = ms // 1000 * 1000
    assert round(parse_timestamp(dates.iso(ms)).timestamp() * 1000) == ms
    assert parse_timestamp(dates.http_date(ms)).timestamp() * 1000 == seconds
    assert parse_timestamp(dates.basic(ms)).timestamp() * 1000 == seconds


@given(MS)
def test_we_read_every_form_we_write(ms: int) -> None:
    assert dates.parse(dates.iso(ms)) in {ms, ms - 1}  # floating seconds
    assert dates.parse(dates.http_date(ms)) == ms // 1000 * 1000
    assert dates.parse_basic(dates.basic(ms)) == ms // 1000 * 1000


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 24 Nov 2026 16:00:00 GMT",
        "Tue, 24 Nov 2026 17:00:00 +0100",
        "Tuesday, 24-Nov-26 16:00:00 GMT",
        "Tue Nov 24 16:00:00 2026",
        "2026-11-24T16:00:00Z",
        "2026-11-24T16:00:00.000Z",
        "2026-11-24T17:00:00+01:00",
        "2026-11-24T16:00:00",
        "20261124T160000Z",
    ],
)
def test_each_form_of_a_date_names_the_same_moment(text: str) -> None:
    assert dates.parse(text) == MOMENT


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-1", "Tue", "24/11/2026", "9" * 5000, "\x00", "\u0661"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.parse(text) is None


@given(st.text(max_size=40) | st.text("0123456789:-+TZ, GMTuNov", max_size=40))
@example("9999-12-31T23:59:59-14:00")
@example("0001-01-01T00:00:00+14:00")
@example("Tue, 24 Nov 2026 16:00:00 +99999999999")
def test_whatever_is_read_can_be_written_again(text: str) -> None:
    ms = dates.parse(text)
    if ms is not None:
        assert dates.iso(ms) and dates.http_date(ms) and dates.basic(ms)  # noqa: PT018


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20261124T160000",
        "20261124t160000z",
        "20261124T160000Z ",
        "2026111T160000Z",
        "20261324T160000Z",
        "20260230T160000Z",
        "20261124T240000Z",
        "20261124T160060Z",
        "\uff12\uff10\uff12\uff161124T160000Z",
    ],
)
def test_the_basic_form_is_exact(text: str) -> None:
    assert dates.parse_basic(text) is None


def test_http_dates_are_those_of_the_standard_library() -> None:
    assert dates.http_date(MOMENT) == formatdate(MOMENT / 1000, usegmt=True)
    now = dt.datetime(2026, 11, 24, 16, tzinfo=dt.UTC)
    assert dates.http_date(MOMENT + 999) == format_datetime(now, usegmt=True)

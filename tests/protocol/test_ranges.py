"""Ranges of reads, with Python's own slices as the second opinion; and those of copies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import ranges
from gateway.protocol.errors import S3Error

SIZES = st.integers(0, 30)
POSITIONS = st.integers(0, 40)
DATA = bytes(range(64))


def read(header: str | None, size: int) -> bytes | None:
    """The bytes asked for; None where the range cannot be satisfied."""
    try:
        span = ranges.parse(header, size)
    except S3Error as caught:
        error = caught
    else:
        return whole_or(span, size)
    assert error.code == "InvalidRange"
    assert error.headers["content-range"] == f"bytes */{size}"
    assert error.fields == {"RangeRequested": header, "ActualObjectSize": size}
    return None


def whole_or(span: tuple[int, int] | None, size: int) -> bytes:
    start, stop = span or (0, size)
    assert 0 <= start <= stop <= size
    return DATA[start:stop]


@given(POSITIONS, POSITIONS, SIZES)
def test_first_and_last_are_both_part_of_a_range(first: int, last: int, size: int) -> None:
    expected: bytes | None = DATA[:size][first : last + 1]
    if last < first:
        expected = DATA[:size]
    elif first >= size:
        expected = None
    assert read(f"bytes={first}-{last}", size) == expected


@given(POSITIONS, SIZES)
def test_an_open_range_goes_to_the_end(first: int, size: int) -> None:
    assert read(f"bytes={first}-", size) == (DATA[first:size] if first < size else None)


@given(POSITIONS, SIZES)
def test_a_suffix_is_the_end(length: int, size: int) -> None:
    expected = DATA[max(0, size - length) : size] if length else None
    assert read(f"bytes=-{length}", size) == expected


@pytest.mark.parametrize(
    "header",
    [
        None, "", "invalid", "bytes", "bytes=", "bytes=-", "bytes=33-10", "bytes=a-b", "bytes=1",
        "bytes=0-1,3-4", "items=0-1", "bytes=+1-2", "bytes=-+1", "bytes=0x1-2",
        "bytes=\u0661-\u0662", f"bytes=0-{'9' * 5000}", f"bytes={'9' * 5000}-",
        f"bytes={' ' * 1_000_000}x", f"bytes=-{' ' * 1_000_000}x",
    ],
)  # fmt: skip
def test_a_range_that_is_malformed_is_ignored(header: str | None) -> None:
    assert ranges.parse(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=0-4", "BYTES = 0 - 4", " bytes=0-4 "])
def test_case_and_spaces_of_a_range_do_not_matter(header: str) -> None:
    assert ranges.parse(header, 10) == (0, 5)


@given(st.text("bytes=0123456789-, ", max_size=20), SIZES)
def test_no_header_does_anything_but_name_a_span_or_none(header: str, size: int) -> None:
    read(header, size)


def test_a_copy_range_names_both_ends_within_the_object() -> None:
    assert ranges.parse_copy(None, 10) == (0, 10)
    assert ranges.parse_copy("bytes=0-9", 10) == (0, 10)
    assert ranges.parse_copy("bytes=3-3", 10) == (3, 4)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("bytes=0-", "InvalidArgument"),
        ("bytes=-5", "InvalidArgument"),
        ("0-5", "InvalidArgument"),
        ("bytes=5-0", "InvalidArgument"),
        ("bytes=0-5,7-8", "InvalidArgument"),
        (f"bytes=0-{'9' * 5000}", "InvalidArgument"),
        ("bytes=0-10", "InvalidRange"),
        ("bytes=10-11", "InvalidRange"),
    ],
)
def test_a_copy_range_is_taken_at_its_word_or_refused(header: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        ranges.parse_copy(header, 10)
    assert caught.value.code == code


def test_the_end_that_some_sdks_write_is_the_objects_own() -> None:
    """Java's SDK asks for all from a position on by the greatest number it has."""
    assert read("bytes=10-9223372036854775806", 64) == DATA[10:64]
    assert read("bytes=9223372036854775806-", 64) is None
    assert read("bytes=-9223372036854775807", 64) == DATA

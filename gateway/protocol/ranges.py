"""The Range header of a read."""

from __future__ import annotations

import re

from gateway.protocol.errors import S3Error

# SDKs write "to the end" as a number of 19 digits; int() of a header full of digits would raise.
_RANGE = re.compile(r"\s*bytes\s*=\s*(?:([0-9]{1,40})\s*)?-\s*(?:([0-9]{1,40})\s*)?", re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=([0-9]{1,40})-([0-9]{1,40})")


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """The half-open span [start, stop) asked of `size` bytes; None means the whole object.

    A header that is malformed, inverted or names several ranges is ignored, as AWS does.
    A suffix of an empty object is the whole of it. Raises InvalidRange where nothing is left.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        length = int(last)
        if length and not size:
            return None
        start, stop = max(0, size - length), size
        if not length:
            start = size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        error = S3Error("InvalidRange", RangeRequested=header or "", ActualObjectSize=size)
        error.headers["content-range"] = f"bytes */{size}"
        raise error
    return start, stop


def parse_copy(header: str | None, size: int) -> tuple[int, int]:
    """The half-open span that `x-amz-copy-source-range` asks of `size` bytes; all without one.

    Unlike Range it must name both ends. Raises InvalidArgument, and InvalidRange beyond the end.
    """
    if header is None:
        return 0, size
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[1]) > int(match[2]):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            ArgumentName="x-amz-copy-source-range",
            ArgumentValue=header,
        )
    start, stop = int(match[1]), int(match[2]) + 1
    if stop > size:
        raise S3Error("InvalidRange", RangeRequested=header, ActualObjectSize=size)
    return start, stop

"""Times on the wire. Inside, a time is whole milliseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

MS_MAX = 253_402_300_799_999
_BASIC = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


def http_date(ms: int) -> str:
    """RFC 9110 date, whole seconds: `Tue, 24 Nov 2026 16:00:00 GMT`."""
    return _http_date(ms // 1000)


def iso(ms: int) -> str:
    """ISO 8601 with milliseconds, as S3's XML has it: `2026-11-24T16:00:00.000Z`."""
    return f"{_iso_seconds(ms // 1000)}.{ms % 1000:03d}Z"


def parse(text: str) -> int | None:
    """A date of RFC 1123, RFC 850, asctime or ISO form in ms; None where it is none of them.

    Held between 1970 and the end of 9999, so that whatever was parsed can be written again.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0, int(moment.timestamp() * 1000)), MS_MAX)


@lru_cache(maxsize=4096)
def parse_basic(text: str) -> int | None:
    """The form of `X-Amz-Date` (`20261124T160000Z`) in ms; None for anything else."""
    match = _BASIC.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000


def basic(ms: int) -> str:
    """The form of `X-Amz-Date`: `20261124T160000Z`."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


@lru_cache(maxsize=4096)
def _iso_seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")

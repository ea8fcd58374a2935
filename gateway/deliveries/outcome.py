"""What an HTTP receiver's answer, or its silence, means for a delivery."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import httpx

from gateway.deliveries.channel import Undelivered

UNREACHED = (httpx.HTTPError, httpx.InvalidURL, OSError)
"""What a request raises that nobody answered."""

_SHOWN_MAX = 200
# Answers that are no judgement on what was sent: it comes at a bad time.
_NOT_NOW = frozenset({408, 425, 429, 502, 503, 504})


def unreached(error: Exception) -> Undelivered:
    """Nobody answered."""
    return Undelivered(f"{type(error).__name__}: {error}")


def told(response: httpx.Response) -> str:
    """An answer for people: its status and the beginning of its text."""
    return f"HTTP {response.status_code}: {response.text[:_SHOWN_MAX]}".strip()


def refused(response: httpx.Response) -> Undelivered:
    """An answer that is no success.

    Whatever the status, what was sent may be what is wrong: Marquez answers 500 where it cannot
    read an event. Only those that say that they are busy are not counted against it.
    """
    answered = response.status_code not in _NOT_NOW
    return Undelivered(told(response), answered=answered, retry_after_s=_retry_after(response))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number of them or a date; None where neither is given."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(response.headers["date"])
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, KeyError):
        return None

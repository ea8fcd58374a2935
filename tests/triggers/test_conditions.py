"""When a trigger fires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.triggers.conditions import Gained, due, fires
from gateway.triggers.model import Count, When

NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000


def gained(**counts: int) -> Gained:
    return Gained({Count(name): number for name, number in counts.items()}, NOON, NOON + HOUR)


def when(quiet: float | None = None, schedule: str | None = None, **more: Any) -> When:
    every = bool(more.pop("every", False))
    return When({Count(name): n for name, n in more.items()}, quiet, schedule, every)


@pytest.mark.parametrize(
    ("wanted", "came", "after_ms", "yes"),
    [
        (when(), gained(commits=1), 0, True),
        (when(), gained(), 0, False),
        (when(commits=2), gained(commits=1), 0, False),
        (when(commits=2), gained(commits=2), 0, True),
        (when(tasks=2, bytes=9), gained(commits=1, tasks=2), 0, True),
        (when(tasks=2, bytes=9, every=True), gained(commits=1, tasks=2), 0, False),
        (when(tasks=2, bytes=9, every=True), gained(commits=1, tasks=2, bytes=9), 0, True),
        (when(quiet=60), gained(commits=1), HOUR + 59_999, False),
        (when(quiet=60), gained(commits=1), HOUR + 60_000, True),
        (when(quiet=60), gained(), 100 * HOUR, False),
        (when(schedule="0 2 * * *"), gained(commits=1), 13 * HOUR, False),
        (when(schedule="0 2 * * *"), gained(commits=1), 14 * HOUR, True),
        (when(quiet=60, commits=2, every=True), gained(commits=2), HOUR, False),
        (when(quiet=60, commits=2, every=True), gained(commits=2), 2 * HOUR, True),
    ],
)
def test_conditions_hold_of_what_came(wanted: When, came: Gained, after_ms: int, yes: bool) -> None:
    assert fires(wanted, came, NOON + after_ms) is yes


def test_a_schedule_is_in_utc() -> None:
    assert due("0 2 * * *", NOON) == NOON + 14 * HOUR
    assert due("*/5 * * * *", NOON) == NOON + 300_000

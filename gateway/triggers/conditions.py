"""Whether a trigger fires, from what came since it fired last. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

from gateway.triggers.model import Count, When

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gained:
    """What came since it fired last. first_ms, last_ms: when the first and the last of it came."""

    counts: dict[Count, int] = field(default_factory=dict)
    first_ms: int = 0
    last_ms: int = 0

    @property
    def anything(self) -> bool:
        """Whether anything came."""
        return self.counts.get(Count.COMMITS, 0) > 0


def fires(when: When, gained: Gained, now_ms: int) -> bool:
    """Whether the conditions hold now. Nothing ever fires for nothing."""
    if not gained.anything:
        return False
    if when.empty:
        return True
    held = [gained.counts.get(count, 0) >= least for count, least in when.counts.items()]
    if when.quiet_s is not None:
        held.append(now_ms - gained.last_ms >= when.quiet_s * 1000)
    if when.schedule is not None:
        held.append(due(when.schedule, gained.first_ms) <= now_ms)
    return all(held) if when.every else any(held)


def due(schedule: str, after_ms: int) -> int:
    """The first time behind `after_ms` that a schedule names, in ms since 1970."""
    after = _EPOCH + timedelta(milliseconds=after_ms)
    return (next(CronSim(schedule, after)) - _EPOCH) // timedelta(milliseconds=1)

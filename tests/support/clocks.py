"""A clock that stands still unless it is moved."""

from __future__ import annotations

from dataclasses import dataclass

from hands import START_MS


@dataclass
class Clock:
    """ms: now, since 1970 UTC."""

    ms: int = START_MS

    def __call__(self) -> int:
        return self.ms

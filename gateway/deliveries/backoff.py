"""How long to wait before the next try, and when to give up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

RETRY_AFTER_S_MAX = 3600.0


@dataclass(frozen=True, slots=True)
class Patience:
    """tries_max: how often a receiver may refuse one delivery. age_s_max: how long one is tried.

    pause_s, pause_s_max: the longest wait after the first try, and after any.
    """

    tries_max: int = 20
    age_s_max: float = 24 * 3600.0
    pause_s: float = 1.0
    pause_s_max: float = 300.0

    def spent(self, answers: int, age_s: float) -> bool:
        """Whether to give up, after so many refusals and so long a time."""
        return answers >= self.tries_max or age_s >= self.age_s_max

    def pause(self, tries: int, drawn: float, retry_after_s: float | None = None) -> float:
        """Seconds to wait after `tries` tries. drawn: a random number from 0 to 1.

        Anything between nothing and a bound that doubles (full jitter): those who failed together
        do not come back together.
        """
        bound = min(self.pause_s_max, self.pause_s * 2.0 ** min(tries - 1, 30))
        asked = min(retry_after_s or 0.0, RETRY_AFTER_S_MAX)
        return asked + drawn * bound

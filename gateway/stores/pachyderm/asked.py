"""Answers of pachd that are kept for a moment: many who ask at once ask once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

KEPT_MAX = 4096

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Asked(Generic[_K, _V]):
    """Answers by key, each good for `kept_s` seconds from when it was asked for.

    Who asks while the same question is under way waits for that answer; a caller that leaves
    takes nobody's answer away. Refusals are passed on and not kept.
    """

    def __init__(
        self,
        ask: Callable[[_K], Awaitable[_V]],
        kept_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._kept_s = kept_s
        self._clock = clock
        self._answers: dict[_K, tuple[float, _V]] = {}
        self._flights: dict[_K, asyncio.Task[_V]] = {}

    async def get(self, key: _K, *, fresh: bool = False) -> _V:
        """The answer. fresh: one that was asked for after this call began."""
        if not fresh and (kept := self._still_good(key)) is not None:
            return kept[1]
        flight = None if fresh else self._flights.get(key)
        return await asyncio.shield(flight or self._begin(key))

    def last(self, key: _K) -> _V | None:
        """The newest answer, however old; None where none is known."""
        kept = self._answers.get(key)
        return None if kept is None else kept[1]

    def expect(self, key: _K) -> None:
        """Ask now, where the answer is not known, for who will want it in a moment."""
        if self._still_good(key) is None and key not in self._flights:
            self._begin(key)

    def put(self, key: _K, value: _V) -> None:
        """What is known without asking; answers still under way are older than this."""
        self._flights.pop(key, None)
        self._keep(key, self._clock(), value)

    def forget(self, key: _K) -> None:
        """Ask the next time; answers still under way are not kept."""
        self._flights.pop(key, None)
        self._answers.pop(key, None)

    async def close(self) -> None:
        """Give up the questions under way."""
        flights = list(self._flights.values())
        self._flights.clear()
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _still_good(self, key: _K) -> tuple[float, _V] | None:
        """The kept answer, and when it was asked for; None where it is too old or none."""
        kept = self._answers.get(key)
        return kept if kept is not None and self._clock() - kept[0] < self._kept_s else None

    def _begin(self, key: _K) -> asyncio.Task[_V]:
        flight = self._flights[key] = asyncio.create_task(self._fly(key))
        flight.add_done_callback(_seen)
        return flight

    async def _fly(self, key: _K) -> _V:
        asked = self._clock()
        me = asyncio.current_task()
        try:
            answer = await self._ask(key)
            if self._flights.get(key) is me:
                self._keep(key, asked, answer)
            return answer
        finally:
            if self._flights.get(key) is me:
                del self._flights[key]

    def _keep(self, key: _K, asked: float, answer: _V) -> None:
        self._answers.pop(key, None)
        self._answers[key] = (asked, answer)
        while len(self._answers) > KEPT_MAX:
            self._answers.pop(next(iter(self._answers)))


def _seen(flight: asyncio.Task[_V]) -> None:
    """All who waited may have left: then nobody looks at the error, which is no news."""
    if not flight.cancelled():
        flight.exception()

"""Not waiting again and again for a pachd that is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import grpc

from gateway.stores.pachyderm.faults import Unreachable

FAILURES_MAX = 3
PROBE_EVERY_S = 1.0


class Circuit:
    """Opens after FAILURES_MAX failures to reach pachd in a row; a probe a second closes it.

    Calls that fail together, because they shared a connection, are one failure.
    """

    def __init__(self, probe: Callable[[], Awaitable[bool]]) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._failures = 0
        self._last_s = 0.0
        self._answered = False
        self._why = ""

    @property
    def state(self) -> Literal["unknown", "reachable", "unreachable"]:
        """What is known: nothing before the first answer."""
        if self._probing is not None:
            return "unreachable"
        return "reachable" if self._answered else "unknown"

    def enter(self) -> float:
        """The time a call begins. Raises Unreachable while the circuit is open."""
        if self._probing is not None:
            raise Unreachable(grpc.StatusCode.UNAVAILABLE, self._why, sent=False)
        return time.monotonic()

    def answered(self) -> None:
        """Pachd said something, be it no."""
        self._answered = True
        self._failures = 0

    def failed(self, began_s: float, why: str) -> None:
        """A call that began then did not get through."""
        if began_s < self._last_s or self._probing is not None:
            return
        self._last_s = time.monotonic()
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._why = why
            self._probing = asyncio.create_task(self._find_it())

    async def close(self) -> None:
        """Stop looking for it."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _find_it(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            if await self._probe():
                break
        self.answered()
        self._probing = None

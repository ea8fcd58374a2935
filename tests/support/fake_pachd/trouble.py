"""What a test lets go wrong, call by call."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from dataclasses import dataclass

import grpc

from fake_pachd.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Planned:
    """A failure to come. after: the call is executed, only its answer is lost."""

    refusal: Refusal
    after: bool


class Trouble:
    """Methods by their names, "StartCommit"; "*" is every one."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.refused: Refusal | None = None
        self._planned: dict[str, deque[Planned]] = defaultdict(deque)
        self._slow: dict[str, float] = {}
        self._held: dict[str, asyncio.Event] = {}

    def fail_next(
        self,
        method: str,
        code: grpc.StatusCode,
        text: str,
        *,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Let the next calls fail, in the order they were planned."""
        self._planned[method].extend([Planned(Refusal(code, text), after)] * times)

    def refuse_all(self, code: grpc.StatusCode, text: str = "not now") -> None:
        """Every call, until `recover`."""
        self.refused = Refusal(code, text)

    def recover(self) -> None:
        """Nothing goes wrong any more, and nothing is slow or held."""
        self.refused = None
        self._planned.clear()
        self._slow.clear()
        for method in list(self._held):
            self.release(method)

    def slow(self, method: str, seconds: float) -> None:
        """Each call of it waits first; 0 ends that."""
        self._slow[method] = seconds

    def hold(self, method: str) -> None:
        """Calls of it wait, not executed, until `release`. On the loop of the fake only."""
        self._held.setdefault(method, asyncio.Event())

    def release(self, method: str) -> None:
        """Let them go."""
        if method in self._held:
            self._held.pop(method).set()

    async def before(self, method: str) -> Refusal | None:
        """What is to happen before a call is executed; what is to be answered in the end."""
        self.calls[method] += 1
        if self.refused is not None:
            raise self.refused
        await asyncio.sleep(self._slow.get(method, self._slow.get("*", 0.0)))
        for name in (method, "*"):
            if name in self._held:
                await self._held[name].wait()
        for name in (method, "*"):
            if self._planned[name]:
                planned = self._planned[name].popleft()
                if not planned.after:
                    raise planned.refusal
                return planned.refusal
        return None

"""Answers that cost a question elsewhere, kept for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """The answers of the last questions, each good for as long as `lasts_ms` says of it.

    clock: milliseconds. size_max: how many are kept; the one that was asked for longest ago goes.
    Who asks what is being asked already waits for that answer.
    """

    def __init__(
        self, clock: Callable[[], int], lasts_ms: Callable[[Answer], int], *, size_max: int
    ) -> None:
        self._clock = clock
        self._lasts_ms = lasts_ms
        self._size_max = size_max
        self._known: OrderedDict[Hashable, tuple[int, Answer]] = OrderedDict()
        self._asking: dict[Hashable, asyncio.Task[Answer]] = {}

    async def get(self, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer known, else what `ask` answers. What it raises is passed on, not kept."""
        known = self._known.get(question)
        if known is not None and self._clock() < known[0]:
            self._known.move_to_end(question)
            return known[1]
        asking = self._asking.get(question)
        if asking is None:
            asking = self._asking[question] = asyncio.create_task(self._learn(question, ask))
        # One that hangs up does not take the answer away from the others.
        return await asyncio.shield(asking)

    async def _learn(self, question: Hashable, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            answer = await ask()
        finally:
            del self._asking[question]
        self._known[question] = self._clock() + self._lasts_ms(answer), answer
        self._known.move_to_end(question)
        while len(self._known) > self._size_max:
            self._known.popitem(last=False)
        return answer

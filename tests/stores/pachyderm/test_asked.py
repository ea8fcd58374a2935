"""Questions that many ask at once, and answers that are kept for a moment."""

from __future__ import annotations

import asyncio

import pytest

from gateway.stores.pachyderm.asked import Asked


class Source:
    """Answers with a number of its own each time, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.now_s = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers: Asked[str, int] = Asked(self._ask, 1.0, lambda: self.now_s)

    async def _ask(self, key: str) -> int:
        self.asked += 1
        mine = self.asked
        await self.gate.wait()
        if key == "refused":
            raise LookupError(key)
        return mine


async def test_an_answer_is_kept_for_its_time_and_no_longer():
    source = Source()
    assert [await source.answers.get("a"), await source.answers.get("a")] == [1, 1]
    source.now_s = 0.99
    assert await source.answers.get("a") == 1
    source.now_s = 1.0
    assert await source.answers.get("a") == 2


async def test_who_asks_meanwhile_waits_for_the_same_answer():
    source = Source()
    source.gate.clear()
    tasks = [asyncio.create_task(source.answers.get("a")) for _ in range(50)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    source.gate.set()
    assert await asyncio.gather(*tasks[1:]) == [1] * 49


async def test_a_fresh_answer_was_asked_for_after_the_call():
    source = Source()
    source.gate.clear()
    early = asyncio.create_task(source.answers.get("a"))
    await asyncio.sleep(0)
    fresh = asyncio.create_task(source.answers.get("a", fresh=True))
    await asyncio.sleep(0)
    source.gate.set()
    assert await asyncio.gather(early, fresh) == [1, 2]
    assert await source.answers.get("a") == 2


async def test_what_was_told_counts_more_than_answers_that_were_under_way():
    source = Source()
    source.gate.clear()
    early = asyncio.create_task(source.answers.get("a"))
    await asyncio.sleep(0)
    source.answers.put("a", 99)
    source.gate.set()
    assert await early == 1
    assert await source.answers.get("a") == 99
    source.answers.forget("a")
    assert await source.answers.get("a") == 2


async def test_a_refusal_is_passed_on_and_not_kept():
    source = Source()
    for _ in range(2):
        with pytest.raises(LookupError):
            await source.answers.get("refused")
    assert source.asked == 2


async def test_closing_ends_what_is_under_way():
    source = Source()
    source.gate.clear()
    task = asyncio.create_task(source.answers.get("a"))
    await asyncio.sleep(0)
    await source.answers.close()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_expected_is_asked_for_once_and_does_not_wait():
    asked = []

    async def ask(key: str) -> str:
        asked.append(key)
        await asyncio.sleep(0.01)
        return key.upper()

    questions: Asked[str, str] = Asked(ask, 60)
    questions.expect("a")
    questions.expect("a")
    assert await questions.get("a") == "A"
    questions.expect("a")
    await asyncio.sleep(0.02)
    assert asked == ["a"]
    await questions.close()

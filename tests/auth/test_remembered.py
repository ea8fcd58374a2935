"""Answers that are kept for a while."""

from __future__ import annotations

import asyncio

import pytest

from gateway.auth.remembered import Remembered


class Asked:
    """Answers what it is told to, and counts."""

    def __init__(self, answer: str | Exception = "yes") -> None:
        self.answer = answer
        self.times = 0
        self.now = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self) -> str:
        self.times += 1
        await self.may_answer.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def remembered(self, size_max: int = 10) -> Remembered[str]:
        return Remembered(
            lambda: self.now, lambda answer: 100 if answer == "yes" else 10, size_max=size_max
        )


async def test_an_answer_is_good_for_as_long_as_it_says() -> None:
    asked = Asked()
    known = asked.remembered()
    for now, answer, times in ((0, "yes", 1), (99, "yes", 1), (100, "no", 2), (109, "no", 2)):
        asked.now = now
        asked.answer = "yes" if now < 100 else "no"
        assert (await known.get("q", asked), asked.times) == (answer, times)
    asked.now = 110
    await known.get("q", asked)
    assert asked.times == 3


async def test_what_failed_is_asked_again() -> None:
    asked = Asked(OSError("away"))
    known = asked.remembered()
    with pytest.raises(OSError, match="away"):
        await known.get("q", asked)
    asked.answer = "yes"
    assert await known.get("q", asked) == "yes"


async def test_many_who_ask_at_once_are_one_question() -> None:
    asked = Asked()
    known = asked.remembered()
    asked.may_answer.clear()
    waiting = [asyncio.create_task(known.get("q", asked)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # the first, who asked for all
    await asyncio.sleep(0)
    asked.may_answer.set()
    assert await asyncio.gather(*waiting[1:]) == ["yes"] * 49
    assert asked.times == 1


async def test_the_longest_unasked_is_forgotten() -> None:
    asked = Asked()
    known = asked.remembered(size_max=2)
    for question in ("a", "b", "a", "c"):
        await known.get(question, asked)
    assert asked.times == 3
    await known.get("a", asked)
    assert asked.times == 3
    await known.get("b", asked)
    assert asked.times == 4

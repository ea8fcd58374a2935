"""What a real pachd was observed to answer, asked again: observed.jsonl as scenarios.

A scenario makes the calls of some cases in their order. Each is held against its row: the status,
the text of an error, and what came of it where the row tells.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
from pachd_calls import PachdCalls

FILE = Path(__file__).parents[2] / "stores/pachyderm/observed.jsonl"

Step = tuple[str, str, Awaitable[object]]
"""The case, the call as the row names it, and the call itself. A text that it gives counts."""

Steps = AsyncIterator[Step]

_ID = re.compile(r"[0-9a-f]{32}(\.[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Row:
    """One answer."""

    case: str
    call: str
    ok: bool
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """only_fake: needs knobs, or a pachd that nobody else uses."""

    name: str
    cases: tuple[str, ...]
    steps: Callable[[PachdCalls], Steps]
    only_fake: bool


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *cases: str, only_fake: bool = False
) -> Callable[[Callable[[PachdCalls], Steps]], Callable[[PachdCalls], Steps]]:
    """The function that plays these cases."""

    def kept(steps: Callable[[PachdCalls], Steps]) -> Callable[[PachdCalls], Steps]:
        name = steps.__name__
        SCENARIOS[name] = Scenario(name, cases, steps, only_fake)
        return steps

    return kept


def rows(*cases: str) -> list[Row]:
    """Those of some cases, or all."""
    with FILE.open(encoding="utf-8") as lines:
        found = [Row(**json.loads(line)) for line in lines]
    return [row for row in found if not cases or row.case in cases]


async def play(one: Scenario, pachd: PachdCalls) -> tuple[list[str], list[Row]]:
    """What differs, and the rows that no step asked about."""
    left = rows(*one.cases)
    differences: list[str] = []
    async for case, call, asked in one.steps(pachd):
        row = next((row for row in left if (row.case, row.call) == (case, call)), None)
        assert row is not None, f"no row (left) of {case}: {call}"
        left.remove(row)
        if difference := await _compare(row, asked, pachd.prefix):
            differences.append(f"{case}: {call}: {difference}")
    return differences, left


async def _compare(row: Row, asked: Awaitable[object], prefix: str) -> str:
    try:
        value = await asked
    except grpc.aio.AioRpcError as error:
        code, text = error.code().name, error.details() or ""
        # Behind the first line of a panic there is a stack.
        text = text.partition("\ngoroutine ")[0].rstrip("\n")
    else:
        code, text = "OK", value if isinstance(value, str) else ""
        if not text or not row.message:
            return "" if row.ok else f"answered, not {row.code}: {row.message}"
    got, wanted = _masked(text, prefix), _masked(row.message, "")
    if (code, got) == (row.code, wanted):
        return ""
    return f"{code} {got!r}, not {row.code} {wanted!r}"


def _masked(text: str, prefix: str) -> str:
    text = text.replace(prefix, "") if prefix else text
    return _ID.sub("<id>", text)

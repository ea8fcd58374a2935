"""Waiting for what another process will do, without guessing how long that takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.05


def until(condition: Callable[[], T], what: str, *, seconds: float = 30) -> T:
    """The first true answer of `condition`. Fails with `what` where there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"in {seconds} s not yet: {what}")
        time.sleep(PAUSE_SECONDS)
    return found

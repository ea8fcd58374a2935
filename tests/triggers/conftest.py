"""A store, a shelf of triggers and a clock that stands still unless it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from clocks import Clock
from coroutines import pytest_pyfunc_call, runner
from hands import Hand, new_branch

from gateway.stores.embedded.store import EmbeddedStore
from gateway.triggers.shelf import Shelf

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, runner: asyncio.Runner, clock: Clock) -> Iterator[EmbeddedStore]:
    """An empty store."""
    made = runner.run(EmbeddedStore.open(tmp_path / "data", clock=clock))
    yield made
    runner.run(made.close())


@pytest.fixture
def dev(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `dev` of repo `labels`."""
    return runner.run(new_branch(store, "dev.labels"))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.close()

"""A store with something in it, for what looks into stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import Hand, new_branch, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture
def clock() -> Callable[[], int]:
    """The clock of the store."""
    return ticking_clock()


@pytest.fixture
def store(
    tmp_path: Path, runner: asyncio.Runner, clock: Callable[[], int]
) -> Iterator[EmbeddedStore]:
    """An empty store."""
    made = runner.run(EmbeddedStore.open(tmp_path / "data", clock=clock))
    yield made
    runner.run(made.close())


@pytest.fixture
def raw(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `raw`, which is empty."""
    return runner.run(new_branch(store, "master.raw"))


@pytest.fixture
def labels(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    return runner.run(new_branch(store, "master.labels"))

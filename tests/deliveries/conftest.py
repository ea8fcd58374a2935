"""A store to follow, a channel that does what it is told, and a ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import Hand, new_branch

from gateway.app import now_ms
from gateway.deliveries.ledger import Ledger
from gateway.stores.embedded.store import EmbeddedStore

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture
def store(tmp_path: Path, runner: asyncio.Runner) -> Iterator[EmbeddedStore]:
    """An empty store."""
    made = runner.run(EmbeddedStore.open(tmp_path / "data", clock=now_ms))
    yield made
    runner.run(made.close())


@pytest.fixture
def labels(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    return runner.run(new_branch(store, "master.labels"))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path)
    yield made
    made.close()

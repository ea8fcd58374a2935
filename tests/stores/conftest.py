"""Coroutine tests, and an embedded store in a directory of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import REPO, Hand, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the store of a test lies."""
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path, runner: asyncio.Runner) -> Iterator[EmbeddedStore]:
    """An empty embedded store."""
    made = runner.run(EmbeddedStore.open(folder, clock=ticking_clock()))
    yield made
    runner.run(made.close())


@pytest.fixture
def hand(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    runner.run(store.create_branch(REPO, "master", account="ann", create_repo=True))
    return Hand(store)

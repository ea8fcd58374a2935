"""Branches to bring things between, on each store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import Hand, new_branch

from gateway.app import now_ms
from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder
from gateway.merging.carrying import Tools, Who
from gateway.stores.embedded.store import EmbeddedStore

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture
def store(tmp_path: Path, runner: asyncio.Runner) -> Iterator[EmbeddedStore]:
    """An empty store."""
    made = runner.run(EmbeddedStore.open(tmp_path / "data", clock=now_ms))
    yield made
    runner.run(made.close())


@pytest.fixture
def tools(store: EmbeddedStore) -> Tools:
    return Tools(store, Recorder(store, ReadLog()), Who("bob", "key of bob", "REQUEST", 7))


@pytest.fixture
def master(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which has one object, `a`."""
    hand = runner.run(new_branch(store, "master.labels"))
    runner.run(hand.put("a", b"0"))
    return hand


@pytest.fixture
def dev(master: Hand, runner: asyncio.Runner) -> Hand:
    """Writes to branch `dev`, which was made of master."""
    return runner.run(master.branch("dev"))

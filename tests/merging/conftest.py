"""Branches to bring things between, on each store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from every_store import kind_of_store
from hands import Hand, new_branch

from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder
from gateway.merging.carrying import Tools, Who
from gateway.versioning.store import Store

__all__ = ["pytest_pyfunc_call", "runner"]


@pytest.fixture(params=["embedded", "pachyderm", "pachd"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner
) -> Iterator[Store]:
    """An empty store."""
    kind = kind_of_store(request.param, tmp_path)
    made = runner.run(kind.open())
    yield made
    runner.run(made.close())
    runner.run(kind.close())


@pytest.fixture
def tools(store: Store) -> Tools:
    return Tools(store, Recorder(store, ReadLog()), Who("bob", "key of bob", "REQUEST", 7))


@pytest.fixture
def master(store: Store, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which has one object, `a`."""
    hand = runner.run(new_branch(store, "master.labels"))
    runner.run(hand.put("a", b"0"))
    return hand


@pytest.fixture
def dev(master: Hand, runner: asyncio.Runner) -> Hand:
    """Writes to branch `dev`, which was made of master."""
    return runner.run(master.branch("dev"))

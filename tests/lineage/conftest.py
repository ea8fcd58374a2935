"""A store with something in it, for what looks into stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import Hand, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.names import parse_bucket

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
    return runner.run(made(store, "master.raw"))


@pytest.fixture
def labels(store: EmbeddedStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    return runner.run(made(store, "master.labels"))


async def made(store: EmbeddedStore, bucket: str) -> Hand:
    name = parse_bucket(bucket)
    await store.create_branch(name.repo, name.branch, account="ann", create_repo=True)
    return Hand(store, bucket)

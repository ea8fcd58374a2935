"""The stores that promise what gateway/versioning/store.py says, each judged by the same tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from hands import REPO, Hand, ticking_clock

from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.store import Store

__all__ = ["pytest_pyfunc_call", "runner"]


async def _embedded(folder: Path) -> Store:
    return await EmbeddedStore.open(folder / "data", clock=ticking_clock())


STORES: dict[str, Callable[[Path], Awaitable[Store]]] = {"embedded": _embedded}


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Awaitable[Store]]:
    """Opens the one store of this test, each time it is called."""
    return partial(STORES[request.param], tmp_path)


@pytest.fixture
def store(open_store: Callable[[], Awaitable[Store]], runner: asyncio.Runner) -> Iterator[Store]:
    """An empty store."""

    async def opened() -> Store:
        return await open_store()

    made = runner.run(opened())
    yield made
    runner.run(made.close())


@pytest.fixture
def hand(store: Store, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    runner.run(store.create_branch(REPO, "master", account="ann", create_repo=True))
    return Hand(store)

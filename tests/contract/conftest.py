"""The stores that promise what gateway/versioning/store.py says, each judged by the same tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from every_store import STORES, kind_of_store
from hands import REPO, Hand

from gateway.versioning.store import Store

__all__ = ["pytest_pyfunc_call", "runner"]


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Where a store is opened once, its folder is new anyhow: one test for both is enough."""
    twice = [
        item
        for item in items
        if "elsewhere" in item.name
        and isinstance(item, pytest.Function)
        and "open_store" not in item._fixtureinfo.argnames
    ]
    if twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if item not in twice]


@pytest.fixture(params=STORES)
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, runner: asyncio.Runner
) -> Iterator[Callable[[], Awaitable[Store]]]:
    """Opens the one store of this test, each time it is called."""
    kind = kind_of_store(request.param, tmp_path)
    yield kind.open
    runner.run(kind.close())


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

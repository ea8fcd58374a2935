"""A fake pachd for each test, and what stands in front of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from coroutines import pytest_pyfunc_call, runner
from fake_pachd import FakePachd
from hands import REPO, Hand

from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.stores.pachyderm.target import Target

__all__ = ["pytest_pyfunc_call", "runner"]

CACHE_BYTES = 64 * 1024 * 1024

Opener = Callable[[str], Awaitable[PachydermStore]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def fake(runner: asyncio.Runner) -> Iterator[FakePachd]:
    """A pachd that nobody used yet."""

    async def made() -> FakePachd:
        fake = FakePachd(finish_delay_s=0.01)
        await fake.start()
        return fake

    fake = runner.run(made())
    yield fake
    runner.run(fake.stop())


@pytest.fixture
def pfs(fake: FakePachd, runner: asyncio.Runner) -> Iterator[Pfs]:
    """Its calls."""
    pachd = Pachd(Target(fake.address))
    yield Pfs(pachd)
    runner.run(pachd.close())


@pytest.fixture
def open_store(fake: FakePachd, tmp_path: Path, runner: asyncio.Runner) -> Iterator[Opener]:
    """Opens a replica with a folder of that name."""
    made: list[tuple[PachydermStore, Pachd]] = []

    async def opened(name: str) -> PachydermStore:
        pachd = Pachd(Target(fake.address))
        store = await PachydermStore.open(
            Pfs(pachd), tmp_path / name, clock=now_ms, cache_bytes=CACHE_BYTES
        )
        made.append((store, pachd))
        return store

    yield opened

    async def closed() -> None:
        for store, pachd in made:
            await store.close()
            await pachd.close()

    runner.run(closed())


@pytest.fixture
def store(open_store: Opener, runner: asyncio.Runner) -> PachydermStore:
    """A replica."""

    async def opened() -> PachydermStore:
        return await open_store("data")

    return runner.run(opened())


@pytest.fixture
def hand(store: PachydermStore, runner: asyncio.Runner) -> Hand:
    """Writes to branch `master` of repo `labels`, which is empty."""
    runner.run(store.create_branch(REPO, "master", account="ann", create_repo=True))
    return Hand(store)

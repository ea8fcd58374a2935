"""Each store that the gateway can have, opened for a test."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from corner import Corner, new_prefix
from fake_pachd import FakePachd
from hands import ticking_clock
from pachds import REAL

from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.store import PachydermStore
from gateway.stores.pachyderm.target import Target
from gateway.versioning.store import Store

CACHE_BYTES = 64 * 1024 * 1024


class Embedded:
    """A store in a directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "data"

    async def open(self) -> Store:
        return await EmbeddedStore.open(self._folder, clock=ticking_clock())

    async def close(self) -> None:
        pass


class OnPachyderm:
    """Stores in front of one pachd. elsewhere: each is opened in a folder of its own."""

    def __init__(self, folder: Path, *, elsewhere: bool = False) -> None:
        self._folder = folder
        self._elsewhere = elsewhere
        self._serial = itertools.count()
        self._pachds: list[Pachd] = []
        self._stores: list[Store] = []

    async def open(self) -> Store:
        pachd = await self._pachd()
        self._pachds.append(pachd)
        folder = self._folder / (f"data{next(self._serial)}" if self._elsewhere else "data")
        store = await PachydermStore.open(
            Pfs(pachd), folder, clock=_rising_clock(), cache_bytes=CACHE_BYTES
        )
        self._stores.append(store)
        return store

    async def close(self) -> None:
        for store in self._stores:
            await store.close()
        for pachd in self._pachds:
            await pachd.close()

    async def _pachd(self) -> Pachd:
        raise NotImplementedError


class OnTheFake(OnPachyderm):
    """In front of a fake pachd of its own."""

    _fake: FakePachd | None = None

    async def _pachd(self) -> Pachd:
        if self._fake is None:
            self._fake = FakePachd(finish_delay_s=0.01)
            await self._fake.start()
        return Pachd(Target(self._fake.address))

    async def close(self) -> None:
        await super().close()
        if self._fake is not None:
            await self._fake.stop()


class OnARealOne(OnPachyderm):
    """In front of the pachd that the environment names, in a corner of it."""

    _prefix = ""

    async def _pachd(self) -> Pachd:
        made = Corner(Target(os.environ[REAL]), self._prefix or new_prefix())
        if not self._prefix:
            self._prefix = made.prefix
            await Pfs(made).create_project("default")
        return made


def _rising_clock() -> Callable[[], int]:
    """The time, and later than that each time somebody looks: pachd's own times stand beside."""
    last = 0

    def now() -> int:
        nonlocal last
        last = max(time.time_ns() // 1_000_000, last + 1)
        return last

    return now


STORES: dict[str, Callable[[Path], Embedded | OnPachyderm]] = {
    "embedded": Embedded,
    "pachyderm": OnTheFake,
    "pachyderm-elsewhere": partial(OnTheFake, elsewhere=True),
    "pachd": OnARealOne,
    "pachd-elsewhere": partial(OnARealOne, elsewhere=True),
}


def kind_of_store(name: str, folder: Path) -> Embedded | OnPachyderm:
    """One of STORES. Skips the test where that needs a pachd and there is none."""
    if name.startswith("pachd") and not os.environ.get(REAL):
        pytest.skip(f"no real pachd: {REAL} is not set")
    return STORES[name](folder)

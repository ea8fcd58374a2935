"""The embedded store: one directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.config import Settings, SettingsRefused
from gateway.engines.engine import Engine
from gateway.observability.figures import StoreFigures
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.errors import StoreError


@asynccontextmanager
async def embedded(settings: Settings, clock: Callable[[], int]) -> AsyncIterator[Engine]:
    """Open the store of the data directory; close it at the end. Raises SettingsRefused."""
    if settings.replicas:
        raise SettingsRefused("replicas share a Pachyderm: they need store = 'pachyderm'")
    try:
        store = await EmbeddedStore.open(settings.data_dir, clock=clock)
    except StoreError as error:
        raise SettingsRefused(str(error)) from error
    try:
        yield Engine(store, lambda: StoreFigures(store.figures()))
    finally:
        await store.close()

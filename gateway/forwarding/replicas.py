"""This replica among the others: put together from the settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpx

from gateway.forwarding.forwarder import Forwarder
from gateway.forwarding.passing import App
from gateway.forwarding.peers import Peers

# A replica that is there takes a connection at once; what it does with a write may take long.
_TIMEOUT = httpx.Timeout(300, connect=1, pool=1)
# Ends well before the other side's, so that a request never meets a connection that just closed.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)


@asynccontextmanager
async def forwarding(
    app: App, replicas: Sequence[str], own: str, counted: Callable[[str], None]
) -> AsyncIterator[App]:
    """The S3 service `app` as one of several replicas, while the context lasts.

    replicas: base URLs of all of them; own: which of them this one is.
    counted: as Forwarder's.
    """
    async with httpx.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS, trust_env=False) as http:
        peers = Peers(replicas, own, http)
        watching = asyncio.create_task(peers.watch())
        try:
            yield Forwarder(app, peers, http, counted)
        finally:
            watching.cancel()
            await asyncio.wait([watching])

"""The deliveries of one gateway: begun and ended with it, and looked at by its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.deliveries.channel import Channel
from gateway.deliveries.follower import Follower, Manner
from gateway.deliveries.lease import lease
from gateway.deliveries.ledger import Ledger
from gateway.versioning.store import Store


class Desk:
    """What the API asks. channels: those that are told of commits; none where nothing is set."""

    def __init__(self, ledger: Ledger, channels: Sequence[Channel]) -> None:
        self.ledger = ledger
        self.channels = tuple(channels)


@asynccontextmanager
async def delivering(
    store: Store, channels: Sequence[Channel], folder: Path, manner: Manner
) -> AsyncIterator[Desk]:
    """Tell the channels of commits while in context, in this process or in another one's place."""
    ledger = await asyncio.to_thread(Ledger, folder)
    followers = [Follower(store, channel, ledger, manner) for channel in channels]
    working = asyncio.create_task(_work(followers, folder)) if followers else None
    try:
        yield Desk(ledger, channels)
    finally:
        if working is not None:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        ledger.close()


async def _work(followers: Sequence[Follower], folder: Path) -> None:
    async with lease(folder), asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(follower.follow())

"""The deliveries of one gateway: begun and ended with it, and looked at by its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

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
    store: Store,
    channels: Sequence[Channel],
    folder: Path,
    manner: Manner,
    *,
    inner: Sequence[Channel] = (),
    also: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> AsyncIterator[Desk]:
    """Tell the channels of commits while in context, in this process or in another one's place.

    inner: channels of our own, which nobody looks at. also: what else that process does, for ever.
    """
    ledger = await asyncio.to_thread(Ledger, folder)
    followers = [Follower(store, channel, ledger, manner) for channel in (*channels, *inner)]
    work = [*(follower.follow for follower in followers), *also]
    working = asyncio.create_task(_work(work, folder)) if work else None
    try:
        yield Desk(ledger, channels)
    finally:
        if working is not None:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        ledger.close()


async def _work(work: Sequence[Callable[[], Coroutine[Any, Any, None]]], folder: Path) -> None:
    async with lease(folder), asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one())

"""Whose turn it is at pachd: one at a time, and the repos that wait take turns."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.versioning.names import RepoName


class Turns:
    """A lock that is fair between repos, however many of one repo's branches wait for it."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: OrderedDict[RepoName, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def of(self, repo: RepoName) -> AsyncIterator[None]:
        """Hold the turn."""
        await self._taken(repo)
        try:
            yield
        finally:
            self._pass_on()

    async def _taken(self, repo: RepoName) -> None:
        if not self._held:
            self._held = True
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(repo, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was given and is not wanted any more
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            repo, waiting = next(iter(self._waiting.items()))
            next_one = waiting.popleft()
            if waiting:
                self._waiting.move_to_end(repo)
            else:
                del self._waiting[repo]
            if not next_one.cancelled():
                next_one.set_result(None)
                return
        self._held = False

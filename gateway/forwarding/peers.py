"""The other replicas, and which of them answered lately."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

import httpx

from gateway.forwarding.owners import owner
from gateway.versioning.names import RepoName

log = logging.getLogger(__name__)

HEALTH = "/-/healthz"
LOOK_SECONDS = 1.0
LOOK_SECONDS_MAX = 1.0
LIVE_SECONDS = 3.0


class Peers:
    """All replicas as this one sees them. own: which of them it is; that one is always live.

    monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self,
        replicas: Iterable[str],
        own: str,
        http: httpx.AsyncClient,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.own = own
        self._others = [url for url in dict.fromkeys(replicas) if url != own]
        self._http = http
        self._monotonic = monotonic
        self._answered: dict[str, float] = {}

    @property
    def live(self) -> list[str]:
        """Those that answered in the last three seconds, and this one."""
        since = self._monotonic() - LIVE_SECONDS
        return [self.own, *(url for url, when in self._answered.items() if when > since)]

    def owner(self, repo: RepoName) -> str | None:
        """The live replica that owns `repo`; None where that is this one."""
        found = owner(repo, self.live)
        return None if found == self.own else found

    def lost(self, url: str) -> None:
        """Nothing answered there: it counts as gone until it answers again."""
        if self._answered.pop(url, None) is not None:
            log.warning("replica %s does not answer; its repos are written from here", url)

    async def watch(self) -> None:
        """Look after the others for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask each of the others once how it is."""
        await asyncio.gather(*map(self._ask, self._others))

    async def _ask(self, url: str) -> None:
        try:
            response = await self._http.get(url + HEALTH, timeout=LOOK_SECONDS_MAX)
        except httpx.HTTPError:
            return
        if response.is_success:
            if url not in self._answered:
                log.info("replica %s answers", url)
            self._answered[url] = self._monotonic()

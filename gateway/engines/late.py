"""A store that can be used before it can be opened: it says why not, and goes on trying."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

from gateway.config import SettingsRefused
from gateway.versioning.errors import StoreError, Unavailable
from gateway.versioning.store import Store

log = logging.getLogger(__name__)

FIRST_TRY_SECONDS_MAX = 5.0
RETRY_SECONDS_MIN = 0.25
RETRY_SECONDS_MAX = 5.0

Opened = TypeVar("Opened", bound=Store)


class LateStore(Generic[Opened]):
    """Stands for a store: once that is open, everything is handed on to it.

    Until then every use raises Unavailable with the reason, while opening it is tried again and
    again.
    open_store: raises StoreError or SettingsRefused where it cannot be opened now. usable: raises
    the same where an open one cannot be used now.
    """

    def __init__(
        self,
        open_store: Callable[[], Awaitable[Opened]],
        usable: Callable[[], Awaitable[None]],
    ) -> None:
        self._open_store = open_store
        self._usable = usable
        self._why = "the store is being opened"
        self._tried = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self.opened: Opened | None = None

    async def begin(self) -> None:
        """Try for the first time, for at most 5 seconds, and then go on in the background.

        Raises SettingsRefused where that first try was refused so.
        """
        self._opening = asyncio.create_task(self._until_open())
        tried = asyncio.create_task(self._tried.wait())
        await asyncio.wait(
            [self._opening, tried],
            timeout=FIRST_TRY_SECONDS_MAX,
            return_when=asyncio.FIRST_COMPLETED,
        )
        self._tried.set()
        if self._opening.done():
            self._opening.result()

    @property
    def as_store(self) -> Store:
        """This, as what it stands for."""
        return cast("Store", self)

    async def check(self) -> None:
        """As Store.check."""
        if self.opened is None:
            raise Unavailable(self._why)
        try:
            await self._usable()
        except (StoreError, SettingsRefused) as error:
            raise Unavailable(str(error)) from error
        await self.opened.check()

    async def close(self) -> None:
        """Give up trying, or close what was opened."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self.opened is not None:
            await self.opened.close()

    def __getattr__(self, name: str) -> Any:
        if self.opened is None:
            raise Unavailable(self._why)
        return getattr(self.opened, name)

    async def _until_open(self) -> None:
        pause = RETRY_SECONDS_MIN
        while True:
            try:
                self.opened = await self._open_store()
                break
            except SettingsRefused as error:
                if not self._tried.is_set():
                    raise
                self._say(str(error))
            except StoreError as error:
                self._say(str(error))
            except Exception:
                log.exception("the store cannot be opened")
                self._say("the store cannot be opened; the log tells more")
            self._tried.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_SECONDS_MAX)
        log.info("the store is open")

    def _say(self, why: str) -> None:
        if why != self._why:
            log.warning("the store cannot be opened yet: %s", why)
            self._why = why

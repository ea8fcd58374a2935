"""Parts of uploads under way, kept alive in pachd; uploads that nobody ends are forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.pfs import Pfs

TTL_S = 1800
RENEW_EVERY_MS = 600_000
EXPIRY_MS = 7 * 24 * 3600 * 1000
"""An upload nobody ends or adds to for so long is forgotten with its parts."""

TICK_S = 60.0
RENEWED_AT_ONCE = 8

_log = logging.getLogger(__name__)


class Renewals:
    """Renews the file sets in the table of parts. clock: now, in ms."""

    def __init__(self, db: apsw.Connection, pfs: Pfs, clock: Callable[[], int]) -> None:
        self._db = db
        self._pfs = pfs
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Go on by itself from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what goes on within minutes still has its parts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.tick()
            except apsw.Error as error:
                _log.warning("parts of uploads are not renewed: %s", error)
            await asyncio.sleep(TICK_S)

    async def tick(self) -> None:
        """Forget what expired and renew what is due."""
        now = self._clock()
        with self._db:
            old = self._db.execute("SELECT id FROM upload WHERE touched<?", (now - EXPIRY_MS,))
            forget(self._db, [row[0] for row in old])
        due = self._db.execute(
            "SELECT upload, number, file_set FROM part WHERE file_set IS NOT NULL AND renewed<?",
            (now - RENEW_EVERY_MS,),
        )
        await self.renew(list(due))

    async def renew(self, parts: Iterable[tuple[Any, ...]]) -> None:
        """Renew file sets, given as (upload, number, file set); what pachd has lost is no part.

        Raises nothing of pachd's: what fails is tried again within a minute, and there is time for
        twenty tries.
        """
        limit = asyncio.Semaphore(RENEWED_AT_ONCE)

        async def one(upload: str, number: int, file_set: str) -> None:
            try:
                async with limit:
                    await self._pfs.renew_file_set(file_set, TTL_S)
            except faults.NotFound:
                _log.warning("pachd has lost part %d of upload %s", number, upload)
                change = "DELETE FROM part"
                values: tuple[Any, ...] = ()
            except faults.PfsError:
                return
            else:
                change, values = "UPDATE part SET renewed=?", (self._clock(),)
            self._db.execute(
                f"{change} WHERE upload=? AND number=? AND file_set=?",
                (*values, upload, number, file_set),
            )

        await asyncio.gather(*(one(*part) for part in parts))


def forget(db: apsw.Connection, ids: Sequence[str]) -> None:
    """Drop uploads and their parts."""
    for table, column in (("part", "upload"), ("upload", "id")):
        db.executemany(
            f"DELETE FROM {table} WHERE {column}=?",  # noqa: S608 (our words)
            [(one,) for one in ids],
        )

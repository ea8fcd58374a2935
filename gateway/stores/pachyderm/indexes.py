"""The index of each repo: a file of its own, opened when it is first asked for.

A repo that was deleted and made again under its name is another repo: the moment it was made
stands in the name of the file, and what is left of the one before is removed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakSet

from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.known import Known
from gateway.stores.pachyderm.refs import Refs
from gateway.versioning.errors import NoRepo, Unavailable
from gateway.versioning.names import RepoName

OPEN_MAX = 64
IDLE_S = 300.0
"""An open index has threads and files of its own: of many, those unused for so long are closed."""

Restore = Callable[[Known, RepoIndex], Awaitable[None]]


def index_file(folder: Path, known: Known) -> Path:
    """Where the index of a repo lies."""
    repo = known.info.name
    return folder / repo.project / f"{repo.name}-{known.info.created_ms}.db"


class Indexes:
    """The open indexes of one store.

    restore: gives an index that is opened what was set aside for that. closed: is told of a repo
    whose index is closed, since nobody used it.
    """

    def __init__(
        self, refs: Refs, folder: Path, restore: Restore, closed: Callable[[RepoName], None]
    ) -> None:
        self._refs = refs
        self._folder = folder
        self._restore = restore
        self._open: dict[RepoName, tuple[int, asyncio.Task[RepoIndex]]] = {}
        self._used: dict[RepoName, float] = {}
        self._retired: list[asyncio.Task[RepoIndex]] = []
        self._resting: WeakSet[RepoIndex] = WeakSet()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed_one = closed
        self._closed = False

    async def of(self, repo: RepoName) -> RepoIndex:
        """The index of a repo as it is now. Raises NoRepo, Unavailable."""
        known = await self._refs.known(repo)
        if self._closed:
            raise Unavailable("the store is closed")
        created, opening = self._open.get(repo, (None, None))
        if opening is None or created != known.info.created_ms or _failed(opening):
            if opening is not None:
                self._retired.append(opening)
            self._make_room()
            opening = asyncio.create_task(self._opened(known))
            opening.add_done_callback(_failed)
            self._open[repo] = (known.info.created_ms, opening)
        self._used[repo] = time.monotonic()
        return await asyncio.shield(opening)

    async def opened(self, repo: RepoName) -> RepoIndex:
        """The index that is open already, whatever became of the repo since; else as `of`."""
        opening = self._open.get(repo, (None, None))[1]
        if opening is None or not opening.done() or _failed(opening):
            return await self.of(repo)
        return opening.result()

    def demand_current(self, index: RepoIndex, repo: RepoName) -> None:
        """Raise NoRepo where an index is of a repo that had the name before.

        Unavailable: it was closed, since nobody used it for a while.
        """
        if index in self._resting:
            raise Unavailable(f"repo {repo} was not used for a while: ask again")
        opening = self._open.get(repo, (None, None))[1]
        if opening is None or not opening.done() or opening.result() is not index:
            raise NoRepo(f"repo {repo} was deleted")

    def open_indexes(self) -> dict[RepoName, RepoIndex]:
        """Those that are open now."""
        return {
            repo: opening.result()
            for repo, (_, opening) in self._open.items()
            if opening.done() and not _failed(opening)
        }

    def drop(self, repo: RepoName) -> None:
        """A repo was deleted: nothing of its index is needed any more."""
        _, opening = self._open.pop(repo, (None, None))
        self._used.pop(repo, None)
        if opening is not None:
            self._retired.append(opening)
        remove(self._folder, repo)

    def bytes(self) -> int:
        """Of all files on disk."""
        return sum(file.stat().st_size for file in self._folder.glob("*/*.db*") if file.exists())

    async def close(self) -> None:
        """Let go of every file."""
        self._closed = True
        openings = [opening for _, opening in self._open.values()] + self._retired
        self._open.clear()
        self._used.clear()
        self._retired.clear()
        await asyncio.gather(*map(_close, openings), *self._closing)

    async def _opened(self, known: Known) -> RepoIndex:
        file = index_file(self._folder, known)
        file.parent.mkdir(parents=True, exist_ok=True)
        remove(self._folder, known.info.name, keep=file.name)
        index = await RepoIndex.open(file, known.info.name)
        try:
            await self._restore(known, index)
        except BaseException:
            await index.close()
            raise
        return index

    def _make_room(self) -> None:
        """Close what was not used for longest, where very many are open."""
        idle = time.monotonic() - IDLE_S
        for repo in sorted(self._used, key=self._used.__getitem__):
            if len(self._open) < OPEN_MAX or self._used[repo] > idle:
                return
            _, opening = self._open.pop(repo)
            del self._used[repo]
            if opening.done() and not _failed(opening):
                self._resting.add(opening.result())
            self._closed_one(repo)
            closing = asyncio.create_task(_close(opening))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def remove(folder: Path, repo: RepoName, keep: str | None = None) -> None:
    """Remove the index files of a repo, all but the one of that name."""
    name = re.compile(rf"({re.escape(repo.name)}-\d+\.db)(-\w+)?")
    for file in (folder / repo.project).glob(f"{repo.name}-*"):
        found = name.fullmatch(file.name)
        if found is not None and found[1] != keep:
            file.unlink(missing_ok=True)


async def _close(opening: asyncio.Task[RepoIndex]) -> None:
    opening.cancel()
    for made in await asyncio.gather(opening, return_exceptions=True):
        if isinstance(made, RepoIndex):
            await made.close()


def _failed(opening: asyncio.Task[RepoIndex]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)

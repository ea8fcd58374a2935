"""The pages that a store shows of its history, each read in a thread. A state is given as a point.

What each means is written in the Store protocol.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.stores.timeline import compare, finding, history, listing, lookup
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import raw
from gateway.stores.timeline.walks import Walker, Walkers
from gateway.versioning.errors import NoVersion
from gateway.versioning.model import (
    ChangeInfo,
    Commit,
    DiffPage,
    Entry,
    FoundWrite,
    Page,
    VersionPage,
)
from gateway.versioning.names import NULL_VERSION, CommitId
from gateway.versioning.terms import Terms


class Queries:
    """Pages of states and of histories."""

    def __init__(self, walkers: Walkers) -> None:
        self._walkers = walkers

    async def list(
        self,
        at: Point,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 1000,
        delimiter: str = "",
    ) -> Page:
        """A page of keys in byte order. See Store.list."""

        def walk(walker: Walker) -> Page:
            rows, prefixes, following = listing.page(
                walker.reader,
                walker.states.at(at),
                prefix=prefix,
                after=after,
                limit=limit,
                delimiter=delimiter,
            )
            entries = tuple(Entry(row.key, row.size, row.etag, row.mtime) for row in rows)
            return Page(entries, tuple(prefixes), following)

        return await self._walkers.walk(walk)

    async def versions(
        self,
        at: Point,
        *,
        prefix: str = "",
        after_key: str = "",
        after_version: CommitId | None = None,
        limit: int = 1000,
        delimiter: str = "",
    ) -> VersionPage:
        """A page of the history of keys. See Store.versions."""

        def walk(walker: Walker) -> VersionPage:
            behind = _marked(walker.reader, at, after_key, after_version)
            return history.versions(
                walker.reader,
                at,
                prefix=prefix,
                after_key=after_key,
                after_version=behind,
                limit=limit,
                delimiter=delimiter,
            )

        return await self._walkers.walk(walk)

    async def log(
        self,
        at: Point,
        *,
        path: str | None = None,
        after: CommitId | None = None,
        limit: int = 100,
    ) -> Sequence[Commit]:
        """Commits from `at` back along first parents, newest first. See Store.log."""

        def walk(walker: Walker) -> Sequence[Commit]:
            behind = None if after is None else lookup.known(walker.reader, after)
            if behind is not None and not walker.reader.in_history(behind, at):
                raise NoVersion(f"commit {after} is not in this history")
            return history.log(walker.reader, at, path=path, after=behind, limit=limit)

        return await self._walkers.walk(walk)

    async def changes(
        self, at: Point, *, after: str = "", limit: int = 1000
    ) -> Sequence[ChangeInfo]:
        """What that commit changed, by key, with the lineage record of each write."""
        return await self._walkers.walk(lambda w: history.changes(w.reader, at, after, limit))

    async def find_writes(
        self, repo: int, terms: Terms, *, after: FoundWrite | None = None, limit: int = 1000
    ) -> Sequence[FoundWrite]:
        """Writes of a repo by their lineage. See Store.find_writes."""
        return await self._walkers.walk(
            lambda w: finding.page(w.reader, repo, terms, after=after, limit=limit)
        )

    async def diff(
        self, old: Point, new: Point, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> DiffPage:
        """A page of keys that differ. See Store.diff."""
        return await self._walkers.walk(
            lambda w: compare.diff(
                w.reader, w.states, old, new, prefix=prefix, after=after, limit=limit
            )
        )


def _marked(reader: Reader, at: Point, key: str, version: CommitId | None) -> Point | None:
    """The place of the version that a page goes on behind. Raises NoVersion."""
    if version is None:
        return None
    if version != NULL_VERSION:
        return lookup.known(reader, version)
    row = lookup.newest_null(reader, at, raw(key))
    if row is None:
        raise NoVersion(f"{key!r} has no version {version} here")
    return Point(row.line, row.seq)

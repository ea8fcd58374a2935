"""One call of the lane, from when it is taken until it is answered, and what it is judged by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.stores.pachyderm import judge, record
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.words import Staged, Written
from gateway.stores.timeline.schema import DELETE
from gateway.versioning.model import About, Change, Committed, Put
from gateway.versioning.names import CommitId, check_key

HEAVY_BYTES, HEAVY_CHANGES = 1024 * 1024, 200
"""What takes longer to hand over is handed over before its turn, when nobody waits behind it."""


@dataclass(eq=False, slots=True)
class Request:
    """What one caller wants. alone: it shares its commit with nobody.

    written: each change as it is recorded, by its id(). inline_bytes: of the bodies in memory.
    """

    changes: Sequence[Change]
    about: About
    if_head: CommitId | None
    written: dict[int, Written]
    record_bytes: int
    inline_bytes: int
    answer: asyncio.Future[Committed]
    alone: bool
    since_s: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, changes: Sequence[Change], about: About, if_head: CommitId | None) -> Request:
        """Raises InvalidKey, and TypeError or ValueError where it cannot be recorded."""
        for change in changes:
            check_key(change.key)
        written = {id(change): judge.written(change) for change in changes}
        answer: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        # The caller may have left: then nobody looks at an error, and that is no mistake.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return cls(
            changes,
            about,
            if_head,
            written,
            record_bytes=record.demand_recordable(about, written.values()),
            inline_bytes=sum(_inline_bytes(content) for content in staged(changes)),
            answer=answer,
            alone=if_head is not None or record.MERGED in about.metadata,
        )

    @property
    def keys(self) -> set[str]:
        """The keys that it writes."""
        return {change.key for change in self.changes}

    @property
    def heavy(self) -> bool:
        """Whether it takes long to hand to pachd."""
        return (
            len(self.changes) > HEAVY_CHANGES
            or self.inline_bytes > HEAVY_BYTES
            or any(len(content.parts) > 1 for content in staged(self.changes))
        )

    def refuse(self, error: Exception) -> None:
        """Answer with an error."""
        if not self.answer.done():
            self.answer.set_exception(error)

    def accept(self, committed: Committed) -> None:
        """Answer with what became of it."""
        if not self.answer.done():
            self.answer.set_result(committed)


class Head:
    """A branch's head as the index knows it (judge.State)."""

    def __init__(self, index: RepoIndex, at: Point) -> None:
        self._index = index
        self._at = at
        self._below: dict[str, list[str]] = {}

    async def look_below(self, puts: Collection[str], deletes: Collection[str]) -> None:
        """What lies below keys where a folder may become a file, as it is emptied meanwhile."""
        if not deletes:
            return
        for key in puts:
            if self._index.conflict(self._at, key) in deletes:
                page = await self._index.list(self._at, prefix=f"{key}/", limit=len(deletes) + 1)
                self._below[key] = [entry.key for entry in page.entries]

    def live(self, key: str) -> judge.Live | None:
        """The object of that key; None where none is."""
        found = self._index.stat(self._at, key)
        if found is None or not found[0].live:
            return None
        return judge.Live(self._index.object_info(self._at, key), found[0].same_as)

    def marker(self, key: str) -> CommitId | None:
        """The version id of the marker by which a key is absent."""
        found = self._index.stat(self._at, key)
        return found[1] if found is not None and found[0].kind == DELETE else None

    def in_the_way(self, key: str, gone: Collection[str]) -> str | None:
        """An object that cannot be beside one of that key."""
        other = self._index.conflict(self._at, key)
        if other is None or other not in gone:
            return other
        return next((below for below in self._below.get(key, ()) if below not in gone), None)


def staged(changes: Iterable[Change]) -> Iterator[Staged]:
    """The bodies of these changes that are in no commit yet."""
    for change in changes:
        if isinstance(change, Put) and isinstance(change.content, Staged):
            yield change.content


def _inline_bytes(content: Staged) -> int:
    return len(content.data or b"") + sum(_inline_bytes(part) for part in content.parts)

"""The index set aside in segments, so that a new replica need not read commits one by one.

    /<repo>/<created ms>/log/<first>-<last>-<id of the last commit>.jsonl.gz   of the companion repo

A segment holds commits as the index keeps them, in the order in which one replica came to know
them; `first` and `last` are that replica's count. Replicas write without asking each other: a
commit may be in two segments, and one whose parent is in another is applied after it. Ten small
ones become one. Nothing is lost with a segment: what is missing is read from PFS again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import apsw

from gateway.stores.pachyderm import faults, segments
from gateway.stores.pachyderm.aside import Aside
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.index import RepoIndex
from gateway.stores.pachyderm.known import Known
from gateway.stores.pachyderm.pfs import Place
from gateway.stores.pachyderm.refs import Refs
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import NoRepo, StoreError
from gateway.versioning.names import CommitId, RepoName

SEGMENT = 200
"""So many commits are worth a segment at once."""

IDLE_S = 300.0
"""Fewer are set aside when nothing was added for so long."""

SEGMENT_MAX = 2000
MERGED = 10
LEVELS = (SEGMENT_MAX, SEGMENT_MAX * MERGED, SEGMENT_MAX * MERGED**2)
TICK_S = 5.0
PAUSE_S = 60.0
READ_AT_ONCE = 4

SETTLED_MS = 60_000
"""A younger commit may still turn out to be spoiled."""

_NAME = re.compile(r".*/(\d+)-(\d+)-([0-9a-f]{32})\.jsonl\.gz")

_log = logging.getLogger(__name__)


class Checkpoints:
    """Segments of all repos of one store: written in the background, read into a new index."""

    def __init__(
        self, companion: Companion, refs: Refs, folder: Path, clock: Callable[[], int]
    ) -> None:
        self._companion = companion
        self._refs = refs
        self._folder = folder
        self._clock = clock
        self._asides: dict[tuple[RepoName, int], Aside] = {}
        self._grown: dict[RepoName, RepoIndex] = {}
        self._task: asyncio.Task[None] | None = None

    def grown(self, repo: RepoName, index: RepoIndex) -> None:
        """An index holds more than before."""
        self._grown[repo] = index
        for (name, _), aside in self._asides.items():
            if name == repo:
                aside.grown_s = time.monotonic()
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def forget_index(self, repo: RepoName) -> None:
        """An index is closed: what it holds and no segment does is written when it grows again."""
        self._grown.pop(repo, None)

    async def close(self) -> None:
        """Stop writing; what is not set aside is read from PFS by whoever needs it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---- reading

    async def restore(self, known: Known, index: RepoIndex) -> None:
        """Give an index that is new, or was not used for long, what the segments hold.

        Raises faults.Unreachable; whatever else is wrong with them, PFS has it all.
        """
        try:
            await self._restore(known, index)
        except faults.Unreachable:
            raise
        except (faults.PfsError, StoreError) as error:
            _log.warning("segments of repo %s cannot be read: %s", known.info.name, error)

    async def _restore(self, known: Known, index: RepoIndex) -> None:
        aside = self._aside(known)
        new = index.count == 0
        if new:
            aside.upto, aside.names = 0, set()
        place = await self._companion.place(known.info.name.project)
        if place is None:
            return
        waiting: list[Recorded] = []
        names = [name for name in await self._names(place, known) if name not in aside.names]
        async for name, commits in self._loaded(place, names):
            waiting = await _apply(index, [*waiting, *commits])
            aside.names.add(name)
            if not new:
                aside.others.update(one.id for one in commits)
        if waiting:
            _log.warning(
                "segments of repo %s lack the parents of %d commits; they are read from Pachyderm",
                known.info.name, len(waiting),
            )  # fmt: skip
        if new:
            aside.upto = index.count
            aside.save()

    async def _names(self, place: Place, known: Known) -> list[str]:
        """The segments of a repo, oldest first."""
        found = await self._companion.names(place, _folder(known))
        return sorted((name for name in found if _NAME.fullmatch(name)), key=_span)

    async def _loaded(
        self, place: Place, names: Sequence[str]
    ) -> AsyncIterator[tuple[str, list[Recorded]]]:
        """Segments in order, the next ones read ahead. One that is damaged counts as empty."""
        limit = asyncio.Semaphore(READ_AT_ONCE)

        async def load(name: str) -> list[Recorded]:
            async with limit:
                try:
                    data = await self._companion.read(place, name)
                    return await asyncio.to_thread(segments.decode, data)
                except faults.NotFound:
                    return []  # merged into another meanwhile
                except (ValueError, KeyError, OSError, EOFError) as error:
                    _log.warning("segment %s cannot be read: %s", name, error)
                    return []

        loading = [asyncio.create_task(load(name)) for name in names]
        try:
            for name, task in zip(names, loading, strict=True):
                yield name, await task
        finally:
            for task in loading:
                task.cancel()
            await asyncio.gather(*loading, return_exceptions=True)

    # ---- writing

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for repo, index in list(self._grown.items()):
                try:
                    known = await self._refs.known(repo)
                    if self._due(self._aside(known), index):
                        await self.set_aside(known, index)
                except NoRepo:
                    self._grown.pop(repo, None)
                except (StoreError, faults.PfsError, OSError, apsw.Error) as error:
                    _log.warning("no segment of repo %s was written: %s", repo, error)

    def _due(self, aside: Aside, index: RepoIndex) -> bool:
        now = time.monotonic()
        waiting = index.count - aside.upto
        due = waiting >= SEGMENT or (waiting > 0 and now - aside.grown_s >= IDLE_S)
        if not due or now < aside.not_before_s:
            return False
        aside.not_before_s = now + PAUSE_S if waiting < 2 * SEGMENT else 0.0
        return True

    async def set_aside(self, known: Known, index: RepoIndex) -> None:
        """Write what no segment holds yet, and make one of many small ones."""
        aside = self._aside(known)
        await self._look_at_others(known, aside)
        while await self._next(known, index, aside):
            pass
        await self._merge(known, aside)

    async def _look_at_others(self, known: Known, aside: Aside) -> None:
        place = await self._companion.place(known.info.name.project)
        if place is None:
            return
        names = await self._names(place, known)
        async for name, commits in self._loaded(place, [n for n in names if n not in aside.names]):
            aside.others.update(one.id for one in commits)
            aside.names.add(name)
        aside.names.intersection_update(names)

    async def _next(self, known: Known, index: RepoIndex, aside: Aside) -> bool:
        """Set the next commits aside; False: there are none."""
        rows = await asyncio.to_thread(index.since, aside.upto, SEGMENT_MAX)
        settled = self._clock() - SETTLED_MS
        young = next((at for at, (_, one) in enumerate(rows) if one.time_ms > settled), len(rows))
        rows = rows[:young]
        if not rows:
            return False
        fresh = [(number, one) for number, one in rows if one.id not in aside.others]
        if fresh:
            span = fresh[0][0], fresh[-1][0]
            await self._write(known, aside, [one for _, one in fresh], span=span)
        aside.upto = rows[-1][0]
        aside.others.difference_update(one.id for _, one in rows)
        aside.save()
        return True

    async def _write(
        self,
        known: Known,
        aside: Aside,
        commits: Sequence[Recorded],
        *,
        span: tuple[int, int],
        instead_of: Iterable[str] = (),
    ) -> None:
        first, last = span
        name = f"{_folder(known)}{first:010}-{last:010}-{commits[-1].id}.jsonl.gz"
        data = await asyncio.to_thread(segments.encode, commits)
        old = [one for one in instead_of if one != name]
        repo = known.info.name
        await self._companion.write(
            repo.project, {name: data}, f"{len(commits)} commits of {repo.name}", remove=old
        )
        aside.names.add(name)
        aside.names.difference_update(old)

    async def _merge(self, known: Known, aside: Aside) -> None:
        for level in LEVELS:
            names = sorted((name for name in aside.names if _level(name) == level), key=_span)
            if len(names) < MERGED:
                continue
            place = await self._companion.place(known.info.name.project)
            if place is None:
                return
            chosen = names[:MERGED]
            loaded = [commits async for _, commits in self._loaded(place, chosen)]
            if not all(loaded):
                return  # another replica is at it
            commits = {one.id: one for commits in loaded for one in commits}
            span = _span(chosen[0])[0], max(_span(name)[1] for name in chosen)
            await self._write(known, aside, list(commits.values()), span=span, instead_of=chosen)
            aside.save()

    async def rewrite(self, known: Known, index: RepoIndex) -> None:
        """Set the whole index aside anew, in the place of all segments there are."""
        place = await self._companion.place(known.info.name.project)
        old = set() if place is None else set(await self._names(place, known))
        aside = self._aside(known)
        aside.upto, aside.names, aside.others = 0, set(), set()
        while await self._next(known, index, aside):
            pass
        useless = sorted(old - aside.names)
        if useless:
            repo = known.info.name
            await self._companion.write(repo.project, {}, f"{repo.name} anew", remove=useless)

    async def forget(self, known: Known) -> None:
        """The repo was deleted: its segments are nobody's."""
        repo = known.info.name
        self._grown.pop(repo, None)
        self._asides.pop((repo, known.info.created_ms), None)
        place = await self._companion.place(repo.project)
        names = [] if place is None else await self._companion.names(place, _folder(known))
        if names:
            await self._companion.write(repo.project, {}, f"{repo.name} is gone", remove=names)

    def _aside(self, known: Known) -> Aside:
        key = (known.info.name, known.info.created_ms)
        if key not in self._asides:
            self._asides[key] = Aside.of(self._folder, known)
            self._asides[key].grown_s = time.monotonic()
        return self._asides[key]


async def _apply(index: RepoIndex, commits: list[Recorded]) -> list[Recorded]:
    """Apply those whose parents are there; the others."""
    while commits:
        coming: set[CommitId] = set()
        able: list[Recorded] = []
        rest: list[Recorded] = []
        for one in commits:
            known = one.parent is None or one.parent in coming
            if known or index.point(one.parent) is not None:  # type: ignore[arg-type]
                able.append(one)
                coming.add(one.id)
            else:
                rest.append(one)
        if not able:
            break
        await index.apply(able)
        commits = rest
    return commits


def _folder(known: Known) -> str:
    return f"/{known.info.name.name}/{known.info.created_ms}/log/"


def _span(name: str) -> tuple[int, int]:
    found = _NAME.fullmatch(name)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _level(name: str) -> int:
    first, last = _span(name)
    return next((level for level in LEVELS if last - first < level), LEVELS[-1])

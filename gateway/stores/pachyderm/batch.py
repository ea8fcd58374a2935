"""Requests that share a commit: how they pool, which go together, and what each is answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import grpc

from gateway.stores.pachyderm import faults, filesets, judge, overflow, paths, record
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.pfs import CommitInfo, Pfs
from gateway.stores.pachyderm.requests import Head, Request, staged
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.errors import Corrupt, HeadMoved, StoreError, Unavailable
from gateway.versioning.model import Change, Commit, Committed, Delete, Put
from gateway.versioning.names import CommitId, RepoName

CHANGES_MAX = 1000
"""Of requests that share a commit; one request alone may have more."""

INLINE_BYTES_SHARED_MAX = 4 * 1024 * 1024
"""Of bodies that travel with a shared commit: about 0.2 s on the way."""

RECORD_BYTES_MAX = 2 * 1024 * 1024
"""Of the records of requests that share a commit, unpacked."""


class Unsure(Exception):
    """A request would come to nothing, at a head that may not be the head any more."""


class Filling(NamedTuple):
    """What a commit is filled with, and the description that says so. file_set: "" for nothing."""

    file_set: str
    description: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What goes into a commit. filling: is under way while the commit is begun.

    growth: bytes more than the parent has, once it is finished; None: not known.
    """

    batch: str
    branch: str
    time_ms: int
    requests: record.Requests
    filling: asyncio.Task[Filling]
    growth: int | None

    @property
    def opening(self) -> str:
        """The description of the commit while it is open."""
        return record.opening(self.batch, self.requests)

    @property
    def failed(self) -> bool:
        """Whether there is nothing to fill the commit with, and nobody has heard of it yet."""
        filling = self.filling
        return filling.done() and (filling.cancelled() or filling.exception() is not None)

    def recorded(self, info: CommitInfo) -> Recorded:
        """The commit that holds this, once it is filled."""
        return record.recorded(
            info.id,
            info.parent,
            batch=self.batch,
            file_set=self.filling.result().file_set,
            branch=self.branch,
            time_ms=self.time_ms,
            requests=self.requests,
        )


@dataclass(frozen=True, slots=True)
class Tools:
    """What it takes to prepare a commit. clock: now, in ms. new_batch: ids for batches."""

    pfs: Pfs
    companion: Companion
    clock: Callable[[], int]
    new_batch: Callable[[], str]
    file_set_of: Callable[[CommitId], str | None]

    def prepared(
        self,
        repo: RepoName,
        branch: str,
        requests: record.Requests,
        *,
        time_ms: int,
        file_set: Awaitable[str],
        growth: int | None,
    ) -> Prepared:
        """Begin to make what a commit is filled with. file_set: as in Filling, once it is made."""
        batch = self.new_batch()

        async def filled() -> Filling:
            made = await file_set
            text = record.form(batch, made, branch, time_ms, requests)
            about = await overflow.describe(self.companion, repo, batch, text, requests)
            return Filling(made, about)

        filling = asyncio.create_task(filled())
        filling.add_done_callback(_seen)
        return Prepared(batch, branch, time_ms, requests, filling, growth)


class Batch:
    """The requests of one branch that share the next commit, from when they are taken out of it."""

    urgent = False

    def __init__(self, repo: RepoName, branch: str, waiting: deque[Request], tools: Tools) -> None:
        self._repo = repo
        self._branch = branch
        self._waiting = waiting
        self._tools = tools
        self._requests: list[Request] = []
        self._judged: list[tuple[Request, judge.Judged]] = []
        self._made: tuple[object, Prepared] | None = None

    @property
    def heavy(self) -> bool:
        """Whether it takes long to hand to pachd."""
        first = self._requests or list(self._waiting)[:1]
        return bool(first) and first[0].heavy

    @property
    def since_s(self) -> float:
        """Since when the longest waiting of its requests has been waiting."""
        first = self._requests or list(self._waiting)[:1]
        return first[0].since_s if first else time.monotonic()

    def _take(self) -> None:
        """Take requests in order, as many as may share a commit."""
        keys: set[str] = set()
        changes = inline = recorded = 0
        while self._waiting:
            one = self._waiting[0]
            changes += len(one.changes)
            inline += one.inline_bytes
            recorded += one.record_bytes
            if self._requests and (
                one.alone
                or one.heavy
                or self._requests[0].alone
                or not keys.isdisjoint(one.keys)
                or changes > CHANGES_MAX
                or inline > INLINE_BYTES_SHARED_MAX
                or recorded > RECORD_BYTES_MAX
            ):
                break
            keys |= one.keys
            self._requests.append(self._waiting.popleft())

    async def prepare(
        self, index: RepoIndex, at: Point, head: CommitId, *, sure: bool
    ) -> Prepared | None:
        """Judge everything at a head and make what is to be written; None: nothing is.

        Where the outcome is that of the last time, so is what is written. Raises Unsure.
        """
        if not self._requests:
            self._take()
        while True:
            await self._judge(index, at, head, sure=sure)
            if not self._judged:
                return None
            asked = [
                (id(request), judged.effective, judged.stale) for request, judged in self._judged
            ]
            growth = sum(judged.growth for _, judged in self._judged)
            if self._made is not None and self._made[0] == asked and not self._made[1].failed:
                return replace(self._made[1], growth=growth)
            try:
                made = await self._make(index, at, growth)
            except filesets.Missing as missing:
                self._refuse_missing(missing)
            else:
                self._made = asked, made
                return made

    async def _judge(self, index: RepoIndex, at: Point, head: CommitId, *, sure: bool) -> None:
        self._judged = []
        state, taken = Head(index, at), judge.Taken()
        changes = [change for request in self._requests for change in request.changes]
        deletes = {change.key for change in changes if isinstance(change, Delete)}
        await state.look_below({c.key for c in changes if isinstance(c, Put)}, deletes)
        for request in list(self._requests):
            try:
                if request.if_head not in {None, head}:
                    raise HeadMoved(f"branch {self._branch} is at {head}, not {request.if_head}")
                judged = judge.judge(state, taken, request.changes)
            except StoreError as error:
                if not sure:
                    raise Unsure from error
                self._requests.remove(request)
                request.refuse(error)
                continue
            if judged.effective:
                taken.add(judged)
                self._judged.append((request, judged))
            elif not sure:
                raise Unsure
            else:
                self._requests.remove(request)
                request.accept(Committed(None, judged.outcomes(self._repo, None, 0)))

    async def _make(self, index: RepoIndex, at: Point, growth: int) -> Prepared:
        tools = self._tools
        deletes: list[str] = []
        files: list[filesets.File] = []
        for _, judged in self._judged:
            deletes += judged.stale
            for key, change in judged.effective.items():
                path = paths.escape(key)
                if isinstance(change, Put):
                    content = change.content
                    files.append(
                        await filesets.file_of(tools.pfs, path, content, tools.file_set_of)
                    )
                else:
                    deletes.append(path)
        requests = [
            (request.about, [request.written[id(change)] for change in judged.effective.values()])
            for request, judged in self._judged
        ]
        # Times never go back, whatever the clock does.
        time_ms = max(tools.clock(), index.commit_info(at).time_ms)
        file_set = filesets.create(tools.pfs, deletes, files)
        prepared = tools.prepared(
            self._repo, self._branch, requests, time_ms=time_ms, file_set=file_set, growth=growth
        )
        # No commit stays open for what takes long, or may turn out not to be there.
        short = overflow.fits(sum(one.record_bytes for one, _ in self._judged))
        if self.heavy or not short or any(file.place is not None for file in files):
            await prepared.filling
        return prepared

    def _refuse_missing(self, missing: filesets.Missing) -> None:
        for request, judged in self._judged:
            gone = [key for key in judged.effective if paths.escape(key) in missing.paths]
            if gone:
                self._requests.remove(request)
                request.refuse(_gone(judged.effective[gone[0]]))

    def expired(self) -> None:
        """The file set is gone: make it again the next time."""
        self._made = None

    def landed(self, recorded: Recorded, keep: Callable[[bytes, bytes], None]) -> None:
        """Answer everybody: the commit stands. keep: takes the bytes of a digest."""
        commit = commit_of(self._repo, recorded)
        for request, judged in self._judged:
            for content in staged(judged.effective.values()):
                if (data := filesets.inline(content)) is not None:
                    keep(content.digest, data)
            outcomes = judged.outcomes(self._repo, recorded.id, recorded.time_ms)
            request.accept(Committed(commit, outcomes))

    def refuse(self, error: Exception) -> None:
        """Answer everybody that it did not come to a commit.

        What nobody foresaw may be one request's doing: then each is tried alone.
        """
        if isinstance(error, faults.PfsError):
            unforeseen = type(error) in {faults.PfsError, faults.NotFound, faults.TooLarge}
            unforeseen |= error.code is grpc.StatusCode.INTERNAL  # what it said was lost on the way
            if unforeseen and len(self._requests) > 1:
                for request in reversed(self._requests):
                    request.alone = True
                    self._waiting.appendleft(request)
                return
            error = faults.refused(error)
        # Where the branch itself cannot be had, nobody who waits for it can.
        for request in self._requests or list(self._waiting):
            request.refuse(error)
        if not self._requests:
            self._waiting.clear()


def commit_of(repo: RepoName, recorded: Recorded) -> Commit:
    """A commit in the words of the domain."""
    return Commit(
        id=recorded.id,
        repo=repo,
        branch=recorded.branch,
        parents=tuple(one for one in (recorded.parent, record.merged(recorded)) if one is not None),
        kind=recorded.kind,
        author=recorded.author,
        message=recorded.message,
        time_ms=recorded.time_ms,
        metadata=recorded.metadata,
        change_count=len(recorded.changes),
    )


def _seen(filling: asyncio.Task[Filling]) -> None:
    """Whoever awaits it hears of its error; where nobody does any more it is no news."""
    if not filling.cancelled():
        filling.exception()


def _gone(change: Change) -> StoreError:
    if any(staged([change])):
        return Unavailable(f"the bytes of {change.key!r} are not with Pachyderm any more")
    return Corrupt(f"the bytes that {change.key!r} was to be a copy of are not there")

"""Follows every branch for a channel and tells it of each commit: once settled, oldest first.

A branch waits for its own troubles only: what its receiver refuses holds back what comes after it
on that branch, until it is delivered or parked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.deliveries.backoff import Patience
from gateway.deliveries.channel import Channel, Undelivered
from gateway.deliveries.ledger import Ledger, Parked, Place
from gateway.versioning.arrivals import arrived
from gateway.versioning.errors import NotFound, StoreError
from gateway.versioning.model import Commit, Ref, RefKind, Snapshot
from gateway.versioning.names import BucketName, CommitId, is_upload
from gateway.versioning.store import Store

log = logging.getLogger(__name__)

LOOK_S = 0.5
AT_ONCE = 8


class Told(Protocol):
    """What is counted of deliveries."""

    def delivery(self, channel: str, outcome: str) -> None:
        """One try is over: `delivered`, `failed` or `parked`."""

    def deliveries_left(self, channel: str, *, behind: int, parked: int) -> None:
        """How many branches have commits that are not told yet, and how many are given up."""


def _every(_place: Place) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Manner:
    """How to follow. clock: ms since 1970. look_s: between looks.

    mine: whether a branch is this replica's to tell of.
    """

    counted: Told
    clock: Callable[[], int]
    patience: Patience = field(default_factory=Patience)
    mine: Callable[[Place], bool] = _every
    look_s: float = LOOK_S


class Follower:
    """One channel's way through all branches."""

    def __init__(self, store: Store, channel: Channel, ledger: Ledger, manner: Manner) -> None:
        self._store = store
        self._channel = channel
        self._ledger = ledger
        self._manner = manner
        self._counted = manner.counted
        self._clock = manner.clock
        self._since_ms = 0
        self._cursors: dict[Place, CommitId] = {}
        self._busy: dict[Place | int, asyncio.Task[None]] = {}
        self._several = asyncio.Semaphore(AT_ONCE)

    async def follow(self) -> None:
        """Tell of what comes, for ever. Nothing that goes wrong ends it but being cancelled."""
        name = self._channel.name
        self._since_ms = self._ledger.since(name, self._clock())
        self._cursors = self._ledger.told(name)
        try:
            while True:
                try:
                    if self._channel.since_ms() is not None:
                        self._look(await self._store.refs(kind=RefKind.BRANCH))
                except StoreError as error:
                    log.warning("%s: cannot look for commits: %s", name, error)
                except Exception:
                    log.exception("%s: cannot look for commits", name)
                await asyncio.sleep(self._manner.look_s)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _look(self, refs: Iterable[Ref]) -> None:
        """Begin with every branch that has something to tell, and with what is asked for again."""
        there = set()
        for ref in refs:
            if is_upload(ref.name):
                continue
            place = Place(ref.repo, ref.name)
            there.add(place)
            if self._cursors.get(place) != ref.commit and self._manner.mine(place):
                self._begin(place, self._catch_up(place))
        for gone in self._cursors.keys() - there - self._busy.keys():
            self._ledger.forget(self._channel.name, gone)
            del self._cursors[gone]
        for parked in self._ledger.asked_again(self._channel.name):
            if self._manner.mine(parked.place):
                self._begin(parked.id, self._try_again(parked))
        self._counted.deliveries_left(
            self._channel.name,
            behind=sum(isinstance(one, Place) for one in self._busy),
            parked=self._ledger.count_parked(self._channel.name),
        )

    def _begin(self, what: Place | int, work: Coroutine[Any, Any, None]) -> None:
        if what in self._busy:
            work.close()
            return
        task = self._busy[what] = asyncio.create_task(self._worked(what, work))
        task.add_done_callback(lambda _task: self._busy.pop(what, None))

    async def _worked(self, what: Place | int, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NotFound:
            pass  # the repo went meanwhile, and its commits with it
        except StoreError as error:
            log.warning("%s: %s is told later: %s", self._channel.name, what, error)
        except Exception:
            log.exception("%s: %s is told later", self._channel.name, what)

    async def _catch_up(self, place: Place) -> None:
        head = await self._store.resolve(BucketName(place.repo, place.branch))
        told = self._cursors.get(place)
        since_ms = max(self._channel.since_ms() or 0, 0 if told is not None else self._since_ms)
        for commit_id in await arrived(self._store, head, told, since_ms=since_ms):
            # Not through the branch: it may be gone before its commits are told.
            at = await self._store.resolve(BucketName(place.repo, None, commit_id))
            commit = await self._store.commit_info(at)
            if self._channel.wants(place.branch, commit):
                await self._store.settled(at)
                await self._deliver(place, at, commit)
                self._move(place, commit_id)
        self._move(place, head.commit)

    def _move(self, place: Place, commit: CommitId) -> None:
        self._ledger.move(self._channel.name, place, commit)
        self._cursors[place] = commit

    async def _deliver(self, place: Place, at: Snapshot, commit: Commit) -> None:
        """Tell of one commit, or park it; returns when it is done with."""
        name, patience = self._channel.name, self._manner.patience
        tries = answers = 0
        began_ms = self._clock()
        while True:
            failed = await self._tried(place.branch, at, commit)
            tries += 1
            if failed is None:
                return
            answers += failed.answered
            if patience.spent(answers, (self._clock() - began_ms) / 1000):
                self._park(place, commit, tries, failed)
                return
            pause = patience.pause(tries, random.random(), failed.retry_after_s)  # noqa: S311
            log.warning(
                "%s: commit %s of %s.%s is not delivered, next try in %.1f s: %s",
                name, commit.id, place.branch, place.repo, pause, failed,
            )  # fmt: skip
            await asyncio.sleep(pause)

    async def _tried(self, branch: str, at: Snapshot, commit: Commit) -> Undelivered | None:
        outcome = "failed"
        try:
            async with self._several:
                await self._channel.deliver(branch, at, commit)
            outcome = "delivered"
        except Undelivered as error:
            return error
        except StoreError as error:
            return Undelivered(f"the commit cannot be read: {error}")
        except Exception as error:
            # Of our own making: tried again it will as a rule fail again.
            log.exception("%s: commit %s cannot be told", self._channel.name, commit.id)
            return Undelivered(f"{type(error).__name__}: see the log", answered=True)
        finally:
            self._counted.delivery(self._channel.name, outcome)
        return None

    def _park(self, place: Place, commit: Commit, tries: int, failed: Undelivered) -> None:
        name = self._channel.name
        self._ledger.park(name, place, commit.id, tries=tries, at_ms=self._clock(), why=str(failed))
        self._counted.delivery(name, "parked")
        log.error(
            "%s: commit %s of %s.%s is given up after %d tries, see `labelgate deliveries list`: "
            "%s", name, commit.id, place.branch, place.repo, tries, failed,
        )  # fmt: skip

    async def _try_again(self, parked: Parked) -> None:
        """One try of what was given up."""
        try:
            at = await self._store.resolve(BucketName(parked.place.repo, None, parked.commit))
            commit = await self._store.commit_info(at)
        except NotFound as error:
            gone = Undelivered(f"the commit is gone: {error}")
            self._ledger.park(
                parked.channel, parked.place, parked.commit, tries=1, at_ms=self._clock(),
                why=str(gone),
            )  # fmt: skip
            return
        failed = await self._tried(parked.place.branch, at, commit)
        if failed is None:
            self._ledger.drop(parked.id)
        else:
            self._park(parked.place, commit, 1, failed)

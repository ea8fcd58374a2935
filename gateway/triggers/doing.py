"""Does what was fired: each trigger's firings in order, triggers beside each other."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from gateway.deliveries.backoff import Patience
from gateway.deliveries.channel import Undelivered
from gateway.lineage.recorder import Recorder
from gateway.merging.carrying import Tools, Who
from gateway.merging.promote import Wanted, Way, promote
from gateway.triggers import command, webhook
from gateway.triggers.model import Action, Trigger
from gateway.triggers.shelf import Firing, Kept, Shelf
from gateway.versioning.errors import AlreadyExists, NotFound, StoreError, Unavailable
from gateway.versioning.model import ChangeInfo, Commit
from gateway.versioning.names import BucketName, RepoName
from gateway.versioning.store import Store

log = logging.getLogger(__name__)

LOOK_S = 0.5
_COMMITS_MAX = 1000


class Counted(Protocol):
    """What is counted of firings."""

    def firing(self, action: str, outcome: str) -> None:
        """One try is over: `done`, `failed` or `parked`."""

    def firings_parked(self, count: int) -> None:
        """How many were given up."""


@dataclass(frozen=True, slots=True)
class Leave:
    """What triggers may do on this server. folder: where commands run.

    commands: run programs. private: POST to addresses that are not public.
    """

    folder: Path
    commands: bool = False
    private: bool = False
    patience: Patience = field(default_factory=lambda: Patience(tries_max=10))


@dataclass(frozen=True, slots=True)
class Hands:
    """What it takes."""

    store: Store
    recorder: Recorder
    shelf: Shelf
    counted: Counted
    clock: Callable[[], int]
    mine: Callable[[RepoName], bool]


class Doing:
    """Works through what was fired."""

    def __init__(self, hands: Hands, leave: Leave) -> None:
        self._hands = hands
        self._leave = leave
        self._busy: dict[int, asyncio.Task[None]] = {}

    async def work(self) -> None:
        """Do what waits, for ever. A slow receiver holds up its own trigger alone."""
        try:
            while True:
                try:
                    self._begin()
                except Exception:
                    log.exception("triggers: firings cannot be looked at")
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _begin(self) -> None:
        shelf = self._hands.shelf
        for firing in shelf.waiting(self._hands.clock()):
            if firing.trigger in self._busy:
                continue
            kept = shelf.by_number(firing.trigger)
            if kept is None or not self._hands.mine(kept.trigger.repo):
                continue
            task = asyncio.create_task(self._do(kept, firing))
            self._busy[firing.trigger] = task
            task.add_done_callback(partial(self._ended, firing.trigger))
        self._hands.counted.firings_parked(shelf.count_parked())

    def _ended(self, number: int, _task: asyncio.Task[None]) -> None:
        self._busy.pop(number, None)

    async def _do(self, kept: Kept, firing: Firing) -> None:
        trigger, hands = kept.trigger, self._hands
        action = trigger.do.action.value
        try:
            told = await self._acted(trigger, firing)
        except Undelivered as error:
            self._failed(kept, firing, error)
        except StoreError as error:
            self._failed(kept, firing, Undelivered(str(error), answered=not _later(error)))
        except Exception as error:
            log.exception("trigger %s of %s failed", trigger.name, trigger.repo)
            why = f"{type(error).__name__}: see the log"
            self._failed(kept, firing, Undelivered(why, answered=True))
        else:
            hands.shelf.settle(firing, "done", told)
            hands.counted.firing(action, "done")

    def _failed(self, kept: Kept, firing: Firing, error: Undelivered) -> None:
        trigger, hands, patience = kept.trigger, self._hands, self._leave.patience
        now_ms = hands.clock()
        tries = firing.tries + 1
        hands.counted.firing(trigger.do.action.value, "failed")
        if patience.spent(tries if error.answered else 0, (now_ms - firing.at_ms) / 1000):
            hands.shelf.settle(firing, "parked", str(error))
            hands.counted.firing(trigger.do.action.value, "parked")
            log.error(
                "trigger %s of %s is given up after %d tries, see `labelgate trigger history`: %s",
                trigger.name, trigger.repo, tries, error,
            )  # fmt: skip
            return
        pause = patience.pause(tries, random.random(), error.retry_after_s)  # noqa: S311
        due_ms = now_ms + int(pause * 1000)
        hands.shelf.settle(firing, "waiting", str(error), due_ms=due_ms)
        log.warning(
            "trigger %s of %s failed, next try in %.1f s: %s",
            trigger.name, trigger.repo, pause, error,
        )  # fmt: skip

    # ---- what is done

    async def _acted(self, trigger: Trigger, firing: Firing) -> str:
        match trigger.do.action:
            case Action.WEBHOOK:
                return await self._posted(trigger, firing)
            case Action.COMMAND:
                if not self._leave.commands:
                    raise Undelivered(
                        "commands are not allowed: trigger_commands = on", answered=True
                    )
                return await command.run(trigger, firing, self._leave.folder, os.environ)
            case Action.PROMOTE:
                return await self._promoted(trigger, firing)
            case Action.TAG:
                return await self._tagged(trigger, firing)

    async def _posted(self, trigger: Trigger, firing: Firing) -> str:
        if trigger.do.form == "s3":
            body = webhook.s3_event(trigger, firing, await self._commits(trigger, firing))
        else:
            body = webhook.cloud_event(trigger, firing)
        now_s = self._hands.clock() // 1000
        return await webhook.send(trigger, firing, body, now_s, private=self._leave.private)

    async def _promoted(self, trigger: Trigger, firing: Firing) -> str:
        store, repo = self._hands.store, trigger.repo
        source = await store.resolve(BucketName(repo, None, firing.commit))
        target = await store.resolve(BucketName(repo, trigger.do.target))
        who = Who(trigger.account, f"trigger {trigger.name}", firing.id, self._hands.clock())
        tools = Tools(store, self._hands.recorder, who)
        wanted = Wanted(message=f"Promote {firing.ref} by trigger {trigger.name}")
        if firing.test:
            wanted = Wanted(dry_run=True)
        made = await promote(tools, source, target, wanted)
        if made.way is Way.REFUSED:
            keys = ", ".join(made.conflicts[:3])
            raise Undelivered(f"{len(made.conflicts)} conflicts: {keys}", answered=True)
        return f"{made.way}: {trigger.do.target} is at {made.head}"

    async def _tagged(self, trigger: Trigger, firing: Firing) -> str:
        now = datetime.fromtimestamp(firing.at_ms / 1000, UTC)
        name = trigger.do.target
        for placeholder, value in (
            ("{commit}", firing.commit[:12]),
            ("{date}", f"{now:%Y-%m-%d}"),
            ("{number}", str(firing.n)),
        ):
            name = name.replace(placeholder, value)
        if firing.test:
            return f"would tag {firing.commit} as {name}"
        store = self._hands.store
        at = await store.resolve(BucketName(trigger.repo, None, firing.commit))
        try:
            await store.create_tag(trigger.repo, name, at, account=trigger.account)
        except AlreadyExists:
            there = await store.resolve(BucketName(trigger.repo, name))
            if there.commit != firing.commit:
                raise
        return f"tagged {firing.commit} as {name}"

    async def _commits(
        self, trigger: Trigger, firing: Firing
    ) -> Sequence[tuple[Commit, Sequence[ChangeInfo]]]:
        """The commits that a firing is about, oldest first, with the changes of each."""
        store, repo = self._hands.store, trigger.repo
        at = await store.resolve(BucketName(repo, None, firing.commit))
        found: list[tuple[Commit, Sequence[ChangeInfo]]] = []
        for commit in await store.log(at, limit=_COMMITS_MAX):
            if commit.id == firing.since:
                break
            state = await store.resolve(BucketName(repo, None, commit.id))
            changes = await store.changes(state, limit=webhook.RECORDS_MAX)
            inside = [one for one in changes if one.key.startswith(trigger.prefix)]
            found.append((commit, inside))
            if firing.since is None or firing.test:
                break
        return found[::-1]


def _later(error: StoreError) -> bool:
    """Whether it may be otherwise in a while."""
    return isinstance(error, Unavailable) and not isinstance(error, NotFound)

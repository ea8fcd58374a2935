"""Triggers: who may make them, and what they did."""

from __future__ import annotations

import logging

from gateway.admin.errors import Refusal
from gateway.admin.models import iso
from gateway.admin.refs import open_repo, parse_repo
from gateway.admin.services import Caller
from gateway.admin.triggered import (
    CreateTrigger,
    FiringOut,
    FiringsOut,
    TriggerOut,
    TriggersOut,
    WhenAsked,
)
from gateway.auth.access import Asked, denied
from gateway.protocol.errors import S3Error
from gateway.protocol.operations import Right
from gateway.triggers.deciding import new_id
from gateway.triggers.model import Action, Count, Do, On, Trigger, When, loop_of
from gateway.triggers.shelf import Firing, Kept
from gateway.versioning.errors import NotFound
from gateway.versioning.model import RefKind, Repo
from gateway.versioning.names import BucketName

log = logging.getLogger(__name__)


async def list_triggers(caller: Caller, text: str | None) -> TriggersOut:
    """The triggers of a repo, or of all, where the caller administers them."""
    name = None if text is None else (await open_repo(caller, text)).name
    found = [
        kept
        for kept in caller.services.triggers.all(name)
        if await _administers(caller, kept.trigger)
    ]
    return TriggersOut(triggers=[_out(caller, kept) for kept in found])


async def create(caller: Caller, text: str, asked: CreateTrigger) -> TriggerOut:
    """A trigger. Raises InvalidTrigger, AlreadyExists, Refusal (Loop, CommandsOff), NoRepo."""
    repo = await caller.store.repo(parse_repo(text))
    trigger = _trigger(caller, repo, asked).checked()
    await _demand(caller, repo, trigger)
    shelf = caller.services.triggers
    others = [kept.trigger for kept in shelf.all(repo.name) if kept.trigger.name != trigger.name]
    if way := loop_of(others, trigger):
        raise Refusal(
            409, "Loop", f"it would fire itself: {' -> '.join([*way, trigger.name])}", way=way
        )
    kept = shelf.add(trigger)
    _changed(caller, "trigger created", trigger)
    return _out(caller, kept)


async def delete(caller: Caller, text: str, name: str) -> None:
    """Forget a trigger and its history. Raises NoRepo, Refusal (NoTrigger), AccessDenied."""
    kept = await _one(caller, text, name)
    caller.services.triggers.remove(kept.number)
    _changed(caller, "trigger deleted", kept.trigger)


async def test(caller: Caller, text: str, name: str) -> FiringOut:
    """Have it do once what it does, told that it is a test. Raises as delete."""
    kept = await _one(caller, text, name)
    trigger = kept.trigger
    ref = trigger.where
    if trigger.on is On.TAG:
        tags = await caller.store.refs(trigger.repo, RefKind.TAG)
        fitting = [tag.name for tag in tags if trigger.looks_at_tag(tag.name)]
        if not fitting:
            raise Refusal(409, "NothingToTest", f"no tag of {trigger.repo} fits {trigger.where!r}")
        ref = fitting[-1]
    at = await caller.store.resolve(BucketName(trigger.repo, ref))
    firing = caller.services.triggers.fire_test(
        kept.number,
        new_id(),
        at_ms=caller.services.clock(),
        ref=str(BucketName(trigger.repo, ref)),
        commit=at.commit,
    )
    return _firing_out(kept, firing)


async def history(caller: Caller, text: str, name: str, *, limit: int) -> FiringsOut:
    """What it fired, newest first. Raises as delete."""
    kept = await _one(caller, text, name)
    rows = caller.services.triggers.history(kept.number, limit=limit)
    return FiringsOut(firings=[_firing_out(kept, row) for row in rows])


async def replay(caller: Caller, text: str, name: str, firing_id: str) -> FiringOut:
    """Have a firing done again. Raises as delete, Refusal (NoFiring)."""
    kept = await _one(caller, text, name)
    shelf = caller.services.triggers
    firing = shelf.firing(firing_id)
    if firing is None or firing.trigger != kept.number:
        raise Refusal(404, "NoFiring", f"trigger {name} has not fired {firing_id!r}")
    shelf.replay(firing, caller.services.clock())
    return _firing_out(kept, firing._replace(state="waiting", tries=0))


# ---- who may


async def _one(caller: Caller, text: str, name: str) -> Kept:
    repo = await caller.store.repo(parse_repo(text))
    kept = caller.services.triggers.find(repo.name, name)
    if kept is None or kept.trigger.repo_ms != repo.created_ms:
        raise Refusal(404, "NoTrigger", f"repo {repo.name} has no trigger {name!r}")
    await _demand(caller, repo, kept.trigger)
    return kept


async def _demand(caller: Caller, repo: Repo, trigger: Trigger) -> None:
    """Raise AccessDenied or Refusal unless the caller may have that done."""
    place = None if trigger.on is On.TAG else trigger.where
    await caller.access.demand_admin(repo, place)
    match trigger.do.action:
        case Action.COMMAND:
            if not caller.access.granted_everywhere():
                raise denied("a trigger that runs a program takes a key with all rights.")
            if not caller.services.trigger_commands:
                raise Refusal(
                    409,
                    "CommandsOff",
                    "this server runs no commands: start it with trigger_commands = on",
                )
        case Action.PROMOTE:
            at = await caller.store.resolve(BucketName(repo.name, trigger.do.target))
            await caller.access.demand(at, Asked(Right.WRITE, "s3:PutObject"))
            await caller.access.demand(at, Asked(Right.DELETE, "s3:DeleteObject"))
        case Action.TAG:
            await caller.access.demand_admin(repo, None)
        case Action.WEBHOOK:
            pass


async def _administers(caller: Caller, trigger: Trigger) -> bool:
    try:
        repo = await caller.store.repo(trigger.repo)
        if trigger.repo_ms != repo.created_ms:
            return False
        await caller.access.demand_admin(repo, None if trigger.on is On.TAG else trigger.where)
    except (NotFound, S3Error):
        return False
    return True


# ---- forms


def _trigger(caller: Caller, repo: Repo, asked: CreateTrigger) -> Trigger:
    places = {
        On.BRANCH: asked.branch,
        On.PROMOTE: asked.promote,
        On.TAG: asked.tag,
    }
    given = [(on, where) for on, where in places.items() if where is not None]
    if len(given) != 1:
        raise Refusal(400, "InvalidTrigger", "a trigger looks at one of branch, promote and tag")
    [(on, where)] = given
    return Trigger(
        asked.name,
        repo.name,
        on,
        where,
        _when(asked.when),
        _do(asked),
        caller.key.account,
        caller.services.clock(),
        repo.created_ms,
        asked.prefix,
    )


def _when(asked: WhenAsked) -> When:
    numbers = {count: getattr(asked, count.value) for count in Count}
    counts = {count: number for count, number in numbers.items() if number is not None}
    return When(counts, asked.quiet, asked.schedule, asked.every)


def _do(asked: CreateTrigger) -> Do:
    ways = {
        Action.WEBHOOK: asked.webhook,
        Action.COMMAND: asked.command,
        Action.PROMOTE: asked.promote_to,
        Action.TAG: asked.tag_as,
    }
    given = [action for action, what in ways.items() if what is not None]
    if len(given) != 1:
        raise Refusal(
            400, "InvalidTrigger", "a trigger does one of webhook, command, promote_to and tag_as"
        )
    [action] = given
    return Do(
        action,
        target=asked.webhook or asked.promote_to or asked.tag_as or "",
        argv=tuple(asked.command or ()),
        seconds=asked.seconds,
        secret=asked.secret,
        form=asked.form,
    )


def _out(caller: Caller, kept: Kept) -> TriggerOut:
    trigger, shelf = kept.trigger, caller.services.triggers
    when = {count.value: number for count, number in trigger.when.counts.items()}
    more = {
        "quiet": trigger.when.quiet_s,
        "schedule": trigger.when.schedule,
        "every": trigger.when.every or None,
    }
    gained = shelf.gained(kept.number).counts
    waiting, parked = shelf.left(kept.number)
    return TriggerOut(
        name=trigger.name,
        repo=str(trigger.repo),
        on=trigger.on,
        where=trigger.where,
        prefix=trigger.prefix,
        when=when | {name: value for name, value in more.items() if value is not None},
        action=trigger.do.action,
        target=trigger.do.target,
        command=list(trigger.do.argv),
        signed=bool(trigger.do.secret),
        form=trigger.do.form,
        account=trigger.account,
        created=iso(trigger.created_ms),
        gained={count.value: number for count, number in gained.items()},
        waiting=waiting,
        parked=parked,
    )


def _firing_out(kept: Kept, firing: Firing) -> FiringOut:
    return FiringOut(
        id=firing.id,
        trigger=kept.trigger.name,
        repo=str(kept.trigger.repo),
        ref=firing.ref,
        commit=firing.commit,
        since=firing.since,
        gained=firing.counts,
        test=firing.test,
        state=firing.state,
        tries=firing.tries,
        time=iso(firing.at_ms),
        told=firing.told,
    )


def _changed(caller: Caller, what: str, trigger: Trigger) -> None:
    log.info(
        "%s: %s of %s, by key %s of account %s (request %s)",
        what, trigger.name, trigger.repo, caller.key.name, caller.key.account, caller.request_id,
    )  # fmt: skip

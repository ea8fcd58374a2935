"""What a trigger is: where it looks, what it waits for, and what it does then. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from cronsim import CronSim, CronSimError

from gateway.versioning.names import RepoName, check_name

NAME_CHARS_MAX = 100
COMMAND_SECONDS_MAX = 24 * 3600
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PATTERN = re.compile(r"[A-Za-z0-9_*?-]{1,100}")
_PLACEHOLDERS = ("{commit}", "{date}", "{number}")


class InvalidTrigger(Exception):
    """A trigger that cannot be, with what is wrong."""


class On(StrEnum):
    """Where a trigger looks.

    BRANCH: at each commit that comes to it. PROMOTE: at each promote to it. TAG: at each new tag
    whose name fits a pattern.
    """

    BRANCH = "branch"
    PROMOTE = "promote"
    TAG = "tag"


class Count(StrEnum):
    """What is counted since it fired last. TASKS: different tasks that were labeled."""

    COMMITS = "commits"
    OBJECTS = "objects"
    TASKS = "tasks"
    BYTES = "bytes"


class Action(StrEnum):
    """What a trigger does."""

    WEBHOOK = "webhook"
    COMMAND = "command"
    PROMOTE = "promote"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class When:
    """What it waits for; nothing: each time is one.

    counts: at least so many of each. quiet_s: for so long nothing came. schedule: five fields of
    cron, in UTC: when it is looked whether anything came. every: all of these, else any.
    """

    counts: Mapping[Count, int]
    quiet_s: float | None = None
    schedule: str | None = None
    every: bool = False

    @property
    def empty(self) -> bool:
        """Whether it waits for nothing."""
        return not self.counts and self.quiet_s is None and self.schedule is None


@dataclass(frozen=True, slots=True)
class Do:
    """What it does.

    WEBHOOK: target is a URL; secret signs it; form: cloudevents or s3. COMMAND: argv, without a
    shell; seconds: how long it may take. PROMOTE: target is a branch of the repo. TAG: target is a
    name, with {commit}, {date} or {number} in it.
    """

    action: Action
    target: str = ""
    argv: tuple[str, ...] = ()
    seconds: float = 3600.0
    secret: str = ""
    form: str = "cloudevents"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger of a repo.

    where: a branch, or the pattern of tags. prefix: only keys that begin so. account: whose it is,
    in whose name it promotes and tags. repo_ms: when the repo was made: another one of that name is
    another repo.
    """

    name: str
    repo: RepoName
    on: On
    where: str
    when: When
    do: Do
    account: str
    created_ms: int
    repo_ms: int
    prefix: str = ""

    def looks_at_branch(self, branch: str) -> bool:
        """Whether commits of that branch concern it."""
        return self.on is not On.TAG and self.where == branch

    def looks_at_tag(self, tag: str) -> bool:
        """Whether that tag concerns it."""
        return self.on is On.TAG and fnmatchcase(tag, self.where)

    @property
    def reads_changes(self) -> bool:
        """Whether it has to look into commits, as their numbers alone do not tell."""
        looks = {Count.TASKS, Count.BYTES}
        return bool(self.prefix) or not looks.isdisjoint(self.when.counts)

    def checked(self) -> Trigger:
        """The trigger, if it can be. Raises InvalidTrigger, InvalidName."""
        if len(self.name) > NAME_CHARS_MAX or _NAME.fullmatch(self.name) is None:
            raise InvalidTrigger(f"{self.name!r} cannot name a trigger: letters, digits, _ and -")
        if self.on is On.TAG:
            if _PATTERN.fullmatch(self.where) is None:
                raise InvalidTrigger(f"{self.where!r} is no pattern of tags: v*, say")
        else:
            check_name(self.where, "branch")
        _check_when(self)
        _check_do(self)
        return self

    def to_json(self) -> dict[str, Any]:
        """As it is kept; the inverse of from_json."""
        when, do = self.when, self.do
        return {
            "on": self.on.value,
            "where": self.where,
            "prefix": self.prefix,
            "when": {
                "counts": {count.value: number for count, number in when.counts.items()},
                "quiet_s": when.quiet_s,
                "schedule": when.schedule,
                "every": when.every,
            },
            "do": {
                "action": do.action.value,
                "target": do.target,
                "argv": list(do.argv),
                "seconds": do.seconds,
                "secret": do.secret,
                "form": do.form,
            },
            "account": self.account,
            "created": self.created_ms,
            "repo_made": self.repo_ms,
        }

    @classmethod
    def from_json(cls, repo: RepoName, name: str, form: Mapping[str, Any]) -> Trigger:
        """What was kept."""
        when, do = form["when"], form["do"]
        return cls(
            name,
            repo,
            On(form["on"]),
            form["where"],
            When(
                {Count(count): number for count, number in when["counts"].items()},
                when["quiet_s"],
                when["schedule"],
                when["every"],
            ),
            Do(
                Action(do["action"]),
                do["target"],
                tuple(do["argv"]),
                do["seconds"],
                do["secret"],
                do["form"],
            ),
            form["account"],
            form["created"],
            form["repo_made"],
            form["prefix"],
        )


def _check_when(trigger: Trigger) -> None:
    when = trigger.when
    if trigger.on is On.TAG and not when.empty:
        raise InvalidTrigger("a trigger on tags fires for each: it waits for nothing more")
    if any(number < 1 for number in when.counts.values()):
        raise InvalidTrigger("a number to wait for is at least 1")
    if when.quiet_s is not None and when.quiet_s <= 0:
        raise InvalidTrigger("quiet is a number of seconds above 0")
    if when.schedule is not None:
        try:
            CronSim(when.schedule, datetime(2026, 1, 1))  # noqa: DTZ001 - only its form is looked at
        except CronSimError as error:
            raise InvalidTrigger(f"schedule {when.schedule!r}: {error}") from None
        if len(when.schedule.split()) != 5:
            raise InvalidTrigger("a schedule has five fields: minute hour day month weekday")


def _check_do(trigger: Trigger) -> None:
    do = trigger.do
    match do.action:
        case Action.WEBHOOK:
            if not do.target.startswith(("http://", "https://")):
                raise InvalidTrigger("a webhook is an http or https URL")
            if do.form not in {"cloudevents", "s3"}:
                raise InvalidTrigger("the form of a webhook is cloudevents or s3")
        case Action.COMMAND:
            if not do.argv or any("\0" in one for one in do.argv):
                raise InvalidTrigger("a command is a list of arguments, the program first")
            if not 0 < do.seconds <= COMMAND_SECONDS_MAX:
                raise InvalidTrigger(f"a command may take up to {COMMAND_SECONDS_MAX} seconds")
        case Action.PROMOTE:
            check_name(do.target, "branch")
        case Action.TAG:
            name = do.target
            if not any(one in name for one in _PLACEHOLDERS):
                raise InvalidTrigger(
                    f"each tag needs a name of its own: put one of {', '.join(_PLACEHOLDERS)} in it"
                )
            for one in _PLACEHOLDERS:
                name = name.replace(one, "0")
            check_name(name, "tag")


def loop_of(triggers: Sequence[Trigger], new: Trigger) -> list[str] | None:
    """The triggers by which `new` would fire itself, by name, itself first; None for none.

    triggers: the others of the repo, `new` not among them.
    """
    every = [*triggers, new]
    way: list[str] = []
    seen: set[str] = set()

    def leads_back(trigger: Trigger) -> bool:
        if trigger.name in seen:
            return False
        seen.add(trigger.name)
        way.append(trigger.name)
        for other in every:
            if _fires(trigger, other) and (other is new or leads_back(other)):
                return True
        way.pop()
        return False

    return way if leads_back(new) else None


def _fires(one: Trigger, other: Trigger) -> bool:
    """Whether what `one` does may be what `other` looks at."""
    if one.repo != other.repo:
        return False
    if one.do.action is Action.PROMOTE:
        return other.looks_at_branch(one.do.target)
    if one.do.action is Action.TAG and other.on is On.TAG:
        # What the name will be is not known: compare what is fixed at its beginning.
        fixed = one.do.target.partition("{")[0]
        pattern = re.split(r"[*?]", other.where, maxsplit=1)[0]
        return fixed.startswith(pattern) or pattern.startswith(fixed)
    return False

"""The JSON of triggers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.models import Id, Time


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WhenAsked(_Asked):
    """What it waits for; nothing: each commit, promote or tag is one.

    Numbers count since it fired last. tasks: different tasks that were labeled.
    """

    commits: int | None = None
    objects: int | None = None
    tasks: int | None = None
    bytes: int | None = None
    quiet: float | None = Field(default=None, description="nothing came for so many seconds")
    schedule: str | None = Field(
        default=None, description="five fields of cron, in UTC", examples=["0 2 * * *"]
    )
    every: bool = Field(default=False, description="all of these, else any of them")


class CreateTrigger(_Asked):
    """The trigger to make: one of branch, promote and tag; one of webhook, command and so on."""

    name: str = Field(examples=["retrain"])
    branch: str | None = Field(default=None, description="at commits that come to it")
    promote: str | None = Field(default=None, description="at promotes to this branch")
    tag: str | None = Field(default=None, description="at new tags that fit", examples=["v*"])
    prefix: str = Field(default="", description="only keys that begin so count")
    when: WhenAsked = Field(default_factory=WhenAsked)
    webhook: str | None = Field(default=None, description="a URL to POST to")
    secret: str = Field(default="", description="signs the webhook; `whsec_...` or any text")
    form: Literal["cloudevents", "s3"] = Field(default="cloudevents", description="of its body")
    command: list[str] | None = Field(default=None, description="a program and its arguments")
    seconds: float = Field(default=3600.0, description="how long the command may take")
    promote_to: str | None = Field(default=None, description="a branch of the same repo")
    tag_as: str | None = Field(
        default=None, description="a name with {commit}, {date} or {number} in it"
    )


class TriggerOut(BaseModel):
    """A trigger. gained: what it has counted since it fired last. signed: it has a secret."""

    name: str
    repo: str
    on: str
    where: str
    prefix: str
    when: dict[str, Any]
    action: str
    target: str
    command: list[str]
    signed: bool
    form: str
    account: str
    created: Time
    gained: dict[str, int]
    waiting: int
    parked: int


class TriggersOut(BaseModel):
    """Triggers, by repo and name."""

    triggers: list[TriggerOut]


class FiringOut(BaseModel):
    """What a trigger fired. since: the commit before the first that it is about.

    state: waiting (for its turn, or the next try), done, parked (given up). told: what came of it.
    """

    id: str
    trigger: str
    repo: str
    ref: str
    commit: Id
    since: Id | None
    gained: dict[str, int]
    test: bool
    state: str
    tries: int
    time: Time
    told: str


class FiringsOut(BaseModel):
    """Newest first."""

    firings: list[FiringOut]

"""The JSON of the API, as OpenAPI shows it.

Times are ISO 8601 in UTC with milliseconds; sizes are bytes; ETags are bare; keys are raw.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.versioning.model import ChangeKind, Difference, RefKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(description="32 lower-case hex digits")]


def iso(time_ms: int) -> str:
    """Milliseconds since 1970 UTC as `2026-11-01T12:00:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Asked(BaseModel):
    """A request's body: a field nobody knows is an error, not a typo passed over."""

    model_config = ConfigDict(extra="forbid")


class CreateRepo(_Asked):
    """The repo to make."""

    repo: str = Field(description="`name[.project]`", examples=["labels"])


class CreateBranch(_Asked):
    """The branch to make."""

    name: str = Field(examples=["dev"])
    from_: str | None = Field(
        default=None,
        alias="from",
        description="where it starts: a REF of the same repo; without it the branch starts empty",
        examples=["master.labels"],
    )


class CreateTag(_Asked):
    """The tag to make."""

    name: str = Field(examples=["v1"])
    from_: str = Field(
        alias="from",
        description="what it names: a REF of the same repo",
        examples=["master.labels"],
    )


class ServerOut(BaseModel):
    """The server, and who it takes the caller for."""

    version: str
    time: Time
    account: str
    key_name: str


class RepoOut(BaseModel):
    """A repo. repo: `name[.project]`. account: whose it is."""

    repo: str
    name: str
    project: str
    account: str
    created: Time
    branches: int
    tags: int


class ReposOut(BaseModel):
    """Every repo the key may read, by project and name."""

    repos: list[RepoOut]


class RefOut(BaseModel):
    """A branch or tag. bucket: how S3 clients spell it. commit: what it names now."""

    name: str
    kind: RefKind
    bucket: str
    repo: str
    project: str
    commit: Id
    created: Time
    account: str


class BranchesOut(BaseModel):
    """Branches, by repo and name."""

    branches: list[RefOut]


class TagsOut(BaseModel):
    """Tags, by repo and name."""

    tags: list[RefOut]


class At(BaseModel):
    """The state that was read. bucket: as asked for; pinned: the same state for ever."""

    bucket: str
    pinned: str
    repo: str
    project: str
    ref: str | None
    kind: RefKind
    commit: Id


class CommitOut(BaseModel):
    """A commit. changes: how many there are. parents: none, one, or two after a merge."""

    id: Id
    repo: str
    project: str
    branch: str
    parents: list[Id]
    kind: str
    author: str
    message: str
    time: Time
    metadata: dict[str, str]
    changes: int


class LogOut(BaseModel):
    """Commits, newest first. next_after: pass it as `after` to go on; null at the end."""

    at: At
    commits: list[CommitOut]
    next_after: Id | None


class ChangeOut(BaseModel):
    """A change of a commit. lineage: the record of that write as it is kept; null when erased."""

    key: str
    kind: ChangeKind
    size: int
    etag: str
    lineage: dict[str, Any] | None


class ErasedOut(BaseModel):
    """A version that a commit erased: who and when are the commit's. reason: may be empty."""

    key: str
    version: str
    reason: str


class CommitPage(BaseModel):
    """A commit with its changes by key. next_after: pass it as `after` to go on.

    erased: the versions that it erased, all of them on each page.
    """

    at: At
    commit: CommitOut
    changes: list[ChangeOut]
    erased: list[ErasedOut]
    next_after: str | None


class SideOut(BaseModel):
    """An object on one side of a diff."""

    size: int
    etag: str
    modified: Time
    version: Id | None


class DifferenceOut(BaseModel):
    """A key that differs; the side where it is missing is null."""

    key: str
    difference: Difference
    old: SideOut | None
    new: SideOut | None


class DiffOut(BaseModel):
    """Objects that differ, by key. To go on, pass next_after with the `pinned` of both sides."""

    old: At
    new: At
    differences: list[DifferenceOut]
    next_after: str | None


class LineageOut(BaseModel):
    """From an object to its sources. record: as it is kept; null where it was erased."""

    object: str
    version: Id
    commit: Id
    record: dict[str, Any] | None


class ChannelOut(BaseModel):
    """Somebody who is told of commits. target: where; nothing of it is secret."""

    name: str
    target: str
    parked: int


class ParkedOut(BaseModel):
    """A commit that a receiver could not be told of. again: it is about to be tried once more."""

    id: int
    channel: str
    bucket: str
    commit: Id
    tries: int
    at: Time
    why: str
    again: bool


class DeliveriesOut(BaseModel):
    """Who is told of commits, and what was given up, oldest first, where the key has `admin`.

    next_after: pass it as `after` to go on; null at the end.
    """

    channels: list[ChannelOut]
    parked: list[ParkedOut]
    next_after: int | None


class ErrorOut(BaseModel):
    """Why a request was refused; some codes have further fields."""

    model_config = ConfigDict(extra="allow")

    code: str
    message: str
    request_id: str


class ErrorAnswer(BaseModel):
    """What every refusal looks like."""

    error: ErrorOut

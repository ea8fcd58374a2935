"""The JSON of the API, as OpenAPI shows it.

Times are ISO 8601 in UTC with milliseconds; sizes are bytes; ETags are bare; keys are raw.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.lineage.labeldiff import What
from gateway.merging.differing import Policy
from gateway.merging.promote import Way
from gateway.protocol.headers import METADATA_BYTES_MAX
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


def _check_metadata(given: dict[str, str]) -> dict[str, str]:
    size = sum(len(name) + len(text.encode()) for name, text in given.items())
    if size > METADATA_BYTES_MAX:
        raise ValueError(f"metadata has {size} bytes, of at most {METADATA_BYTES_MAX}")
    return given


CommitMetadata = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")], str],
    AfterValidator(_check_metadata),
]


class Change(_Asked):
    """What promote, revert and restore have in common."""

    message: str = Field(default="", description="of the commit; else one that says what it does")
    metadata: CommitMetadata = Field(
        default={}, description="of the commit; shown with `meta-` before each name"
    )
    if_head: str | None = Field(
        default=None, description="only while that commit is the branch's head"
    )
    dry_run: bool = Field(default=False, description="only say what would be done")


class Promote(Change):
    """What to promote to the branch."""

    from_: str = Field(alias="from", description="a REF of the same repo", examples=["dev.labels"])
    policy: Policy = Field(
        default=Policy.FAIL, description="about keys that both sides changed since they parted"
    )
    squash: bool = Field(
        default=False,
        description="in one commit with one parent, as if it had been written to the branch",
    )


class Revert(Change):
    """Which commits of the branch to undo."""

    commit: str = Field(description="the last one")
    since: str | None = Field(
        default=None, description="the commit before the first one; without it `commit` alone"
    )
    path: str = Field(default="", description="only this key, or with a final `/` all below it")
    policy: Policy = Field(
        default=Policy.FAIL, description="about keys that were changed again since"
    )


class Restore(Change):
    """Which earlier state to bring back."""

    at: str = Field(description="a commit id, or a REF of the same repo")
    path: str = Field(default="", description="only this key, or with a final `/` all below it")


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
    protected: bool


class BranchesOut(BaseModel):
    """Branches, by repo and name."""

    branches: list[RefOut]


class TagsOut(BaseModel):
    """Tags, by repo and name."""

    tags: list[RefOut]


class MoveOut(BaseModel):
    """What happened to a branch or tag but for commits: it was made, moved, deleted.

    old, new: where it stood before and after. who: the account; null where that is not known. why:
    the message of the promote that moved it; else empty.
    """

    action: str
    old: Id | None
    new: Id | None
    who: str | None
    time: Time
    why: str


class MovesOut(BaseModel):
    """Newest first; also of branches that had the name before."""

    moves: list[MoveOut]


class PromotedOut(BaseModel):
    """What became of a promote.

    way: nothing (the branch had all of it), forward (it was set to the source's commit), merge (a
    commit with two parents); of a dry run also refused (conflicts). changes: keys added, changed,
    removed; null of a forward. conflicts: keys that both sides changed, whatever was done.
    """

    way: Way
    head: Id
    before: Id
    source: Id
    base: Id | None
    changes: dict[str, int] | None
    conflicts: list[str]


class UndoneOut(BaseModel):
    """What became of a revert or restore. keys: what was changed, or would be."""

    head: Id
    before: Id
    keys: list[str]
    conflicts: list[str]


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


class LabelChangeOut(BaseModel):
    """One change of a label: see `what` (added, removed, moved, relabelled, choices, text ...).

    control: its name in the labeling config. region: the id of the result. annotation: which, where
    the object has several.
    """

    what: What
    control: str | None
    region: str | None
    old: Any
    new: Any
    annotation: int | None


class LabelDiffOut(BaseModel):
    """What changed in a label; no change where only what drifts by itself differs."""

    task: int
    project: int | None
    changes: list[LabelChangeOut]


class DifferenceOut(BaseModel):
    """A key that differs; the side where it is missing is null.

    label: what changed in it, where that was asked for and it is a label; else null.
    """

    key: str
    difference: Difference
    old: SideOut | None
    new: SideOut | None
    label: LabelDiffOut | None


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

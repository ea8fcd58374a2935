"""The JSON of what the index of lineage answers. Times are ISO 8601 in UTC; keys are raw."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.models import At, Id, Time
from gateway.lineage.checking import Doubt
from gateway.lineage.standing import Standing


class SourceOut(BaseModel):
    """A source of a write. version: of the object; null where it is not known.

    standing: what its URI names now; null where the version is not known.
    """

    uri: str
    version: Id | None
    evidence: str
    changed_during: bool
    standing: Standing | None


class WriteOut(BaseModel):
    """A write that was found. object: on its branch; exact: that version.

    current: whether the object on its branch is that version still. source: the one it was found
    by. What a field would say and the write does not is null.
    """

    object: str
    exact: str
    version: Id
    current: bool
    time: Time
    kind: str
    account: str | None
    project: int | None
    task: int | None
    annotation: int | None
    annotator: int | None
    annotator_hash: str | None
    source: SourceOut | None


class WritesOut(BaseModel):
    """Writes, by source where those were asked for, then newest first.

    next_after: pass it as `after` to go on; null at the end. A page may be short, or empty, and not
    the last: what is left out costs time too.
    """

    writes: list[WriteOut]
    next_after: str | None


class NodeOut(BaseModel):
    """A version of an object (`object`), a state (`state`), or a source not known (`unknown`).

    id: its URI, exact where the version is known. What follows `key` is of the write that made it.
    """

    id: str
    kind: Literal["object", "state", "unknown"]
    repo: str | None
    version: Id | None
    key: str
    body: str | None
    time: Time | None
    account: str | None
    task: int | None
    annotator: int | None


class EdgeOut(BaseModel):
    """`made` was made from `source`, by ids of nodes. evidence `member`: a state holds it."""

    model_config = ConfigDict(json_schema_extra={"required": ["made", "source", "evidence"]})

    made: str
    source: str
    evidence: str
    changed_during: bool


class GraphOut(BaseModel):
    """What `start` was made from and what was made from it, nearest first.

    whole: nothing was cut off by `nodes`. hidden: how many neighbours this key may not read.
    """

    start: str
    nodes: list[NodeOut]
    edges: list[EdgeOut]
    whole: bool
    hidden: int


class FindingOut(BaseModel):
    """A doubt about one source of an object. details: the source as the record has it."""

    object: str
    version: Id
    finding: Doubt
    source: str
    evidence: str
    details: dict[str, Any] = Field(description="the source as the record has it")


class CheckOut(BaseModel):
    """Findings on the objects of a page, by key. looked_at: how many those were.

    next_after: pass it as `after`, with `at.pinned` as the REF, to go on; null at the end.
    """

    at: At
    findings: list[FindingOut]
    looked_at: int
    next_after: str | None

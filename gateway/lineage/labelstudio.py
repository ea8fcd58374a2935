"""Reads what Label Studio writes to its target storage: `bytes -> Label`, pure and total.

Label Studio writes one annotation with its task inside (the default), or, with
FUTURE_SAVE_TASK_TO_STORAGE, one task with all its annotations. Names and e-mail addresses in the
body stay there: only ids go into records, and of an address a keyed hash where that is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn

from gateway.lineage.taskfiles import EMBEDDED
from gateway.lineage.uris import SCHEME, SourceUri, parse_uri, uris_in

LABEL_BYTES_MAX = 8 * 1024 * 1024
DEPTH_MAX = 100
DRIFT_RULE = "ls2"
WORK_DIGITS = 32

_ANNOTATION_FIELDS = frozenset({"id", "result", "task", "completed_by", "created_at", "updated_at"})
_TASK_FIELDS = frozenset({"id", "annotations", "data", "project", "created_at", "updated_at"})
# Label Studio writes the annotation before it updates the task's counters, so the next sync of an
# unchanged annotation carries other values than the save did. Behind each: since which release.
_TASK_DRIFT = (
    "updated_at",  # 1.0.1, the first that wrote to S3 at all
    "is_labeled",
    "updated_by",  # 1.5
    "total_annotations",
    "cancelled_annotations",
    "total_predictions",
    "comment_count",  # 1.6
    "unresolved_comment_count",
    "last_comment_updated_at",
    "comment_authors",
    "precomputed_agreement",  # 1.22; an average over all annotations of the task
    "state",  # 1.22, where its feature flags are on: how far the work on the task is
)
# So with the state of an annotation: null in what a sync writes, the first one after an edit. Any
# later one, as where a reviewer accepts it, is a person's doing.
_FIRST_STATES = (None, "CREATED")
# "5 minutes": HumanSignal/label-studio#2512.
_AGE = "created_ago"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ID = re.compile(r"\d{1,18}")


class Layout(StrEnum):
    """How Label Studio lays its objects out."""

    ANNOTATION = "annotation"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One annotation. Times in ms since 1970 UTC as Label Studio's clock says; None: not said.

    annotator: Label Studio's id of the user. lead_time_s: seconds of work as the browser counted.
    cancelled: the annotator skipped the task. viewed: it was made at a screen, not imported.
    called: the annotator's e-mail address, else user name, where the body has one; to be hashed.
    work: equal for two annotations that one annotator made of one task with the same regions, ids
    included, which no two people and no two submits of new work have. None: it says nothing, as
    there are no regions, or they were taken over from another annotation.
    """

    id: int
    annotator: int | None
    created_ms: int | None
    updated_ms: int | None
    drafted_ms: int | None
    lead_time_s: float | None
    result_count: int
    cancelled: bool
    viewed: bool = True
    called: str | None = field(default=None, repr=False)
    work: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What a body says of itself.

    annotations: exactly one in the annotation layout, in the body's order in the task layout.
    sources: every s3 URI in the task's data, in order, each once.
    same_as: equal for two bodies exactly when they differ at most in what drifts by itself, in
        the order of their fields, in white space and in how their texts are escaped.
    data: the task's, its numbers as marked literals; `plain` makes it what it was.
    """

    layout: Layout
    project: int | None
    task: int
    task_created_ms: int | None
    annotations: tuple[Annotation, ...]
    sources: tuple[SourceUri, ...]
    same_as: str
    data: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def newest(self) -> Annotation | None:
        """The annotation that was saved last, which is the one that this body was written for."""
        return max(self.annotations, key=lambda one: one.updated_ms or 0, default=None)


def read(body: bytes) -> Label | None:
    """The label in `body`, or None where it is none. Never raises; linear in the body's size.

    Not recognised: more than 8 MiB, nested deeper than 100, duplicate keys, NaN and Infinity,
    anything that is not UTF-8, the lone surrogate U+DBFF.
    """
    document = _document(body)
    if document is None:
        return None
    if document.keys() >= _ANNOTATION_FIELDS:
        return _annotation_layout(document)
    if document.keys() >= _TASK_FIELDS:
        return _task_layout(document)
    return None


def plain(value: Any) -> Any:
    """JSON with marked literals as any reader of JSON takes it."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    literal = _literal(value)
    return value if literal is None else json.loads(literal)


def _sources(data: dict[str, Any]) -> tuple[SourceUri, ...]:
    """What a task's data names, with what a gateway may have put into it as it was served."""
    found = uris_in(data)
    named = data.get(EMBEDDED)
    exact = parse_uri(f"{SCHEME}{named}") if isinstance(named, str) else None
    return tuple(dict.fromkeys([*found, exact] if exact is not None else found))


def _document(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`, numbers marked, where it may be a label."""
    if len(body) > LABEL_BYTES_MAX or (b'"result"' not in body and b'"annotations"' not in body):
        return None
    try:
        document = None if _MARK_ESCAPED.search(body) else _parse(body.decode())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and _shallow(body, document) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("an object holds a key twice, and readers differ on which one counts")
    return form


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


# Numbers stay the literals they are, behind a mark that no text can begin with: as floats, 1.0 and
# 1.00 would be one. Half a surrogate pair occurs in a text only by its escape.
_MARK = "\udbff"
_MARK_ESCAPED = re.compile(rb"\\u[dD][bB][fF][fF]")
_number = (_MARK + "{}").format
_parse = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=_number, parse_int=_number, parse_constant=_refuse
).decode
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def _annotation_layout(document: dict[str, Any]) -> Label | None:
    task = document["task"]
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        return None
    task_id, project = _identity(task.get("id")), _identity(document.get("project"))
    if task_id is None:
        return None
    if project is None:
        project = _identity(task.get("project"))
    annotation = _annotation(document, project, task_id)
    if annotation is None:
        return None
    return Label(
        layout=Layout.ANNOTATION,
        project=project,
        task=task_id,
        task_created_ms=_time(task.get("created_at")),
        annotations=(annotation,),
        sources=_sources(task["data"]),
        same_as=_digest(document, task, (document,)),
        data=task["data"],
    )


def _task_layout(document: dict[str, Any]) -> Label | None:
    listed, task_id = document["annotations"], _identity(document["id"])
    if not isinstance(listed, list) or not isinstance(document["data"], dict) or task_id is None:
        return None
    project = _identity(document["project"])
    annotations = [_annotation(one, project, task_id) for one in listed]
    if None in annotations:
        return None
    aged = [
        one
        for name in ("annotations", "drafts", "predictions")
        for one in _objects(document.get(name))
    ]
    return Label(
        layout=Layout.TASK,
        project=project,
        task=task_id,
        task_created_ms=_time(document["created_at"]),
        annotations=tuple(one for one in annotations if one is not None),
        sources=_sources(document["data"]),
        same_as=_digest(document, document, aged),
        data=document["data"],
    )


def _annotation(form: Any, project: int | None, task: int) -> Annotation | None:
    if not isinstance(form, dict) or not isinstance(form.get("result"), list):
        return None
    identity = _identity(form.get("id"))
    if identity is None:
        return None
    by = form.get("completed_by")
    annotator = _identity(by.get("id") if isinstance(by, dict) else by)
    return Annotation(
        id=identity,
        annotator=annotator,
        created_ms=_time(form.get("created_at")),
        updated_ms=_time(form.get("updated_at")),
        drafted_ms=_time(form.get("draft_created_at")),
        lead_time_s=_seconds(form.get("lead_time")),
        result_count=len(form["result"]),
        cancelled=form.get("was_cancelled") is True,
        viewed=form.get("import_id") is None and form.get("bulk_created") is not True,
        called=_called(by),
        work=_work(form, (project, task, annotator)),
    )


def _work(form: dict[str, Any], whose: tuple[int | None, int, int | None]) -> str | None:
    """See Annotation. whose: project, task and annotator."""
    if not form["result"] or None in whose or form.get("parent_annotation") is not None:
        return None
    text = _canonical([*whose, form["result"]])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:WORK_DIGITS]


def _digest(document: dict[str, Any], task: dict[str, Any], aged: Iterable[dict[str, Any]]) -> str:
    """SHA-256 of the document without what drifts, which is taken out of it here."""
    for name in _TASK_DRIFT:
        task.pop(name, None)
    for one in aged:
        one.pop(_AGE, None)
        if one.get("state") in _FIRST_STATES:
            one.pop("state", None)
    # Databases may hand a JSON column back with its keys in another order: the order is no change.
    return f"{DRIFT_RULE}:{hashlib.sha256(_canonical(document).encode('ascii')).hexdigest()}"


def _shallow(body: bytes, document: dict[str, Any]) -> bool:
    """Whether the document nests no deeper than DEPTH_MAX; the bytes alone mostly show it."""
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return True
    level: list[Any] = [document]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return True
    return False


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _called(by: Any) -> str | None:
    """What the user is called who `completed_by` says did it."""
    names = (by.get("email"), by.get("username")) if isinstance(by, dict) else ()
    texts = (name for name in names if isinstance(name, str) and _literal(name) is None)
    return next((text for text in texts if text.strip()), None)


def _identity(value: Any) -> int | None:
    """A database id: a whole number of at most 18 digits."""
    literal = _literal(value)
    return int(literal) if literal and _ID.fullmatch(literal) else None


def _seconds(value: Any) -> float | None:
    literal = _literal(value)
    seconds = float(literal) if literal else -1
    return seconds if 0 <= seconds < 2**53 else None


def _literal(value: Any) -> str | None:
    """The number's literal, where the value is one."""
    return value[1:] if isinstance(value, str) and value.startswith(_MARK) else None


def _time(value: Any) -> int | None:
    """An ISO 8601 time in ms since 1970; without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND

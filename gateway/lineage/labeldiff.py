"""What changed between two versions of a label, as people who label speak of it. Pure.

Not the JSON: what drifts by itself, times, counters and the order of fields are no changes here. A
result of Label Studio is known again by its id and the name of its control; where an edit gave it
another id (a choice made anew) by its control alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.lineage.labelstudio import read

Result = Mapping[str, Any]
_OF_REGIONS = frozenset({"labels", "rectangle", "ellipse", "polygon", "keypoint", "brush"})
_CHOICES, _TEXT = "choices", "textarea"


class What(StrEnum):
    """Kinds of changes. old and new are what was chosen, drawn or written before and after.

    ADDED, REMOVED: a result as a whole. MOVED: where a region is, in the value's own words.
    RELABELLED: which labels it has. CHOICES, TEXT: of a control for these. VALUE: anything else
    that a control holds (rating, number, taxonomy, ranking ...). ANNOTATOR: by Label Studio's id.
    SKIPPED, GROUND_TRUTH: true or false. ANNOTATION_ADDED, ANNOTATION_REMOVED: in the layout of one
    object a task.
    """

    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    RELABELLED = "relabelled"
    CHOICES = "choices"
    TEXT = "text"
    VALUE = "value"
    ANNOTATOR = "annotator"
    SKIPPED = "skipped"
    GROUND_TRUTH = "ground-truth"
    ANNOTATION_ADDED = "annotation-added"
    ANNOTATION_REMOVED = "annotation-removed"


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One change. control: the name in the labeling config. region: the id of the result.

    annotation: of which; None where the layout has one only.
    """

    what: What
    control: str | None = None
    region: str | None = None
    old: Any = None
    new: Any = None
    annotation: int | None = None


@dataclass(frozen=True, slots=True)
class LabelDiff:
    """Two versions of a label: which task, and what changed. Nothing may have."""

    task: int
    project: int | None
    changes: tuple[LabelChange, ...] = field(default=())


def label_diff(old: bytes | None, new: bytes | None) -> LabelDiff | None:
    """What changed between two bodies; a missing one is None. None where no body is a label.

    A body that is no label counts as none.
    """
    before, after = (None if body is None else read(body) for body in (old, new))
    label = after or before
    if label is None:
        return None
    mine = _annotations(old) if before and old else {}
    others = _annotations(new) if after and new else {}
    several = len(mine) > 1 or len(others) > 1 or (mine.keys() != others.keys() and mine and others)
    changes: list[LabelChange] = []
    for identity in dict.fromkeys([*mine, *others]):
        number = identity if several else None
        changes += _of_annotation(mine.get(identity), others.get(identity), number)
    return LabelDiff(label.task, label.project, tuple(changes))


def _annotations(body: bytes) -> dict[int, dict[str, Any]]:
    """The annotations of a label by id, in either layout."""
    document: dict[str, Any] = json.loads(body)
    listed = document.get("annotations", [document])
    return {one["id"]: one for one in listed}


def _of_annotation(
    old: dict[str, Any] | None, new: dict[str, Any] | None, number: int | None
) -> Iterator[LabelChange]:
    if number is not None and old is None and new is not None:
        yield LabelChange(What.ANNOTATION_ADDED, new=_user(new), annotation=number)
    if number is not None and new is None and old is not None:
        yield LabelChange(What.ANNOTATION_REMOVED, old=_user(old), annotation=number)
    before, after = old or {}, new or {}
    if old is not None and new is not None:
        for what, was, now in (
            (What.ANNOTATOR, _user(before), _user(after)),
            (What.SKIPPED, before.get("was_cancelled"), after.get("was_cancelled")),
            (What.GROUND_TRUTH, before.get("ground_truth"), after.get("ground_truth")),
        ):
            if (was or None) != (now or None):
                yield LabelChange(what, old=was, new=now, annotation=number)
    for was, now in _paired(before.get("result", ()), after.get("result", ())):
        yield from _of_result(was, now, number)


def _paired(
    old: Iterable[Any], new: Iterable[Any]
) -> Iterator[tuple[Result | None, Result | None]]:
    """Results that are the same one before and after, in the order of the first."""
    mine = [one for one in old if isinstance(one, dict)]
    others = [one for one in new if isinstance(one, dict)]
    for same in (_identity, _control):
        for was in list(mine):
            now = next((one for one in others if same(one) == same(was)), None)
            if now is not None and (same is _identity or _is_of_task(was)):
                yield was, now
                mine.remove(was)
                others.remove(now)
    for was in mine:
        yield was, None
    for now in others:
        yield None, now


def _identity(result: Result) -> tuple[Any, ...]:
    return result.get("id"), result.get("from_name"), result.get("type")


def _control(result: Result) -> tuple[Any, ...]:
    return result.get("from_name"), result.get("to_name"), result.get("type")


def _is_of_task(result: Result) -> bool:
    """Whether it is about the task as a whole, of which a control has one result."""
    return not _is_region(result) and result.get("parentID") is None


def _is_region(result: Result) -> bool:
    kind = str(result.get("type", ""))
    return kind in _OF_REGIONS or kind.endswith("labels")


def _of_result(old: Result | None, new: Result | None, number: int | None) -> Iterator[LabelChange]:
    one = old if new is None else new
    assert one is not None
    control, region = one.get("from_name"), one.get("id")

    def change(what: What, was: Any, now: Any) -> LabelChange:
        return LabelChange(what, control, region, was, now, number)

    was, now = _value(old), _value(new)
    if old is None:
        yield change(What.ADDED, None, _shown(one, now))
        return
    if new is None:
        yield change(What.REMOVED, _shown(one, was), None)
        return
    kind = str(one.get("type", ""))
    if _is_region(one):
        labels_before, labels_after = was.pop(kind, None), now.pop(kind, None)
        if labels_before != labels_after:
            yield change(What.RELABELLED, labels_before, labels_after)
        if was != now:
            yield change(What.MOVED, *_differing(was, now))
    elif was != now:
        what = {_CHOICES: What.CHOICES, _TEXT: What.TEXT}.get(kind, What.VALUE)
        yield change(what, was.get(_key(kind), was), now.get(_key(kind), now))


def _value(result: Result | None) -> dict[str, Any]:
    value = (result or {}).get("value")
    return dict(value) if isinstance(value, dict) else {}


def _key(kind: str) -> str:
    return "text" if kind == _TEXT else kind


def _shown(result: Result, value: Mapping[str, Any]) -> Any:
    """Of a result as a whole what says most: its labels or choices, else its value."""
    return value.get(_key(str(result.get("type", ""))), dict(value))


def _differing(
    was: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a place differs, so that a region that was shifted does not tell its height."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return {n: was.get(n) for n in names}, {n: now.get(n) for n in names}


def _user(annotation: Mapping[str, Any]) -> int | None:
    by = annotation.get("completed_by")
    found = by.get("id") if isinstance(by, dict) else by
    return found if isinstance(found, int) else None

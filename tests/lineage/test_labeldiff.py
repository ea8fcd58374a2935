"""Changes of labels as people who label speak of them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from labels import RESULT, annotation, encoded, task

from gateway.lineage.labeldiff import LabelChange, What, label_diff


def result(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "r1", "type": kind, "from_name": "c", "to_name": "t", "value": value} | more


def choice(name: str, **more: Any) -> dict[str, Any]:
    return result("choices", {"choices": [name]}, **more)


def changes(old: Any, new: Any) -> list[LabelChange]:
    diff = label_diff(None if old is None else encoded(old), None if new is None else encoded(new))
    assert diff is not None
    assert (diff.task, diff.project) == (11, 2)
    return list(diff.changes)


def of_results(old: list[Any], new: list[Any]) -> list[LabelChange]:
    return changes(annotation(result=old), annotation(result=new))


def moved(**place: Any) -> list[Any]:
    form = copy.deepcopy(RESULT)
    form[0]["value"] |= place
    return form


def test_a_region_is_moved_or_relabelled_or_both() -> None:
    [change] = of_results(RESULT, moved(x=11, y=20))
    assert change == LabelChange(What.MOVED, "label", "rect000001", {"x": 10.5}, {"x": 11})
    [change] = of_results(RESULT, moved(rectanglelabels=["Bus"]))
    assert change == LabelChange(What.RELABELLED, "label", "rect000001", ["Car"], ["Bus"])
    both = of_results(RESULT, moved(rectanglelabels=["Bus"], width=1))
    assert [one.what for one in both] == [What.RELABELLED, What.MOVED]


def test_regions_are_added_and_removed() -> None:
    other = [{**RESULT[0], "id": "rect000002"}]
    [change] = of_results(RESULT, RESULT + other)
    assert change == LabelChange(What.ADDED, "label", "rect000002", None, ["Car"])
    [change] = of_results(RESULT, [])
    assert change == LabelChange(What.REMOVED, "label", "rect000001", ["Car"], None)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (choice("A"), choice("B"), LabelChange(What.CHOICES, "c", "r1", ["A"], ["B"])),
        (choice("A"), choice("B", id="r2"), LabelChange(What.CHOICES, "c", "r2", ["A"], ["B"])),
        (
            result("textarea", {"text": ["one"]}), result("textarea", {"text": ["two"]}),
            LabelChange(What.TEXT, "c", "r1", ["one"], ["two"]),
        ),
        (
            result("rating", {"rating": 3}), result("rating", {"rating": 4}),
            LabelChange(What.VALUE, "c", "r1", 3, 4),
        ),
        (
            result("labels", {"start": 0, "end": 4, "text": "Anna", "labels": ["PER"]}),
            result("labels", {"start": 0, "end": 9, "text": "Anna Maria", "labels": ["PER"]}),
            LabelChange(
                What.MOVED, "c", "r1",
                {"end": 4, "text": "Anna"}, {"end": 9, "text": "Anna Maria"},
            ),
        ),
    ],
)  # fmt: skip
def test_each_kind_of_control_has_its_word(
    old: dict[str, Any], new: dict[str, Any], change: LabelChange
) -> None:
    assert of_results([old], [new]) == [change]


def test_a_region_with_another_id_is_another_region() -> None:
    """Two boxes of one control are two things, even where only one is left."""
    found = of_results(RESULT, [{**RESULT[0], "id": "rect000009"}])
    assert [one.what for one in found] == [What.REMOVED, What.ADDED]


def test_who_and_whether_are_changes() -> None:
    new = annotation(completed_by={"id": 8}, was_cancelled=True, ground_truth=True)
    assert changes(annotation(), new) == [
        LabelChange(What.ANNOTATOR, old=7, new=8),
        LabelChange(What.SKIPPED, old=False, new=True),
        LabelChange(What.GROUND_TRUTH, old=False, new=True),
    ]


def test_what_drifts_is_no_change() -> None:
    new = annotation(created_ago="3 days", updated_at="2026-12-01T00:00:00Z", lead_time=99)
    new["task"]["total_annotations"] = 5
    assert changes(annotation(), dict(reversed(new.items()))) == []


def test_a_new_or_deleted_label_tells_its_results() -> None:
    [made] = changes(None, annotation())
    assert (made.what, made.new) == (What.ADDED, ["Car"])
    [gone] = changes(annotation(), None)
    assert (gone.what, gone.old) == (What.REMOVED, ["Car"])


def test_a_task_tells_of_which_annotation() -> None:
    [one] = task()["annotations"]
    other = {**one, "id": 5, "completed_by": {"id": 8}, "result": moved(x=1)}
    found = changes(task(), task(annotations=[one, other]))
    assert [(change.what, change.annotation) for change in found] == [
        (What.ANNOTATION_ADDED, 5), (What.ADDED, 5),
    ]  # fmt: skip
    found = changes(task(annotations=[one, other]), task(annotations=[other]))
    assert [(change.what, change.annotation) for change in found] == [
        (What.ANNOTATION_REMOVED, 4), (What.REMOVED, 4),
    ]  # fmt: skip
    [change] = changes(task(), task(annotations=[{**one, "result": moved(x=1)}]))
    assert (change.what, change.annotation) == (What.MOVED, None)


def test_what_is_no_label_has_no_changes_of_one() -> None:
    assert label_diff(b"x", b"y") is None
    assert label_diff(None, b'{"a": 1}') is None
    diff = label_diff(b"no label", encoded(annotation()))
    assert diff is not None
    assert [one.what for one in diff.changes] == [What.ADDED]


@pytest.mark.parametrize("odd", [[1], ["x"], [{}], [{"id": 1}], [{"value": 7, "type": 3}]])
def test_results_of_any_shape_are_compared(odd: list[Any]) -> None:
    of_results(odd, RESULT)
    of_results(RESULT, odd)
    assert of_results(odd, odd) == []

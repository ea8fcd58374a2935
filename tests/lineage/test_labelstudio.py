"""What is read from Label Studio's bodies, and which of two bodies are the same label."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from labels import COUNTERS, CREATED, RESULT, UPDATED, annotation, encoded, task

from gateway.lineage.labelstudio import LABEL_BYTES_MAX, Layout, read

LAYOUTS: list[Callable[..., dict[str, Any]]] = [annotation, task]
# What drifts in a task: "state" is there only where the feature flags of states are on.
DRIFT = sorted({*COUNTERS, "state"})


def same_as(form: Any) -> str:
    label = read(encoded(form))
    assert label is not None
    return label.same_as


def test_an_annotation_says_who_labeled_what_and_when() -> None:
    label = read(encoded(annotation()))
    assert label is not None
    assert (label.layout, label.project, label.task) == (Layout.ANNOTATION, 2, 11)
    [one] = label.annotations
    assert (one.id, one.annotator, one.lead_time_s) == (4, 7, 9.1)
    assert (one.result_count, one.cancelled, one.drafted_ms) == (1, False, None)
    assert one.created_ms == one.updated_ms == 1_795_407_543_536
    assert label.task_created_ms == 1_795_407_475_248
    assert [str(uri) for uri in label.sources] == ["s3://master.raw/images/img 3.png"]


def test_a_task_says_it_of_all_its_annotations() -> None:
    form = task()
    later = {**form["annotations"][0], "id": 9, "updated_at": "2026-11-23T05:00:00+01:00"}
    latest = {**later, "id": 8, "completed_by": 3, "updated_at": "2026-11-24T00:00:00Z"}
    label = read(encoded(task(annotations=[*form["annotations"], latest, later])))
    assert label is not None
    assert (label.layout, label.project, label.task) == (Layout.TASK, 2, 11)
    assert [one.id for one in label.annotations] == [4, 8, 9]
    assert label.newest is not None
    assert (label.newest.id, label.newest.annotator) == (8, 3)


def test_a_task_without_annotations_is_a_label_with_nothing_newest() -> None:
    label = read(encoded(task(annotations=[])))
    assert label is not None
    assert label.newest is None


def test_a_skipped_task_is_a_label() -> None:
    label = read(encoded(annotation(was_cancelled=True, result=[])))
    assert label is not None
    assert (label.annotations[0].cancelled, label.annotations[0].result_count) == (True, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_personal_is_taken_but_ids(layout: Callable[..., dict[str, Any]]) -> None:
    assert "example.com" not in repr(read(encoded(layout())))


@pytest.mark.parametrize(
    ("data", "sources"),
    [
        ({"text": "no uri at all"}, []),
        ({"image": "s3://b/k"}, ["s3://b/k"]),
        ({"image": "  s3://b/a key\n"}, ["s3://b/a key"]),
        ({"deep": {"list": [{"a": "s3://b/1"}, ["s3://b/2"]]}}, ["s3://b/1", "s3://b/2"]),
        ({"a": "s3://b/k", "b": "s3://b/k"}, ["s3://b/k"]),
        (
            {"html": "<img src=\"s3://b/one.png\"><a href='s3://b/two words'>x</a>"},
            ["s3://b/one.png", "s3://b/two words"],
        ),
        ({"text": "see s3://b/k, and (s3://b/l)."}, ["s3://b/k", "s3://b/l"]),
        ({"image": "s3://b/k?versionId=1"}, ["s3://b/k"]),
        ({"image": "s3://b/a+b%20c#d"}, ["s3://b/a+b%20c#d"]),
        ({"image": "https://x/s3://", "url": "s3:/b/k"}, []),
        ({"image": "s3://b/"}, []),
        ({"s3://not/a/value": 1}, []),
        ([], None),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sources_are_the_s3_uris_of_the_tasks_data(
    layout: Callable[..., dict[str, Any]], data: Any, sources: list[str] | None
) -> None:
    label = read(encoded(layout(data=data)))
    if sources is None:
        assert label is None
    else:
        assert label is not None
        assert [str(uri) for uri in label.sources] == sources


def test_sources_are_taken_from_the_data_and_nowhere_else() -> None:
    form = annotation(data={"text": "x"})
    form["task"]["meta"] = {"image": "s3://b/meta"}
    form["result"][0]["value"]["text"] = ["s3://b/result"]
    label = read(encoded(form))
    assert label is not None
    assert label.sources == ()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("field", ["id", "data", "project", "created_at", "annotations", "result"])
def test_a_body_without_one_of_its_marks_is_no_label(
    layout: Callable[..., dict[str, Any]], field: str
) -> None:
    form = layout()
    if field not in form:
        return
    without = {name: value for name, value in form.items() if name != field}
    if layout is annotation and field == "project":
        assert read(encoded(without)) is not None  # its task says it too
    else:
        assert read(encoded(without)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"result"',
        b'{"result": [], "annotations": []}',
        b"\xff" + encoded(annotation()),
        encoded(annotation()).replace(b"9.1", b"NaN"),
        encoded(annotation())[:-1],
        encoded(annotation()) + b"{}",
        encoded(annotation())[:-1] + b', "id": 4}',
        encoded(annotation(result=json.loads("[" * 150 + "]" * 150))),
        encoded(annotation(id="4")),
        encoded(annotation(id=4.5)),
        encoded(annotation(id=True)),
        encoded(annotation(result={})),
        encoded(annotation(task=[])),
        encoded(task(annotations={})),
        encoded(task(annotations=[1])),
        encoded(annotation(result=["x" * LABEL_BYTES_MAX])),
    ],
)
def test_what_is_no_label_is_none(body: bytes) -> None:
    assert read(body) is None


def test_fields_that_are_not_as_expected_are_left_unknown() -> None:
    form = annotation(
        completed_by="ann", lead_time="long", created_at=5, updated_at="yesterday", project={}
    )
    form["task"].update(project="x", created_at=None)
    label = read(encoded(form))
    assert label is not None
    [one] = label.annotations
    assert (one.annotator, one.lead_time_s, one.created_ms, one.updated_ms) == (None,) * 4
    assert (label.project, label.task_created_ms) == (None, None)


# ---- the no-op rule


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_sync_changes_by_itself_is_no_change(
    layout: Callable[..., dict[str, Any]],
) -> None:
    before, after = layout(), layout()
    place = after["task"] if layout is annotation else after
    place.update(
        updated_at="2026-11-25T00:00:00Z", updated_by=[{"user_id": 7}], is_labeled=True,
        total_annotations=1, cancelled_annotations=1, total_predictions=2, comment_count=3,
        unresolved_comment_count=1, last_comment_updated_at="2026-11-25T00:00:00Z",
        comment_authors=[7], precomputed_agreement=0.5, state="COMPLETED",
    )  # fmt: skip
    if layout is annotation:
        after |= {"created_ago": "3\u00a0days, 4\u00a0hours", "state": "CREATED"}
    else:
        for name in ("annotations", "drafts", "predictions"):
            before[name] = before[name] or [{"id": 1}]
            drift = {"created_ago": "1 day", "state": "CREATED"}
            after[name] = [{**one, **drift} for one in before[name]]
    assert same_as(after) == same_as(before)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_drift_is_swallowed_whatever_it_becomes(
    layout: Callable[..., dict[str, Any]], data: st.DataObject
) -> None:
    before, after = layout(), layout()
    place = after["task"] if layout is annotation else after
    for name in data.draw(st.sets(st.sampled_from(DRIFT), min_size=1)):
        if name == "updated_at" or data.draw(st.booleans()):  # it marks a task
            place[name] = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()))
        else:
            place.pop(name, None)
    assert same_as(after) == same_as(before)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a JSON value that is not a container."""
    if isinstance(value, dict) and value:
        for name in value:
            yield from leaves(value[name], (*path, name))
    elif isinstance(value, list) and value:
        for at in range(len(value)):
            yield from leaves(value[at], (*path, at))
    else:
        yield path


def drifts(layout: Callable[..., dict[str, Any]], path: tuple[Any, ...]) -> bool:
    if layout is annotation:
        return path[0] == "created_ago" or (path[0] == "task" and path[1] in DRIFT)
    return path[0] in DRIFT or path[-1] == "created_ago"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_no_real_edit_is_ever_swallowed(
    layout: Callable[..., dict[str, Any]], data: st.DataObject
) -> None:
    before, after = layout(), layout()
    path = data.draw(st.sampled_from([p for p in leaves(after) if not drifts(layout, p)]))
    place = after
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    new = data.draw(JSON)
    assume(json.dumps(new, sort_keys=True) != json.dumps(old, sort_keys=True))
    place[path[-1]] = new
    label = read(encoded(after))
    assert label is None or label.same_as != same_as(before)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_a_field_more_or_less_is_an_edit(
    layout: Callable[..., dict[str, Any]], data: st.DataObject
) -> None:
    before = layout()
    paths = [p for p in leaves(before) if not drifts(layout, p) and isinstance(p[-1], str)]
    path = data.draw(st.sampled_from(paths))
    for add in (True, False):
        after = copy.deepcopy(before)
        place = after
        for step in path[:-1]:
            place = place[step]
        if add:
            place[data.draw(st.text(min_size=1, max_size=6).filter(
                lambda name, place=place: name not in place and name not in DRIFT
                and name != "created_ago"))] = None  # fmt: skip
        else:
            del place[path[-1]]
        label = read(encoded(after))
        assert label is None or label.same_as != same_as(before)


# ---- what other releases write
#
# Bodies that these releases themselves made of one annotation: saved, synced two days later,
# changed (skipped where it was not, submitted where it was skipped), and synced again; 1.1 has no
# sync, so there it is what another save would write. 1.0 does not install any more: by its source
# 1.0.1 and 1.0.2 write what 1.1 does, and 1.0.0 nothing, as it hands S3 an object.


RELEASES = [
    pytest.param(case, id=f"{file.stem}-{case.pop('case')}")
    for file in sorted(Path(__file__).with_name("releases").glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("bodies", RELEASES)
def test_every_release_is_read_and_its_syncs_are_no_change(bodies: dict[str, Any]) -> None:
    assert same_as(bodies["saved"]) == same_as(bodies["synced"])
    assert same_as(bodies["changed"]) == same_as(bodies["changed_synced"])
    labels = [read(encoded(bodies[name])) for name in ("saved", "changed")]
    ones = [label.newest for label in labels if label]
    assert [(one.annotator, one.viewed) for one in ones if one] == [(1, True)] * 2


@pytest.mark.parametrize("bodies", RELEASES)
def test_to_skip_what_was_submitted_and_the_other_way_round_is_an_edit(
    bodies: dict[str, Any],
) -> None:
    for before, after in itertools.product(("saved", "synced"), ("changed", "changed_synced")):
        assert same_as(bodies[before]) != same_as(bodies[after])
    skips = [read(encoded(bodies[name])) for name in ("saved", "changed")]
    ones = [label.newest for label in skips if label]
    assert {(one.cancelled, one.result_count) for one in ones if one} == {(True, 0), (False, 1)}


@pytest.mark.parametrize("bodies", RELEASES)
@given(data=st.data())
def test_no_real_edit_of_what_a_release_wrote_is_swallowed(
    bodies: dict[str, Any], data: st.DataObject
) -> None:
    before = bodies["saved"]
    after = copy.deepcopy(before)
    layout = annotation if "result" in before else task
    states = [p for p in leaves(after) if p[-1] == "state"]  # those of annotations: tested below
    *steps, last = data.draw(
        st.sampled_from([p for p in leaves(after) if not drifts(layout, p) and p not in states])
    )
    place = after
    for step in steps:
        place = place[step]
    old, place[last] = place[last], data.draw(JSON)
    assume(json.dumps(place[last], sort_keys=True) != json.dumps(old, sort_keys=True))
    label = read(encoded(after))
    assert label is None or label.same_as != same_as(before)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("state", ["SUBMITTED", "ACCEPTED", "created", "", 0, ["CREATED"], {}])
def test_a_state_that_a_person_brought_about_is_an_edit(
    layout: Callable[..., dict[str, Any]], state: Any
) -> None:
    after = layout()
    place = after if layout is annotation else after["annotations"][0]
    place["state"] = state
    assert same_as(after) != same_as(layout())


def test_predictions_that_are_written_whole_age_and_are_else_content() -> None:
    """1.0.2 to 1.2 write them whole in the task layout; 1.4 and later write their ids."""
    one = {
        "id": 3, "model_version": "m1", "created_ago": "0\u00a0minutes", "result": RESULT,
        "score": 0.5, "cluster": None, "neighbors": None, "mislabeling": 0.0, "task": 11,
        "created_at": CREATED, "updated_at": UPDATED,
    }  # fmt: skip
    before = same_as(task(predictions=[one]))
    assert same_as(task(predictions=[{**one, "created_ago": "3\u00a0weeks"}])) == before
    for edit in ({"score": 0.6}, {"model_version": "m2"}, {"result": []}, {"id": 4}):
        assert same_as(task(predictions=[one | edit])) != before
    assert same_as(task(predictions=[3])) != same_as(task(predictions=[3, 4]))
    assert same_as(task(predictions=[one])) != same_as(task(predictions=[one, one]))


@pytest.mark.parametrize(
    ("one", "other"),
    [(b"9.1", b"9.10"), (b"9.1", b"9.1000000000000000001"), (b"10.5", b"10.50000000000000001"),
     (b'"y": 20', b'"y": 20.0'), (b'"y": 20', b'"y": 2e1'), (b'"y": 20', b'"y": "20"'),
     (b'"y": 20', b'"y": -0')],
)  # fmt: skip
def test_a_number_written_otherwise_is_an_edit(one: bytes, other: bytes) -> None:
    body = encoded(annotation())
    assert one in body
    before, after = read(body), read(body.replace(one, other))
    assert before is not None
    assert after is not None
    assert before.same_as != after.same_as


@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    seed=st.randoms(use_true_random=False), ascii_only=st.booleans(), indent=st.none() | st.just(2)
)
def test_the_order_of_fields_and_the_spelling_of_texts_are_no_edit(
    layout: Callable[..., dict[str, Any]], seed: Any, ascii_only: bool, indent: int | None
) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            names = list(value)
            seed.shuffle(names)
            return {name: shuffled(value[name]) for name in names}
        return [shuffled(one) for one in value] if isinstance(value, list) else value

    form = layout(data={"text": "ü \u2028 \N{GRINNING FACE}"})
    body = json.dumps(shuffled(form), ensure_ascii=ascii_only, indent=indent).encode()
    label = read(body)
    assert label is not None
    assert label.same_as == same_as(form)


@given(st.binary(max_size=200), st.sampled_from([b"", b'{"result": ', b'{"annotations": ']))
def test_no_bytes_make_it_raise(body: bytes, start: bytes) -> None:
    read(start + body)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
def test_no_body_that_is_almost_a_label_makes_it_raise(
    layout: Callable[..., dict[str, Any]], data: st.DataObject
) -> None:
    form = layout()
    for path in data.draw(st.lists(st.sampled_from(list(leaves(form))), max_size=4)):
        place = form
        for step in path[:-1]:
            place = place[step] if isinstance(place, (dict, list)) else {}
        if isinstance(place, dict):
            place[path[-1]] = data.draw(JSON)
    read(encoded(form))

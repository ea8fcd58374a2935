"""A commit as an OpenLineage event. The judge is the published specification."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from commits import EXTERNAL, MADE, MISSING, READ, commit, deleted, label, source
from openlineage_spec import VARIABLE, Judge, spec_folder

from gateway.lineage import facet, openlineage
from gateway.lineage.openlineage import Granularity, Style, run_event
from gateway.versioning.model import ChangeInfo, ChangeKind

STYLE = Style("1.2.3")
OBJECTS = Style("1.2.3", granularity=Granularity.OBJECT)
Event = dict[str, Any]
ERASED = ChangeInfo("proj1/102", ChangeKind.ERASED, 0, "", None)
FOREIGN = ChangeInfo("top", ChangeKind.PUT, 3, "e", None)
POINT = ChangeInfo("proj1/103", ChangeKind.POINT, 0, "", None)


def event(*changes: ChangeInfo, style: Style = STYLE, **changed: Any) -> Event:
    return run_event(commit(**changed), changes, style)


def datasets(of: list[Event]) -> list[tuple[str, str]]:
    return [(one["namespace"], one["name"]) for one in of]


@pytest.fixture(scope="module")
def judge() -> Judge:
    folder = spec_folder()
    if folder is None:
        pytest.skip(f"{VARIABLE} is not set")
    return Judge(folder)


TASK = label("k", layout="task", annotations=[{"annotation": 4, "annotator": None}], annotator=None)
EVENTS = {
    "a label": event(label("proj1/101", source(), source("cats/2", changed_during=True))),
    "objects": event(label("proj1/101", source()), deleted(), style=OBJECTS),
    "sources of unknown version": event(label("k", EXTERNAL, MISSING)),
    "a task": event(TASK),
    "a delete": event(deleted(), kind="delete"),
    "several": event(label(), deleted(), ERASED, FOREIGN, POINT, kind="upload"),
    "nothing": event(kind="create", parents=(), metadata={}),
    "a merge": event(label(), kind="promote", parents=("a" * 32, "b" * 32)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_what_the_specification_says(judge: Judge, name: str) -> None:
    assert judge.faults(json.loads(json.dumps(EVENTS[name]))) == []


def spoiled(at: str, value: Any = None) -> Callable[[Event], None]:
    """Put a value where the path leads; None takes away what is there."""

    def spoil(form: Any) -> None:
        *way, last = at.split("/")
        for step in way:
            form = form[int(step) if step.isdigit() else step]
        if value is None:
            del form[last]
        else:
            form[last] = value

    return spoil


FACET = "outputs/0/facets/labelgate_lineage"


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled("run/runId", "no uuid"),
        spoiled("eventType", "DONE"),
        spoiled("producer"),
        spoiled("eventTime", "2026-11-23T04:19:03.536"),
        spoiled(f"{FACET}/_producer"),
        spoiled("job/facets/jobType/integration"),
        spoiled("job/facets/jobType/jobType"),
        spoiled("job/facets/jobType/emissionPattern/eventTrigger"),
        spoiled("run/facets/processing_engine/version"),
        spoiled("run/facets/externalQuery/source"),
        spoiled("outputs/0/facets/version/datasetVersion", 7),
        spoiled("outputs/0/facets/datasetType/datasetType"),
        spoiled("inputs/0/inputFacets/subset/inputCondition/locations"),
        spoiled("inputs/0/inputFacets/inputStatistics/fileCount", "one"),
        spoiled(f"{FACET}/commit"),
        spoiled(f"{FACET}/objects/0/change", "written"),
        spoiled(f"{FACET}/objects/0/annotator", 7),
        spoiled(f"{FACET}/objects/0/sources/0/evidence", "sure"),
        spoiled(f"{FACET}/objects/0/sources/0/version", "v1"),
    ],
)
def test_the_judge_refuses_what_is_no_event(judge: Judge, spoil: Callable[[Event], None]) -> None:
    form = copy.deepcopy(EVENTS["a label"])
    spoil(form)
    assert judge.faults(form) != []


def test_a_label_is_a_run_of_its_project_from_prefix_to_prefix() -> None:
    made = EVENTS["a label"]
    assert (made["eventType"], made["eventTime"]) == ("COMPLETE", "2026-11-23T04:19:03.536Z")
    assert (made["job"]["namespace"], made["job"]["name"]) == ("label-studio", "project-12")
    assert made["job"]["facets"]["jobType"]["jobType"] == "ANNOTATION"
    assert datasets(made["inputs"]) == [("s3://master.raw.vision", "cats")]
    assert datasets(made["outputs"]) == [("s3://dev.labels", "proj1")]
    assert made["run"]["facets"]["externalQuery"]["externalQueryId"] == "R1"
    assert made["run"]["facets"]["processing_engine"]["version"] == "1.2.3"


def test_exact_versions_stand_in_the_facets() -> None:
    [used], [made] = EVENTS["a label"]["inputs"], EVENTS["a label"]["outputs"]
    first, second = (f"s3://{READ}.master.raw.vision/cats/{n}" for n in ("1%20%C3%BC%23.jpg", "2"))
    assert used["inputFacets"]["subset"]["inputCondition"]["locations"] == [first, second]
    assert used["facets"]["version"]["datasetVersion"] == READ
    assert made["facets"]["version"]["datasetVersion"] == MADE
    condition = made["outputFacets"]["subset"]["outputCondition"]
    assert condition["locations"] == [f"s3://{MADE}.dev.labels/proj1/101"]
    assert made["outputFacets"]["outputStatistics"]["size"] == 42
    told = made["facets"]["labelgate_lineage"]
    assert told["commit"] == MADE
    [one] = told["objects"]
    assert (one["key"], one["annotatorId"], one["leadTimeSeconds"]) == ("proj1/101", 7, 9.1)
    assert one["sources"] == [
        {
            "uri": "s3://master.raw.vision/cats/1%20%C3%BC%23.jpg", "evidence": "head-at-put",
            "exactUri": first, "version": READ,
        },
        {
            "uri": "s3://master.raw.vision/cats/2", "evidence": "head-at-put", "exactUri": second,
            "version": READ, "changedDuring": True,
        },
    ]  # fmt: skip


def test_a_prefix_of_several_versions_has_none_of_its_own() -> None:
    made = event(label("k", source("a/1"), source("a/2", commit="d" * 32)))
    [used] = made["inputs"]
    assert "version" not in used["facets"]
    assert used["inputFacets"]["inputStatistics"]["fileCount"] == 2


def test_a_source_is_one_dataset_however_its_bucket_is_spelled() -> None:
    spelled = [
        source("a/1"),
        source("a/2", uri="s3://raw.vision/a/2"),
        source("a/3", uri=f"s3://{READ}.master.raw.vision/a/3", pinned=READ),
    ]
    assert datasets(event(label("k", *spelled))["inputs"]) == [("s3://master.raw.vision", "a")]
    bare = source("a/4", uri=f"s3://{READ}.raw/a/4", project="default", ref=None, pinned=READ)
    assert datasets(event(label("k", bare))["inputs"]) == [(f"s3://{READ}.raw", "a")]
    unknown = event(label("k", EXTERNAL, MISSING))["inputs"]
    assert datasets(unknown) == [("s3://elsewhere", "/"), ("s3://master.raw.vision", "/")]


@pytest.mark.parametrize(("depth", "name"), [(1, "a"), (2, "a/b"), (3, "a/b"), (9, "a/b")])
def test_a_prefix_is_as_deep_as_the_style_says(depth: int, name: str) -> None:
    made = event(label("a/b/c"), style=Style("1", depth=depth))
    assert datasets(made["outputs"]) == [("s3://dev.labels", name)]


def test_of_objects_each_is_a_dataset_and_a_delete_drops_it() -> None:
    made = EVENTS["objects"]
    assert datasets(made["inputs"]) == [("s3://master.raw.vision", "cats/1 ü#.jpg")]
    assert datasets(made["outputs"]) == [
        ("s3://dev.labels", "proj1/101"), ("s3://dev.labels", "proj1/100"),
    ]  # fmt: skip
    states = [one["facets"].get("lifecycleStateChange") for one in made["outputs"]]
    assert states[0] is None
    assert states[1]["lifecycleStateChange"] == "DROP"


def test_a_prefix_is_never_dropped() -> None:
    [made] = EVENTS["a delete"]["outputs"]
    assert "lifecycleStateChange" not in made["facets"]
    assert "subset" not in made["outputFacets"]
    assert made["facets"]["labelgate_lineage"]["objects"] == [
        {"key": "proj1/100", "change": "delete"}
    ]


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("a delete", ("labelgate", "dev.labels", "DELETE")),
        ("several", ("labelgate", "dev.labels", "INGEST")),
        ("nothing", ("labelgate", "dev.labels", "CREATE")),
        ("a merge", ("labelgate", "dev.labels", "PROMOTE")),
    ],
)
def test_a_job_is_a_project_or_the_bucket(name: str, job: tuple[str, str, str]) -> None:
    told = EVENTS[name]["job"]
    assert (told["namespace"], told["name"], told["facets"]["jobType"]["jobType"]) == job


def test_the_namespace_of_jobs_can_be_set() -> None:
    for change in (label(), deleted()):
        made = event(change, style=Style("1", job_namespace="team"))
        assert made["job"]["namespace"] == "team"


def test_an_event_of_the_same_commit_is_the_same_run() -> None:
    ids = {event(label())["run"]["runId"] for _ in range(2)}
    assert len(ids) == 1
    assert event(label(), id="e" * 32)["run"]["runId"] not in ids


def test_what_is_too_much_for_one_event_is_counted(judge: Judge) -> None:
    many = [label(f"proj1/{n}") for n in range(facet.OBJECTS_MAX + 2)]
    large = label("k", *(source(f"a/{n}") for n in range(openlineage.LOCATIONS_MAX + 1)))
    made = event(*many)["outputs"][0]
    assert made["facets"]["labelgate_lineage"]["objectsLeftOut"] == 2
    assert len(made["facets"]["labelgate_lineage"]["objects"]) == facet.OBJECTS_MAX
    # Some of them would say that it was these and no others.
    assert "subset" not in made["outputFacets"]
    wide = event(large)
    assert "subset" not in wide["inputs"][0]["inputFacets"]
    [told] = wide["outputs"][0]["facets"]["labelgate_lineage"]["objects"]
    assert told["sourcesLeftOut"] == openlineage.LOCATIONS_MAX + 1 - facet.SOURCES_MAX
    assert judge.faults(wide) == judge.faults(event(*many)) == []
    hidden = event(label("k", source(), sources_left_out=3))["outputs"][0]
    assert hidden["facets"]["labelgate_lineage"]["objects"][0]["sourcesLeftOut"] == 3

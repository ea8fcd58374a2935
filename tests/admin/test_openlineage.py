"""A commit as an OpenLineage event, through the API."""

from __future__ import annotations

from typing import Any

import pytest
from api import error_of
from openlineage_spec import VARIABLE, Judge, spec_folder


def sources(event: Any) -> list[str]:
    [made] = event["outputs"]
    [told] = made["facets"]["labelgate_lineage"]["objects"]
    return [one["uri"] for one in told["sources"]]


def test_the_event_of_a_commit_names_each_source_at_its_version(house: Any) -> None:
    event = house.read(f"/refs/{house.label}.labels/openlineage")
    assert event["job"]["name"] == "project-2"
    assert [(one["namespace"], one["name"]) for one in event["inputs"]] == [
        ("s3://master.raw", "open"), ("s3://master.raw", "secret"), ("s3://master.raw", "/"),
    ]  # fmt: skip
    assert sources(event) == ["s3://raw/open/1", "s3://raw/secret/1", "s3://raw/gone"]
    versions = [one["facets"].get("version", {}).get("datasetVersion") for one in event["inputs"]]
    assert versions == [house.sources["open/1"], house.sources["secret/1"], None]


def test_each_object_can_be_a_dataset(house: Any) -> None:
    event = house.read(f"/refs/{house.label}.labels/openlineage", datasets="object")
    assert [one["name"] for one in event["inputs"]] == ["open/1", "secret/1", "gone"]
    assert [one["name"] for one in event["outputs"]] == ["sentiment/4"]
    response = house.root.get("/refs/labels/openlineage", datasets="bucket")
    assert (response.status_code, error_of(response)["code"]) == (400, "InvalidRequest")


@pytest.mark.parametrize("datasets", ["prefix", "object"])
def test_what_the_asker_may_not_read_is_not_in_it(house: Any, datasets: str) -> None:
    address = f"/refs/{house.label}.labels/openlineage"
    response = house.reader.get(address, datasets=datasets)
    assert "secret" not in response.text
    assert house.sources["secret/1"] not in response.text
    assert sources(response.json()) == ["s3://raw/open/1", "s3://raw/gone"]
    hidden = f"/refs/{house.sources['secret/1']}.raw/openlineage"
    assert house.reader.get(hidden, datasets=datasets).status_code == 403


@pytest.mark.parametrize("datasets", ["prefix", "object"])
def test_the_event_of_a_real_commit_is_what_the_specification_says(
    house: Any, datasets: str
) -> None:
    folder = spec_folder()
    if folder is None:
        pytest.skip(f"{VARIABLE} is not set")
    judge = Judge(folder)
    keys = ["burst/1", "burst/2"]
    for key in keys:
        house.s3.put_object(Bucket="labels", Key=key, Body=b"x")
    refs = [f"{house.label}.labels", "labels"]
    house.s3.delete_objects(Bucket="labels", Delete={"Objects": [{"Key": key} for key in keys]})
    for ref in [*refs, f"{house.sources['open/1']}.raw"]:
        event = house.read(f"/refs/{ref}/openlineage", datasets=datasets)
        assert judge.faults(event) == []

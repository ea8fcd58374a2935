"""Lineage both ways over the API: writes, graphs and doubts, as far as the key may read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from api import Api, error_of
from labels import annotation, encoded
from live import LiveGateway, live_gateway

_tasks = itertools.count(100)


@dataclass(frozen=True)
class World:
    """raw/texts/{a,b,c} -> labels/{a,b,c} -> models/m; a stands, b was replaced, c deleted since.

    nosy may read labels and models, and of the raw data only `texts/a`.
    """

    gateway: LiveGateway
    s3: Any
    root: Api
    nosy: Api
    versions: dict[str, str]

    def read(self, address: str, **query: Any) -> Any:
        response = self.root.get(address, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def found(self, **query: Any) -> list[str]:
        return [one["object"].rpartition("/")[2] for one in self.read("/writes", **query)["writes"]]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    grants = [
        {"rights": ["read"], "buckets": "labels"},
        {"rights": ["read"], "buckets": "models"},
        {"rights": ["read"], "buckets": "raw", "prefix": "texts/a"},
    ]
    key = {"name": "nosy", "account": "red", "access_key_id": "LGTESTNOSY", "grants": grants}
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": [{**key, "secret_access_key": "secret"}]}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        s3 = serving.s3()
        versions: dict[str, str] = {}

        def put(bucket: str, key: str, body: bytes, **more: Any) -> None:
            made = s3.put_object(Bucket=bucket, Key=key, Body=body, **more)
            versions[f"{bucket}/{key}"] = made["VersionId"]

        for name in ("raw", "labels", "models"):
            s3.create_bucket(Bucket=name)
        for number, name in enumerate("abc"):
            put("raw", f"texts/{name}", b"x")
            form = annotation({"text": f"s3://raw/texts/{name}"}, id=number)
            form["task"]["id"] = number
            put("labels", name, encoded(form))
        source = f"s3://{versions['labels/c']}.labels/"
        put("models", "m", b"model", Metadata={"labelgate-sources": source})
        s3.put_object(Bucket="raw", Key="texts/b", Body=b"new")
        s3.delete_object(Bucket="raw", Key="texts/c")
        nosy = Api(serving.url, "LGTESTNOSY", "secret")
        yield World(serving, s3, Api(serving.url), nosy, versions)


def test_writes_are_found_by_their_source(world: World) -> None:
    assert world.found(source="s3://raw/texts/a") == ["a"]
    assert world.found(source="s3://raw/texts/") == ["a", "b", "c"]
    assert world.found(source="raw") == ["a", "b", "c"]
    assert world.found(source=f"s3://{world.versions['raw/texts/b']}.raw/texts/b") == ["b"]
    now = world.s3.head_object(Bucket="raw", Key="texts/b")["VersionId"]
    assert world.found(source=f"s3://{now}.raw/texts/b") == []
    state = world.versions["labels/c"]
    assert world.found(source=f"s3://{state}.labels/") == ["m"]
    assert world.found(source="s3://dev.raw/texts/a") == ["a"], "a version may be on any branch"
    assert world.found(source="s3://elsewhere/x") == []


def test_a_found_write_tells_of_the_label_and_of_its_source(world: World) -> None:
    [found] = world.read("/writes", source="s3://raw/texts/b")["writes"]
    label, text = world.versions["labels/b"], world.versions["raw/texts/b"]
    assert (found["object"], found["exact"]) == (
        "s3://master.labels/b", f"s3://{label}.labels/b",
    )  # fmt: skip
    assert (found["version"], found["current"]) == (label, True)
    assert (found["task"], found["project"], found["annotator"]) == (1, 2, 7)
    assert found["source"] == {
        "uri": "s3://raw/texts/b", "version": text, "evidence": found["source"]["evidence"],
        "changed_during": found["source"]["changed_during"], "standing": "stale",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("standing", "found"), [("current", ["a"]), ("stale", ["b"]), ("gone", ["c"])]
)
def test_writes_of_old_versions_are_picked_out(
    world: World, standing: str, found: list[str]
) -> None:
    assert world.found(source="s3://raw/texts/", standing=standing) == found


def test_writes_are_found_by_annotator_and_task(world: World) -> None:
    assert set(world.found(annotator=7)) == {"a", "b", "c"}
    assert world.found(annotator=8) == []
    assert world.found(task=1) == ["b"]
    assert world.found(task=1, project=2) == ["b"]
    assert world.found(task=1, project=3) == []
    assert world.found(annotator=7, repo="models") == []


def test_what_was_written_over_is_old(world: World) -> None:
    world.s3.create_bucket(Bucket="dev.labels")
    task = next(_tasks)
    for results in (1, 2):
        form = annotation({"text": "s3://raw/x"}, result=[{"n": results}])
        form["task"]["id"] = task
        world.s3.put_object(Bucket="dev.labels", Key="k", Body=encoded(form))
    found = world.read("/writes", task=task)["writes"]
    assert [one["current"] for one in found] == [True, False]
    assert len(world.found(task=task, current="true")) == 1


def test_pages_go_on_where_they_ended(world: World) -> None:
    whole = world.found(source="s3://raw/texts/")
    paged, after = [], None
    while True:
        query = {} if after is None else {"after": after}
        page = world.read("/writes", source="s3://raw/texts/", limit=1, **query)
        paged += [one["object"].rpartition("/")[2] for one in page["writes"]]
        after = page["next_after"]
        if after is None:
            break
    assert paged == whole


@pytest.mark.parametrize("after", ["x", "e30", "W10", "WzEsMiwzLDQsNV0", "=", "é"])
def test_a_cursor_that_is_none_is_refused(world: World, after: str) -> None:
    response = world.root.get("/writes", annotator=7, after=after)
    assert response.status_code == 400
    assert "next_after" in error_of(response)["message"]


@pytest.mark.parametrize(
    "query",
    [
        {}, {"annotator": 7, "task": 1}, {"project": 2, "annotator": 7},
        {"standing": "stale", "task": 1}, {"source": ""}, {"source": "s3:///k"},
        {"annotator": "ann"}, {"source": "raw", "standing": "no"},
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(world: World, query: dict[str, Any]) -> None:
    assert error_of(world.root.get("/writes", **query))["code"] == "InvalidRequest"


def test_a_source_that_is_not_there_is_told(world: World) -> None:
    response = world.root.get("/writes", source=f"s3://{'f' * 32}.raw/k")
    assert (response.status_code, error_of(response)["code"]) == (404, "NoCommit")
    at = world.versions["raw/texts/a"]
    response = world.root.get("/writes", source=f"s3://{at}.raw/texts/b")
    assert (response.status_code, error_of(response)["code"]) == (404, "NoKey")


def test_nobody_finds_labels_by_sources_that_he_may_not_read(world: World) -> None:
    found = world.nosy.get("/writes", source="s3://raw/texts/").json()["writes"]
    assert [one["object"] for one in found] == ["s3://master.labels/a"]
    found = world.nosy.get("/writes", task=1).json()["writes"]
    assert [(one["object"], one["source"]) for one in found] == [("s3://master.labels/b", None)]


def test_the_graph_goes_from_the_model_to_the_texts(world: World) -> None:
    graph = world.read("/refs/models/graph", key="m")
    names = {node["id"]: f"{node['repo']}/{node['key']}" for node in graph["nodes"]}
    assert {(names[edge["made"]], names[edge["source"]]) for edge in graph["edges"]} == {
        ("models/m", "labels/"), *(("labels/", f"labels/{one}") for one in "abc"),
        *((f"labels/{one}", f"raw/texts/{one}") for one in "abc"),
    }  # fmt: skip
    assert (graph["whole"], graph["hidden"]) == (True, 0)
    assert {node["kind"] for node in graph["nodes"]} == {"object", "state"}
    back = world.read(
        "/refs/raw/graph", key="texts/b", version=world.versions["raw/texts/b"], way="products"
    )
    assert [f"{node['repo']}/{node['key']}" for node in back["nodes"]] == [
        "raw/texts/b", "labels/b", "labels/", "models/m",
    ]  # fmt: skip


def test_a_graph_is_cut_off_at_a_number_and_says_so(world: World) -> None:
    graph = world.read("/refs/models/graph", key="m", nodes=3)
    assert (len(graph["nodes"]), graph["whole"]) == (3, False)
    assert world.root.get("/refs/models/graph", key="m", nodes=0).status_code == 400


def test_a_graph_shows_nobody_what_he_may_not_read(world: World) -> None:
    graph = world.nosy.get("/refs/models/graph", key="m").json()
    shown = {f"{node['repo']}/{node['key']}" for node in graph["nodes"]}
    assert shown == {"models/m", "labels/", "labels/a", "labels/b", "labels/c", "raw/texts/a"}
    assert graph["hidden"] == 2
    refused = world.nosy.get("/refs/raw/graph", key="texts/b")
    assert refused.status_code == 403


def test_a_graph_around_nothing_is_refused(world: World) -> None:
    assert error_of(world.root.get("/refs/labels/graph", key="none"))["code"] == "NoKey"
    assert error_of(world.root.get("/refs/none/graph"))["code"] == "NoRepo"


def test_a_check_tells_each_doubt(world: World) -> None:
    page = world.read("/refs/labels/check")
    told = {(one["object"], one["finding"]) for one in page["findings"]}
    assert {("s3://master.labels/b", "stale"), ("s3://master.labels/c", "dangling")} <= told
    assert ("s3://master.labels/a", "stale") not in told
    assert page["looked_at"] == 3
    [stale] = [one for one in page["findings"] if one["finding"] == "stale"]
    assert stale["source"] == "s3://raw/texts/b"
    assert stale["details"]["commit"] == world.versions["raw/texts/b"]


def test_a_check_goes_by_pages_and_prefix(world: World) -> None:
    first = world.read("/refs/labels/check", limit=2)
    assert (first["looked_at"], first["next_after"]) == (2, "b")
    pinned = first["at"]["pinned"]
    second = world.read(f"/refs/{pinned}/check", after="b", limit=2)
    assert (second["looked_at"], second["next_after"]) == (1, None)
    whole = world.read("/refs/labels/check")["findings"]
    assert len(first["findings"]) + len(second["findings"]) == len(whole)
    assert world.read("/refs/labels/check", prefix="b")["looked_at"] == 1


def test_a_check_passes_over_sources_that_the_key_may_not_read(world: World) -> None:
    findings = world.nosy.get("/refs/labels/check").json()["findings"]
    assert {one["source"] for one in findings} <= {"s3://raw/texts/a"}


def test_a_copy_is_judged_by_what_it_is_a_copy_of(world: World) -> None:
    world.s3.create_bucket(Bucket="copies")
    source = {"Bucket": "labels", "Key": "b"}
    world.s3.copy_object(Bucket="copies", Key="b2", CopySource=source)
    world.s3.copy_object(Bucket="copies", Key="b3", CopySource={"Bucket": "copies", "Key": "b2"})
    findings = world.read("/refs/copies/check")["findings"]
    stale = [(one["object"], one["source"]) for one in findings if one["finding"] == "stale"]
    assert stale == [
        (f"s3://master.copies/{name}", "s3://raw/texts/b") for name in ("b2", "b3")
    ]  # fmt: skip

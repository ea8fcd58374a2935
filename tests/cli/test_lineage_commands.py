"""labelgate lineage find, graph, check."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from labels import annotation, encoded
from live import LiveGateway

from gateway.cli import drawing

Printed = Callable[..., Any]


@pytest.fixture
def label(s3: Any, repo: str) -> str:
    """A label of a text that was replaced since; the repo that both are in."""
    s3.put_object(Bucket=repo, Key="text", Body=b"old")
    body = encoded(annotation({"text": f"s3://{repo}/text"}))
    s3.put_object(Bucket=repo, Key="label", Body=body)
    s3.put_object(Bucket=repo, Key="text", Body=b"new")
    return repo


def test_of_may_be_left_out(gateway: LiveGateway, label: str, printed: Printed) -> None:
    whole = printed("lineage", "of", f"{label}/label")
    assert printed("lineage", f"{label}/label") == whole
    assert printed("lineage", f"s3://{label}/label") == whole
    # An option may stand first.
    done = gateway.cli("lineage", "--json", f"{label}/label")
    assert json.loads(done.stdout) == whole
    assert gateway.cli("lineage", "--help").stdout.startswith("Usage: labelgate lineage")


def test_writes_are_found(gateway: LiveGateway, label: str, printed: Printed) -> None:
    [found] = printed("lineage", "find", "--source", f"s3://{label}/text")
    assert found["object"] == f"s3://master.{label}/label"
    assert printed("lineage", "find", "--source", f"s3://{label}/", "--stale") == [found]
    [by_annotator] = printed("lineage", "find", "--annotator", "7", "--repo", label, "--current")
    assert by_annotator["version"] == found["version"]
    assert printed("lineage", "find", "--task", "11", "--project", "2", "--repo", label)
    table = gateway.cli("lineage", "find", "--source", f"s3://{label}/text").stdout
    assert found["version"] in table
    assert "stale" in table
    assert "nothing" in gateway.cli("lineage", "find", "--annotator", "123").stdout


@pytest.mark.parametrize("arguments", [[], ["--annotator", "1", "--task", "1"]])
def test_find_wants_one_thing_to_go_by(gateway: LiveGateway, arguments: list[str]) -> None:
    refused = gateway.cli("lineage", "find", *arguments, check=False)
    assert refused.returncode == 2
    assert "--source" in refused.stderr


def test_a_check_exits_with_1_where_something_is_found(
    gateway: LiveGateway, s3: Any, label: str
) -> None:
    done = gateway.cli("lineage", "check", label, "--json", check=False)
    findings = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"stale", "changed-during"} <= {one["finding"] for one in findings}
    assert {one["object"] for one in findings} == {f"s3://master.{label}/label"}
    told = gateway.cli("lineage", "check", label, check=False)
    assert told.returncode == 1
    assert "of 2 objects" in told.stdout
    fine = gateway.cli("lineage", "check", label, "--prefix", "text", "--json")
    assert (fine.returncode, json.loads(fine.stdout)) == (0, [])


def test_a_graph_is_an_outline_or_a_drawing(
    gateway: LiveGateway, label: str, printed: Printed
) -> None:
    graph = printed("lineage", "graph", f"{label}/label")
    assert len(graph["nodes"]) == 2
    outline = gateway.cli("lineage", "graph", f"{label}/label").stdout.splitlines()
    assert outline[0].startswith(graph["start"])
    assert outline[2] == "made from"
    assert graph["nodes"][1]["id"] in outline[3]
    assert gateway.cli("lineage", "graph", f"{label}/label", "--dot").stdout.startswith("digraph")
    assert gateway.cli("lineage", "graph", label, "--mermaid").stdout.startswith("flowchart")
    assert printed("lineage", "graph", f"{label}/label", "--products")["edges"] == []
    refused = gateway.cli("lineage", "graph", label, "--dot", "--json", check=False)
    assert refused.returncode == 2


def node(name: str, kind: str = "object") -> dict[str, Any]:
    return {"id": name, "kind": kind, "task": None, "annotator": None, "time": None}


def edge(made: str, source: str) -> dict[str, Any]:
    return {"made": made, "source": source, "evidence": "observed", "changed_during": False}


def test_what_could_end_a_label_is_escaped() -> None:
    nasty = 's3://raw/"]; x -> y\\'
    graph = {"start": nasty, "nodes": [node(nasty)], "edges": []}
    assert '"s3://raw/\\"]; x -> y\\\\" [' in drawing.dot(graph)
    [_, line] = drawing.mermaid(graph).splitlines()
    assert line == '  n0["s3://raw/#34;#93;#59; x -#62; y#92;"]'


def test_an_outline_goes_through_a_node_once() -> None:
    edges = [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d"), edge("d", "e")]
    graph = {"start": "a", "nodes": [node(one) for one in "abcde"], "edges": edges}
    assert list(drawing.outline(graph)) == [
        "a", "", "made from",
        "  b  [observed]", "    d  [observed]", "      e  [observed]",
        "  c  [observed]", "    d  [observed] (above)",
    ]  # fmt: skip

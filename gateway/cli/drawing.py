"""A graph of lineage as text: an outline for people, DOT for Graphviz, Mermaid. Pure.

A graph is what the API answers: `nodes` with ids, `edges` from `made` to `source`. Arrows are drawn
from the source to what was made of it, as the work went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.cli.output import short_time, shown

Graph = Mapping[str, Any]
_SHAPES = {"object": "box", "state": "folder", "unknown": "note"}
_BRACKETS = {"object": ("[", "]"), "state": ("[(", ")]"), "unknown": ("([", "])")}
_EVIDENCE_OF_MEMBERS = "member"
_PLAIN = frozenset(" ./:_-,()")


def outline(graph: Graph) -> Iterator[str]:
    """The start, and indented below it what it was made from, then what was made from it."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    yield _line(nodes[graph["start"]])
    for title, here, there in (("made from", "made", "source"), ("made into", "source", "made")):
        branches = list(_branches(graph, nodes, here, there))
        if branches:
            yield ""
            yield title
            yield from branches


def dot(graph: Graph) -> str:
    """The graph in the language of Graphviz."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for node in graph["nodes"]:
        attributes = {"label": "\n".join(_told(node)), "shape": _SHAPES[node["kind"]]}
        if node["id"] == graph["start"]:
            attributes["style"] = "bold"
        lines.append(f"  {_quoted(node['id'])} [{_attributes(attributes)}];")
    for edge in graph["edges"]:
        attributes = {"label": _evidence(edge)}
        ends = f"{_quoted(edge['source'])} -> {_quoted(edge['made'])}"
        lines.append(f"  {ends} [{_attributes(attributes)}];")
    return "\n".join([*lines, "}"])


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart."""
    names = {node["id"]: f"n{number}" for number, node in enumerate(graph["nodes"])}
    lines = ["flowchart LR"]
    for node in graph["nodes"]:
        left, right = _BRACKETS[node["kind"]]
        text = "<br/>".join(_entities(line) for line in _told(node))
        lines.append(f'  {names[node["id"]]}{left}"{text}"{right}')
    lines += [
        f'  {names[edge["source"]]} -->|"{_entities(_evidence(edge))}"| {names[edge["made"]]}'
        for edge in graph["edges"]
    ]
    return "\n".join(lines)


def _branches(
    graph: Graph, nodes: Mapping[str, Mapping[str, Any]], here: str, there: str
) -> Iterator[str]:
    """What hangs below the start, depth first; a node that was told is not gone through again."""
    next_to: dict[str, list[Mapping[str, Any]]] = {}
    for edge in graph["edges"]:
        next_to.setdefault(edge[here], []).append(edge)
    told = {graph["start"]}
    waiting = [(1, edge) for edge in reversed(next_to.get(graph["start"], []))]
    while waiting:
        depth, edge = waiting.pop()
        one = edge[there]
        again = one in told and one in next_to
        yield f"{'  ' * depth}{_line(nodes[one])}  [{_evidence(edge)}]{' (above)' * again}"
        if one not in told:
            told.add(one)
            waiting += [(depth + 1, further) for further in reversed(next_to.get(one, []))]


def _line(node: Mapping[str, Any]) -> str:
    name, *rest = _told(node)
    return f"{name}  ({', '.join(rest)})" if rest else name


def _told(node: Mapping[str, Any]) -> Sequence[str]:
    """What people want to read of a node, a line each, its URI first."""
    said = [node["id"]]
    if node["kind"] == "unknown":
        said.append("version not known")
    if node["task"] is not None:
        said.append(f"task {node['task']}")
    if node["annotator"] is not None:
        said.append(f"annotator {node['annotator']}")
    if node["time"] is not None:
        said.append(f"{short_time(node['time'])} UTC")
    return [shown(text) for text in said]


def _evidence(edge: Mapping[str, Any]) -> str:
    if edge["evidence"] == _EVIDENCE_OF_MEMBERS:
        return "in it"
    return f"{edge['evidence']}, changed meanwhile" if edge["changed_during"] else edge["evidence"]


def _attributes(attributes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items())


def _quoted(text: str) -> str:
    """A string of DOT: only quotes and backslashes are special in one."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entities(text: str) -> str:
    """Text in a Mermaid label: whatever could end it, or be markup, as `#<code>;`."""
    return "".join(
        char if char.isalnum() or char in " ./:_-,()" else f"#{ord(char)};" for char in text
    )

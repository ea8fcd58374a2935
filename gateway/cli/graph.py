"""labelgate lineage graph."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli import drawing
from gateway.cli.connection import connect
from gateway.cli.errors import WrongUse
from gateway.cli.names import parse_place
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import note, print_json, say

EXAMPLES = examples(
    "lineage graph s3://master.models/sentiment.joblib   back to the raw texts",
    "lineage graph master.raw/texts/1.txt --products     what came of it",
    "lineage graph master.labels/sentiment/1 --dot | dot -Tsvg > graph.svg",
    "lineage graph v1.labels --mermaid",
)


def graph(
    *,
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(
            metavar="REF[/PATH]",
            help="The object, its key raw; s3://BUCKET/KEY will do. "
            "Without a path, or below a /, the state as a whole.",
        ),
    ],
    version: Annotated[
        str | None, typer.Option(metavar="ID", help="A version of it; else the current one.")
    ] = None,
    sources: Annotated[bool, typer.Option("--sources", help="Only what it was made from.")] = False,
    products: Annotated[
        bool, typer.Option("--products", help="Only what was made from it.")
    ] = False,
    nodes: Annotated[
        int, typer.Option(min=1, max=2000, metavar="N", help="At most so many nodes.")
    ] = 200,
    dot: Annotated[bool, typer.Option("--dot", help="Print it for Graphviz.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print it for Mermaid.")] = False,
    json: JsonOption = False,
) -> None:
    """Show what an object was made from and what was made from it, through all repos."""
    if [dot, mermaid, json].count(True) > 1:
        raise WrongUse("--dot, --mermaid and --json are three documents", "ask for one at a time")
    target = parse_place(place, key_needed=False)
    way = "both" if sources == products else "sources" if sources else "products"
    found = connect(context).get(
        "refs", target.bucket, "graph", key=target.key, version=version, way=way, nodes=nodes
    )
    if json:
        print_json(found)
    elif dot or mermaid:
        print(drawing.dot(found) if dot else drawing.mermaid(found))
    else:
        for line in drawing.outline(found):
            say(line)
    if not json:
        _note_what_lacks(found, nodes)


def _note_what_lacks(found: dict[str, Any], nodes: int) -> None:
    if not found["whole"]:
        note(f"the graph goes on beyond {nodes} nodes: ask for more with --nodes")
    if found["hidden"]:
        note(f"{found['hidden']} more that this key may not read")

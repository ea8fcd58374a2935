"""labelgate lineage find."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.errors import WrongUse
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import note, print_json, print_table, say, short_time

EXAMPLES = examples(
    "lineage find --source s3://master.raw/images/1.png     whatever the version",
    "lineage find --source s3://v1.raw/images/1.png         that version only",
    "lineage find --source s3://master.raw/images/ --stale  of old versions below a prefix",
    "lineage find --annotator 7 --repo labels --current",
    "lineage find --task 12 --project 3 --json",
)
_PAGE_MAX = 1000


def find(
    *,
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="What was made from s3://BUCKET/KEY, or from all below /."
        ),
    ] = None,
    annotator: Annotated[
        int | None, typer.Option(metavar="ID", help="What somebody labeled, by Label Studio's id.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="The same by the keyed hash, see `labelgate person`."),
    ] = None,
    task: Annotated[
        int | None, typer.Option(metavar="ID", help="The labels of a task, by Label Studio's id.")
    ] = None,
    project: Annotated[
        int | None, typer.Option(metavar="ID", help="Label Studio's project of that task.")
    ] = None,
    repo: Annotated[
        str | None, typer.Option(metavar="REPO", help="Only what is written there.")
    ] = None,
    current: Annotated[
        bool, typer.Option("--current", help="Only what was not written over or deleted since.")
    ] = False,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what was made from another version than today's.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = 1000,
    json: JsonOption = False,
) -> None:
    """Find what was made from a source, by an annotator, or of a task, newest first."""
    if [source, annotator, person, task].count(None) != 3:
        raise WrongUse("by what?", "give one of --source, --annotator, --person and --task")
    query: dict[str, str | int | None] = {
        "source": source,
        "annotator": annotator,
        "person": person,
        "task": task,
        "project": project,
        "repo": repo,
        "current": "true" if current else None,
        "standing": "stale" if stale else None,
    }
    writes, more = read_writes(connect(context), query, limit)
    if json:
        print_json(writes)
        return
    if not writes:
        say("nothing is found")
        return
    columns = ["object", "version", "time (UTC)", "annotator", "task", "state"]
    rows = [_row(one) for one in writes]
    if source is not None:
        columns += ["source", "evidence"]
        rows = [(*row, *_source(one["source"])) for row, one in zip(rows, writes, strict=True)]
    print_table(columns, rows, wrapped=["object", "source"])
    if more:
        note(f"there are more than {limit}: ask for more with --limit")


def read_writes(
    client: Client, query: dict[str, str | int | None], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """The first `limit` writes, and whether there are more."""
    writes: list[dict[str, Any]] = []
    for page in client.pages("writes", **query, limit=min(limit + 1, _PAGE_MAX)):
        writes += page["writes"]
        if len(writes) > limit:
            return writes[:limit], True
    return writes, False


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    return (
        one["object"],
        one["version"],
        short_time(one["time"]),
        _or_empty(one["annotator"]),
        _or_empty(one["task"]),
        "current" if one["current"] else "old",
    )


def _source(source: dict[str, Any]) -> tuple[object, ...]:
    said = [source["evidence"]]
    if source["standing"] not in {None, "current"}:
        said.append(source["standing"])
    if source["changed_during"]:
        said.append("changed meanwhile")
    return source["uri"], ", ".join(said)


def _or_empty(value: object) -> object:
    return "" if value is None else value

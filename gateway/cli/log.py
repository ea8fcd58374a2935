"""labelgate log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.options import JsonOption, RefArgument, examples
from gateway.cli.output import note, print_json, print_table, short_time

PAGE_MAX = 1000

EXAMPLES = examples(
    "log master.labels",
    "log master.labels sentiment/1        only commits that changed this key",
    "log master.labels sentiment/         ... or any key below it",
    "log master.labels --limit 1 --json",
    "log master.labels --since 2026-11-01 --until 2026-11-08 --annotator 7",
    "log master.labels@2026-11-01T12:00Z      what was there then",
)


def log(
    *,
    context: typer.Context,
    ref: RefArgument,
    path: Annotated[
        str | None,
        typer.Argument(metavar="PATH", help="A key, or the beginning of keys up to a /."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Only commits of this account.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="None older, such as 2026-11-01T12:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="None younger.")] = None,
    task: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Only with labels of this task, by Label Studio's id."),
    ] = None,
    annotator: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Only with labels by this user, by Label Studio's id."),
    ] = None,
    annotation: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Only with this annotation of the --task, by its id."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many commits.")] = 100,
    json: JsonOption = False,
) -> None:
    """Show the commits behind a REF, newest first."""
    wanted = {
        "path": path,
        "author": author,
        "since": since,
        "until": until,
        "task": task,
        "annotator": annotator,
        "annotation": annotation,
    }
    commits, more = read_log(connect(context), ref, wanted, limit)
    if json:
        print_json(commits)
        return
    print_table(
        ["commit", "time (UTC)", "kind", "author", "changes", "message"],
        [
            (one["id"], short_time(one["time"]), one["kind"], one["author"], one["changes"],
             one["message"])
            for one in commits
        ],
        wrapped=["message"],
    )  # fmt: skip
    if more:
        note(f"there are more than {limit}: ask for more with --limit")


def read_log(
    client: Client, ref: str, wanted: Mapping[str, str | int | None], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """The newest `limit` commits, and whether there are more."""
    commits: list[dict[str, Any]] = []
    query = {**wanted, "limit": min(limit, PAGE_MAX)}
    for page in client.pages("refs", ref, "log", **query):
        commits += page["commits"]
        # A branch that moves meanwhile does not matter: each page goes on behind a commit.
        if len(commits) >= limit:
            return commits[:limit], len(commits) > limit or page["next_after"] is not None
    return commits, False

"""labelgate show."""

from __future__ import annotations

from typing import Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.options import JsonOption, RefArgument, examples
from gateway.cli.output import human_size, print_fields, print_json, print_table, say
from gateway.cli.refs import repo_of

EXAMPLES = examples(
    "show master.labels                           the newest commit of a branch",
    "show 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e.labels    a commit",
)


def show(context: typer.Context, ref: RefArgument, json: JsonOption = False) -> None:
    """Show a commit: who made it, what it changed, and where each change comes from."""
    commit = read_commit(connect(context), ref)
    if json:
        print_json(commit)
        return
    print_fields(
        {
            "commit": commit["id"],
            "repo": repo_of(commit),
            "branch": commit["branch"],
            "parents": ", ".join(commit["parents"]) or "none",
            "kind": commit["kind"],
            "author": commit["author"],
            "time": commit["time"],
            "message": commit["message"] or None,
            **commit["metadata"],
        }
    )
    say("")
    if commit["erased"]:
        rows = [(one["version"], one["key"], one["reason"]) for one in commit["erased"]]
        print_table(["erased version", "key", "reason"], rows, wrapped=["key", "reason"])
        if not commit["changes"]:
            return
        say("")
    print_table(
        ["change", "key", "size", "annotator", "sources"],
        [_row(change) for change in commit["changes"]],
        wrapped=["key", "sources"],
    )


def read_commit(client: Client, ref: str) -> dict[str, Any]:
    """The commit `ref` names, with all its changes in `changes` and how many in `change_count`.

    erased: the versions it erased.
    """
    pages = client.pages("refs", ref, "commit")
    first = next(pages)
    commit: dict[str, Any] = {**first["commit"], "change_count": first["commit"]["changes"]}
    commit["changes"], commit["erased"] = first["changes"], first["erased"]
    for page in pages:
        commit["changes"] += page["changes"]
    return commit


def _row(change: dict[str, Any]) -> tuple[object, ...]:
    record = change["lineage"] or {}
    sources = [f"{one['uri']} ({one['evidence']})" for one in record.get("sources", [])]
    size = human_size(change["size"]) if change["kind"] == "put" else ""
    annotator = record.get("annotator")
    return (
        change["kind"],
        change["key"],
        size,
        "" if annotator is None else annotator,
        ", ".join(sources),
    )

"""What branches and tags have in common: listing, creating, deleting."""

from __future__ import annotations

from typing import Any, Literal

import typer

from gateway.cli.connection import connect
from gateway.cli.names import parse_named_ref
from gateway.cli.output import print_json, print_table, say, short_time

Kind = Literal["branch", "tag"]
_PLURAL = {"branch": "branches", "tag": "tags"}


def list_refs(context: typer.Context, kind: Kind, repo: str | None, *, json: bool) -> None:
    """Print the branches or tags of a repo, or of all."""
    plural = _PLURAL[kind]
    path = (plural,) if repo is None else ("repos", repo, plural)
    refs = connect(context).get(*path)[plural]
    if json:
        print_json(refs)
        return
    print_table(
        [kind, "repo", "commit", "created (UTC)", "bucket"],
        [(one["name"], repo_of(one), one["commit"], short_time(one["created"]), one["bucket"])
         for one in refs],
    )  # fmt: skip


def create_ref(
    context: typer.Context, kind: Kind, text: str, start: str | None, *, json: bool
) -> None:
    """Make a branch or tag and print what was made."""
    ref = parse_named_ref(text, kind)
    body = {"name": ref.name, **({} if start is None else {"from": start})}
    made = connect(context).post("repos", ref.repo, _PLURAL[kind], body=body)
    if json:
        print_json(made)
    else:
        say(
            f"{kind} {made['name']} of {repo_of(made)} created at {made['commit']}: s3://{made['bucket']}"
        )


def delete_ref(context: typer.Context, kind: Kind, text: str, *, force: bool, json: bool) -> None:
    """Delete a branch or tag and say so."""
    ref = parse_named_ref(text, kind)
    force_query = "true" if force else None
    connect(context).delete("repos", ref.repo, _PLURAL[kind], ref.name, force=force_query)
    if json:
        print_json({"deleted": text})
    else:
        say(f"{kind} {ref.name} deleted; its commits stay as long as repo {ref.repo}")


def repo_of(one: dict[str, Any]) -> str:
    """`name`, or `name.project` outside the default project."""
    project = one["project"]
    return str(one["repo"]) if project == "default" else f"{one['repo']}.{project}"

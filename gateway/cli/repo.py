"""labelgate repo: list, create, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.connection import connect
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_json, print_table, say, short_time

repo = typer.Typer(
    no_args_is_help=True, help="List, create and delete repos.", rich_markup_mode=None
)


@repo.command("list", epilog=examples("repo list", "repo list --json"))
def list_repos(context: typer.Context, json: JsonOption = False) -> None:
    """List the repos your key may read."""
    repos = connect(context).get("repos")["repos"]
    if json:
        print_json(repos)
        return
    print_table(
        ["repo", "account", "branches", "tags", "created (UTC)"],
        [
            (one["repo"], one["account"], one["branches"], one["tags"], short_time(one["created"]))
            for one in repos
        ],
    )


@repo.command("create", epilog=examples("repo create labels", "repo create labels.vision"))
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="REPO", help="name[.project]")],
    json: JsonOption = False,
) -> None:
    """Create a repo without any branch; creating a bucket makes both at once."""
    made = connect(context).post("repos", body={"repo": name})
    if json:
        print_json(made)
    else:
        say(f"repo {made['repo']} created; next: labelgate branch create master.{made['repo']}")


@repo.command("delete", epilog=examples("repo delete labels --confirm labels"))
def delete(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="REPO", help="name[.project]")],
    confirm: Annotated[
        str, typer.Option(metavar="REPO", help="Its name once more.", show_default=False)
    ] = "",
    json: JsonOption = False,
) -> None:
    """Take a repo away with all its branches, tags and commits. Its name is free again."""
    connect(context).delete("repos", name, confirm=confirm)
    if json:
        print_json({"deleted": name})
    else:
        say(f"repo {name} deleted")

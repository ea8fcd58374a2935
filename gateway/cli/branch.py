"""labelgate branch: list, create, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import ForceOption, JsonOption, examples
from gateway.cli.refs import create_ref, delete_ref, list_refs

branch = typer.Typer(
    no_args_is_help=True, help="List, create and delete branches.", rich_markup_mode=None
)

Branch = Annotated[str, typer.Argument(metavar="BRANCH.REPO", help="branch.repo[.project]")]


@branch.command("list", epilog=examples("branch list", "branch list labels --json"))
def list_branches(
    context: typer.Context,
    repo: Annotated[str | None, typer.Argument(metavar="REPO", help="name[.project]")] = None,
    json: JsonOption = False,
) -> None:
    """List branches: of a repo, or of all your key may read."""
    list_refs(context, "branch", repo, json=json)


@branch.command(
    "create",
    epilog=examples("branch create dev.labels --from master.labels", "branch create empty.labels"),
)
def create(
    context: typer.Context,
    name: Branch,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="REF", help="Where it starts; else it starts empty."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create a branch of a repo that exists."""
    create_ref(context, "branch", name, start, json=json)


@branch.command("delete", epilog=examples("branch delete dev.labels"))
def delete(
    context: typer.Context, name: Branch, force: ForceOption = False, json: JsonOption = False
) -> None:
    """Take a branch's name away. Its commits stay readable by id while the repo exists."""
    delete_ref(context, "branch", name, force=force, json=json)

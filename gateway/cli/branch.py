"""labelgate branch: list, create, delete, protect, unprotect, log."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.connection import connect
from gateway.cli.names import parse_named_ref
from gateway.cli.options import ForceOption, JsonOption, examples
from gateway.cli.output import print_json, print_table, say, short_time
from gateway.cli.refs import create_ref, delete_ref, list_refs

branch = typer.Typer(
    no_args_is_help=True,
    help="List, create, delete and protect branches.",
    rich_markup_mode=None,
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


@branch.command("protect", epilog=examples("branch protect master.labels"))
def protect(context: typer.Context, name: Branch, json: JsonOption = False) -> None:
    """Refuse writes to a branch: promote, revert and restore are the ways in."""
    ref = parse_named_ref(name, "branch")
    made = connect(context).put("repos", ref.repo, "branches", ref.name, "protected")
    if json:
        print_json(made)
    else:
        say(f"branch {ref.name} of {ref.repo} is protected")


@branch.command("unprotect", epilog=examples("branch unprotect master.labels"))
def unprotect(context: typer.Context, name: Branch, json: JsonOption = False) -> None:
    """Let a branch be written to again."""
    ref = parse_named_ref(name, "branch")
    made = connect(context).delete("repos", ref.repo, "branches", ref.name, "protected")
    if json:
        print_json(made)
    else:
        say(f"branch {ref.name} of {ref.repo} is not protected any more")


@branch.command("log", epilog=examples("branch log master.labels"))
def log(context: typer.Context, name: Branch, json: JsonOption = False) -> None:
    """Show what happened to a branch but for commits: made, moved, deleted; newest first."""
    ref = parse_named_ref(name, "branch")
    moves = connect(context).get("repos", ref.repo, "moves", ref.name)["moves"]
    if json:
        print_json(moves)
        return
    print_table(
        ["what", "time (UTC)", "by", "from", "to", "why"],
        [
            (one["action"], short_time(one["time"]), one["who"] or "", one["old"] or "",
             one["new"] or "", one["why"])
            for one in moves
        ],
        wrapped=["why"],
    )  # fmt: skip

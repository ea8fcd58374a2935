"""labelgate tag: list, create, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import ForceOption, JsonOption, examples
from gateway.cli.refs import create_ref, delete_ref, list_refs

tag = typer.Typer(no_args_is_help=True, help="List, create and delete tags.", rich_markup_mode=None)

Tag = Annotated[str, typer.Argument(metavar="TAG.REPO", help="tag.repo[.project]")]


@tag.command("list", epilog=examples("tag list", "tag list labels --json"))
def list_tags(
    context: typer.Context,
    repo: Annotated[str | None, typer.Argument(metavar="REPO", help="name[.project]")] = None,
    json: JsonOption = False,
) -> None:
    """List tags: of a repo, or of all your key may read."""
    list_refs(context, "tag", repo, json=json)


@tag.command("create", epilog=examples("tag create v1.labels --from master.labels"))
def create(
    context: typer.Context,
    name: Tag,
    target: Annotated[str, typer.Option("--from", metavar="REF", help="The commit it names.")],
    json: JsonOption = False,
) -> None:
    """Name a commit for ever."""
    create_ref(context, "tag", name, target, json=json)


@tag.command("delete", epilog=examples("tag delete v1.labels"))
def delete(
    context: typer.Context, name: Tag, force: ForceOption = False, json: JsonOption = False
) -> None:
    """Take a tag's name away. Its commit stays readable by id while the repo exists."""
    delete_ref(context, "tag", name, force=force, json=json)

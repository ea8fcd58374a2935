"""labelgate diff."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import human_size, print_json, print_table, say

EXAMPLES = examples(
    "diff v1.labels master.labels        what changed since tag v1",
    "diff master.labels dev.labels --prefix sentiment/ --json",
)


def diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A REF, see `labelgate log --help`.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="A REF.")],
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Only keys that begin so.", show_default=False)
    ] = "",
    json: JsonOption = False,
) -> None:
    """Show the objects that differ between two REFs."""
    differences = read_diff(connect(context), old, new, prefix)
    if json:
        print_json(differences)
    elif not differences:
        say("no differences")
    else:
        print_table(
            ["difference", "key", "old size", "new size", "new version"],
            [_row(one) for one in differences],
            wrapped=["key"],
        )


def read_diff(client: Client, old: str, new: str, prefix: str) -> list[dict[str, Any]]:
    """All differences, by key, between the states the two refs have now."""
    differences: list[dict[str, Any]] = []
    after = ""
    while True:
        page = client.get("diff", old=old, new=new, prefix=prefix, after=after)
        differences += page["differences"]
        if page["next_after"] is None:
            return differences
        # The next pages are of the same two states, whatever is written meanwhile.
        old, new, after = page["old"]["pinned"], page["new"]["pinned"], page["next_after"]


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    old, new = one["old"], one["new"]
    return (
        one["difference"],
        one["key"],
        human_size(old["size"]) if old else "",
        human_size(new["size"]) if new else "",
        (new["version"] or "") if new else "",
    )

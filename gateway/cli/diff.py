"""labelgate diff."""

from __future__ import annotations

from json import dumps
from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import human_size, print_json, print_table, say

EXAMPLES = examples(
    "diff v1.labels master.labels        what changed since tag v1",
    "diff master.labels dev.labels --prefix sentiment/ --json",
    "diff master.labels@2026-11-01 master.labels --labels   regions, choices and texts",
)


def diff(
    *,
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="A REF, see `labelgate log --help`.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="A REF.")],
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Only keys that begin so.", show_default=False)
    ] = "",
    labels: Annotated[
        bool, typer.Option("--labels", help="What changed in labels: regions, choices, texts.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the objects that differ between two REFs."""
    differences = read_diff(connect(context), old, new, prefix, labels=labels)
    if json:
        print_json(differences)
    elif not differences:
        say("no differences")
    elif labels:
        for one in differences:
            _say_label(one)
    else:
        print_table(
            ["difference", "key", "old size", "new size", "new version"],
            [_row(one) for one in differences],
            wrapped=["key"],
        )


def read_diff(
    client: Client, old: str, new: str, prefix: str, *, labels: bool = False
) -> list[dict[str, Any]]:
    """All differences, by key, between the states the two refs have now."""
    differences: list[dict[str, Any]] = []
    after = ""
    while True:
        page = client.get(
            "diff",
            old=old,
            new=new,
            prefix=prefix,
            after=after,
            labels="true" if labels else None,
        )
        differences += page["differences"]
        if page["next_after"] is None:
            return differences
        # The next pages are of the same two states, whatever is written meanwhile.
        old, new, after = page["old"]["pinned"], page["new"]["pinned"], page["next_after"]


def _say_label(one: dict[str, Any]) -> None:
    """What changed in an object, a line each."""
    label = one["label"]
    task = "" if label is None else f"  (task {label['task']})"
    say(f"{one['difference']} {one['key']}{task}")
    for change in () if label is None else label["changes"]:
        said = [change["what"]]
        if change["annotation"] is not None:
            said.append(f"of annotation {change['annotation']}")
        if change["control"] is not None:
            said.append(str(change["control"]))
        say(f"    {' '.join(said)}: {_told(change['old'], change['new'])}")
    if label is not None and not label["changes"]:
        say("    nothing that anybody did")


def _told(old: Any, new: Any) -> str:
    if old is None:
        return _one(new)
    if new is None:
        return _one(old)
    return f"{_one(old)} -> {_one(new)}"


def _one(value: Any) -> str:
    """A value as people read it: a list of labels or texts without its brackets."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {dumps(item)}" for name, item in value.items())
    return value if isinstance(value, str) else dumps(value)


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    old, new = one["old"], one["new"]
    return (
        one["difference"],
        one["key"],
        human_size(old["size"]) if old else "",
        human_size(new["size"]) if new else "",
        (new["version"] or "") if new else "",
    )

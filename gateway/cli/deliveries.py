"""labelgate deliveries: list, replay, drop."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.errors import WrongUse
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_json, print_table, say, short_time

deliveries = typer.Typer(
    no_args_is_help=True,
    help="Show and replay what others could not be told of commits.",
    rich_markup_mode=None,
)

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Everything that is parked.")]


@deliveries.command("list", epilog=examples("deliveries list", "deliveries list --json"))
def list_deliveries(context: typer.Context, json: JsonOption = False) -> None:
    """List who is told of commits, and what was given up: it is parked until you replay it."""
    channels, parked = read_deliveries(connect(context))
    if json:
        print_json({"channels": channels, "parked": parked})
        return
    if not channels:
        say("nobody is told of commits: see `openlineage_url` in docs/configuration.md")
    else:
        rows = [(one["name"], one["target"], one["parked"]) for one in channels]
        print_table(["channel", "target", "parked"], rows, wrapped=["target"])
    if parked:
        say("")
        print_table(
            ["id", "channel", "bucket", "commit", "tries", "given up (UTC)", "why"],
            [
                (one["id"], one["channel"], one["bucket"], one["commit"], one["tries"],
                 "trying again" if one["again"] else short_time(one["at"]), one["why"])
                for one in parked
            ],
            wrapped=["why"],
        )  # fmt: skip


@deliveries.command("replay", epilog=examples("deliveries replay 17", "deliveries replay --all"))
def replay(
    context: typer.Context,
    numbers: Numbers = None,
    everything: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Try again what was given up, once each; `list` shows what came of it."""
    client = connect(context)
    asked = [
        client.post("deliveries", str(number), "replay", body={})
        for number in _chosen(client, numbers, everything=everything)
    ]
    if json:
        print_json(asked)
    else:
        say(f"{len(asked)} will be tried again")


@deliveries.command("drop", epilog=examples("deliveries drop 17"))
def drop(
    context: typer.Context,
    numbers: Numbers = None,
    everything: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Forget what was given up. The commits stay, and what was sent before."""
    client = connect(context)
    chosen = _chosen(client, numbers, everything=everything)
    for number in chosen:
        client.delete("deliveries", str(number))
    if json:
        print_json({"dropped": chosen})
    else:
        say(f"{len(chosen)} dropped")


def read_deliveries(client: Client) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Who is told, and all that is parked."""
    channels, parked = [], []
    for page in client.pages("deliveries", limit=1000):
        channels = page["channels"]
        parked += page["parked"]
    return channels, parked


def _chosen(client: Client, numbers: list[int] | None, *, everything: bool) -> list[int]:
    if everything == bool(numbers):
        raise WrongUse("which?", "give ids as `labelgate deliveries list` shows them, or --all")
    return numbers or [one["id"] for one in read_deliveries(client)[1]]

"""labelgate trigger: list, create, delete, test, history, replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.connection import connect
from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.names import parse_named_ref
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_json, print_table, say, short_time

trigger = typer.Typer(
    no_args_is_help=True,
    help="When a branch gained this much, or a tag was made: do that.",
    rich_markup_mode=None,
)

RepoArgument = Annotated[str, typer.Argument(metavar="REPO", help="name[.project]")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of the trigger.")]


@trigger.command("list", epilog=examples("trigger list", "trigger list labels --json"))
def list_triggers(
    context: typer.Context,
    repo: Annotated[str | None, typer.Argument(metavar="REPO", help="name[.project]")] = None,
    json: JsonOption = False,
) -> None:
    """List triggers: of a repo, or of all that you administer."""
    path = ("triggers",) if repo is None else ("repos", repo, "triggers")
    found = connect(context).get(*path)["triggers"]
    if json:
        print_json(found)
        return
    print_table(
        ["trigger", "repo", "on", "when", "does", "gained", "waiting", "parked"],
        [
            (one["name"], one["repo"], f"{one['on']} {one['where']}", _when(one["when"]),
             _does(one), _gained(one["gained"]), one["waiting"], one["parked"])
            for one in found
        ],
        wrapped=["when", "does", "gained"],
    )  # fmt: skip


@trigger.command(
    "create",
    epilog=examples(
        "trigger create retrain --on dev.labels --tasks 100 -- python train.py",
        "trigger create nightly --on dev.labels --schedule '0 2 * * *' --promote-to master",
        "trigger create tell --on-promote master.labels --webhook https://ci.example.com/hook",
        "trigger create mark --on-promote master.labels --tag-as 'week-{date}'",
        "trigger create calm --on dev.labels --commits 10 --quiet 600 --all --webhook ...",
    ),
)
def create(
    *,
    context: typer.Context,
    name: NameArgument,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="BRANCH.REPO", help="At commits that come to a branch."),
    ] = None,
    on_promote: Annotated[
        str | None, typer.Option(metavar="BRANCH.REPO", help="At promotes to a branch.")
    ] = None,
    on_tag: Annotated[
        str | None, typer.Option(metavar="PATTERN.REPO", help="At new tags, such as v*.labels.")
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Only keys that begin so count.", show_default=False)
    ] = "",
    commits: Annotated[int | None, typer.Option(metavar="N", help="After so many commits.")] = None,
    objects: Annotated[
        int | None, typer.Option(metavar="N", help="After so many changed objects.")
    ] = None,
    tasks: Annotated[
        int | None, typer.Option(metavar="N", help="After labels of so many different tasks.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--bytes", metavar="N", help="After so many bytes.")
    ] = None,
    quiet: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="When nothing came for so long.")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(metavar="CRON", help="At these times, in UTC, if anything came."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="When all of these hold, not any of them.")
    ] = False,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="POST to it.")] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Holds the secret that signs the webhook."),
    ] = None,
    form: Annotated[
        str, typer.Option(metavar="cloudevents|s3", help="Of the webhook's body.")
    ] = "cloudevents",
    promote_to: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Promote it to a branch of the repo.")
    ] = None,
    tag_as: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Tag it; {commit}, {date} or {number} in the name."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="N", help="How long a command may take.")
    ] = 3600.0,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]...", help="Behind `--`: a program and its arguments."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a trigger: where it looks, what it waits for, what it does."""
    repo, place = _place(on, on_promote, on_tag)
    secret = ""
    if secret_file is not None:
        try:
            secret = secret_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise CommandError(f"{secret_file} cannot be read: {error}") from None
    body = {
        "name": name,
        **place,
        "prefix": prefix,
        "when": {
            "commits": commits,
            "objects": objects,
            "tasks": tasks,
            "bytes": size,
            "quiet": quiet,
            "schedule": schedule,
            "every": every,
        },
        "webhook": webhook,
        "secret": secret,
        "form": form,
        "promote_to": promote_to,
        "tag_as": tag_as,
        "seconds": seconds,
        "command": command or None,
    }
    made = connect(context).post("repos", repo, "triggers", body=body)
    if json:
        print_json(made)
    else:
        say(
            f"trigger {made['name']} of {made['repo']} created; try it: "
            f"labelgate trigger test {made['repo']} {made['name']}"
        )


@trigger.command("delete", epilog=examples("trigger delete labels retrain"))
def delete(
    context: typer.Context, repo: RepoArgument, name: NameArgument, json: JsonOption = False
) -> None:
    """Forget a trigger and what it fired."""
    connect(context).delete("repos", repo, "triggers", name)
    if json:
        print_json({"deleted": name})
    else:
        say(f"trigger {name} of {repo} deleted")


@trigger.command("test", epilog=examples("trigger test labels retrain"))
def try_out(
    context: typer.Context, repo: RepoArgument, name: NameArgument, json: JsonOption = False
) -> None:
    """Have it do once what it does, now. It is told that this is a test."""
    fired = connect(context).post("repos", repo, "triggers", name, "test", body={})
    if json:
        print_json(fired)
    else:
        say(f"fired {fired['id']}; what comes of it: labelgate trigger history {repo} {name}")


@trigger.command(
    "history",
    epilog=examples("trigger history labels retrain", "trigger history labels tell --json"),
)
def history(
    context: typer.Context,
    repo: RepoArgument,
    name: NameArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show what a trigger fired and what came of it, newest first."""
    found = connect(context).get("repos", repo, "triggers", name, "firings", limit=limit)["firings"]
    if json:
        print_json(found)
        return
    print_table(
        ["firing", "time (UTC)", "ref", "commit", "gained", "state", "tries", "what came of it"],
        [
            (one["id"], short_time(one["time"]), one["ref"], one["commit"],
             "test" if one["test"] else _gained(one["gained"]), one["state"], one["tries"],
             one["told"])
            for one in found
        ],
        wrapped=["gained", "what came of it"],
    )  # fmt: skip


@trigger.command("replay", epilog=examples("trigger replay labels retrain msg_0d2f..."))
def replay(
    context: typer.Context,
    repo: RepoArgument,
    name: NameArgument,
    firing: Annotated[str, typer.Argument(metavar="FIRING", help="As `history` shows it.")],
    json: JsonOption = False,
) -> None:
    """Have a firing done again, given up or not. Its receiver sees the same id."""
    again = connect(context).post(
        "repos", repo, "triggers", name, "firings", firing, "replay", body={}
    )
    if json:
        print_json(again)
    else:
        say(f"{firing} will be done again")


def _place(
    on: str | None, on_promote: str | None, on_tag: str | None
) -> tuple[str, dict[str, str]]:
    """The repo, and where the trigger looks. Raises WrongUse."""
    ways = {"branch": on, "promote": on_promote, "tag": on_tag}
    given = [(way, text) for way, text in ways.items() if text is not None]
    if len(given) != 1:
        raise WrongUse("where?", "give one of --on, --on-promote and --on-tag")
    [(way, text)] = given
    if way == "tag":
        pattern, dot, repo = text.partition(".")
        if not (pattern and dot and repo):
            raise WrongUse(f"{text!r} names no tags", "write <pattern>.<repo>, such as v*.labels")
        return repo, {way: pattern}
    ref = parse_named_ref(text, "branch")
    return ref.repo, {way: ref.name}


def _when(when: dict[str, Any]) -> str:
    joined = " and " if when.get("every") else " or "
    said = [f"{name} {value}" for name, value in when.items() if name != "every"]
    return joined.join(said) or "each time"


def _does(one: dict[str, Any]) -> str:
    if one["action"] == "command":
        return " ".join(one["command"])
    return f"{one['action']} {one['target']}"


def _gained(gained: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in gained.items() if number)

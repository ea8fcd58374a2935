"""labelgate promote, revert, restore."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from gateway.cli.connection import connect
from gateway.cli.errors import WrongUse
from gateway.cli.names import parse_metadata, parse_place
from gateway.cli.options import JsonOption, Message, Metadata, examples
from gateway.cli.output import print_json, say
from gateway.versioning.names import is_commit_id

PROMOTE_EXAMPLES = examples(
    "promote dev.labels master.labels --dry-run    what would be done",
    "promote dev.labels master.labels",
    "promote v2.labels master.labels --policy source -m 'as reviewed'",
)
REVERT_EXAMPLES = examples(
    "revert 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e.master.labels",
    "revert 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e..019f0c5f6a7b4c8d9e0f1a2b3c4d5e6f.master.labels",
)
RESTORE_EXAMPLES = examples(
    "restore master.labels/sentiment/1 --at 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e",
    "restore master.labels/sentiment/ --at v1.labels",
    "restore master.labels --at 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e --dry-run",
)

Policy = Annotated[
    Literal["fail", "source", "destination"],
    typer.Option(
        metavar="fail|source|destination",
        help="What of keys that both sides changed: nothing is done, or which side wins.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Expect = Annotated[
    str | None,
    typer.Option("--expect", metavar="COMMIT", help="Only while that is the branch's head."),
]
Path = Annotated[
    str,
    typer.Option(
        metavar="PATH", help="Only this key, or with a final / all below it.", show_default=False
    ),
]


def promote(
    *,
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A REF of the same repo.")],
    target: Annotated[str, typer.Argument(metavar="BRANCH.REPO", help="The branch it goes to.")],
    policy: Policy = "fail",
    dry_run: DryRun = False,
    expect: Expect = None,
    message: Message = "",
    metadata: Metadata = None,
    json: JsonOption = False,
) -> None:
    """Bring what SOURCE has to a branch: it is moved where it can be, else merged in one commit."""
    body = {"from": source, "policy": policy, **_common(message, expect, metadata, dry_run=dry_run)}
    made = connect(context).post("refs", target, "promote", body=body)
    if json:
        print_json(made)
        return
    would = "would be " if dry_run else ""
    match made["way"]:
        case "nothing":
            say(f"{target} has all of {source} already")
        case "forward":
            say(f"{target} {would}moved forward to {made['source']}")
        case "refused":
            say(f"{len(made['conflicts'])} conflicts; nothing would be done:")
        case _:
            where = "" if dry_run else f" in commit {made['head']}"
            say(f"{source} {would}merged into {target}{where}: {_counts(made['changes'])}")
    _say_conflicts(made["conflicts"])


def revert(
    *,
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="COMMIT.BRANCH.REPO",
            help="The commit, and the branch to undo it on; A..B.BRANCH.REPO: those behind A up to "
            "B.",
        ),
    ],
    path: Path = "",
    policy: Policy = "fail",
    dry_run: DryRun = False,
    expect: Expect = None,
    message: Message = "",
    metadata: Metadata = None,
    json: JsonOption = False,
) -> None:
    """Undo commits by a new one. What came since stays, and so does the history."""
    since, commit, branch = _parse_commits(what)
    body = {
        "commit": commit,
        "since": since,
        "path": path,
        "policy": policy,
        **_common(message, expect, metadata, dry_run=dry_run),
    }
    made = connect(context).post("refs", branch, "revert", body=body)
    _say_undone(made, branch, "undone", dry_run=dry_run, json=json)


def restore(
    *,
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(metavar="REF[/PATH]", help="The branch; a key, or with a final / a folder."),
    ],
    at: Annotated[
        str, typer.Option("--at", metavar="REF", help="The commit or REF to go back to.")
    ],
    dry_run: DryRun = False,
    expect: Expect = None,
    message: Message = "",
    metadata: Metadata = None,
    json: JsonOption = False,
) -> None:
    """Bring an earlier state of a branch, or of a part of it, back by a new commit."""
    target = parse_place(place, key_needed=False)
    body = {
        "at": at,
        "path": target.key or "",
        **_common(message, expect, metadata, dry_run=dry_run),
    }
    made = connect(context).post("refs", target.bucket, "restore", body=body)
    _say_undone(made, target.bucket, "restored", dry_run=dry_run, json=json)


def _common(
    message: str, expect: str | None, metadata: list[str] | None, *, dry_run: bool
) -> dict[str, Any]:
    return {
        "message": message,
        "metadata": parse_metadata(metadata),
        "if_head": expect,
        "dry_run": dry_run,
    }


def _parse_commits(text: str) -> tuple[str | None, str, str]:
    """`[A..]B.branch.repo`: A, B, and the branch. Raises WrongUse."""
    since, dots, rest = text.partition("..")
    if not dots:
        since, rest = "", text
    commit, _, branch = rest.partition(".")
    if not is_commit_id(commit) or "." not in branch or (dots and not is_commit_id(since)):
        raise WrongUse(
            f"{text!r} does not name a commit and its branch",
            "write <commit>.<branch>.<repo>, or <commit>..<commit>.<branch>.<repo>",
        )
    return since or None, commit, branch


def _say_undone(made: dict[str, Any], branch: str, done: str, *, dry_run: bool, json: bool) -> None:
    if json:
        print_json(made)
        return
    count = len(made["keys"])
    if dry_run:
        say(f"{count} keys of {branch} would be {done}")
    elif made["head"] == made["before"]:
        say(f"nothing was to be {done}: {branch} is as it was")
    else:
        say(f"{count} keys of {branch} {done} in commit {made['head']}")
    _say_conflicts(made["conflicts"])


def _say_conflicts(conflicts: list[str]) -> None:
    for key in conflicts:
        say(f"  conflict: {key}")


def _counts(changes: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in changes.items() if number) or "no keys"

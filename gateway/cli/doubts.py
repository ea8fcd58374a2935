"""labelgate lineage check."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.client import Client
from gateway.cli.connection import connect
from gateway.cli.errors import REFUSED
from gateway.cli.options import JsonOption, RefArgument, examples
from gateway.cli.output import print_json, print_table, say
from gateway.cli.progress import bars

EXAMPLES = examples(
    "lineage check master.labels",
    "lineage check v1.labels --prefix sentiment/ --json",
)
_PAGE = 200


def check(
    context: typer.Context,
    ref: RefArgument,
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Only keys that begin so.", show_default=False)
    ] = "",
    json: JsonOption = False,
) -> None:
    """Find labels whose sources are doubtful; exits with 1 where there are any.

    stale: the source has another version now. dangling: it is gone. weak: which version was seen
    is a guess, or not known. missing: there was no such source. changed-during: it was replaced
    while the work was going on.
    """
    findings, looked_at = read_findings(connect(context), ref, prefix)
    if json:
        print_json(findings)
    elif findings:
        print_table(
            ["finding", "object", "source", "evidence"],
            [(one["finding"], one["object"], one["source"], one["evidence"]) for one in findings],
            wrapped=["object", "source"],
        )
        labels = len({one["object"] for one in findings})
        say("")
        say(f"{len(findings)} findings on {labels} of {looked_at} objects")
    else:
        say(f"nothing doubtful about {looked_at} objects")
    if findings:
        raise typer.Exit(REFUSED)


def read_findings(client: Client, ref: str, prefix: str) -> tuple[list[dict[str, Any]], int]:
    """The findings on the state that `ref` has now, by key, and how many objects are in it."""
    findings: list[dict[str, Any]] = []
    looked_at, after, bucket = 0, "", None
    with bars() as progress:
        while True:
            page = client.get("refs", ref, "check", prefix=prefix, after=after, limit=_PAGE)
            # As it was asked for: the next pages are of the pinned state.
            bucket = bucket or page["at"]["bucket"]
            for one in page["findings"]:
                _, _, key = one["object"].removeprefix("s3://").partition("/")
                findings.append({**one, "object": f"s3://{bucket}/{key}"})
            looked_at += page["looked_at"]
            if page["next_after"] is None:
                return findings, looked_at
            progress(looked_at, None, f"objects of {bucket}")
            ref, after = page["at"]["pinned"], page["next_after"]

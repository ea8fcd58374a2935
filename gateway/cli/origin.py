"""labelgate lineage of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from gateway.cli.connection import connect
from gateway.cli.exports import asked_form, read_export
from gateway.cli.names import parse_place
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_fields, print_json, print_table, say

EXAMPLES = examples(
    "lineage of s3://master.labels/sentiment/1",
    "lineage s3://master.labels/sentiment/1                the same: `of` may be left out",
    "lineage master.labels/sentiment/1 --version 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e",
    "lineage master.labels --prov                 the newest commit as W3C PROV-JSON",
    "lineage master.labels --openlineage          ... or as an OpenLineage event",
    "lineage v1.labels --croissant                what a tag holds, as a Croissant dataset",
)


def of(
    *,
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(
            metavar="REF[/PATH]",
            help="The object, its key as it is, raw; s3://BUCKET/KEY will do. "
            "For --prov without a path the commit, for --croissant the beginning of keys.",
        ),
    ],
    version: Annotated[
        str | None, typer.Option(metavar="ID", help="A version of it; else the current one.")
    ] = None,
    prov: Annotated[bool, typer.Option("--prov", help="Print W3C PROV-JSON.")] = False,
    openlineage: Annotated[
        bool, typer.Option("--openlineage", help="Print the commit as an OpenLineage event.")
    ] = False,
    croissant: Annotated[
        bool, typer.Option("--croissant", help="Print a Croissant dataset of the objects there.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show where an object comes from: who labeled, in which task, and from which sources."""
    form = asked_form(prov=prov, openlineage=openlineage, croissant=croissant)
    target = parse_place(place, key_needed=form is None)
    client = connect(context)
    if form is not None:
        print_json(read_export(client, form, target, version))
        return
    found = client.get("refs", target.bucket, "lineage", key=target.key, version=version)
    if json:
        print_json(found)
        return
    record = found["record"]
    if record is None:
        say(f"{found['object']}, version {found['version']}: its lineage was erased")
        return
    print_fields({"object": found["object"], "version": found["version"], **_fields(record)})
    if sources := record.get("sources"):
        say("")
        print_table(
            ["source", "evidence", "version"],
            [(one["uri"], _evidence(one), _version(one)) for one in sources],
            wrapped=["source"],
        )
    if left_out := record.get("sources_left_out"):
        say(f"and {left_out} more sources that the record leaves out")


def _fields(record: dict[str, Any]) -> dict[str, object]:
    """What people want to read first; `--json` has all of the record."""
    return {
        "written": _time(record["time"]),
        "by": f"account {record['account']}, key {record['key_name']}",
        "kind": record["kind"],
        "project": record.get("project"),
        "task": record.get("task"),
        "annotation": record.get("annotation"),
        "annotator": record.get("annotator"),
        "annotator hash": record.get("annotator_hash"),
        "lead time": _seconds(record.get("lead_time")),
        "results": record.get("result_count"),
        "duplicate of": _duplicate(record.get("duplicate_of")),
        "skipped": "yes" if record.get("was_cancelled") else None,
        "request": record.get("request_id"),
    }


def _duplicate(found: dict[str, Any] | None) -> str | None:
    if found is None:
        return None
    where = f", {found['key']}, version {found['version']}" if "key" in found else ", never kept"
    return f"annotation {found['annotation']}{where}"


def _evidence(source: dict[str, Any]) -> str:
    evidence = str(source["evidence"])
    return f"{evidence}, changed meanwhile" if source.get("changed_during") else evidence


def _time(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"


def _version(source: dict[str, Any]) -> str:
    return str(source.get("commit") or source.get("version_id") or "")

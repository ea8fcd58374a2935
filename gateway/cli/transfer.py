"""labelgate download, upload, erase."""

from __future__ import annotations

import hashlib
import json as jsonlib
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.connection import connect, connect_s3
from gateway.cli.errors import CommandError
from gateway.cli.names import parse_place
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_json, say
from gateway.cli.s3 import OURS, Listed
from gateway.cli.staging import bring, each, open_branch

DOWNLOAD_EXAMPLES = examples(
    "download v1.labels ./labels                     the state of a tag",
    "download master.labels/sentiment/ ./labels      a folder of a branch, as it is now",
    "download master.labels@2026-11-01 ./labels      ... or as it was then",
)
UPLOAD_EXAMPLES = examples(
    "upload ./labels dev.labels -m 'labels of the agency'",
    "upload ./images master.raw/images/ --dry-run",
)
ERASE_EXAMPLES = examples(
    "erase master.labels/sentiment/1 --version 019f0c5e5e0b4a7d9c1e8f2a3b4c5d6e --reason 'GDPR 17'",
)
STATE_FILE = f"{OURS}download.json"
NAME_BYTES_MAX = 255


def download(
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(metavar="REF[/PREFIX]", help="A state; or of it what begins so."),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made where it is missing.")],
    json: JsonOption = False,
) -> None:
    """Write the objects of a state into a directory, by their keys.

    Run again, it fetches only what is missing or other than it was: also after it was broken off.
    """
    target = parse_place(place, key_needed=False)
    client = connect(context)
    at = client.get("refs", target.bucket, "log", limit=1)["at"]
    s3 = connect_s3(context, client)
    objects = list(s3.list(at["pinned"], target.key or ""))
    files = _files(folder, objects)
    folder.mkdir(parents=True, exist_ok=True)
    known = _known(folder)
    wanted = [one for one in objects if not _is_there(files[one.key], one, known)]

    def fetch(one: Listed) -> None:
        file = files[one.key]
        if one.key.endswith("/"):
            file.mkdir(parents=True, exist_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        known[one.key] = s3.get(at["pinned"], one.key, file)["etag"].strip('"')

    try:
        each(wanted, fetch, "objects fetched")
    finally:
        (folder / STATE_FILE).write_text(jsonlib.dumps(known), encoding="utf-8")
    told = {"commit": at["commit"], "objects": len(objects), "fetched": len(wanted)}
    if json:
        print_json(told)
    else:
        say(f"{len(objects)} objects of {at['pinned']} are in {folder}; {len(wanted)} were fetched")


def upload(
    *,
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Its files.")
    ],
    place: Annotated[
        str, typer.Argument(metavar="BRANCH.REPO[/PREFIX]", help="Where to; below a prefix.")
    ],
    message: Annotated[
        str,
        typer.Option("--message", "-m", metavar="TEXT", help="Of the commit.", show_default=False),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make objects of the files of a directory, all of them in one commit.

    Files that are there already, byte for byte, are passed over. Nothing is deleted. Broken off, it
    has changed nothing; run again, it goes on with what was not sent yet.
    """
    target = parse_place(place, key_needed=False)
    client = connect(context)
    branch = open_branch(client, target.bucket)
    s3 = connect_s3(context, client)
    prefix = target.key or ""
    files = {f"{prefix}{name}": file for name, file in _below(folder)}
    there = {one.key: one for one in s3.list(branch.pinned, prefix)}
    wanted = {
        key: file for key, file in files.items() if key not in there or not _same(file, there[key])
    }

    def send(bucket: str, key: str, file: Path) -> None:
        kind = mimetypes.guess_type(key)[0] or "binary/octet-stream"
        s3.put(bucket, key, file, {"content-type": kind})

    told = {"objects": len(files), "sent": len(wanted), "head": branch.commit}
    if wanted and not dry_run:
        message = message or f"Upload {len(files)} files"
        told["head"] = bring(client, s3, branch, wanted, message, same=_same, send=send)
    if json:
        print_json(told)
    elif dry_run:
        say(f"{len(wanted)} of {len(files)} files would be sent to {target.bucket}")
    elif wanted:
        say(f"{len(wanted)} of {len(files)} files are in {target.bucket}, commit {told['head']}")
    else:
        say(f"{target.bucket} has all {len(files)} files already")


def erase(
    context: typer.Context,
    place: Annotated[
        str, typer.Argument(metavar="BRANCH.REPO/KEY", help="The object, its key raw.")
    ],
    version: Annotated[str, typer.Option(metavar="ID", help="The version whose content goes.")],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Kept in the tombstone.", show_default=False)
    ] = "",
    json: JsonOption = False,
) -> None:
    """Take one version's content away for good, wherever it is seen. It takes the right `erase`.

    Body, attributes and lineage go; a tombstone says who, when and why, and history still verifies.
    """
    target = parse_place(place, key_needed=True)
    client = connect(context)
    client.get("refs", target.bucket, "log", limit=1)
    connect_s3(context, client).erase(target.bucket, target.key or "", version, reason)
    if json:
        print_json({"erased": f"s3://{target.bucket}/{target.key}", "version": version})
    else:
        say(f"version {version} of {target.key} is erased")


# ---- download


def _files(folder: Path, objects: Iterable[Listed]) -> dict[str, Path]:
    """Where each object goes. Raises CommandError for keys that no file can have."""
    root = folder.absolute()
    files: dict[str, Path] = {}
    for one in objects:
        parts = one.key.removesuffix("/").split("/")
        unsafe = any(
            part in {"", ".", ".."} or "\0" in part or len(part.encode()) > NAME_BYTES_MAX
            for part in parts
        )
        if unsafe or parts[-1].startswith(OURS):
            raise CommandError(
                f"the key {one.key!r} cannot be a file below {folder}",
                "name a prefix that leaves it out",
            )
        files[one.key] = root.joinpath(*parts)
    below = {parent for file in files.values() for parent in file.parents}
    for key, file in files.items():
        if file in below and not key.endswith("/"):
            raise CommandError(
                f"{key!r} is an object, and the beginning of others: no file can be both",
                "name a prefix that leaves it out",
            )
    return files


def _known(folder: Path) -> dict[str, str]:
    """The ETags of what was fetched before, by key."""
    try:
        found = jsonlib.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        return {str(key): str(etag) for key, etag in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _is_there(file: Path, one: Listed, known: dict[str, str]) -> bool:
    if one.key.endswith("/"):
        return file.is_dir()
    if not file.is_file() or file.stat().st_size != one.size:
        return False
    if "-" in one.etag:  # made of parts: the bytes do not tell
        return known.get(one.key) == one.etag
    return _md5(file) == one.etag


# ---- upload


def _below(folder: Path) -> list[tuple[str, Path]]:
    """Every file below a folder and its name there, with slashes; not what a download keeps."""
    return sorted(
        (file.relative_to(folder).as_posix(), file)
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(OURS)
    )


def _same(file: Path, there: Listed) -> bool:
    return there.size == file.stat().st_size and _md5(file) == there.etag


def _md5(file: Path) -> str:
    with file.open("rb") as body:
        return hashlib.file_digest(body, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

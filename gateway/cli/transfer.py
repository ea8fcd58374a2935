"""labelgate download, upload, erase."""

from __future__ import annotations

import hashlib
import json as jsonlib
import mimetypes
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.connection import connect, connect_s3
from gateway.cli.errors import CommandError
from gateway.cli.names import parse_metadata, parse_place
from gateway.cli.options import JsonOption, Message, Metadata, examples
from gateway.cli.output import print_json, say
from gateway.cli.s3 import OURS, Listed
from gateway.cli.staging import bring, each, missing, open_branch

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
    objects = list(s3.objects(at["pinned"], target.key or ""))
    if not objects and target.key:
        raise CommandError(f"nothing in {target.bucket} begins with {target.key!r}")
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
        headers, md5 = s3.get(at["pinned"], one.key, file)
        known[one.key] = [headers["etag"].strip('"'), md5]

    try:
        each(wanted, fetch, "objects fetched")
    finally:
        if wanted:
            _keep(folder, known)
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
    message: Message = "",
    metadata: Metadata = None,
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
    said = parse_metadata(metadata)
    client = connect(context)
    branch = open_branch(client, target.bucket)
    s3 = connect_s3(context, client)
    prefix = target.key or ""
    files = {f"{prefix}{name}": file for name, file in _below(folder)}
    if not files:
        raise CommandError(f"{folder} holds no file")
    looked_at = [Listed(key, file.stat().st_size, _md5(file)) for key, file in files.items()]
    wanted = missing(s3, branch.pinned, prefix, looked_at)

    def send(bucket: str, key: str) -> None:
        s3.put(bucket, key, files[key], {"content-type": _type(key)})

    told = {"objects": len(files), "sent": len(wanted), "head": branch.commit}
    if wanted and not dry_run:
        about = message or f"Upload {len(files)} files", said
        told["head"] = bring(client, s3, branch, wanted, about=about, send=send)
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
    top = root.resolve()
    below = {parent for file in files.values() for parent in file.parents}
    for parent in below:
        if parent.is_relative_to(root) and not parent.resolve().is_relative_to(top):
            raise CommandError(f"{parent} leads out of {folder}", "download to another directory")
    for key, file in files.items():
        if file in below and not key.endswith("/"):
            raise CommandError(
                f"{key!r} is an object, and the beginning of others: no file can be both",
                "name a prefix that leaves it out",
            )
    return files


def _known(folder: Path) -> dict[str, list[str]]:
    """ETag and MD5 of what was fetched before, by key."""
    try:
        found = jsonlib.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        return {str(key): [str(etag), str(md5)] for key, (etag, md5) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _keep(folder: Path, known: dict[str, list[str]]) -> None:
    """Remember it. Where that cannot be, no more is lost than time."""
    new = folder / f"{STATE_FILE}.new"
    with suppress(OSError):
        new.write_text(jsonlib.dumps(known), encoding="utf-8")
        new.replace(folder / STATE_FILE)


def _is_there(file: Path, one: Listed, known: dict[str, list[str]]) -> bool:
    if one.key.endswith("/"):
        return file.is_dir()
    if not file.is_file() or file.stat().st_size != one.size:
        return False
    if "-" in one.etag:  # made of parts: the bytes do not tell
        return known.get(one.key) == [one.etag, _md5(file)]
    return _md5(file) == one.etag


# ---- upload


def _below(folder: Path) -> list[tuple[str, Path]]:
    """Every file below a folder and its name there, with slashes; not what a download keeps.

    Raises CommandError for what cannot be sent: nothing is left out without a word.
    """
    found = []
    for at, folders, names in os.walk(folder, onerror=_raise):
        for name in names:
            file = Path(at, name)
            if name.startswith(OURS):
                continue
            if not file.is_file():
                raise CommandError(
                    f"{file} is no file", "take it away, or upload what is beside it"
                )
            found.append((_key_of(file.relative_to(folder)), file))
        for name in folders:
            if Path(at, name).is_symlink():
                raise CommandError(
                    f"{Path(at, name)} is a link to a directory", "upload the directory itself"
                )
    return sorted(found)


def _key_of(path: Path) -> str:
    name = path.as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise CommandError(f"the name of {name!r} is not UTF-8", "give it another") from None
    return name


def _raise(error: OSError) -> None:
    raise error


def _type(key: str) -> str:
    """The content type that a name says; of what is compressed the type of that."""
    kind, encoding = mimetypes.guess_type(key)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else "binary/octet-stream"
    return kind or "binary/octet-stream"


def _md5(file: Path) -> str:
    with file.open("rb") as body:
        return hashlib.file_digest(body, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

"""labelgate import."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from gateway.cli.client import KeyPair
from gateway.cli.connection import connect, connect_s3
from gateway.cli.errors import WrongUse
from gateway.cli.names import SCHEME, parse_place
from gateway.cli.options import JsonOption, examples
from gateway.cli.output import print_json, say
from gateway.cli.s3 import S3, Listed
from gateway.cli.staging import bring, open_branch

EXAMPLES = examples(
    "import s3://old-bucket/texts/ master.raw/texts/ --endpoint https://s3.eu-west-1.amazonaws.com "
    "--region eu-west-1",
    "import s3://labels dev.labels --endpoint http://minio:9000 -m 'from the old MinIO'",
)
AWS = "https://s3.amazonaws.com"
_KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_META = "x-amz-meta-"
# What an earlier gateway of ours adds to an answer is no metadata of the object.
_NOT_META = ("x-amz-meta-lineage-", "x-amz-meta-labelgate-")


def import_(
    *,
    context: typer.Context,
    origin: Annotated[str, typer.Argument(metavar="s3://BUCKET[/PREFIX]", help="What to copy.")],
    place: Annotated[
        str, typer.Argument(metavar="BRANCH.REPO[/PREFIX]", help="Where to; below a prefix.")
    ],
    endpoint: Annotated[str, typer.Option(metavar="URL", help="The S3 that has it.")] = AWS,
    region: Annotated[
        str, typer.Option(metavar="NAME", help="The region that its requests are signed for.")
    ] = "us-east-1",
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Ask without a signature.")
    ] = False,
    message: Annotated[
        str,
        typer.Option("--message", "-m", metavar="TEXT", help="Of the commit.", show_default=False),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be copied.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Copy a bucket, or what begins with a prefix, from any S3: all of it in one commit.

    The lineage of each object names the one it is a copy of, and its version there. Signs with
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. What the branch has already by
    its ETag is passed over; broken off, it has changed nothing, and run again it goes on.
    """
    if not origin.startswith(SCHEME):
        raise WrongUse(f"{origin!r} names no bucket", "write s3://BUCKET or s3://BUCKET/PREFIX")
    there, target = parse_place(origin, key_needed=False), parse_place(place, key_needed=False)
    client = connect(context)
    branch = open_branch(client, target.bucket)
    s3 = connect_s3(context, client)
    other = _other(endpoint, region, anonymous=anonymous)
    context.call_on_close(other.close)
    begin, prefix = there.key or "", target.key or ""
    found = {
        f"{prefix}{one.key.removeprefix(begin)}": one for one in other.list(there.bucket, begin)
    }
    # The object that is the prefix itself (a folder's marker) would get no key.
    found.pop("", None)
    here = {one.key: one for one in s3.list(branch.pinned, prefix)}
    wanted = {
        key: one for key, one in found.items() if key not in here or not _same(one, here[key])
    }

    def send(bucket: str, key: str, one: Listed) -> None:
        with tempfile.TemporaryDirectory(prefix="labelgate-") as folder:
            file = Path(folder, "object")
            headers = other.get(there.bucket, one.key, file, md5=False)
            kept = {name: headers[name] for name in _KEPT if name in headers}
            kept |= {
                name: value
                for name, value in headers.items()
                if name.startswith(_META) and not name.startswith(_NOT_META)
            }
            kept[f"{_META}labelgate-origin"] = _uri(
                there.bucket, one.key, headers.get("x-amz-version-id")
            )
            s3.put(bucket, key, file, kept)

    told = {"objects": len(found), "sent": len(wanted), "head": branch.commit}
    if wanted and not dry_run:
        message = message or f"Import {origin} from {endpoint}"
        told["head"] = bring(client, s3, branch, wanted, message, same=_same, send=send)
    if json:
        print_json(told)
    elif dry_run:
        say(f"{len(wanted)} of {len(found)} objects would be copied to {target.bucket}")
    elif wanted:
        say(
            f"{len(wanted)} of {len(found)} objects are copied to {target.bucket}, commit "
            f"{told['head']}"
        )
    else:
        say(f"{target.bucket} has all {len(found)} objects already")


def _other(endpoint: str, region: str, *, anonymous: bool) -> S3:
    if anonymous:
        return S3(endpoint, None, region=region, proxies=True)
    access, secret = (
        os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    if not access or not secret:
        raise WrongUse(
            f"there is no key for {endpoint}",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or say --anonymous",
        )
    key = KeyPair(access, secret, f"{access} of the environment (AWS_ACCESS_KEY_ID)")
    token = os.environ.get("AWS_SESSION_TOKEN")
    return S3(endpoint, key, region=region, token=token, proxies=True)


def _same(one: Listed, other: Listed) -> bool:
    return (one.size, one.etag) == (other.size, other.etag)


def _uri(bucket: str, key: str, version: str | None) -> str:
    known = version is not None and version != "null"
    query = "?" + urlencode({"versionId": version}) if known else ""
    return f"{SCHEME}{bucket}/{quote(key)}{query}"

"""labelgate import."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

import httpx
import typer

from gateway.cli.client import KeyPair
from gateway.cli.connection import connect, connect_s3
from gateway.cli.errors import CommandError, WrongUse
from gateway.cli.names import SCHEME, parse_metadata, parse_place
from gateway.cli.options import JsonOption, Message, Metadata, examples
from gateway.cli.output import print_json, say
from gateway.cli.s3 import S3, Listed
from gateway.cli.staging import bring, missing, open_branch
from gateway.protocol.headers import METADATA_PREFIX, encode_metadata

EXAMPLES = examples(
    "import s3://old-bucket/texts/ master.raw/texts/ --endpoint https://s3.eu-west-1.amazonaws.com "
    "--region eu-west-1",
    "import s3://labels dev.labels --endpoint http://minio:9000 -m 'from the old MinIO'",
)
AWS = "https://s3.amazonaws.com"
_CONTENT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
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
    message: Message = "",
    metadata: Metadata = None,
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
    said = parse_metadata(metadata)
    client = connect(context)
    branch = open_branch(client, target.bucket)
    s3 = connect_s3(context, client)
    other = _other(endpoint, region, anonymous=anonymous)
    context.call_on_close(other.close)
    begin, prefix = there.key or "", target.key or ""
    folder = begin[: begin.rfind("/") + 1]
    found: dict[str, Listed] = {}
    for one in other.objects(there.bucket, begin):
        if key := prefix + one.key.removeprefix(folder):
            found[key] = one
    if not found:
        raise CommandError(f"nothing in {there.bucket} begins with {begin!r}")
    wanted = missing(
        s3, branch.pinned, prefix, [one._replace(key=key) for key, one in found.items()]
    )

    def send(bucket: str, key: str) -> None:
        with tempfile.TemporaryDirectory(prefix="labelgate-") as made:
            file, source = Path(made, "object"), found[key].key
            headers, _ = other.get(there.bucket, source, file, md5=False)
            origin = _uri(there.bucket, source, headers.get("x-amz-version-id"))
            s3.put(bucket, key, file, _kept(headers, origin))

    told = {"objects": len(found), "sent": len(wanted), "head": branch.commit}
    if wanted and not dry_run:
        about = message or f"Import {origin} from {endpoint}", said
        told["head"] = bring(client, s3, branch, wanted, about=about, send=send)
    if json:
        print_json(told)
    elif dry_run:
        say(f"{len(wanted)} of {len(found)} objects would be copied to {target.bucket}")
    elif told["head"] != branch.commit:
        say(
            f"{len(wanted)} of {len(found)} objects are copied to {target.bucket}, commit "
            f"{told['head']}"
        )
    else:
        say(f"{target.bucket} has all {len(found)} objects already")


def _other(endpoint: str, region: str, *, anonymous: bool) -> S3:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        # A password in it would be in the commit's message.
        raise WrongUse(
            "--endpoint is no address of an S3", "write https://host or http://host:port"
        )
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


def _kept(headers: httpx.Headers, origin: str) -> dict[str, str]:
    """Of an answer what goes with the object, and where it is from."""
    content = {
        name: value for name in _CONTENT if (value := headers.get(name, "")) and value.isascii()
    }
    metadata = {
        name.removeprefix(METADATA_PREFIX): value
        for name, value in headers.items()
        if name.startswith(METADATA_PREFIX) and not name.startswith(_NOT_META)
    }
    return content | dict(encode_metadata({**metadata, "labelgate-origin": origin}))


def _uri(bucket: str, key: str, version: str | None) -> str:
    known = version is not None and version != "null"
    query = "?" + urlencode({"versionId": version}) if known else ""
    return f"{SCHEME}{bucket}/{quote(key)}{query}"

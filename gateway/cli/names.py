"""Names as they are typed: `branch.repo[.project]`, `REF[/key]`."""

from __future__ import annotations

from typing import NamedTuple

from gateway.cli.errors import CommandError, WrongUse
from gateway.versioning.errors import InvalidName
from gateway.versioning.names import parse_bucket

SCHEME = "s3://"


class NamedRef(NamedTuple):
    """A branch or tag to make or delete. repo: `name[.project]`."""

    name: str
    repo: str


class Place(NamedTuple):
    """A REF as it is spelled, and in it an object: the key raw, None where none is named."""

    bucket: str
    key: str | None


def parse_named_ref(text: str, what: str) -> NamedRef:
    """`name.repo[.project]`. Raises WrongUse, CommandError for a name that breaks the grammar.

    The name must be there: `labels` alone would mean branch `master`, which nobody typed.
    """
    try:
        bucket = parse_bucket(text)
    except InvalidName as error:
        raise CommandError(str(error)) from None
    if bucket.ref is None or bucket.commit is not None:
        raise WrongUse(
            f"{text!r} does not name a {what} and its repo", f"write <{what}>.<repo>[.<project>]"
        )
    return NamedRef(bucket.ref, str(bucket.repo))


def parse_place(text: str, *, key_needed: bool) -> Place:
    """`REF[/key]`, `s3://` in front or not, the key raw. Raises WrongUse."""
    bucket, _, key = text.removeprefix(SCHEME).partition("/")
    if not bucket or (key_needed and not key):
        raise WrongUse(
            f"{text!r} does not name an object", "write REF/<key> or s3://<bucket>/<key>"
        )
    return Place(bucket, key or None)


def parse_metadata(given: list[str] | None) -> dict[str, str]:
    """`NAME=TEXT`, each. Raises WrongUse."""
    found = {}
    for one in given or ():
        name, equals, text = one.partition("=")
        if not equals or not name:
            raise WrongUse(f"{one!r} is no metadata", "write NAME=TEXT")
        found[name] = text
    return found

"""DeleteObject and DeleteObjects: what is to go, on what terms, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.protocol import dates
from gateway.protocol.documents import Element, optional, parse, required, rows
from gateway.protocol.errors import S3Error, escape
from gateway.protocol.responses import document

KEYS_MAX = 1000
_LAST_MODIFIED = "x-amz-if-match-last-modified-time"
_SIZE = "x-amz-if-match-size"


@dataclass(frozen=True, slots=True)
class Terms:
    """What must be true of an object for it to be deleted; None: not asked for.

    etag: bare, or `*` for any. modified_s: in whole seconds since 1970, as headers tell it.
    """

    etag: str | None = None
    modified_s: int | None = None
    size: int | None = None

    @property
    def given(self) -> bool:
        """Whether any were."""
        return self != Terms()

    def demand(self, etag: str, modified_ms: int, size: int) -> None:
        """Raise PreconditionFailed unless they hold of that object."""
        failed = ""
        if self.etag not in {None, "*", etag}:
            failed = "If-Match"
        elif self.modified_s not in {None, modified_ms // 1000}:
            failed = _LAST_MODIFIED
        elif self.size not in {None, size}:
            failed = _SIZE
        if failed:
            raise S3Error("PreconditionFailed", Condition=failed)

    def demand_of_marker(self) -> None:
        """Raise PreconditionFailed unless they hold of a delete marker, which has no content."""
        if self != Terms(etag="*"):
            raise S3Error("PreconditionFailed", Condition="If-Match")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to delete. version: as sent."""

    key: str
    version: str | None = None
    terms: Terms = Terms()


@dataclass(frozen=True, slots=True)
class Gone:
    """What became of one. version: the one that was named.

    marker: the version id of the delete marker that was made, or that went.
    """

    key: str
    version: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was not done, and why."""

    key: str
    version: str | None
    code: str
    message: str


def terms(headers: Mapping[str, str]) -> Terms:
    """The terms of a DeleteObject. Raises InvalidArgument, NotImplemented."""
    if "if-none-match" in headers:
        raise S3Error("NotImplemented", Header="If-None-Match")
    return _terms(
        headers.get("if-match"),
        headers.get(_LAST_MODIFIED),
        headers.get(_SIZE),
        (_LAST_MODIFIED, _SIZE),
    )


def parse_delete(body: bytes) -> tuple[list[Wanted], bool]:
    """What a Delete names, and whether it is quiet. Raises MalformedXML, InvalidArgument.

    An empty key is refused here, before it could name the bucket itself (seaweedfs#3939).
    """
    form = parse(body, "Delete")
    wanted = [_wanted(row) for row in rows(form, "Object")]
    if not 1 <= len(wanted) <= KEYS_MAX:
        raise S3Error("MalformedXML")
    return wanted, (optional(form, "Quiet") or "").lower() == "true"


def render(gone: Iterable[Gone], kept: Iterable[Kept]) -> bytes:
    """DeleteResult."""
    return document("DeleteResult", "".join([*map(_gone, gone), *map(_kept, kept)]))


def _wanted(row: Element) -> Wanted:
    asked = _terms(
        optional(row, "ETag"),
        optional(row, "LastModifiedTime"),
        optional(row, "Size"),
        ("LastModifiedTime", "Size"),
    )
    return Wanted(required(row, "Key"), optional(row, "VersionId"), asked)


def _terms(
    etag: str | None, modified: str | None, size: str | None, names: tuple[str, str]
) -> Terms:
    moment = None if modified is None else dates.parse(modified)
    if modified is not None and moment is None:
        raise _unreadable(names[0], modified)
    if size is not None and not (size.isascii() and size.isdigit() and len(size) <= 18):
        raise _unreadable(names[1], size)
    return Terms(
        None if etag is None else etag.strip().removeprefix("W/").strip('"'),
        None if moment is None else moment // 1000,
        None if size is None else int(size),
    )


def _unreadable(name: str, value: str) -> S3Error:
    return S3Error(
        "InvalidArgument", f"{name} cannot be read.", ArgumentName=name, ArgumentValue=value
    )


def _gone(row: Gone) -> str:
    version = "" if row.version is None else f"<VersionId>{escape(row.version)}</VersionId>"
    marker = ""
    if row.marker is not None:
        marker = (
            "<DeleteMarker>true</DeleteMarker>"
            f"<DeleteMarkerVersionId>{escape(row.marker)}</DeleteMarkerVersionId>"
        )
    return f"<Deleted><Key>{escape(row.key)}</Key>{version}{marker}</Deleted>"


def _kept(row: Kept) -> str:
    version = "" if row.version is None else f"<VersionId>{escape(row.version)}</VersionId>"
    return (
        f"<Error><Key>{escape(row.key)}</Key>{version}"
        f"<Code>{row.code}</Code><Message>{escape(row.message)}</Message></Error>"
    )

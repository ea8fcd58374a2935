"""A row of `change`, and what it is in the words of the domain."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from gateway.stores.timeline.schema import PUT
from gateway.versioning.model import NOTHING, Attributes, Json, ObjectInfo
from gateway.versioning.names import CommitId

COLUMNS = (
    "line, seq, key, ord, kind, nul, body, blob, manifest, size, mtime, etag, digest, attrs, "
    "same_as, origin, to_line, to_seq, salt"
)
_INSERT_VALUES = ",".join("?" * (COLUMNS.count(",") + 1))
INSERT = f"INSERT INTO change({COLUMNS}) VALUES({_INSERT_VALUES})"


class Change(NamedTuple):
    """One row, columns in the table's order."""

    line: int
    seq: int
    key: bytes
    ord: int
    kind: int
    nul: int
    body: int | None
    blob: int | None
    manifest: int | None
    size: int
    mtime: int
    etag: str
    digest: bytes | None
    attrs: str
    same_as: str | None
    origin: bytes | None
    to_line: int | None
    to_seq: int | None
    salt: bytes

    @property
    def live(self) -> bool:
        """Whether the key has an object after this change (a point is followed before one asks)."""
        return self.kind == PUT


def object_info(row: Change, commit: bytes, content: Any, side: Json = NOTHING) -> ObjectInfo:
    """The object that a put made; commit: id of the commit of that row; content: its handle."""
    return ObjectInfo(
        key=row.key.decode(),
        version=CommitId(commit.hex()),
        size=row.size,
        etag=row.etag,
        modified_ms=row.mtime,
        attributes=attributes(row.attrs),
        origin=None if row.origin is None else CommitId(row.origin.hex()),
        null=bool(row.nul),
        side=side,
        content=content,
        same_as=row.same_as,
    )


def attributes(form: str) -> Attributes:
    """Attributes from their stored form."""
    return Attributes.from_json(json.loads(form)) if form else Attributes()


def attributes_form(given: Attributes) -> str:
    """The stored form; "" for defaults alone."""
    form = given.to_json()
    return json.dumps(form, separators=(",", ":"), sort_keys=True) if form else ""


def side_rows(side: Json) -> list[tuple[str, str]]:
    """Side state as names and stored values."""
    return [(name, json.dumps(value, separators=(",", ":"))) for name, value in side.items()]


def json_or_nothing(text: str) -> Any:
    """A stored JSON mapping; the shared empty one for ""."""
    return json.loads(text) if text else NOTHING

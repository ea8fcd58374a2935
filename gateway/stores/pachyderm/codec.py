"""Commits and their changes as JSON: in records (a commit's description) and in segments.

Short keys, defaults left out. What is read may have been written by anybody, so every value is
checked: one that the tables of the index would refuse must not get that far.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import NOTHING, Attributes, ChangeKind, Json
from gateway.versioning.names import CommitId, is_commit_id

SIZE_MAX = 2**63 - 1
TIME_MS_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999: what a date can be made of."""

_KINDS = (ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.POINT)
"""By the number in the form."""

_T = TypeVar("_T")


def change_form(change: Written) -> dict[str, Any]:
    """A change as JSON.

    k: key, d: 1 for a delete, 2 for one without a marker, s: size, e: ETag, h: digest in base64,
    a: attributes, m: same_as, n: 1 for null, l: lineage, p: path, i: side state.
    """
    form: dict[str, Any] = {
        "k": change.key,
        "d": _KINDS.index(change.kind),
        "s": change.size,
        "e": change.etag,
        "h": base64.b64encode(change.digest).decode(),
        "a": change.attributes.to_json(),
        "n": int(change.null),
        "l": dict(change.lineage),
        "i": dict(change.side),
    }
    form = {name: value for name, value in form.items() if value}
    if change.same_as is not None:
        form["m"] = change.same_as
    if change.path is not None:
        form["p"] = change.path
    return form


def change_from(form: Mapping[str, Any]) -> Written:
    """The inverse of change_form. Raises ValueError: a value is not what it should be."""
    kind = _KINDS[_number(form, "d", len(_KINDS) - 1)]
    return Written(
        key=_key(form),
        kind=kind,
        size=_number(form, "s", SIZE_MAX),
        etag=_text(form, "e"),
        digest=_bytes(form, "h"),
        attributes=_attributes(_value(form, "a", dict, {})),
        same_as=_text_or_none(form, "m"),
        null=bool(form.get("n")),
        lineage=_value(form, "l", dict, NOTHING),
        path=_text_or_none(form, "p"),
        side=_side(form),
    )


def recorded_form(recorded: Recorded) -> dict[str, Any]:
    """A commit as JSON, under the names of its fields."""
    form: dict[str, Any] = {
        "id": recorded.id,
        "parent": recorded.parent,
        "branch": recorded.branch,
        "time": recorded.time_ms,
        "kind": recorded.kind,
        "author": recorded.author,
        "message": recorded.message,
        "metadata": dict(recorded.metadata),
        "changes": [change_form(change) for change in recorded.changes],
        "batch": recorded.batch,
        "file_set": recorded.file_set,
    }
    return {name: value for name, value in form.items() if value}


def recorded_from(form: Mapping[str, Any]) -> Recorded:
    """The inverse of recorded_form. Raises ValueError as change_from."""
    return Recorded(
        id=_commit(form, "id"),
        parent=_commit(form, "parent") if form.get("parent") is not None else None,
        branch=_text(form, "branch"),
        time_ms=_number(form, "time", TIME_MS_MAX),
        kind=_text(form, "kind"),
        author=_text(form, "author"),
        message=_text(form, "message"),
        metadata=_texts(form, "metadata"),
        changes=tuple(change_from(_mapping(one)) for one in _value(form, "changes", list, [])),
        batch=_text(form, "batch"),
        file_set=_text(form, "file_set"),
    )


def _attributes(form: Json) -> Attributes:
    for size in _value(form, "parts", list, []):
        if not isinstance(size, int) or not 0 <= size <= SIZE_MAX:
            raise ValueError("parts are not sizes")
    _text(form, "type")
    for name in ("headers", "metadata", "checksums", "lineage"):
        _texts(form, name)
    return Attributes.from_json({**form, "composite": bool(form.get("composite"))})


def _side(form: Mapping[str, Any]) -> Json:
    side: Json = _value(form, "i", dict, NOTHING)
    for name in side:
        _utf8(name, "i")
    return side


def _key(form: Mapping[str, Any]) -> str:
    key = _text(form, "k")
    if not key:
        raise ValueError("a change has no key")
    return key


def _commit(form: Mapping[str, Any], name: str) -> CommitId:
    text = _text(form, name)
    if not is_commit_id(text):
        raise ValueError(f"{name} is no commit")
    return CommitId(text)


def _number(form: Mapping[str, Any], name: str, most: int) -> int:
    number = _value(form, name, int, 0)
    if not 0 <= number <= most:
        raise ValueError(f"{name} is out of range")
    return number


def _text(form: Mapping[str, Any], name: str) -> str:
    return _utf8(_value(form, name, str, ""), name)


def _text_or_none(form: Mapping[str, Any], name: str) -> str | None:
    return None if form.get(name) is None else _text(form, name)


def _texts(form: Mapping[str, Any], name: str) -> Mapping[str, str]:
    texts: Mapping[str, str] = _value(form, name, dict, NOTHING)
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} holds what is no text")
        _utf8(key + value, name)
    return texts


def _utf8(text: str, name: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{name} is not UTF-8") from None
    return text


def _bytes(form: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(_value(form, name, str, ""), validate=True)
    except binascii.Error:
        raise ValueError(f"{name} is not base64") from None


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a change is not an object")
    return value


def _value(form: Mapping[str, Any], name: str, kind: type[_T], missing: Any) -> _T:
    value = form.get(name, missing)
    if value is not missing and not isinstance(value, kind):
        raise ValueError(f"{name} is not of its type")
    return value  # type: ignore[no-any-return]

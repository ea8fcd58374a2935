"""The record of a commit of ours: who asked for what, in the description of the commit in PFS.

While the commit is open, the description has its batch only.

The first line is for people, the second is JSON:

    labelgate: 2 puts by ann
    {"labelgate":1,"batch":"…","set":"…","branch":"master","time":…,"requests":[
        {"by":"ann","kind":"put","message":"…","metadata":{…},"changes":[…]}]}

`batch` always stands there as it is, so that a doubtful outcome can be looked up; a long record is
packed (`z`), one that is longer still is kept in the companion repo (`kept`, see overflow.py).
Nothing but the record says what a commit of ours did: a replica that starts from nothing comes to
the same index.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.stores.pachyderm.codec import change_form, change_from
from gateway.stores.pachyderm.headline import headline
from gateway.stores.pachyderm.pfs import CommitInfo
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import NOTHING, About
from gateway.versioning.names import CommitId, is_commit_id

FORMAT = 1
PLAIN_BYTES_MAX = 16 * 1024
"""A longer record is packed."""

UNPACKED_BYTES_MAX = 512 * 1024 * 1024
"""What a packed record may come to: more is none of ours."""

REPAIR = "repair"
"""The kind of a commit that writes again what another one's collision made PFS discard."""

REPLACES = "replaces"
"""Metadata of such a commit: the ids of those it stands in for, separated by commas."""

JOINED = "joined"
"""Metadata of a commit that writes nothing: what it records was done in the commit of that id."""

MERGED = "merged"
"""Metadata of a commit with a second parent: its id. PFS has one parent a commit."""

BATCH = "batch"
"""The kind of a commit that holds requests of several kinds."""

_SIGN = f'{{"labelgate":{FORMAT},'

Requests = Sequence[tuple[About, Sequence[Written]]]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a record lies that is too long for a description: a file of the companion repo."""

    commit: CommitId
    path: str


def form(batch: str, file_set: str, branch: str, time_ms: int, requests: Requests) -> str:
    """The record as JSON. Raises TypeError, ValueError where metadata or lineage are no JSON."""
    return _dumped(
        {
            "labelgate": FORMAT,
            "batch": batch,
            "set": file_set,
            "branch": branch,
            "time": time_ms,
            "requests": [request_form(about, changes) for about, changes in requests],
        }
    )


def request_form(about: About, changes: Iterable[Written]) -> dict[str, Any]:
    """One request as it stands in a record; what is empty is left out."""
    filled = {
        "by": about.author,
        "kind": about.kind,
        "message": about.message,
        "metadata": dict(about.metadata),
        "changes": [change_form(change) for change in changes],
    }
    return {name: value for name, value in filled.items() if value}


def demand_recordable(about: About, changes: Iterable[Written]) -> int:
    """The bytes of a request in a record.

    Raises TypeError or ValueError where it holds what is no JSON or no text: its caller's mistake.
    """
    form = request_form(about, changes)
    json.dumps(form, ensure_ascii=False).encode()
    return len(_dumped(form))


def describe(json_text: str, batch: str, requests: Requests) -> str:
    """The description of a commit whose record is `json_text`."""
    if len(json_text) > PLAIN_BYTES_MAX:
        packed = base64.b64encode(pack(json_text)).decode()
        json_text = _dumped({"labelgate": FORMAT, "batch": batch, "z": packed})
    return f"{headline(requests)}\n{json_text}"


def describe_kept(kept: Kept, batch: str, requests: Requests) -> str:
    """The description of a commit whose record lies in the companion repo."""
    place = {"commit": kept.commit, "path": kept.path}
    text = _dumped({"labelgate": FORMAT, "batch": batch, "kept": place})
    return f"{headline(requests)}\n{text}"


def opening(batch: str, requests: Requests) -> str:
    """The description of a commit that is open: the record follows when it is finished."""
    return f"{headline(requests)}\n{_dumped({'labelgate': FORMAT, 'batch': batch})}"


def encode(batch: str, file_set: str, branch: str, time_ms: int, requests: Requests) -> str:
    """The description of a commit, whatever its length (see overflow.py for the limit)."""
    return describe(form(batch, file_set, branch, time_ms, requests), batch, requests)


def pack(json_text: str) -> bytes:
    """A record as it is kept where it is long: the same bytes each time."""
    return gzip.compress(json_text.encode(), mtime=0)


def unpack(packed: bytes) -> str:
    """The inverse of pack. Raises ValueError, zlib.error."""
    unpacking = zlib.decompressobj(wbits=31)
    data = unpacking.decompress(packed, UNPACKED_BYTES_MAX)
    if not unpacking.eof:
        raise ValueError("a packed record is cut off or too long")
    return data.decode()


# ---- reading


def decode(info: CommitInfo) -> Recorded | None:
    """What a commit of ours did; None for one by another tool, or one whose record is kept."""
    try:
        top = _top(info.description)
        if top is None or "kept" in top:
            return None
        if "z" in top:
            return decode_form(unpack(base64.b64decode(top["z"], validate=True)), info)
        return _recorded(top, info)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error):
        return None


def decode_form(json_text: str, info: CommitInfo) -> Recorded:
    """What the record says of the commit `info`. Raises ValueError, TypeError, KeyError ..."""
    return _recorded(json.loads(json_text), info)


def kept_at(description: str) -> Kept | None:
    """Where the record lies, when it is in the companion repo."""
    try:
        top = _top(description) or {}
        place = top["kept"]
        commit, path = place["commit"], place["path"]
        if is_commit_id(commit) and path.startswith("/"):
            return Kept(CommitId(commit), path)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


def batch_of(description: str) -> str | None:
    """The batch id in a description of ours, however the record is kept; None for others."""
    try:
        batch = (_top(description) or {}).get("batch")
    except (ValueError, AttributeError, RecursionError):
        return None
    return batch if isinstance(batch, str) else None


def recorded(
    commit: CommitId,
    parent: CommitId | None,
    *,
    batch: str,
    file_set: str,
    branch: str,
    time_ms: int,
    requests: Requests,
) -> Recorded:
    """The commit as the index keeps it: what several requests have in common is the commit's."""
    abouts = [about for about, _ in requests]
    kinds = list(dict.fromkeys(about.kind for about in abouts))
    return Recorded(
        id=commit,
        parent=parent,
        branch=branch,
        time_ms=time_ms,
        kind=kinds[0] if len(kinds) == 1 else BATCH,
        author=", ".join(dict.fromkeys(about.author for about in abouts)),
        message="\n".join(dict.fromkeys(about.message for about in abouts if about.message)),
        metadata=_common([about.metadata for about in abouts]),
        changes=tuple(change for _, changes in requests for change in changes),
        batch=batch,
        file_set=file_set,
    )


def replaced_by(commit: Recorded) -> frozenset[CommitId]:
    """The commits that this one stands in for: PFS discarded what they did, this did it again."""
    if commit.kind != REPAIR:
        return frozenset()
    ids = commit.metadata.get(REPLACES, "").split(",")
    return frozenset(CommitId(one) for one in ids if is_commit_id(one))


def merged(commit: Recorded) -> CommitId | None:
    """The second parent of a commit; None where it has none."""
    found = commit.metadata.get(MERGED, "")
    return CommitId(found) if is_commit_id(found) else None


def unrepaired(chain: Iterable[tuple[CommitInfo, Recorded | None]]) -> list[CommitId]:
    """The commits of ours in a history (newest first) that PFS discarded and nothing replaced yet.

    Their records stay good: what they say is written again by a repair, which is owed for each of
    these. Newest first.
    """
    replaced: set[CommitId] = set()
    owed = []
    for info, ours in chain:
        if ours is None:
            continue
        if not info.error or info.id in replaced:
            replaced |= replaced_by(ours)
        elif info.error:
            owed.append(info.id)
    return owed


# ---- the parts


def _top(description: str) -> dict[str, Any] | None:
    """The second line as JSON; None where it is not of our form."""
    _, _, line = description.partition("\n")
    if not line.startswith(_SIGN):
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def _recorded(top: Mapping[str, Any], info: CommitInfo) -> Recorded:
    requests = [
        (
            About(
                _text(request, "by"),
                _text(request, "kind"),
                _text(request, "message"),
                _texts(request.get("metadata", {})),
            ),
            [change_from(change) for change in request.get("changes", [])],
        )
        for request in top["requests"]
    ]
    time_ms = top["time"]
    if not isinstance(time_ms, int) or time_ms < 0:
        raise ValueError("the time of a record is milliseconds")
    return recorded(
        info.id,
        info.parent,
        batch=_text(top, "batch"),
        file_set=_text(top, "set"),
        branch=_text(top, "branch"),
        time_ms=time_ms,
        requests=requests,
    )


def _text(form: Mapping[str, Any], name: str) -> str:
    value = form.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    value.encode()  # raises where half a character is left
    return value


def _texts(form: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: _text(form, name) for name in form} or NOTHING


def _common(metadata: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    if not metadata:
        return NOTHING
    first, *others = metadata
    common = {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }
    return common or NOTHING


def _dumped(value: Mapping[str, Any]) -> str:
    # ASCII alone, and no NUL: PostgreSQL takes neither surrogates nor that.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)

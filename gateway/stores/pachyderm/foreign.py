"""Commits by other tools, pipelines among them: what they did, read from PFS itself.

They carry no record of ours, so what PFS does not know is made by rule, the same on every replica:
the ETag is the hex of PFS's own hash, the content type goes by the extension, the author is who
pachd says made the commit.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator

from gateway.stores.pachyderm import paths
from gateway.stores.pachyderm.pfs import CommitInfo, FileInfo, Pfs
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import Attributes, ChangeKind, Json
from gateway.versioning.names import CommitId, RepoName

AUTHOR = "pachyderm"
"""Of commits whose maker pachd does not tell (no auth, or an old release)."""

MESSAGE_CHARS_MAX = 4096

# Python's own table and no file of the machine: replicas must agree.
_TYPES = mimetypes.MimeTypes()


async def read(pfs: Pfs, repo: RepoName, info: CommitInfo, base: CommitId | None) -> Recorded:
    """A FINISHED commit without a record of ours.

    base: the nearest ancestor that has no error, whose content is what this commit began with.
    Cost: the files it changed.
    """
    if info.error:
        return spoiled(_recorded(info, ()), info)
    if _made_with_its_branch(info):
        return _recorded(info, ())
    changes = [
        change
        async for new, old in pfs.diff_files(repo, info.id, base)
        for change in changed(info, new, old)
    ]
    return _recorded(info, changes)


def spoiled(recorded: Recorded, info: CommitInfo) -> Recorded:
    """A commit whose content PFS discarded (`info.error`): it changed nothing, and says why."""
    return Recorded(
        recorded.id,
        recorded.parent,
        recorded.branch,
        recorded.time_ms,
        recorded.kind,
        recorded.author,
        recorded.message,
        {**recorded.metadata, "error": info.error},
        batch=recorded.batch,
    )


def _made_with_its_branch(info: CommitInfo) -> bool:
    """Whether it is the empty commit that PFS gives a new branch."""
    return info.origin == "auto" and info.parent is None and not info.provenance and not info.size


def _recorded(info: CommitInfo, changes: list[Written] | tuple[()]) -> Recorded:
    empty = _made_with_its_branch(info)
    message = info.description[:MESSAGE_CHARS_MAX]
    return Recorded(
        info.id,
        info.parent,
        "",
        _time_ms(info),
        "create" if empty else "put",
        _author(info),
        message or ("Create a branch" if empty else ""),
        changes=tuple(changes),
    )


def changed(info: CommitInfo, new: FileInfo | None, old: FileInfo | None) -> Iterator[Written]:
    """What became of one path; directories are nothing of their own."""
    file = new or old
    if file is None or file.is_dir:
        return
    key, canonical = paths.unescape(file.path)
    path = None if canonical else file.path
    if new is None:
        record = _lineage(info, "delete", key)
        yield Written(key, ChangeKind.DELETE, lineage=record, path=path)
        return
    yield Written(
        key,
        ChangeKind.PUT,
        new.size,
        new.hash.hex(),
        new.hash,
        Attributes(content_type=content_type(key)),
        lineage=_lineage(info, "put", key),
        path=path,
    )


def content_type(key: str) -> str:
    """What the extension says; what is compressed is no more than bytes."""
    guessed, encoding = _TYPES.guess_type(key.rpartition("/")[2])
    default = Attributes().content_type
    return default if guessed is None or encoding is not None else guessed


def _lineage(info: CommitInfo, kind: str, key: str) -> Json:
    """The record of such a write: what went into a pipeline's output is its provenance."""
    record: dict[str, object] = {
        "v": 1,
        "kind": kind,
        "time": _time_ms(info),
        "account": _author(info),
        "key": key,
    }
    if info.provenance:
        record["provenance"] = [
            {"repo": repo.name, "project": repo.project, "commit": commit}
            for repo, commit in info.provenance
        ]
    return record


def _author(info: CommitInfo) -> str:
    return info.created_by or AUTHOR


def _time_ms(info: CommitInfo) -> int:
    return info.started_ms

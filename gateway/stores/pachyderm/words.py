"""What the rooms of this store say to each other: commits of PFS in the words of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.versioning.model import NOTHING, Attributes, ChangeKind, Json
from gateway.versioning.names import CommitId, RepoName


def _nothing() -> Mapping[str, str]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Written:
    """What a commit did to one key.

    kind: PUT, DELETE, or POINT for a delete without a marker. digest: identity of the bytes:
    SHA-256 for what came through this gateway (of the digests of the parts where it came in
    parts), PFS's own hash for what others wrote.
    path: where PFS has it, when that is not the key's own escaped path (files by other tools).
    side: as in Put.
    """

    key: str
    kind: ChangeKind
    size: int = 0
    etag: str = ""
    digest: bytes = b""
    attributes: Attributes = field(default_factory=Attributes)
    same_as: str | None = None
    null: bool = False
    lineage: Json = field(default_factory=_nothing)
    path: str | None = None
    side: Json = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A commit of PFS as the index keeps it.

    batch: the id that its writer gave it, by which a doubtful outcome is looked up; "" for commits
    by other tools. file_set: the temporary file set with what it wrote, readable before the commit
    is FINISHED; "" where unknown.
    """

    id: CommitId
    parent: CommitId | None
    branch: str
    time_ms: int
    kind: str
    author: str
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=_nothing)
    changes: tuple[Written, ...] = ()
    batch: str = ""
    file_set: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Where the bytes of a committed object are (ObjectInfo.content). path: in PFS, with `/`."""

    repo: RepoName
    commit: CommitId
    path: str
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Staged:
    """A body that was taken and is in no commit yet (what Staging.finish gives).

    Exactly one of the three: data: small, in memory. file_set: in pachd already, as the file
    BODY_PATH of that file set. parts: of a multipart upload, in order.
    digest: as in Written.
    """

    size: int
    digest: bytes
    data: bytes | None = None
    file_set: str | None = None
    parts: tuple[Staged, ...] = ()


BODY_PATH = "/body"
"""The path of a staged body within its own file set."""

INLINE_BYTES_MAX = 256 * 1024
"""Bodies up to this size travel in the batch; larger ones are sent ahead, as they come in."""

PIECE_BYTES = 1024 * 1024
"""Bytes a message: test servers of Pachyderm stop at 4 MiB, pachd at 20."""

COMPANION_REPO = "_labelgate_"
"""The repo of each project that holds what is ours and not the users': never shown as a bucket."""

"""What pachd tells of repos, branches, commits and files, as plain values. Times in ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.versioning.names import DEFAULT_PROJECT, CommitId, RepoName

_ORIGINS = {wire.OriginKind.AUTO: "auto", wire.OriginKind.FSCK: "fsck"}


class State(IntEnum):
    """How far a commit is. From FINISHING on it does not change; reads wait for FINISHED."""

    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


@dataclass(frozen=True, slots=True)
class RepoInfo:
    """A repo."""

    name: RepoName
    created_ms: int
    description: str
    branches: tuple[str, ...]

    @classmethod
    def of(cls, info: wire.RepoInfo) -> RepoInfo:
        """From the message."""
        return cls(
            repo_name(info.repo),
            _ms(info.created),
            info.description,
            tuple(branch.name for branch in info.branches),
        )


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """A branch. output: only Pachyderm commits to it.

    created_ms: 0 below pachd 2.11. metadata: empty below 2.10.
    """

    repo: RepoName
    name: str
    head: CommitId
    output: bool
    created_ms: int
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, info: wire.BranchInfo) -> BranchInfo:
        """From the message."""
        return cls(
            repo_name(info.branch.repo),
            info.branch.name,
            CommitId(info.head.id),
            bool(info.direct_provenance),
            _ms(info.created_at),
            dict(info.metadata),
        )


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit. origin: "user", "auto" (pipelines, the empty head of a new branch) or "fsck".

    error: why PFS discarded its content, "" if it did not. size: in bytes, once it is FINISHED
    without an error. created_by: "" without auth and below pachd 2.11.
    """

    repo: RepoName
    id: CommitId
    parent: CommitId | None
    origin: str
    description: str
    started_ms: int
    finishing_ms: int | None
    finished_ms: int | None
    error: str
    size: int | None
    created_by: str
    provenance: tuple[tuple[RepoName, CommitId], ...]

    @classmethod
    def of(cls, info: wire.CommitInfo) -> CommitInfo:
        """From the message."""
        finished = _ms(info.finished) if info.HasField("finished") else None
        known = finished is not None and info.HasField("details")
        return cls(
            repo_name(info.commit.repo),
            CommitId(info.commit.id),
            CommitId(info.parent_commit.id) if info.parent_commit.id else None,
            _ORIGINS.get(info.origin.kind, "user"),
            info.description,
            _ms(info.started),
            _ms(info.finishing) if info.HasField("finishing") else None,
            finished,
            info.error,
            info.details.size_bytes if known else None,
            info.created_by,
            tuple((repo_name(one.repo), CommitId(one.id)) for one in info.direct_provenance),
        )

    @property
    def state(self) -> State:
        """STARTED, FINISHING or FINISHED: the answer does not say whether it is READY."""
        if self.finished_ms is not None:
            return State.FINISHED
        return State.STARTED if self.finishing_ms is None else State.FINISHING


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file, or a directory: that ends in "/", and size and hash are of all beneath it.

    committed_ms: when its commit was finished; None before that.
    """

    path: str
    is_dir: bool
    size: int
    hash: bytes
    committed_ms: int | None

    @classmethod
    def of(cls, info: wire.FileInfo) -> FileInfo:
        """From the message."""
        return cls(
            info.file.path,
            info.file_type == wire.FileType.DIR,
            info.size_bytes,
            info.hash,
            _ms(info.committed) if info.HasField("committed") else None,
        )


def repo_name(repo: wire.Repo) -> RepoName:
    """The name of a repo in a message."""
    return RepoName(repo.name, repo.project.name or DEFAULT_PROJECT)


def _ms(time: Timestamp) -> int:
    return time.seconds * 1000 + time.nanos // 1_000_000

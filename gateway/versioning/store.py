"""The protocol every store fills. It never hears an S3 word; S3 never learns which store it has.

One contract suite (tests/contract/) judges all stores by what is written here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from gateway.versioning.model import (
    About,
    Attributes,
    Capabilities,
    Change,
    ChangeInfo,
    Commit,
    Committed,
    DiffPage,
    FoundWrite,
    Json,
    Move,
    ObjectInfo,
    Page,
    Part,
    Put,
    Ref,
    RefKind,
    Repo,
    Snapshot,
    Upload,
    UploadPage,
    VersionPage,
)
from gateway.versioning.names import BucketName, CommitId, RepoName
from gateway.versioning.terms import Terms


class Staging(Protocol):
    """A body on its way in: durable once finished, visible once committed."""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take more bytes, in order. The buffer may be reused after the call."""

    async def finish(self, sha256: bytes | None = None) -> Any:
        """Make the bytes durable and return the handle that `Put.content` takes, once.

        A write that was given the handle decides about the bytes from then on: a refused one
        forgets them, and whoever tries again stages again.
        sha256: the digest of the whole body when the caller has already computed it.
        """

    async def abort(self) -> None:
        """Forget the bytes. Safe to call at any time; once a write has taken them, does nothing."""


class Store(Protocol):
    """Repos, their refs, and what is in them at any commit.

    Every method may raise Unavailable (nothing was written), every write OutcomeUnknown. What is
    read through a Snapshot is the state of its commit, for ever. Costs hold for any number of
    objects and commits.
    """

    capabilities: Capabilities

    async def close(self) -> None:
        """Finish what was accepted and let go of the store."""

    async def check(self) -> None:
        """Raise Unavailable, saying why, when a commit would fail now."""

    # ---- repos and refs

    async def repos(self) -> Sequence[Repo]:
        """Every repo, by project and name."""

    async def repo(self, name: RepoName) -> Repo:
        """One repo. Raises NoRepo."""

    async def create_repo(self, name: RepoName, account: str) -> Repo:
        """A repo without any branch. Raises AlreadyExists."""

    async def delete_repo(self, name: RepoName, *, who: str) -> None:
        """Take a repo away with all that is in it; its name is free again. Atomic.

        Raises NoRepo, ReadOnly (others depend on it).
        """

    async def refs(
        self, repo: RepoName | None = None, kind: RefKind | None = None
    ) -> Sequence[Ref]:
        """Branches and tags, by repo and name. Raises NoRepo."""

    async def create_branch(
        self,
        repo: RepoName,
        branch: str,
        *,
        account: str,
        start: Snapshot | None = None,
        properties: Json | None = None,
        create_repo: bool = False,
    ) -> Ref:
        """A branch at `start`, or at an empty root commit of its own. O(1).

        create_repo: the repo is made in the same transaction where it is missing, owned by
        `account`. Raises AlreadyExists (a branch or tag has the name), NoRepo.
        """

    async def delete_branch(self, repo: RepoName, branch: str, *, only_empty: bool = False) -> None:
        """Take the name away; its commits stay readable by id while the repo exists.

        With the last ref the repo goes too, and its name is free again. Atomic.
        only_empty: raise NotEmpty where the branch's history shows any object, version or marker.
        Raises NoRepo, NoRef, ReadOnly (a tag).
        """

    async def configure(self, branch: Snapshot, changes: Json) -> Ref:
        """Merge `changes` into the branch's properties; a value of None takes one away. Atomic.

        Raises ReadOnly (no branch), NoRef (deleted meanwhile).
        """

    async def create_tag(self, repo: RepoName, tag: str, at: Snapshot, *, account: str) -> Ref:
        """A name for a commit that never moves. Raises AlreadyExists."""

    async def delete_tag(self, repo: RepoName, tag: str) -> None:
        """Take the name away; the commit stays readable by id while the repo exists.

        With the last ref the repo goes too, and its name is free again. Atomic.
        Raises NoRepo, NoRef, ReadOnly (a branch has that name: delete_branch).
        """

    async def forward(
        self,
        branch: Snapshot,
        to: Snapshot,
        *,
        account: str,
        why: str = "",
        if_head: CommitId | None = None,
    ) -> Ref:
        """Set the branch to a commit that its head is behind of, along first parents. O(1).

        why: told by `moves`. if_head: raise HeadMoved unless that is the head; in any case where
        `to` is not ahead of it.
        Raises ReadOnly (no branch), NoRef (deleted meanwhile), NoCommit (`to` is of another repo).
        """

    async def moves(self, repo: RepoName, name: str) -> Sequence[Move]:
        """What happened to a branch or tag but for commits, newest first; of all that had the name.

        Raises NoRepo, Unsupported.
        """

    async def resolve(self, bucket: BucketName, *, blind: bool = False) -> Snapshot:
        """The state a bucket's name means now.

        A ref beside a commit must exist, and the commit must belong to the repo.
        blind: nothing is to be read of it, only written to its branch; the commit may be an older
        one of it then, where asking for the newest takes time.
        Raises NoRepo, NoRef, NoCommit. Cost: one or two point reads.
        """

    async def find_commit(self, commit: CommitId) -> Sequence[Snapshot]:
        """The snapshots of that id, one for each repo that has it; empty where none has."""

    async def containing(self, at: Snapshot) -> Sequence[Ref]:
        """The branches and tags of the repo whose history, along first parents, has that commit."""

    # ---- reading

    async def stat(self, at: Snapshot, key: str, version: CommitId | None = None) -> ObjectInfo:
        """The object `key` at that state, or as `version` of the history behind it wrote it.

        NULL_VERSION is the newest one written as `null`. Raises NoKey (its `marker` set when a
        delete marker is what was found, also when `version` names that marker), NoVersion, Erased.
        Cost: one index lookup, however old `at` is.
        """

    async def read(
        self, info: ObjectInfo, start: int = 0, stop: int | None = None
    ) -> bytes | AsyncIterator[bytes]:
        """The bytes [start, stop) of the object; stop None means to its end.

        Small ones come whole; larger ones as an iterator of pieces of at most 256 KiB, which its
        user closes. Raises Corrupt, Erased.
        """

    async def list(
        self,
        at: Snapshot,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 1000,
        delimiter: str = "",
    ) -> Page:
        """Keys that start with `prefix`, strictly after `after`, in byte order of UTF-8.

        delimiter: keys that hold it after the prefix are rolled up to one prefix that ends with it.
        An `after` that is itself such a rolled-up prefix skips all of it. Cost: the page,
        whatever was deleted or overwritten; a rolled-up prefix is skipped, not walked.
        """

    async def versions(
        self,
        at: Snapshot,
        *,
        prefix: str = "",
        after_key: str = "",
        after_version: CommitId | None = None,
        limit: int = 1000,
        delimiter: str = "",
    ) -> VersionPage:
        """The history of keys behind `at`: keys ascending, newest first, delete markers included.

        Left out: what was erased, and all but the newest of a key's changes that are `null`; that
        one too where it was a delete without a marker. after_key alone skips all versions of that
        key; with after_version it goes on behind it.
        """

    async def log(
        self,
        at: Snapshot,
        *,
        path: str | None = None,
        after: CommitId | None = None,
        limit: int = 100,
    ) -> Sequence[Commit]:
        """Commits from `at` back along first parents, newest first.

        path: only commits that changed that key, or any key below it where it ends with `/`.
        after: go on behind that commit.
        """

    async def commit_info(self, at: Snapshot) -> Commit:
        """The commit a snapshot stands on."""

    async def base(self, one: Snapshot, other: Snapshot) -> Snapshot | None:
        """The newest state that both have in their history, what was merged into either included.

        Where one of them is in the history of the other along first parents, it is that one. None:
        they have nothing in common. Raises NoCommit: they are of two repos. Cost: their lines.
        """

    async def as_of(self, at: Snapshot, time_ms: int) -> CommitId | None:
        """The newest commit in the history of a state, along first parents, that is no younger.

        None: all are. Cost: some point reads a line.
        """

    async def settled(self, at: Snapshot) -> None:
        """Wait until nothing can take that commit's changes back any more.

        What follows from a commit (a training, an event) is started behind this.
        """

    async def changes(
        self, at: Snapshot, *, after: str = "", limit: int = 1000
    ) -> Sequence[ChangeInfo]:
        """What that commit changed, by key, with the lineage record of each write."""

    async def lineage(self, at: Snapshot, info: ObjectInfo) -> Json | None:
        """The lineage record of the write that made `info`; None where it was erased."""

    async def find_writes(
        self, repo: RepoName, terms: Terms, *, after: FoundWrite | None = None, limit: int = 1000
    ) -> Sequence[FoundWrite]:
        """Writes of a repo whose lineage has a term among these: by term, then newest first.

        A write with several of them is there for each. Those that were overwritten since are there
        too, and those of branches that are gone; what was erased is not. after: go on behind it.
        Raises NoRepo. Cost: the page, however much is kept.
        """

    async def diff(
        self, old: Snapshot, new: Snapshot, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> DiffPage:
        """Keys whose bytes or declared attributes differ. Cost: the differences."""

    # ---- writing

    async def stage(self) -> Staging:
        """Begin a body. Memory stays flat whatever its size."""

    async def commit(
        self,
        branch: Snapshot,
        changes: Sequence[Change],
        about: About,
        *,
        if_head: CommitId | None = None,
    ) -> Committed:
        """All changes in one commit on the branch's head of that instant, or nothing.

        The snapshot says which branch, not which head. Conditions and the no-op rule are judged
        inside, against the head; a change to a key earlier in `changes` counts. Durable, with its
        lineage, when it returns. Raises ReadOnly, NoRef (deleted meanwhile), HeadMoved,
        ConditionFailed, NoKey, InvalidKey; for an Erase also Held and Unsupported.
        """

    async def set_side(
        self,
        branch: Snapshot,
        key: str,
        version: CommitId | None,
        changes: Json,
        *,
        bypass: bool = False,
    ) -> ObjectInfo:
        """Merge `changes` into the side state of a version (None: of the current one).

        A value of None takes one away. No version and no commit is made. Atomic and durable.
        bypass: the caller may loosen a retention of mode governance (see holds.loosening).
        Raises ReadOnly, NoKey, NoVersion, Erased, Held (a retention), Unsupported.
        """

    # ---- multipart uploads: parts become one object without being copied

    async def create_upload(
        self, branch: Snapshot, key: str, attributes: Attributes, *, account: str, about: Json
    ) -> Upload:
        """Open an upload. about: what completion will want to know (checksum algorithm ...)."""

    async def upload(self, branch: Snapshot, key: str, upload_id: str) -> Upload:
        """An upload under way. Raises NoUpload."""

    async def put_part(self, upload: Upload, part: Part) -> None:
        """Add or replace a part; `part.content` is what `Staging.finish` gave. Raises NoUpload."""

    async def parts(self, upload: Upload, *, after: int = 0, limit: int = 10_000) -> Sequence[Part]:
        """Parts by number, from behind `after`. Raises NoUpload."""

    async def uploads(
        self,
        branch: Snapshot,
        *,
        prefix: str = "",
        after_key: str = "",
        after_upload: str = "",
        limit: int = 1000,
        delimiter: str = "",
    ) -> UploadPage:
        """Uploads under way, by key, then by age. after_key alone skips that key's uploads.

        delimiter: as in `list`.
        """

    async def complete_upload(
        self, branch: Snapshot, upload: Upload, parts: Sequence[Part], put: Put, about: About
    ) -> Committed:
        """Commit `put`, whose content becomes these parts in order: O(parts), nothing is copied.

        Atomic with the upload's end. Completing again what was completed answers the same outcome.
        Raises NoUpload, InvalidPart (a part was replaced meanwhile), and what `commit` raises.
        """

    async def completed_upload(
        self, branch: Snapshot, key: str, upload_id: str
    ) -> ObjectInfo | None:
        """What an upload that is already complete made; None where it is not so."""

    async def abort_upload(self, upload: Upload) -> None:
        """Forget the upload and its parts. Raises NoUpload."""

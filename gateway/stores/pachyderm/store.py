"""The Pachyderm store: the Store protocol in front of one pachd. Each method finds its room.

Nothing but bytes is read from pachd on a request's way: the index answers the rest.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from gateway.stores.pachyderm import faults, roots
from gateway.stores.pachyderm.checkpoint import Checkpoints
from gateway.stores.pachyderm.companion import Companion
from gateway.stores.pachyderm.completion import Completions
from gateway.stores.pachyderm.contents import Contents
from gateway.stores.pachyderm.follow import Events
from gateway.stores.pachyderm.handles import HandleStaging, taken
from gateway.stores.pachyderm.heads import Heads
from gateway.stores.pachyderm.index import Point, RepoIndex
from gateway.stores.pachyderm.indexes import Indexes
from gateway.stores.pachyderm.judge import NO_ERASE
from gateway.stores.pachyderm.known import Known
from gateway.stores.pachyderm.landing import REPO
from gateway.stores.pachyderm.lane import Lane
from gateway.stores.pachyderm.pfs import VERSION_MIN as OLDEST
from gateway.stores.pachyderm.pfs import Pfs, State, check_version
from gateway.stores.pachyderm.record import MERGED
from gateway.stores.pachyderm.refs import Refs, demand_inside
from gateway.stores.pachyderm.staging import PfsStaging
from gateway.stores.pachyderm.uploads import Branch, Uploads
from gateway.stores.pachyderm.words import Content, Recorded
from gateway.stores.timeline import bases, history, uploadpage
from gateway.versioning.errors import (
    NoCommit,
    NoRef,
    NotEmpty,
    NotFound,
    ReadOnly,
    StoreError,
    Unavailable,
    Unsupported,
)
from gateway.versioning.model import (
    NOTHING,
    About,
    Attributes,
    Capabilities,
    Change,
    ChangeInfo,
    Commit,
    Committed,
    DiffPage,
    Erase,
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
from gateway.versioning.names import (
    BucketName,
    CommitId,
    RepoName,
    check_key,
    check_name,
    is_commit_id,
)
from gateway.versioning.terms import Terms

VERSION_MIN = OLDEST
"""The oldest Pachyderm that this store can work with."""

FREE_BYTES_MIN = 64 * 1024 * 1024
INDEX_FOLDER, CONTENTS_FOLDER = "index", "contents"

SETTLING_S = 0.05

NO_FORWARD = (
    "Pachyderm: a branch is not set to another commit, as what somebody is writing to it just then "
    "would be lost"
)
NO_MOVES = "Pachyderm keeps no log of what happened to a branch but for its commits"
NO_SIDE = (
    "on Pachyderm, tags, access lists and holds stay as a version was written with them: nothing "
    "of a commit can be changed without another commit"
)

UNFINISHED_MS = 30_000
"""A commit that is older is finished, as a rule; else its bytes are waited for."""

_log = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Store = TypeVar("_Store", bound="PachydermStore")


def _answered(
    method: Callable[Concatenate[_Store, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_Store, _P], Coroutine[Any, Any, _T]]:
    """What pachd refuses, in the words of the domain."""

    @functools.wraps(method)
    async def told(store: _Store, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await method(store, *args, **kwargs)
        except faults.PfsError as error:
            raise faults.refused(error) from error

    return told


class Unheard:
    """Events that nobody wants to hear of."""

    def committed(self, repo: RepoName, branch: str, recorded: Recorded) -> None:
        """See Events."""

    def finished(self, commit: CommitId, seconds: float) -> None:
        """See Events."""

    def spoiled(self, commit: CommitId, error: str, culprit: str) -> None:
        """See Events."""

    def retried(self, reason: str) -> None:
        """See Events."""


@dataclass(frozen=True, slots=True)
class Place:
    """A snapshot's address in this store."""

    index: RepoIndex
    point: Point


class PachydermStore:
    """Repos of one pachd. `folder` holds nothing but copies, and the uploads under way here."""

    capabilities = Capabilities(nested_keys=False, own_commits=False)

    def __init__(
        self,
        pfs: Pfs,
        folder: Path,
        *,
        clock: Callable[[], int],
        cache_bytes: int,
        events: Events | None = None,
    ) -> None:
        self._pfs = pfs
        self._folder = folder
        self._clock = clock
        self._refs = Refs(pfs, clock)
        indexes = folder / INDEX_FOLDER
        self._checkpoints = Checkpoints(Companion(pfs), self._refs, indexes, clock)
        self._indexes = Indexes(
            self._refs, indexes, self._checkpoints.restore, self._checkpoints.forget_index
        )
        self._heads = Heads(
            pfs, self._refs, self._indexes, self._checkpoints.grown, self._take_over
        )
        self._contents = Contents(pfs, folder / CONTENTS_FOLDER, cache_bytes)
        self._uploads = Uploads(folder, pfs, clock)
        self._lane = Lane(pfs, self._heads, self._contents, clock, events or Unheard())
        self._completions = Completions(self._heads, self._lane, self._uploads)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        pfs: Pfs,
        folder: Path,
        *,
        clock: Callable[[], int],
        cache_bytes: int,
        events: Events | None = None,
    ) -> PachydermStore:
        """A store in front of `pfs`, with its copies in `folder`, which may be new or lost.

        clock: now, in ms. cache_bytes: the most that contents may take up on disk. events: who
        wants to know what happens to commits.
        Raises Unavailable (the folder cannot be used, pachd is not there), Unsupported (it is too
        old).
        """
        await _demand_version(pfs)
        try:
            store = cls(pfs, folder, clock=clock, cache_bytes=cache_bytes, events=events)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error.strerror or error}") from error
        except apsw.Error as error:
            raise Unavailable(f"{folder} cannot be used: {error}") from error
        store._uploads.keep_renewing()
        return store

    def _take_over(self, repo: RepoName, recorded: Recorded) -> None:
        self._lane.take_over(repo, recorded)  # the lane is made after the heads that it writes on

    async def close(self) -> None:
        """Finish what was accepted and let go of the folder. Safe to call again."""
        if self._closed:
            return
        self._closed = True
        await self._lane.close()
        await self._checkpoints.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._uploads.close()
        await self._heads.close()
        await self._refs.close()
        await self._contents.close()
        await self._indexes.close()

    async def check(self) -> None:
        """Raise Unavailable, saying why, when a commit would fail now."""
        if self._closed:
            raise Unavailable("the store is closed")
        await _demand_version(self._pfs)
        try:
            disk = os.statvfs(self._folder)
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be read: {error.strerror}") from error
        if not os.access(self._folder, os.W_OK):
            raise Unavailable(f"{self._folder} cannot be written")
        if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
            raise Unavailable(f"less than {FREE_BYTES_MIN} bytes are free in {self._folder}")

    def figures(self) -> dict[str, int]:
        """Bytes by kind: what a metrics page shows of the folder."""
        return {"index": self._indexes.bytes(), **self._contents.figures()}

    # ---- repos and refs

    @_answered
    async def repos(self) -> Sequence[Repo]:
        """Every repo, by project and name."""
        return [known.repo for known in await self._refs.all_known()]

    @_answered
    async def repo(self, name: RepoName) -> Repo:
        """One repo. Raises NoRepo."""
        return (await self._refs.known(name)).repo

    @_answered
    async def create_repo(self, name: RepoName, account: str) -> Repo:
        """A repo without any branch. Raises AlreadyExists."""
        return await self._refs.create_repo(name, account)

    @_answered
    async def refs(
        self, repo: RepoName | None = None, kind: RefKind | None = None
    ) -> Sequence[Ref]:
        """Branches and tags, by repo and name. Raises NoRepo."""
        return await self._refs.refs(repo, kind)

    @_answered
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
        """A branch at `start`, or at an empty root commit of its own."""
        check_name(branch, "branch")
        if create_repo:
            await self._refs.ensure_repo(repo, account)
        if start is not None:
            demand_inside((await self._refs.known(repo, fresh=True)).repo, start)
        note: dict[str, Any] = {"kind": RefKind.BRANCH.value, "account": account}
        if properties:
            note["properties"] = dict(properties)
        async with self._refs.taken(repo, branch, note):
            if start is None:
                made = await roots.begin(self._pfs, repo, branch, account, self._clock)
                await self._heads.landed(repo, branch, made)
            else:
                await self._pfs.create_branch(repo, branch, start.commit)
                self._heads.forget(repo, branch)
        info = await self._pfs.inspect_branch(repo, branch)
        return (await self._refs.known(repo, fresh=True)).branch(info)

    @_answered
    async def delete_branch(self, repo: RepoName, branch: str, *, only_empty: bool = False) -> None:
        """Take the name away; with the last ref the repo goes too."""
        known = await self._refs.known(repo, fresh=True)
        if only_empty and branch in known.info.branches:
            await self._demand_empty(repo, branch)
        gone = await self._refs.delete_branch(known, branch)
        self._heads.forget(repo, branch)
        self._uploads.forget_branch(Branch(known.repo, branch))
        if gone:
            self._forget_repo(known)

    @_answered
    async def delete_repo(self, name: RepoName, *, who: str) -> None:  # noqa: ARG002 (as in Store)
        """Take a repo away with all that is in it. Raises ReadOnly: a pipeline depends on it."""
        known = await self._refs.known(name, fresh=True)
        await self._refs.delete_repo(known)
        for branch in known.info.branches:
            self._heads.forget(name, branch)
            self._uploads.forget_branch(Branch(known.repo, branch))
        self._forget_repo(known)

    async def _demand_empty(self, repo: RepoName, branch: str) -> None:
        head = (await self._pfs.inspect_branch(repo, branch)).head
        point = await self._heads.caught_up(repo, head)
        index = await self._heads.index(repo)
        if (await index.versions(point, limit=1)).versions:
            raise NotEmpty(
                f"branch {branch} of repo {repo} shows objects, versions or delete markers"
            )

    @_answered
    async def configure(self, branch: Snapshot, changes: Json) -> Ref:
        """Merge `changes` into the branch's properties. Raises ReadOnly, NoRef."""
        repo, name = await self._writable(branch)
        return await self._refs.configure(repo, name, changes)

    @_answered
    async def create_tag(self, repo: RepoName, tag: str, at: Snapshot, *, account: str) -> Ref:
        """A name for a commit that never moves. Raises AlreadyExists."""
        return await self._refs.create_tag(repo, tag, at, account)

    @_answered
    async def delete_tag(self, repo: RepoName, tag: str) -> None:
        """Take a tag away. Raises NoRepo, NoRef, ReadOnly (a branch)."""
        known = await self._refs.known(repo)
        if await self._refs.delete_tag(repo, tag):
            self._forget_repo(known)

    def _forget_repo(self, known: Known) -> None:
        """Drop what is kept of a repo that is gone."""
        self._indexes.drop(known.info.name)
        task = asyncio.create_task(self._forget_segments(known))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forget_segments(self, known: Known) -> None:
        try:
            await self._checkpoints.forget(known)
        except (faults.PfsError, StoreError) as error:
            _log.warning("segments of repo %s stay: %s", known.info.name, error)

    async def forward(
        self,
        branch: Snapshot,  # noqa: ARG002 (as in Store)
        to: Snapshot,  # noqa: ARG002
        *,
        account: str,  # noqa: ARG002
        why: str = "",  # noqa: ARG002
        if_head: CommitId | None = None,  # noqa: ARG002
    ) -> Ref:
        """Unsupported: a commit that somebody has begun on the branch would be lost."""
        raise Unsupported(NO_FORWARD)

    async def moves(self, repo: RepoName, name: str) -> Sequence[Move]:  # noqa: ARG002
        """Unsupported: Pachyderm keeps no such log."""
        raise Unsupported(NO_MOVES)

    @_answered
    async def resolve(self, bucket: BucketName, *, blind: bool = False) -> Snapshot:
        """The state a bucket's name means now. Mostly from memory; see Heads.head."""
        repo, name = bucket.repo, bucket.branch
        if blind and (branch := await self._branch_at_hand(bucket)) is not None:
            return branch
        if bucket.commit is None:
            self._heads.expect(repo, name)  # both questions are under way at once
        known = await self._refs.known(repo)
        if bucket.commit is not None:
            if bucket.ref is not None:
                await self._demand_ref(known, bucket.ref)
            return await self._snapshot(repo, bucket.ref, RefKind.COMMIT, bucket.commit)
        tag = known.tag(name)
        if tag is None:
            try:
                head = await self._heads.head(repo, name)
            except NoRef:
                tag = (await self._refs.known(repo, fresh=True)).tag(name)
                if tag is None:
                    raise
            else:
                if name not in known.info.branches:  # it is new, and so are its properties
                    known = await self._refs.known(repo, fresh=True)
                try:
                    return await self._snapshot(repo, name, RefKind.BRANCH, head)
                except NoCommit:  # of a repo that had the name a moment ago
                    head = await self._heads.head(repo, name, fresh=True)
                    return await self._snapshot(repo, name, RefKind.BRANCH, head)
        return await self._snapshot(repo, name, RefKind.TAG, tag.commit)

    async def _branch_at_hand(self, bucket: BucketName) -> Snapshot | None:
        """The branch as it was last seen; None where it is no branch, or was not seen yet."""
        if bucket.commit is not None:
            return None
        known = await self._refs.known(bucket.repo)
        head = await self._heads.remembered(bucket.repo, bucket.branch)
        if head is None or bucket.branch not in known.info.branches:
            return None
        return await self._snapshot(bucket.repo, bucket.branch, RefKind.BRANCH, head)

    async def _demand_ref(self, known: Known, ref: str) -> None:
        if ref in known.info.branches or known.tag(ref) is not None:
            return
        known = await self._refs.known(known.info.name, fresh=True)
        if ref not in known.info.branches and known.tag(ref) is None:
            raise NoRef(f"repo {known.info.name} has no branch or tag {ref!r}")

    async def _snapshot(
        self, repo: RepoName, ref: str | None, kind: RefKind, commit: CommitId
    ) -> Snapshot:
        point = await self._heads.caught_up(repo, commit)
        known = await self._refs.known(repo)
        properties = known.properties(ref) if ref and kind is RefKind.BRANCH else NOTHING
        place = Place(await self._heads.index(repo), point)
        return Snapshot(known.repo, ref, kind, commit, properties, place)

    @_answered
    async def find_commit(self, commit: CommitId) -> Sequence[Snapshot]:
        """The snapshots of that id: pachd gives the commits of one change one id."""
        if not is_commit_id(commit):
            return []
        try:
            infos = await self._pfs.commit_set(commit)
        except faults.NotFound:
            return []
        found = []
        for info in infos:
            try:
                found.append(await self._snapshot(info.repo, None, RefKind.COMMIT, commit))
            except NotFound:  # a repo that cannot be spelled, or was deleted meanwhile
                continue
        return sorted(found, key=lambda at: (at.repo.name.project, at.repo.name.name))

    @_answered
    async def containing(self, at: Snapshot) -> Sequence[Ref]:
        """The branches and tags whose history, along first parents, has that commit."""
        index, point = self._at(at)
        found = []
        for ref in await self._refs.refs(at.repo.name, None):
            with suppress(NoRef):  # deleted since it was listed
                if index.reader.in_history(point, await self._shown(ref)):
                    found.append(ref)
        return found

    async def _shown(self, ref: Ref) -> Point:
        """What can be read of a ref. A pipeline's branch may be at an open commit for hours."""
        commit = ref.commit
        if ref.kind is RefKind.BRANCH:
            commit = await self._heads.readable(ref.repo, ref.name, commit)
        return await self._heads.caught_up(ref.repo, commit)

    # ---- reading

    def _at(self, at: Snapshot) -> tuple[RepoIndex, Point]:
        place: Place = at.place
        self._indexes.demand_current(place.index, at.repo.name)
        return place.index, place.point

    @_answered
    async def stat(self, at: Snapshot, key: str, version: CommitId | None = None) -> ObjectInfo:
        """The object at that state, or as `version` wrote it. See Store.stat."""
        index, point = self._at(at)
        return index.object_info(point, check_key(key), version)

    @_answered
    async def read(
        self, info: ObjectInfo, start: int = 0, stop: int | None = None
    ) -> bytes | AsyncIterator[bytes]:
        """The bytes [start, stop) of the object: small spans whole, larger ones in pieces."""
        content: Content = info.content
        stop = info.size if stop is None else min(stop, info.size)
        got = await self._contents.read(
            content, start, stop, file_set=await self._file_set(info, content)
        )
        return got if isinstance(got, bytes) else _pieces(got)

    async def _file_set(self, info: ObjectInfo, content: Content) -> str | None:
        """Where the bytes are while the commit may be unfinished; pachd would have us wait."""
        found = self._lane.file_set_of(content.commit)
        if found is None and self._clock() - info.modified_ms < UNFINISHED_MS:
            # Another process of this folder may have written it.
            found = (await self._heads.index(content.repo)).file_set(content.commit)
        return found or None

    @_answered
    async def list(
        self,
        at: Snapshot,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 1000,
        delimiter: str = "",
    ) -> Page:
        """A page of keys in byte order. See Store.list."""
        index, point = self._at(at)
        return await index.list(point, prefix=prefix, after=after, limit=limit, delimiter=delimiter)

    @_answered
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
        """A page of the history of keys. See Store.versions."""
        index, point = self._at(at)
        return await index.versions(
            point,
            prefix=prefix,
            after_key=after_key,
            after_version=after_version,
            limit=limit,
            delimiter=delimiter,
        )

    @_answered
    async def log(
        self,
        at: Snapshot,
        *,
        path: str | None = None,
        after: CommitId | None = None,
        limit: int = 100,
    ) -> Sequence[Commit]:
        """Commits from `at` back along first parents, newest first. See Store.log."""
        index, point = self._at(at)
        return await index.log(point, path=path, after=after, limit=limit)

    @_answered
    async def commit_info(self, at: Snapshot) -> Commit:
        """The commit a snapshot stands on."""
        index, point = self._at(at)
        return index.commit_info(point)

    @_answered
    async def base(self, one: Snapshot, other: Snapshot) -> Snapshot | None:
        """The newest state that both have in their history. See Store.base."""
        index, mine = self._at(one)
        others, theirs = self._at(other)
        if others is not index:
            raise NoCommit(f"{one.commit} and {other.commit} are of two repos")
        found = bases.newest(index.reader, mine, theirs)
        if found is None:
            return None
        commit = CommitId(index.reader.commit_at(found).hex())
        return replace(one, ref=None, kind=RefKind.COMMIT, commit=commit, place=Place(index, found))

    @_answered
    async def as_of(self, at: Snapshot, time_ms: int) -> CommitId | None:
        """The newest commit of a history that is no younger. See Store.as_of."""
        index, point = self._at(at)
        return history.as_of(index.reader, point, time_ms)

    @_answered
    async def settled(self, at: Snapshot) -> None:
        """Wait until pachd has finished the commit, and what it spoiled was written again."""
        self._at(at)
        info = await self._pfs.inspect_commit(at.repo.name, at.commit, wait=State.FINISHED)
        if info.error:
            # Its file set is held for as long as it is owed.
            while self._lane.file_set_of(at.commit) is not None:  # noqa: ASYNC110
                await asyncio.sleep(SETTLING_S)

    @_answered
    async def changes(
        self, at: Snapshot, *, after: str = "", limit: int = 1000
    ) -> Sequence[ChangeInfo]:
        """What that commit changed, by key, with the lineage record of each write."""
        index, point = self._at(at)
        return await index.changes(point, after=after, limit=limit)

    @_answered
    async def lineage(self, at: Snapshot, info: ObjectInfo) -> Json | None:
        """The lineage record of the write that made `info`."""
        return self._at(at)[0].lineage(info)

    @_answered
    async def find_writes(
        self, repo: RepoName, terms: Terms, *, after: FoundWrite | None = None, limit: int = 1000
    ) -> Sequence[FoundWrite]:
        """Writes of a repo by their lineage. See Store.find_writes."""
        for ref in await self._refs.refs(repo, None):
            await self._shown(ref)  # the index has what was asked for so far
        index = await self._heads.index(repo)
        return await index.find_writes(REPO, terms, after=after, limit=limit)

    @_answered
    async def diff(
        self,
        old: Snapshot,
        new: Snapshot,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 1000,
    ) -> DiffPage:
        """A page of keys that differ. See Store.diff. Raises Unsupported across repos."""
        index, point = self._at(old)
        other, newer = self._at(new)
        if other is not index:
            raise Unsupported("on Pachyderm, two states are compared within one repo")
        return await index.diff(point, newer, prefix=prefix, after=after, limit=limit)

    # ---- writing

    async def stage(self) -> HandleStaging:
        """Begin a body. Memory stays flat whatever its size."""
        return HandleStaging(PfsStaging(self._pfs))

    @_answered
    async def commit(
        self,
        branch: Snapshot,
        changes: Sequence[Change],
        about: About,
        *,
        if_head: CommitId | None = None,
    ) -> Committed:
        """All changes in one commit on the branch's head of that instant, or nothing."""
        if any(isinstance(change, Erase) for change in changes):
            raise Unsupported(NO_ERASE)
        bodies = [taken(change) for change in changes]
        for change in changes:
            check_key(change.key)
        if about.merged is not None:
            metadata = {**about.metadata, MERGED: about.merged}
            about = replace(about, metadata=metadata, merged=None)
        repo, name = await self._writable(branch)
        return await self._lane.commit(repo, name, bodies, about, if_head=if_head)

    async def _writable(self, at: Snapshot) -> tuple[RepoName, str]:
        """The branch a write is for. Raises ReadOnly, NoRef."""
        if self._closed:
            raise Unavailable("the store is closed")
        if not at.writable:
            raise ReadOnly(f"a {at.kind} never changes; write to a branch of repo {at.repo.name}")
        uploads = await self._named(at)
        return uploads.repo.name, uploads.name

    async def set_side(
        self,
        branch: Snapshot,  # noqa: ARG002 (as in Store)
        key: str,  # noqa: ARG002
        version: CommitId | None,  # noqa: ARG002
        changes: Json,  # noqa: ARG002
        *,
        bypass: bool = False,  # noqa: ARG002
    ) -> ObjectInfo:
        """Unsupported: what a version is written with stays."""
        raise Unsupported(NO_SIDE)

    # ---- multipart uploads

    async def _named(self, at: Snapshot) -> Branch:
        """Whose uploads a snapshot shows. Raises NoRef."""
        if at.ref is None:
            raise NoRef("a commit has no uploads")
        repo = (await self._refs.known(at.repo.name)).repo
        if repo.created_ms != at.repo.created_ms:
            raise NoRef(f"repo {repo.name} was deleted, and another made, since it was asked for")
        return Branch(repo, at.ref)

    @_answered
    async def create_upload(
        self, branch: Snapshot, key: str, attributes: Attributes, *, account: str, about: Json
    ) -> Upload:
        """Open an upload."""
        repo, name = await self._writable(branch)
        check_key(key)
        await self._heads.head(repo, name, fresh=True)  # it may have been deleted meanwhile
        return self._uploads.create(
            await self._named(branch), key, attributes, account=account, about=about
        )

    @_answered
    async def upload(self, branch: Snapshot, key: str, upload_id: str) -> Upload:
        """An upload under way. Raises NoUpload."""
        return self._uploads.find(await self._named(branch), key, upload_id)

    @_answered
    async def put_part(self, upload: Upload, part: Part) -> None:
        """Add or replace a part. Raises NoUpload."""
        await self._uploads.put_part(upload, replace(part, content=part.content.take()))

    @_answered
    async def parts(self, upload: Upload, *, after: int = 0, limit: int = 10_000) -> Sequence[Part]:
        """Parts by number, from behind `after`. Raises NoUpload."""
        return self._uploads.parts(upload, after, limit)

    @_answered
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
        """Uploads under way, by key, then by age."""
        return uploadpage.page(
            functools.partial(self._uploads.under_way, await self._named(branch)),
            prefix=prefix,
            after_key=after_key,
            after_upload=after_upload,
            limit=limit,
            delimiter=delimiter,
        )

    @_answered
    async def complete_upload(
        self, branch: Snapshot, upload: Upload, parts: Sequence[Part], put: Put, about: About
    ) -> Committed:
        """Commit `put` with these parts as its content. See Store.complete_upload."""
        await self._writable(branch)
        target = await self._named(branch)
        return await self._completions.complete(target, upload, parts, put, about)

    @_answered
    async def completed_upload(
        self, branch: Snapshot, key: str, upload_id: str
    ) -> ObjectInfo | None:
        """What an upload that is already complete made; None where it is not so."""
        return await self._completions.made(await self._named(branch), key, upload_id)

    @_answered
    async def abort_upload(self, upload: Upload) -> None:
        """Forget the upload and its parts. Raises NoUpload."""
        self._uploads.abort(upload)


async def _demand_version(pfs: Pfs) -> None:
    """Raise Unavailable where pachd is not there, Unsupported where it is too old."""
    try:
        await check_version(pfs)
    except faults.PfsError as error:
        raise faults.refused(error) from error


async def _pieces(got: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The pieces, and what pachd refuses on the way in the words of the domain."""
    try:
        async for piece in got:
            yield piece
    except faults.PfsError as error:
        raise faults.refused(error) from error
    finally:
        if isinstance(got, AsyncGenerator):
            await got.aclose()

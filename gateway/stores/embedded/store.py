"""The embedded store: the Store protocol over one directory. Each method finds its room.

Point reads run on the event loop (microseconds), pages and walks in threads with connections of
their own, writes in the writer's thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw

from gateway.stores.embedded import refs, sides, tables, uploads
from gateway.stores.embedded.blobs import Blobs, BlobStaging, Staged
from gateway.stores.embedded.commits import Batch, Transaction
from gateway.stores.embedded.contents import Contents, object_info
from gateway.stores.embedded.plan import Branch
from gateway.stores.embedded.refs import Place
from gateway.stores.embedded.scrubbing import Scrubber
from gateway.stores.embedded.verify import FILE
from gateway.stores.timeline import finding, history, lookup, schema, uploadpage
from gateway.stores.timeline.database import (
    ProcessLock,
    connect,
    sync_directory,
)
from gateway.stores.timeline.flusher import Flusher
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.queries import Queries
from gateway.stores.timeline.walks import Walkers
from gateway.stores.timeline.writer import Writer
from gateway.versioning.errors import (
    Corrupt,
    NoRef,
    OutcomeUnknown,
    ReadOnly,
    Unavailable,
)
from gateway.versioning.model import (
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
from gateway.versioning.names import NULL_VERSION, BucketName, CommitId, RepoName
from gateway.versioning.terms import Terms

FREE_BYTES_MIN = 64 * 1024 * 1024
WAL_BYTES_MAX = 1024 * 1024 * 1024
# So few rows take no longer to read than to hand the question to a thread.
INLINE_ROWS_MAX = 16

_T = TypeVar("_T")


class EmbeddedStore:
    """Repos in one directory on a local disk; several processes of one host may share it."""

    capabilities = Capabilities(erase=True, side=True, forward=True)

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        self._folder = folder
        self._file = folder / FILE
        self._blobs = Blobs(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = ProcessLock(folder / "store.lock")
        try:
            with self._lock.held():
                self._reader = Reader(self._prepared())
        except BaseException:
            self._lock.close()
            raise
        self._contents = Contents(self._reader, self._blobs)
        self._walkers = Walkers(self._file)
        self._queries = Queries(self._walkers)
        self._writer = Writer(
            self._file, self._lock, lambda reader: Batch(reader, clock), self._landed
        )
        self._flusher = Flusher(self._file, self._writer)
        self._scrubber = Scrubber(self._file, self._writer, self._blobs)

    def _landed(self, grown: Mapping[int, int]) -> None:
        self._flusher.landed(grown)

    def _prepared(self) -> apsw.Connection:
        """A connection to the tables, made where they are missing; the caller holds the lock."""
        self._blobs.prepare()
        connection = connect(self._file)
        schema.prepare(connection, tables.TABLES, tables.FORMAT, tables.UPGRADES)
        sync_directory(self._folder)
        sync_directory(self._folder.parent)
        return connection

    @classmethod
    async def open(cls, folder: Path, *, clock: Callable[[], int]) -> EmbeddedStore:
        """Open the store in `folder`, made where it is missing. No repair step after a crash.

        clock: now, in ms. Raises Unavailable (the directory cannot be used), StoreError (a format
        of another version).
        """
        try:
            return await asyncio.to_thread(cls, folder, clock)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error.strerror or error}") from error
        except apsw.Error as error:
            raise Unavailable(f"{folder / FILE} cannot be used: {error}") from error

    async def close(self) -> None:
        """Finish what was accepted and let go of the directory. Safe to call again."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._flusher.close()
        self._scrubber.close()
        self._writer.close()
        self._walkers.close()
        self._reader.connection.close()
        self._lock.close()

    async def check(self) -> None:
        """Raise Unavailable, saying why, when a commit would fail now."""
        if not self._writer.alive:
            raise Unavailable("the writing thread has ended")
        try:
            disk = os.statvfs(self._folder)
            wal = self._file.with_name(FILE + "-wal")
            wal_bytes = wal.stat().st_size if wal.exists() else 0
        except OSError as error:
            raise Unavailable(f"{self._folder} cannot be read: {error.strerror}") from error
        if not os.access(self._file, os.W_OK):
            raise Unavailable(f"{self._file} cannot be written")
        if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
            raise Unavailable(f"less than {FREE_BYTES_MIN} bytes are free in {self._folder}")
        if wal_bytes > WAL_BYTES_MAX:
            raise Unavailable(f"the log has grown to {wal_bytes} bytes: a reader holds it up")

    def figures(self) -> dict[str, int]:
        """Bytes by kind, database and log: what a metrics page shows of the store."""
        sizes = {"database": self._file, "log": self._file.with_name(FILE + "-wal")}
        return {kind: file.stat().st_size for kind, file in sizes.items() if file.exists()}

    # ---- repos and refs

    async def repos(self) -> Sequence[Repo]:
        """Every repo, by project and name."""
        return refs.repos(self._reader)

    async def repo(self, name: RepoName) -> Repo:
        """One repo. Raises NoRepo."""
        return refs.find_repo(self._reader, name)[1]

    async def create_repo(self, name: RepoName, account: str) -> Repo:
        """A repo without any branch. Raises AlreadyExists."""
        return await self._writer.run(lambda tx: refs.create_repo(tx, name, account))

    async def refs(
        self, repo: RepoName | None = None, kind: RefKind | None = None
    ) -> Sequence[Ref]:
        """Branches and tags, by repo and name. Raises NoRepo."""
        return refs.refs(self._reader, repo, kind)

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
        """A branch at `start`, or at an empty root commit of its own. O(1)."""
        return await self._writer.run(
            lambda tx: refs.create_branch(
                tx,
                repo,
                branch,
                account=account,
                start=start,
                properties=properties,
                make_repo=create_repo,
            )
        )

    async def delete_branch(self, repo: RepoName, branch: str, *, only_empty: bool = False) -> None:
        """Take the name away; with the last ref the repo goes too."""
        await self._write(
            lambda tx: refs.delete_branch(tx, repo, branch, only_empty=only_empty),
            useless=lambda parts: parts,
        )

    async def delete_repo(self, name: RepoName, *, who: str) -> None:
        """Take a repo away with all that is in it."""
        await self._write(lambda tx: refs.delete_repo(tx, name, who), useless=lambda parts: parts)

    async def configure(self, branch: Snapshot, changes: Json) -> Ref:
        """Merge `changes` into the branch's properties. Raises ReadOnly, NoRef."""
        target = _branch(branch)
        return await self._writer.run(lambda tx: refs.configure(tx, target, changes))

    async def create_tag(self, repo: RepoName, tag: str, at: Snapshot, *, account: str) -> Ref:
        """A name for a commit that never moves. Raises AlreadyExists."""
        return await self._writer.run(lambda tx: refs.create_tag(tx, repo, tag, at, account))

    async def delete_tag(self, repo: RepoName, tag: str) -> None:
        """Take a tag away. Raises NoRepo, NoRef, ReadOnly (a branch)."""
        await self._writer.run(lambda tx: refs.delete_tag(tx, repo, tag))

    async def forward(
        self,
        branch: Snapshot,
        to: Snapshot,
        *,
        account: str,
        why: str = "",
        if_head: CommitId | None = None,
    ) -> Ref:
        """Set the branch to a commit ahead of it. See Store.forward."""
        return await self._writer.run(
            lambda tx: refs.forward(
                tx, _branch(branch), to, account=account, why=why, if_head=if_head
            )
        )

    async def moves(self, repo: RepoName, name: str) -> Sequence[Move]:
        """What happened to a ref but for commits, newest first."""
        return refs.moves(self._reader, repo, name)

    async def resolve(self, bucket: BucketName, *, blind: bool = False) -> Snapshot:
        """The state a bucket's name means now. Two point reads."""
        del blind
        return refs.resolve(self._reader, bucket)

    async def find_commit(self, commit: CommitId) -> Sequence[Snapshot]:
        """The snapshots of that id: at most one here."""
        return refs.find_commit(self._reader, commit)

    async def containing(self, at: Snapshot) -> Sequence[Ref]:
        """The branches and tags whose history, along first parents, has that commit."""
        return refs.containing(self._reader, at)

    # ---- reading

    async def stat(self, at: Snapshot, key: str, version: CommitId | None = None) -> ObjectInfo:
        """The object at that state, or as `version` wrote it. See Store.stat."""
        if version == NULL_VERSION:  # looked for among all changes of the key
            return await self._walkers.walk(
                lambda w: self._info(w.reader, _point(at), key, version)
            )
        return self._info(self._reader, _point(at), key, version)

    def _info(self, reader: Reader, at: Point, key: str, version: CommitId | None) -> ObjectInfo:
        row, commit = lookup.put(reader, at, key, version)
        return object_info(row, commit, lookup.side(reader, row))

    async def read(
        self, info: ObjectInfo, start: int = 0, stop: int | None = None
    ) -> bytes | AsyncIterator[bytes]:
        """The bytes [start, stop) of the object: small spans whole, larger ones in pieces."""
        stop = info.size if stop is None else min(stop, info.size)
        try:
            got = await self._contents.read(info.content, start, stop)
        except Corrupt:
            self._demand_kept(info)
            raise
        return got if isinstance(got, bytes) else self._pieces(info, got)

    async def _pieces(
        self, info: ObjectInfo, got: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in got:
                yield piece
        except Corrupt:
            self._demand_kept(info)
            raise
        finally:
            if isinstance(got, AsyncGenerator):
                await got.aclose()

    def _demand_kept(self, info: ObjectInfo) -> None:
        """Raise Erased where that is why bytes are missing."""
        found = self._reader.point_of(bytes.fromhex(info.version))
        if found is not None:
            lookup.put(self._reader, found[0], info.key, info.version)

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
        return await self._queries.list(
            _point(at), prefix=prefix, after=after, limit=limit, delimiter=delimiter
        )

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
        return await self._queries.versions(
            _point(at),
            prefix=prefix,
            after_key=after_key,
            after_version=after_version,
            limit=limit,
            delimiter=delimiter,
        )

    async def log(
        self,
        at: Snapshot,
        *,
        path: str | None = None,
        after: CommitId | None = None,
        limit: int = 100,
    ) -> Sequence[Commit]:
        """Commits from `at` back along first parents, newest first. See Store.log."""
        return await self._queries.log(_point(at), path=path, after=after, limit=limit)

    async def commit_info(self, at: Snapshot) -> Commit:
        """The commit a snapshot stands on."""
        return history.commit_info(self._reader, _point(at))

    async def base(self, one: Snapshot, other: Snapshot) -> Snapshot | None:
        """The newest state that both have in their history. See Store.base."""
        return await self._walkers.walk(lambda w: refs.base(w.reader, one, other))

    async def as_of(self, at: Snapshot, time_ms: int) -> CommitId | None:
        """The newest commit of a history that is no younger. See Store.as_of."""
        return history.as_of(self._reader, _point(at), time_ms)

    async def settled(self, at: Snapshot) -> None:
        """Nothing to wait for: a commit that can be resolved is durable."""

    async def changes(
        self, at: Snapshot, *, after: str = "", limit: int = 1000
    ) -> Sequence[ChangeInfo]:
        """What that commit changed, by key, with the lineage record of each write."""
        return await self._queries.changes(_point(at), after=after, limit=limit)

    async def lineage(self, at: Snapshot, info: ObjectInfo) -> Json | None:
        """The lineage record of the write that made `info`; None where it was erased."""
        found = self._reader.point_of(bytes.fromhex(info.version))
        place: Place = at.place
        if found is None or found[1] != place.repo:
            return None
        return history.lineage(self._reader, found[0], info.key.encode())

    async def find_writes(
        self, repo: RepoName, terms: Terms, *, after: FoundWrite | None = None, limit: int = 1000
    ) -> Sequence[FoundWrite]:
        """Writes of a repo by their lineage. See Store.find_writes."""
        number, _ = refs.find_repo(self._reader, repo)
        if limit <= INLINE_ROWS_MAX:
            return finding.page(self._reader, number, terms, after=after, limit=limit)
        return await self._queries.find_writes(number, terms, after=after, limit=limit)

    async def diff(
        self,
        old: Snapshot,
        new: Snapshot,
        *,
        prefix: str = "",
        after: str = "",
        limit: int = 1000,
    ) -> DiffPage:
        """A page of keys that differ. See Store.diff."""
        return await self._queries.diff(
            _point(old), _point(new), prefix=prefix, after=after, limit=limit
        )

    # ---- writing

    async def stage(self) -> BlobStaging:
        """Begin a body. Memory stays flat whatever its size."""
        return BlobStaging(self._blobs)

    async def commit(
        self,
        branch: Snapshot,
        changes: Sequence[Change],
        about: About,
        *,
        if_head: CommitId | None = None,
    ) -> Committed:
        """All changes in one commit on the branch's head of that instant, or nothing."""
        files = _take(changes)
        erases = any(isinstance(change, Erase) for change in changes)

        def work(tx: Transaction) -> Committed:
            head = None if if_head is None else bytes.fromhex(if_head)
            return tx.batch.commit(_branch(branch), changes, about, if_head=head)

        if files:
            committed = await self._write(
                work, useless=lambda made: files - self._used(made), staged=files, sql=erases
            )
        else:
            committed = await self._writer.run(work, sql=erases)
        if erases:
            self._scrubber.wake()
        return committed

    def _used(self, committed: Committed) -> set[str]:
        """The files of the contents that a commit's outcomes show: a twin's where there was one."""
        contents = (one.info.content for one in committed.outcomes if one.info is not None)
        return {self._contents.file(one.blob) for one in contents if one.blob is not None}

    async def _write(
        self,
        work: Callable[[Transaction], _T],
        *,
        useless: Callable[[_T], Iterable[str]],
        staged: Iterable[str] = (),
        sql: bool = True,
    ) -> _T:
        """Run a write and take away the files nobody needs then, though its caller is cancelled.

        useless: of what `work` gave. staged: its own files, which go when it is refused.
        """

        async def to_its_end() -> _T:
            try:
                value = await self._writer.run(work, sql=sql)
            except OutcomeUnknown:
                raise  # a row may name the files
            except Exception:
                await asyncio.to_thread(self._blobs.remove, staged)
                raise
            await asyncio.to_thread(self._blobs.remove, useless(value))
            return value

        return await asyncio.shield(asyncio.ensure_future(to_its_end()))

    async def set_side(
        self,
        branch: Snapshot,
        key: str,
        version: CommitId | None,
        changes: Json,
        *,
        bypass: bool = False,
    ) -> ObjectInfo:
        """Merge `changes` into the side state of a version. See Store.set_side."""
        target = _branch(branch)
        return await self._writer.run(
            lambda tx: sides.change(tx, target, key, version, changes, bypass=bypass)
        )

    # ---- multipart uploads

    async def create_upload(
        self, branch: Snapshot, key: str, attributes: Attributes, *, account: str, about: Json
    ) -> Upload:
        """Open an upload."""
        target = _branch(branch)
        return await self._writer.run(
            lambda tx: uploads.create(
                tx, target, key, given=attributes, account=account, about=about
            )
        )

    async def upload(self, branch: Snapshot, key: str, upload_id: str) -> Upload:
        """An upload under way. Raises NoUpload."""
        return uploads.find(self._reader, _named(branch), key, upload_id)

    async def put_part(self, upload: Upload, part: Part) -> None:
        """Add or replace a part. Raises NoUpload."""
        staged: Staged = part.content
        file = staged.take()
        await self._write(
            lambda tx: uploads.put_part(tx, upload, part),
            useless=lambda replaced: replaced,
            staged=[file] if file else [],
        )

    async def parts(self, upload: Upload, *, after: int = 0, limit: int = 10_000) -> Sequence[Part]:
        """Parts by number, from behind `after`. Raises NoUpload."""
        return uploads.parts(self._reader, upload, after, limit)

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
        named = _named(branch)
        return uploadpage.page(
            partial(uploads.under_way, self._reader, named),
            prefix=prefix,
            after_key=after_key,
            after_upload=after_upload,
            limit=limit,
            delimiter=delimiter,
        )

    async def complete_upload(
        self, branch: Snapshot, upload: Upload, parts: Sequence[Part], put: Put, about: About
    ) -> Committed:
        """Commit `put` with these parts as its content. See Store.complete_upload."""
        target = _branch(branch)
        committed, _ = await self._write(
            lambda tx: uploads.complete(tx, target, upload, chosen=parts, put=put, about=about),
            useless=lambda made: made[1],
        )
        return committed

    async def completed_upload(
        self, branch: Snapshot, key: str, upload_id: str
    ) -> ObjectInfo | None:
        """What an upload that is already complete made; None where it is not so."""
        return uploads.completed(self._reader, _named(branch), key, upload_id)

    async def abort_upload(self, upload: Upload) -> None:
        """Forget the upload and its parts. Raises NoUpload."""
        await self._write(lambda tx: uploads.abort(tx, upload), useless=lambda parts: parts)


def _point(at: Snapshot) -> Point:
    place: Place = at.place
    return place.point


def _branch(at: Snapshot) -> Branch:
    """The branch a write is for. Raises ReadOnly."""
    if not at.writable:
        raise ReadOnly(f"a {at.kind} never changes; write to a branch of repo {at.repo.name}")
    return _named(at)


def _named(at: Snapshot) -> Branch:
    place: Place = at.place
    if at.ref is None:
        raise NoRef("a commit has no uploads")
    return Branch(place.repo, at.repo.name, at.ref)


def _take(changes: Sequence[Change]) -> set[str]:
    """Take over what was staged for these changes; the files."""
    staged = {
        id(change.content): change.content
        for change in changes
        if isinstance(change, Put) and isinstance(change.content, Staged)
    }
    return {file for one in staged.values() if (file := one.take()) is not None}

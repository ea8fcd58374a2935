"""Files and file sets of PFS as calls; the other half of `Pfs`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue

from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.stores.pachyderm.answers import FileInfo
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.faults import Unreachable
from gateway.stores.pachyderm.questions import Place, commit_message, literal
from gateway.versioning.names import CommitId, RepoName

PFS = "/pfs_v2.API/"

SLOW_S = 120.0
"""For what grows with the content: comparing, writing a file set down, deleting a repo."""

OFFSET_MAX = 2**63 - 1


class Files:
    """Reads block while the commit is FINISHING, behind the whole backlog of its repo."""

    def __init__(self, pachd: Pachd) -> None:
        self.pachd = pachd

    async def get_file(self, at: Place, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes from `offset` to the end, in pieces of up to 19 MiB. Close it to stop.

        Beyond the end: nothing. Raises NotFound (file), and ValueError where the offset is
        negative: that would end pachd for everybody, so it is never sent.
        """
        if not 0 <= offset <= OFFSET_MAX:
            raise ValueError(f"offset {offset} is not in a file")
        request = wire.GetFileRequest(file=at.file(literal(path)), offset=offset)
        async with aclosing(
            self.pachd.stream(PFS + "GetFile", request, BytesValue, timeout_s=SLOW_S)
        ) as pieces:
            async for piece in pieces:
                if piece.value:
                    yield piece.value

    async def read_file(self, at: Place, path: str) -> bytes:
        """A file that is known to be small, whole. Raises NotFound (file)."""
        return b"".join([piece async for piece in self.get_file(at, path)])

    async def inspect_file(self, at: Place, path: str) -> FileInfo:
        """A file or directory. Raises NotFound (file)."""
        request = wire.InspectFileRequest(file=at.file(path))
        return FileInfo.of(
            await self.pachd.unary(PFS + "InspectFile", request, wire.FileInfo, reads=True)
        )

    async def list_files(
        self, at: Place, path: str = "/", after: str = "", number: int = 0
    ) -> AsyncGenerator[FileInfo, None]:
        """What is in a directory, bytewise ordered; nothing where there is no such directory.

        after: the path of the last one seen, as it was given. number: at most (0: all).
        """
        request = wire.ListFileRequest(file=at.file(path), number=number)
        if after:
            request.paginationMarker.CopyFrom(at.file(after))
        async with aclosing(
            self.pachd.stream(PFS + "ListFile", request, wire.FileInfo, timeout_s=SLOW_S)
        ) as infos:
            async for info in infos:
                yield FileInfo.of(info)

    async def walk_files(
        self, at: Place, path: str = "/", after: str = "", number: int = 0
    ) -> AsyncGenerator[FileInfo, None]:
        """A directory with all beneath it, directories too, each before what it holds.

        after, number: as for `list_files`. Raises NotFound (file).
        """
        request = wire.WalkFileRequest(file=at.file(path), number=number)
        if after:
            request.paginationMarker.CopyFrom(at.file(after))
        async with aclosing(
            self.pachd.stream(PFS + "WalkFile", request, wire.FileInfo, timeout_s=SLOW_S)
        ) as infos:
            async for info in infos:
                yield FileInfo.of(info)

    async def diff_files(
        self, repo: RepoName, new: CommitId, old: CommitId | None
    ) -> AsyncGenerator[tuple[FileInfo | None, FileInfo | None], None]:
        """What differs, as (new, old), directories too. old None: all of `new` is new."""
        at = Place(repo, new)
        if old is None:
            async with aclosing(self.walk_files(at)) as infos:
                async for info in infos:
                    yield info, None
            return
        request = wire.DiffFileRequest(new_file=at.file("/"), old_file=Place(repo, old).file("/"))
        async with aclosing(
            self.pachd.stream(PFS + "DiffFile", request, wire.DiffFileResponse, timeout_s=SLOW_S)
        ) as answers:
            async for answer in answers:
                yield (
                    FileInfo.of(answer.new_file) if answer.HasField("new_file") else None,
                    FileInfo.of(answer.old_file) if answer.HasField("old_file") else None,
                )

    async def create_file_set(self, messages: AsyncIterable[wire.ModifyFileRequest]) -> str:
        """Write files that no commit has; gone after 10 minutes unless renewed.

        Within one, deletes come before adds, adds of one path are appended. An error of
        `messages` is passed on, and nothing is kept. Raises PfsError for a bad path, TooLarge.
        """
        try:
            return await self._create_file_set(messages)
        except Unreachable as fault:
            if fault.code is grpc.StatusCode.INTERNAL:
                # The reason was lost with the connection of the upload: an empty one tells it.
                await self._create_file_set(_nothing())
            raise

    async def _create_file_set(self, messages: AsyncIterable[wire.ModifyFileRequest]) -> str:
        answer = await self.pachd.upload(
            PFS + "CreateFileSet", messages, wire.CreateFileSetResponse, timeout_s=SLOW_S
        )
        return answer.file_set_id

    async def add_file_set(self, repo: RepoName, commit: CommitId, file_set: str) -> None:
        """Into an open commit. Raises NotFound (file_set: it is gone), AlreadyFinished."""
        request = wire.AddFileSetRequest(commit=commit_message(repo, commit), file_set_id=file_set)
        await self.pachd.unary(PFS + "AddFileSet", request, Empty)

    async def renew_file_set(self, file_set: str, ttl_s: int) -> None:
        """Let it live `ttl_s` from now, 1 to 1,800. Raises NotFound (file_set)."""
        request = wire.RenewFileSetRequest(file_set_id=file_set, ttl_seconds=ttl_s)
        await self.pachd.unary(PFS + "RenewFileSet", request, Empty, reads=True)

    async def compose_file_sets(self, ids: Sequence[str], ttl_s: int) -> str:
        """One file set that is all of these, in order. Raises NotFound (file_set)."""
        if ttl_s < 1:
            raise ValueError("a file set without a time to live is never collected")
        request = wire.ComposeFileSetRequest(file_set_ids=ids, ttl_seconds=ttl_s)
        answer = await self.pachd.unary(PFS + "ComposeFileSet", request, wire.CreateFileSetResponse)
        return answer.file_set_id


async def _nothing() -> AsyncGenerator[wire.ModifyFileRequest, None]:
    return
    yield  # what makes it a generator

"""pachd's calls one by one and as they are, for tests: nothing is translated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from fake_pachd.wire import BytesValue, more, pfs
from pachd_line import PFS, PachdLine


def add(path: str, data: bytes = b"", datum: str = "") -> pfs.ModifyFileRequest:
    """Append to a file."""
    made = pfs.AddFile(path=path, datum=datum, raw=BytesValue(value=data))
    return pfs.ModifyFileRequest(add_file=made)


def delete(path: str) -> pfs.ModifyFileRequest:
    """Delete a file or directory."""
    return pfs.ModifyFileRequest(delete_file=pfs.DeleteFile(path=path))


def copy(dst: str, at: pfs.Commit, src: str, *, append: bool = False) -> pfs.ModifyFileRequest:
    """Copy a file."""
    source = pfs.File(commit=at, path=src)
    return pfs.ModifyFileRequest(copy_file=pfs.CopyFile(dst=dst, src=source, append=append))


class PachdCalls(PachdLine):
    """The calls to one pachd."""

    # Repos and branches

    async def create_repo(self, name: str, *, update: bool = False, description: str = "") -> Any:
        return await self.unary(
            "CreateRepo",
            pfs.CreateRepoRequest(repo=self.repo(name), update=update, description=description),
        )

    async def inspect_repo(self, name: str) -> pfs.RepoInfo:
        return await self.unary(
            "InspectRepo", pfs.InspectRepoRequest(repo=self.repo(name)), pfs.RepoInfo
        )

    async def delete_repo(self, name: str, *, force: bool = True) -> bool:
        request = pfs.DeleteRepoRequest(repo=self.repo(name), force=force)
        return (await self.unary("DeleteRepo", request, pfs.DeleteRepoResponse)).deleted

    async def create_branch(
        self,
        repo: str,
        name: str,
        head: pfs.Commit | None = None,
        sources: Iterable[pfs.Branch] = (),
    ) -> Any:
        request = pfs.CreateBranchRequest(
            branch=self.branch(repo, name), head=head, provenance=list(sources)
        )
        return await self.unary("CreateBranch", request)

    async def inspect_branch(self, repo: str, name: str = "master") -> pfs.BranchInfo:
        request = pfs.InspectBranchRequest(branch=self.branch(repo, name))
        return await self.unary("InspectBranch", request, pfs.BranchInfo)

    async def head(self, repo: str, name: str = "master") -> str:
        return (await self.inspect_branch(repo, name)).head.id

    async def branches(self, repo: str) -> list[pfs.BranchInfo]:
        request = pfs.ListBranchRequest(repo=self.repo(repo))
        return await self.stream("ListBranch", request, pfs.BranchInfo)

    async def delete_branch(self, repo: str, name: str, *, force: bool = False) -> Any:
        request = pfs.DeleteBranchRequest(branch=self.branch(repo, name), force=force)
        return await self.unary("DeleteBranch", request)

    # Commits

    async def start(self, repo: str, branch: str = "master", description: str = "") -> str:
        request = pfs.StartCommitRequest(branch=self.branch(repo, branch), description=description)
        return (await self.unary("StartCommit", request, pfs.Commit)).id

    async def finish(self, at: pfs.Commit, *, description: str = "", error: str = "") -> Any:
        request = pfs.FinishCommitRequest(commit=at, description=description, error=error)
        return await self.unary("FinishCommit", request)

    async def inspect(self, at: pfs.Commit, wait: int = 0) -> pfs.CommitInfo:
        request = pfs.InspectCommitRequest(commit=at, wait=pfs.CommitState.Name(wait))
        return await self.unary("InspectCommit", request, pfs.CommitInfo)

    async def finished(self, at: pfs.Commit) -> pfs.CommitInfo:
        return await self.inspect(at, pfs.CommitState.FINISHED)

    async def commits(self, repo: str, **more: Any) -> list[pfs.CommitInfo]:
        request = pfs.ListCommitRequest(repo=self.repo(repo), **more)
        return await self.stream("ListCommit", request, pfs.CommitInfo)

    async def drop(self, at: pfs.Commit) -> Any:
        request = pfs.DropCommitRequest(commit=at)
        return await self.unary("DropCommit", request, pfs.DropCommitResponse)

    async def drop_set(self, commit: str) -> Any:
        request = pfs.DropCommitSetRequest(commit_set=pfs.CommitSet(id=commit))
        return await self.unary("DropCommitSet", request)

    async def squash_set(self, commit: str) -> Any:
        request = more.SquashCommitSetRequest(commit_set=pfs.CommitSet(id=commit))
        return await self.unary("SquashCommitSet", request)

    async def subscribed(
        self, repo: str, branch: str = "master", start: str | None = None, *, for_s: float
    ) -> list[pfs.CommitInfo]:
        """What a SubscribeCommit for FINISHED tells in that time."""
        request = more.SubscribeCommitRequest(repo=self.repo(repo), branch=branch, state=4)
        if start is not None:
            getattr(request, "from").CopyFrom(self.at(repo, start))
        call = self._line.unary_stream(
            PFS + "SubscribeCommit",
            request_serializer=type(request).SerializeToString,
            response_deserializer=pfs.CommitInfo.FromString,
        )(request, metadata=self._metadata())
        told = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                async for one in call:
                    told.append(one)  # noqa: PERF401 - what came counts when the time is over
        call.cancel()
        return told

    async def commit_set(self, commit: str) -> list[pfs.CommitInfo]:
        request = pfs.InspectCommitSetRequest(commit_set=pfs.CommitSet(id=commit))
        return await self.stream("InspectCommitSet", request, pfs.CommitInfo)

    async def clear(self, at: pfs.Commit) -> Any:
        return await self.unary("ClearCommit", more.ClearCommitRequest(commit=at))

    # Files

    async def modify(self, at: pfs.Commit, *changes: pfs.ModifyFileRequest) -> Any:
        first = pfs.ModifyFileRequest(set_commit=at)
        return await self.upload("ModifyFile", [first, *changes])

    async def put(self, repo: str, files: dict[str, bytes], branch: str = "master") -> str:
        """A one-shot that is waited for: the id of its commit."""
        changes = [add(path, data) for path, data in files.items()]
        await self.modify(self.at(repo, branch=branch), *changes)
        return (await self.finished(self.at(repo, branch=branch))).commit.id

    async def create_file_set(self, *changes: pfs.ModifyFileRequest) -> str:
        answer = await self.upload("CreateFileSet", changes, pfs.CreateFileSetResponse)
        return answer.file_set_id

    async def add_file_set(self, at: pfs.Commit, file_set: str) -> Any:
        return await self.unary(
            "AddFileSet", pfs.AddFileSetRequest(commit=at, file_set_id=file_set)
        )

    async def renew(self, file_set: str, ttl_s: int) -> Any:
        request = pfs.RenewFileSetRequest(file_set_id=file_set, ttl_seconds=ttl_s)
        return await self.unary("RenewFileSet", request)

    async def compose(self, *file_sets: str, ttl_s: int = 600, compact: bool = False) -> str:
        request = pfs.ComposeFileSetRequest(
            file_set_ids=file_sets, ttl_seconds=ttl_s, compact=compact
        )
        answer = await self.unary("ComposeFileSet", request, pfs.CreateFileSetResponse)
        return answer.file_set_id

    async def pieces(self, at: pfs.Commit, path: str, offset: int = 0) -> list[bytes]:
        request = pfs.GetFileRequest(file=pfs.File(commit=at, path=path), offset=offset)
        return [one.value for one in await self.stream("GetFile", request, BytesValue)]

    async def get(self, at: pfs.Commit, path: str, offset: int = 0) -> bytes:
        return b"".join(await self.pieces(at, path, offset))

    async def tar(self, at: pfs.Commit, path: str) -> bytes:
        request = pfs.GetFileRequest(file=pfs.File(commit=at, path=path))
        return b"".join([x.value for x in await self.stream("GetFileTAR", request, BytesValue)])

    async def inspect_file(self, at: pfs.Commit, path: str) -> pfs.FileInfo:
        request = pfs.InspectFileRequest(file=pfs.File(commit=at, path=path))
        return await self.unary("InspectFile", request, pfs.FileInfo)

    async def ls(self, at: pfs.Commit, path: str = "/", **more: Any) -> list[pfs.FileInfo]:
        return await self._files("ListFile", pfs.ListFileRequest, at, path, more)

    async def walk(self, at: pfs.Commit, path: str = "/", **more: Any) -> list[pfs.FileInfo]:
        return await self._files("WalkFile", pfs.WalkFileRequest, at, path, more)

    async def _files(
        self, method: str, kind: Any, at: pfs.Commit, path: str, more: dict[str, Any]
    ) -> list[pfs.FileInfo]:
        marker = more.pop("marker", None)
        request = kind(file=pfs.File(commit=at, path=path), **more)
        if marker is not None:
            request.paginationMarker.path = marker
        return await self.stream(method, request, pfs.FileInfo)

    async def glob(
        self, at: pfs.Commit, pattern: str, lower: str = "", upper: str = ""
    ) -> list[pfs.FileInfo]:
        request = more.GlobFileRequest(commit=at, pattern=pattern)
        if lower or upper:
            request.path_range.lower, request.path_range.upper = lower, upper
        return await self.stream("GlobFile", request, pfs.FileInfo)

    async def diff(
        self, new: pfs.Commit, path: str = "/", old: pfs.Commit | None = None
    ) -> list[pfs.DiffFileResponse]:
        request = pfs.DiffFileRequest(new_file=pfs.File(commit=new, path=path))
        if old is not None:
            request.old_file.CopyFrom(pfs.File(commit=old, path=path))
        return await self.stream("DiffFile", request, pfs.DiffFileResponse)

    async def find(self, start: pfs.Commit, path: str, limit: int = 0) -> list[Any]:
        request = more.FindCommitsRequest(start=start, file_path=path, limit=limit)
        return await self.stream("FindCommits", request, more.FindCommitsResponse)

"""Another tool that writes to the same pachd: pachctl, a pipeline, an SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty

from gateway.stores.pachyderm.pfs import Pfs, State, add_file, delete_file
from gateway.stores.pachyderm.pfs_pb2 import CreateBranchRequest, ModifyFileRequest
from gateway.stores.pachyderm.questions import branch_message
from gateway.versioning.names import CommitId, RepoName


@dataclass(frozen=True)
class Other:
    """Writes to one branch of a repo."""

    pfs: Pfs
    repo: RepoName
    branch: str = "master"

    async def write(
        self,
        files: dict[str, bytes] | None = None,
        delete: tuple[str, ...] = (),
        description: str = "",
        *,
        wait: bool = True,
    ) -> CommitId:
        """One commit of these paths. wait: until it is FINISHED."""
        commit = await self.begin(files, delete, description)
        await self.pfs.finish_commit(self.repo, commit)
        if wait:
            await self.pfs.inspect_commit(self.repo, commit, wait=State.FINISHED)
        return commit

    async def make_output(self, source: RepoName) -> None:
        """Make the branch the output of a pipeline that reads branch master of `source`."""
        request = CreateBranchRequest(
            branch=branch_message(self.repo, self.branch),
            provenance=[branch_message(source, "master")],
        )
        await self.pfs.pachd.unary("/pfs_v2.API/CreateBranch", request, Empty)
        head = (await self.pfs.inspect_branch(self.repo, self.branch)).head
        if (await self.pfs.inspect_commit(self.repo, head)).state is State.STARTED:
            await self.pfs.finish_commit(self.repo, head)

    async def run_as_pipeline(self, files: dict[str, bytes]) -> CommitId:
        """Fill and finish the commit that PFS has opened on an output branch."""
        head = (await self.pfs.inspect_branch(self.repo, self.branch)).head
        file_set = await self.pfs.create_file_set(_messages(files, ()))
        await self.pfs.add_file_set(self.repo, head, file_set)
        await self.pfs.finish_commit(self.repo, head)
        await self.pfs.inspect_commit(self.repo, head, wait=State.FINISHED)
        return head

    async def begin(
        self,
        files: dict[str, bytes] | None = None,
        delete: tuple[str, ...] = (),
        description: str = "",
    ) -> CommitId:
        """The same, left open."""

        file_set = await self.pfs.create_file_set(_messages(files or {}, delete))
        commit = await self.pfs.start_commit(self.repo, self.branch, description)
        await self.pfs.add_file_set(self.repo, commit, file_set)
        return commit


async def _messages(
    files: dict[str, bytes], delete: tuple[str, ...]
) -> AsyncIterator[ModifyFileRequest]:
    for path in (*delete, *files):
        yield delete_file(path)
    for path, data in files.items():
        yield add_file(path, data)

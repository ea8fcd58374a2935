"""Pachyderm's file system as calls: repos, branches, commits, rights.

Every method raises the kinds of faults.py. Repos are RepoName, commits ids, paths start with "/",
times are in ms. Reads are tried again where they did not get through; writes are the caller's to
look after.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence

import grpc
from google.protobuf.empty_pb2 import Empty

from gateway.stores.pachyderm import faults, questions
from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.stores.pachyderm.answers import BranchInfo, CommitInfo, FileInfo, RepoInfo, State
from gateway.stores.pachyderm.channel import VERSION_METHOD, Pachd
from gateway.stores.pachyderm.files import PFS, SLOW_S, Files
from gateway.stores.pachyderm.questions import (
    Place,
    add_file,
    branch_message,
    commit_message,
    copy_file,
    delete_file,
    repo_message,
)
from gateway.versioning.errors import Unsupported
from gateway.versioning.names import CommitId, RepoName

__all__ = [
    "BranchInfo",
    "CommitInfo",
    "FileInfo",
    "Pfs",
    "Place",
    "RepoInfo",
    "State",
    "add_file",
    "check_version",
    "copy_file",
    "delete_file",
]

VERSION_MIN = (2, 6)

WAIT_S = 600.0
"""For a commit to get as far as asked: a backlog of hundreds takes minutes."""

GIVEN_UP = "labelgate: given up"
"""Description and error of a commit that could not be dropped: no record, so it is nobody's."""

_AUTH = "/auth_v2.API/"


class Pfs(Files):
    """The calls this store makes, those on files included."""

    def __init__(self, pachd: Pachd) -> None:
        super().__init__(pachd)
        self._version: tuple[int, int, int] | None = None
        self.may_drop = True  # as far as it was tried

    async def version(self) -> tuple[int, int, int]:
        """The release; (0, 0, 0) is a build that does not know its own."""
        answer = await self.pachd.unary(VERSION_METHOD, Empty(), wire.Version, reads=True)
        self._version = (answer.major, answer.minor, answer.micro)
        return self._version

    # Projects and repos

    async def create_project(self, name: str) -> None:
        """Raises AlreadyExists."""
        request = wire.CreateProjectRequest(project=wire.Project(name=name))
        await self.pachd.unary(PFS + "CreateProject", request, Empty)

    async def list_projects(self) -> list[str]:
        """The names of all."""
        request = wire.ListProjectRequest()
        stream = self.pachd.stream(PFS + "ListProject", request, wire.ProjectInfo)
        return [info.project.name async for info in stream]

    async def create_repo(
        self, repo: RepoName, description: str = "", *, update: bool = False
    ) -> None:
        """update: it may be there, and its description is replaced.

        Raises AlreadyExists, NotFound (the project).
        """
        request = wire.CreateRepoRequest(
            repo=repo_message(repo), description=description, update=update
        )
        await self.pachd.unary(PFS + "CreateRepo", request, Empty)

    async def inspect_repo(self, repo: RepoName) -> RepoInfo:
        """Raises NotFound."""
        request = wire.InspectRepoRequest(repo=repo_message(repo))
        return RepoInfo.of(
            await self.pachd.unary(PFS + "InspectRepo", request, wire.RepoInfo, reads=True)
        )

    async def list_repos(self) -> list[RepoInfo]:
        """All repos of users' data, in all projects."""
        request = wire.ListRepoRequest(type="user")
        stream = self.pachd.stream(PFS + "ListRepo", request, wire.RepoInfo)
        return [RepoInfo.of(info) async for info in stream]

    async def delete_repo(self, repo: RepoName, *, force: bool = False) -> bool:
        """Whether it was deleted: False where it is not there or the token may not."""
        request = wire.DeleteRepoRequest(repo=repo_message(repo), force=force)
        answer = await self.pachd.unary(
            PFS + "DeleteRepo", request, wire.DeleteRepoResponse, timeout_s=SLOW_S
        )
        if answer.deleted or not (0, 0, 0) < (self._version or await self.version()) < (2, 8, 0):
            return answer.deleted
        # Releases before 2.8 do not say.
        with contextlib.suppress(faults.NotFound):
            await self.inspect_repo(repo)
            return False
        return True

    # Branches

    async def create_branch(
        self, repo: RepoName, branch: str, head: CommitId | None = None
    ) -> None:
        """Make a branch, or move it. Without a head a new one gets an empty finished commit."""
        request = wire.CreateBranchRequest(branch=branch_message(repo, branch))
        if head is not None:
            request.head.CopyFrom(commit_message(repo, head))
        await self.pachd.unary(PFS + "CreateBranch", request, Empty)

    async def inspect_branch(self, repo: RepoName, branch: str) -> BranchInfo:
        """Raises NotFound."""
        request = wire.InspectBranchRequest(branch=branch_message(repo, branch))
        return BranchInfo.of(
            await self.pachd.unary(PFS + "InspectBranch", request, wire.BranchInfo, reads=True)
        )

    async def list_branches(self, repo: RepoName) -> list[BranchInfo]:
        """Newest first. Raises NotFound (the repo)."""
        request = wire.ListBranchRequest(repo=repo_message(repo))
        stream = self.pachd.stream(PFS + "ListBranch", request, wire.BranchInfo)
        return [BranchInfo.of(info) async for info in stream]

    async def delete_branch(self, repo: RepoName, branch: str, *, force: bool = False) -> None:
        """Its commits stay. Refused where others depend on it and not `force`."""
        request = wire.DeleteBranchRequest(branch=branch_message(repo, branch), force=force)
        await self.pachd.unary(PFS + "DeleteBranch", request, Empty)

    async def edit_branch_metadata(
        self,
        repo: RepoName,
        branch: str,
        *,
        add: Mapping[str, str] = {},
        edit: Mapping[str, str] = {},
        delete: Sequence[str] = (),
    ) -> None:
        """All of it or, where a key of `add` is there (AlreadyExists), nothing.

        Never of a repo: pachd takes each change of a repo for a new one and finishes its commits
        once more from then on, until it is started again. Raises NotFound, RolledBack, and
        PfsError UNIMPLEMENTED below pachd 2.10.
        """
        if add or edit or delete:
            request = questions.edits(repo, branch, dict(add), dict(edit), tuple(delete))
            await self.pachd.unary("/metadata.API/EditMetadata", request, wire.EditMetadataResponse)

    # Commits

    async def start_commit(self, repo: RepoName, branch: str, description: str) -> CommitId:
        """Open a commit on the branch's head, which moves to it; a missing branch is made.

        Raises Busy, RolledBack, OutputBranch, NotFound (the repo).
        """
        request = wire.StartCommitRequest(
            branch=branch_message(repo, branch), description=description
        )
        answer = await self.pachd.unary(PFS + "StartCommit", request, wire.Commit)
        return CommitId(answer.id)

    async def finish_commit(self, repo: RepoName, commit: CommitId, description: str = "") -> None:
        """Returns at FINISHING. description: takes the place of the one it was started with.

        Raises AlreadyFinished.
        """
        request = wire.FinishCommitRequest(
            commit=commit_message(repo, commit), description=description
        )
        await self.pachd.unary(PFS + "FinishCommit", request, Empty)

    async def drop_commit(self, repo: RepoName, commit: CommitId) -> None:
        """Take a commit without children away; the branch is at its parent again.

        With it go the commits that were opened for it on the output branches of pipelines. Where
        the token may not drop (a right on the cluster), an open commit is given up instead: it
        stays in the history, failed and without effect.
        """
        try:
            request = wire.DropCommitRequest(commit=commit_message(repo, commit), recursive=True)
            await self.pachd.unary(PFS + "DropCommit", request, wire.DropCommitResponse)
        except faults.Denied:
            self.may_drop = False
            await self._give_up(repo, commit)
        except faults.PfsError as error:
            if error.code is not grpc.StatusCode.UNIMPLEMENTED:  # 2.6 and 2.7
                raise
            whole = wire.DropCommitSetRequest(commit_set=wire.CommitSet(id=commit))
            await self.pachd.unary(PFS + "DropCommitSet", whole, Empty)

    async def _give_up(self, repo: RepoName, commit: CommitId) -> None:
        """End an open commit so that its children leave it out. Raises AlreadyFinished."""
        request = wire.FinishCommitRequest(
            commit=commit_message(repo, commit), description=GIVEN_UP, error=GIVEN_UP
        )
        await self.pachd.unary(PFS + "FinishCommit", request, Empty)

    async def inspect_commit(
        self,
        repo: RepoName,
        commit: CommitId,
        *,
        wait: State | None = None,
        timeout_s: float | None = None,
    ) -> CommitInfo:
        """wait: until it is that far, WAIT_S at most if `timeout_s` does not say otherwise.

        An id of another repo answers with the commit of this repo that it was made with.
        Raises NotFound, and Unreachable with DEADLINE_EXCEEDED. An error of the commit is in it.
        """
        request = wire.InspectCommitRequest(
            commit=commit_message(repo, commit), wait=wire.CommitState.Name(wait or State.STARTED)
        )
        if timeout_s is None and wait is not None:
            timeout_s = WAIT_S
        return CommitInfo.of(
            await self.pachd.unary(
                PFS + "InspectCommit", request, wire.CommitInfo, timeout_s=timeout_s, reads=True
            )
        )

    async def list_commits(
        self, repo: RepoName, *, to: CommitId, number: int
    ) -> AsyncGenerator[CommitInfo, None]:
        """`to` and its ancestors along parents, newest first, `number` at most (0: all)."""
        request = wire.ListCommitRequest(
            repo=repo_message(repo), to=commit_message(repo, to), number=number
        )
        async with contextlib.aclosing(
            self.pachd.stream(PFS + "ListCommit", request, wire.CommitInfo)
        ) as stream:
            async for info in stream:
                yield CommitInfo.of(info)

    async def commit_set(self, commit: CommitId) -> list[CommitInfo]:
        """The commits of every repo that have this id."""
        request = wire.InspectCommitSetRequest(commit_set=wire.CommitSet(id=commit))
        stream = self.pachd.stream(PFS + "InspectCommitSet", request, wire.CommitInfo)
        return [CommitInfo.of(info) async for info in stream]

    # Who asks, and what they may

    async def who_am_i(self, token: str) -> str:
        """Whose token that is, such as "robot:gw".

        Raises Unauthenticated, and PfsError UNIMPLEMENTED where auth is off.
        """
        answer = await self.pachd.unary(
            _AUTH + "WhoAmI", wire.WhoAmIRequest(), wire.WhoAmIResponse, token=token, reads=True
        )
        return answer.username

    async def auth_is_on(self) -> bool:
        """Whether tokens mean anything to this pachd."""
        try:
            await self.who_am_i("")
        except faults.Unauthenticated:
            return True
        except faults.PfsError as error:
            if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            return False
        return True

    async def authorized(self, token: str, repo: RepoName, permissions: Sequence[str]) -> bool:
        """Whether that token has all of these rights ("REPO_READ") on the repo.

        Raises Unauthenticated, and PfsError UNIMPLEMENTED where auth is off.
        """
        request = wire.AuthorizeRequest(
            resource=wire.Resource(type=wire.ResourceType.REPO, name=f"{repo.project}/{repo.name}"),
            permissions=list(permissions),
        )
        answer = await self.pachd.unary(
            _AUTH + "Authorize", request, wire.AuthorizeResponse, token=token, reads=True
        )
        return answer.authorized


async def check_version(pfs: Pfs) -> tuple[int, int, int]:
    """The release of pachd, (0, 0, 0) where it does not say. Raises Unsupported if too old."""
    version = await pfs.version()
    if (0, 0, 0) < version < VERSION_MIN:
        raise Unsupported(
            f"the Pachyderm at {pfs.pachd.target.address} is {'.'.join(map(str, version))}: "
            f"{'.'.join(map(str, VERSION_MIN))} or newer is needed"
        )
    return version

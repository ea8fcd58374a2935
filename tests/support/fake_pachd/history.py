"""Calls that look at commits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fake_pachd import infos
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import Commit
from fake_pachd.picking import check_commit, pick, repo_key
from fake_pachd.refusals import Code, Refusal, missing, plain
from fake_pachd.wire import more, pfs

_API = "/pfs_v2.API/"


class History:
    """Commits as they are and were."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @method(_API + "InspectCommit", "unary", pfs.InspectCommitRequest)
    async def inspect_commit(
        self, request: pfs.InspectCommitRequest, caller: Caller
    ) -> pfs.CommitInfo:
        handle = request.commit if request.HasField("commit") else None
        caller.need_repo(check_commit(handle), "REPO_INSPECT_COMMIT")
        commit = pick(self._core.world, request.commit)
        await self._until(commit, request.wait)
        return infos.commit_info(commit)

    async def _until(self, commit: Commit, state: int) -> None:
        """Until a commit is that far; READY waits for what it is made from."""
        if state == pfs.CommitState.READY:
            for key, source in commit.provenance:
                await self._until(self._core.world.repo(key).commits[source], 4)
            return

        def there() -> bool:
            far = commit.finished_ns if state == pfs.CommitState.FINISHED else commit.finishing_ns
            return state < pfs.CommitState.FINISHING or far is not None

        await self._core.until(lambda: there() or not self._core.exists(commit))
        if not there():
            raise plain(f"inspect finishing or finished commit: commit {commit} was deleted")

    @method(_API + "ListCommit", "stream", pfs.ListCommitRequest)
    async def list_commit(
        self, request: pfs.ListCommitRequest, caller: Caller
    ) -> AsyncIterator[pfs.CommitInfo]:
        key = repo_key(request.repo)
        caller.need_repo(key, "REPO_LIST_COMMIT")
        ends = [name for name in ("from", "to") if request.HasField(name)]
        for name in ends:
            if check_commit(getattr(request, name)) != key:
                raise plain(f"`from` and `to` commits need to be from repo {key}")
        try:
            repo = self._core.world.repo(key)
        except Refusal as refusal:
            raise refusal.within("ensure repo exists") from None
        picked = {name: pick(self._core.world, getattr(request, name)) for name in ends}
        if ends == ["from"]:
            raise plain("cannot use `from` commit without `to` commit")
        if ends and request.reverse:
            raise plain("cannot use 'Reverse' while also using 'From' or 'To'")
        if not ends:
            chain = sorted(
                repo.commits.values(), key=lambda one: one.serial, reverse=not request.reverse
            )
        else:
            chain = self._ancestry(picked["to"], getattr(request, "from").id)
        left = request.number or len(chain)
        for commit in chain:
            if request.origin_kind and infos.ORIGINS[commit.origin] != request.origin_kind:
                continue
            if left == 0:
                return
            left -= 1
            yield infos.commit_info(commit, size_max=self._size_max(commit))

    def _ancestry(self, commit: Commit | None, stop: str) -> list[Commit]:
        chain = []
        while commit is not None and commit.id != stop:
            chain.append(commit)
            commit = self._core.world.parent(commit)
        return chain

    @staticmethod
    def _size_max(commit: Commit) -> int:
        return sum(layer.size for layer in commit.layers)

    @method(_API + "InspectCommitSet", "stream", pfs.InspectCommitSetRequest)
    async def inspect_commit_set(
        self, request: pfs.InspectCommitSetRequest, caller: Caller
    ) -> AsyncIterator[pfs.CommitInfo]:
        if not request.HasField("commit_set"):
            raise plain("commitset cannot be nil")
        commits = self._with_sources(list(self._core.world.commit_set(request.commit_set.id)))
        if not commits:
            raise missing(f"no commits found for commitset {request.commit_set.id}")
        if request.wait:
            commits.sort(key=lambda one: one.finished_ns is None)
        for commit in commits:
            if request.wait:
                await self._until(commit, pfs.CommitState.FINISHED)
            yield infos.commit_info(commit)

    def _with_sources(self, commits: list[Commit]) -> list[Commit]:
        """What they were made from, first."""
        chain: list[Commit] = []

        def add(commit: Commit) -> None:
            for key, source in commit.provenance:
                repo = self._core.world.repos.get(key)
                if repo is not None and source in repo.commits:
                    add(repo.commits[source])
            if commit not in chain:
                chain.append(commit)

        for commit in commits:
            add(commit)
        return chain

    @method(_API + "FindCommits", "stream", more.FindCommitsRequest, since=(2, 6))
    async def find_commits(self, request: Any, caller: Caller) -> AsyncIterator[Any]:
        if not request.HasField("start"):
            raise Refusal(
                Code.INVALID_ARGUMENT,
                "validate recv: invalid FindCommitsRequest.Start: value is required",
            )
        handle, found, searched = request.start, 0, 0
        while True:
            caller.need_repo(check_commit(handle), "REPO_INSPECT_COMMIT")
            commit = pick(self._core.world, handle)
            if commit.finished_ns is None:
                named = f"{check_commit(handle)}@{handle.id or handle.branch.name}"
                raise Refusal(Code.UNAVAILABLE, f"commit {named} not finished")
            here = infos.commit_message(commit.repo, commit.id)
            if any(layer.touches(request.file_path) for layer in commit.layers):
                yield more.FindCommitsResponse(found_commit=here, commits_searched=searched)
                found += 1
            searched += 1
            if found == request.limit > 0 or commit.parent is None:
                yield more.FindCommitsResponse(last_searched_commit=here, commits_searched=searched)
                return
            handle = infos.commit_message(commit.repo, commit.parent)

    @method(_API + "SubscribeCommit", "stream", more.SubscribeCommitRequest)
    async def subscribe_commit(self, request: Any, caller: Caller) -> AsyncIterator[pfs.CommitInfo]:
        repo = self._core.world.repo(repo_key(request.repo))
        caller.need_repo(repo.key, "REPO_INSPECT_COMMIT")
        # Not "since": that one commit is left out, all others come.
        seen = {getattr(request, "from").id}

        def new() -> Commit | None:
            for commit in list(repo.commits.values()):
                if commit.id not in seen and request.branch in {"", commit.branch}:
                    return commit
            return None

        while True:
            await self._core.until(lambda: new() is not None)
            commit = new()
            assert commit is not None
            await self._until(commit, request.state)
            seen.add(commit.id)
            yield infos.commit_info(commit)

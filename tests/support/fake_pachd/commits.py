"""Calls that make, finish and drop commits."""

from __future__ import annotations

from fake_pachd import infos
from fake_pachd.branches import Branches
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import Commit, RepoKey, new_id
from fake_pachd.names import check_name, is_commit_id
from fake_pachd.picking import branch_key, check_commit, pick
from fake_pachd.refusals import Refusal, exists, panic, plain
from fake_pachd.wire import Empty, more, pfs

_API = "/pfs_v2.API/"
_REWRITES = ("REPO_DELETE_COMMIT",)


class Commits:
    """Commits from start to finish."""

    def __init__(self, core: Core, branches: Branches) -> None:
        self._core = core
        self._branches = branches

    # Start

    @method(_API + "StartCommit", "unary", pfs.StartCommitRequest)
    async def start_commit(self, request: pfs.StartCommitRequest, caller: Caller) -> pfs.Commit:
        return self.start_asked(request, caller, new_id())

    def start_asked(
        self, request: pfs.StartCommitRequest, caller: Caller, commit_id: str
    ) -> pfs.Commit:
        """As asked from outside. commit_id: of the transaction it is made in."""
        if request.HasField("branch") and not request.branch.HasField("repo"):
            raise panic()
        if not request.branch.name:
            raise plain("start commit in transaction: branch must be specified")
        if "\0" in request.description:
            raise plain(
                "start commit in transaction: create commit: scanning id from create commitInfo:"
                ' ERROR: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'
            )
        parent = request.parent if request.HasField("parent") else None
        key, name = branch_key(request.branch)
        try:
            made = self.start(key, name, caller, request.description, parent, commit_id)
        except Refusal as refusal:
            raise refusal.within("start commit in transaction") from None
        return infos.commit_message(key, made.id)

    def start(
        self,
        key: RepoKey,
        name: str,
        caller: Caller,
        description: str = "",
        parent: pfs.Commit | None = None,
        commit_id: str = "",
    ) -> Commit:
        """Open a commit on a branch, which is made as needed and moves to it."""
        caller.need_repo(key, "REPO_WRITE")
        repo = self._core.world.repo(key)
        check_name(name)
        commit_id = commit_id or new_id()
        branch = repo.branches.get(name)
        before = repo.commits[branch.head] if branch else None
        if parent is not None:
            before = pick(self._core.world, parent)
        if before is not None and before.open:
            raise plain(f"create commit: parent commit {before} has not been finished")
        if is_commit_id(name):
            raise plain(
                "create commit: create commit: update head: branch name cannot be a UUID V4"
            )
        if commit_id in repo.commits:
            raise exists(
                f"create commit: commit {key.full}@{commit_id} already exists\ninconsistent"
                f" dependencies: cannot create commit from {key}@{commit_id}; repo ({key.name})"
                " already has a commit in this transaction"
            )
        if branch is not None and branch.provenance:
            raise plain(f"cannot start a commit on an output branch: {key}@{name}")
        made = self._branches.add_commit(
            repo, name, commit_id, "user", caller, before.id if before else None
        )
        made.description = description
        self._branches.point(repo, name, made.id)
        self._branches.spread(key, name, made.id, caller)
        self._core.touched()
        return made

    # Finish

    @method(_API + "FinishCommit", "unary", pfs.FinishCommitRequest)
    async def finish_commit(self, request: pfs.FinishCommitRequest, caller: Caller) -> Empty:
        self.finish_asked(request, caller)
        return Empty()

    def finish_asked(self, request: pfs.FinishCommitRequest, caller: Caller) -> None:
        """As asked from outside."""
        caller.need_repo(check_commit(_commit(request)), "REPO_WRITE")
        try:
            commit = pick(self._core.world, request.commit)
        except Refusal as refusal:
            raise refusal.within("finish commit in transaction") from None
        self.finish(commit, request.description, request.error)

    def finish(self, commit: Commit, description: str = "", error: str = "") -> None:
        """It takes no more from here on."""
        self.check_open(commit)
        commit.description = description or commit.description
        commit.error = error
        commit.finishing_ns = commit.updated_ns = self._core.world.now_ns()
        self._core.finishing(commit)

    @staticmethod
    def check_open(commit: Commit) -> None:
        """Refuses a commit that takes no more."""
        if not commit.open:
            raise plain(f"commit {commit} has already finished")

    @method(_API + "ClearCommit", "unary", more.ClearCommitRequest)
    async def clear_commit(self, request: pfs.FinishCommitRequest, caller: Caller) -> Empty:
        caller.need_repo(check_commit(_commit(request)), "REPO_WRITE")
        commit = pick(self._core.world, request.commit)
        if not commit.open:
            raise plain("cannot clear finished commit")
        commit.layers.clear()
        return Empty()

    # Drop and squash

    @method(_API + "DropCommit", "unary", pfs.DropCommitRequest, cluster=_REWRITES, since=(2, 8))
    async def drop_commit(
        self, request: pfs.DropCommitRequest, caller: Caller
    ) -> pfs.DropCommitResponse:
        self.drop([pick(self._core.world, request.commit)], caller)
        return pfs.DropCommitResponse()

    @method(_API + "DropCommitSet", "unary", pfs.DropCommitSetRequest, cluster=_REWRITES)
    async def drop_commit_set(self, request: pfs.DropCommitSetRequest, caller: Caller) -> Empty:
        self.drop(list(self._core.world.commit_set(request.commit_set.id)), caller)
        return Empty()

    def drop(self, commits: list[Commit], caller: Caller) -> None:
        """Take commits without children away, with what is in them."""
        for commit in commits:
            if commit.children:
                raise plain(f"cannot drop a commit that has children: {commit}")
        for commit in commits:
            self._delete(commit, caller)

    @method(_API + "SquashCommitSet", "unary", more.SquashCommitSetRequest, cluster=_REWRITES)
    async def squash_commit_set(self, request: pfs.DropCommitSetRequest, caller: Caller) -> Empty:
        commits = list(self._core.world.commit_set(request.commit_set.id))
        for commit in commits:
            if not commit.children:
                raise plain(
                    "cannot squash a commit that has no children as that would cause data loss,"
                    f" use the drop operation instead: {commit}"
                )
        for commit in commits:
            self._delete(commit, caller)
        return Empty()

    def _delete(self, commit: Commit, caller: Caller) -> None:
        """Its children have what it had; the branches on it go back to its parent."""
        repo = self._core.world.repos[commit.repo]
        children = [repo.commits[child] for child in commit.children]
        for child in children:
            if child.finished_ns is None:
                hint = "" if child.open else ", consider using WaitCommit"
                raise plain(f"cannot squash until child commit {child} is finished{hint}")
        parent = self._core.world.parent(commit)
        if parent is not None:
            parent.children = [one for one in parent.children if one != commit.id]
            parent.children += commit.children
        for child in children:
            child.parent = commit.parent
            if not commit.error:
                child.layers[:0] = commit.layers
        del repo.commits[commit.id]
        headless = [one for one in repo.branches.values() if one.head == commit.id]
        if parent is None and headless:
            parent = self._branches.add_commit(repo, headless[0].name, new_id(), "auto", caller)
            parent.finishing_ns = parent.finished_ns = parent.started_ns
        for branch in headless:
            assert parent is not None
            self._branches.point(repo, branch.name, parent.id)
        self._core.forget_trees()
        self._core.touched()


def _commit(request: pfs.FinishCommitRequest) -> pfs.Commit | None:
    return request.commit if request.HasField("commit") else None

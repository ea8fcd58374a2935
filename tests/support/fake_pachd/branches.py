"""Calls about branches: names for commits, and output branches that follow others."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fake_pachd import infos
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import Branch, Commit, Repo, RepoKey, new_id
from fake_pachd.names import check_name, is_commit_id
from fake_pachd.picking import branch_key, check_commit, pick, repo_key
from fake_pachd.refusals import Code, Refusal, missing, plain
from fake_pachd.wire import Empty, pfs

_API = "/pfs_v2.API/"


class Branches:
    """Branches, and how new commits spread along them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @method(_API + "CreateBranch", "unary", pfs.CreateBranchRequest)
    async def create_branch(self, request: pfs.CreateBranchRequest, caller: Caller) -> Empty:
        self.create(request, caller, new_id())
        return Empty()

    def create(self, request: pfs.CreateBranchRequest, caller: Caller, commit_id: str) -> None:
        """Make or move a branch; commit_id: of the empty commit that it may need."""
        world = self._core.world
        key, name = branch_key(request.branch)
        if request.HasField("head") and check_commit(request.head).name != key.name:
            raise plain("branch and head commit must belong to the same repo")
        caller.need_repo(key, "REPO_CREATE_BRANCH")
        provenance = sorted({branch_key(one) for one in request.provenance})
        for one in (*(name for _, name in provenance), name):
            check_name(one)
        for source, upstream in provenance:
            if upstream not in world.repo(source).branches:
                made = self.add_commit(world.repo(source), upstream, commit_id, "auto", caller)
                self.point(world.repo(source), upstream, made.id)
        head = self._head(request)
        repo = world.repos.get(key)
        if repo is None:
            raise missing(
                "get commit by commit key: "
                f"repo (id=0, project={key.project}, name={key.name}, type={key.type}) not found\n"
                f"commit (int_id=0, commit_id={key.full}@{commit_id}) not found"
            )
        if is_commit_id(name):
            raise plain("create branch: update head: branch name cannot be a UUID V4")
        old = repo.branches.get(name)
        changed = bool(provenance) and (old is None or old.provenance != provenance)
        head = head or (old.head if old else None)
        if head is None or changed:
            made = self.add_commit(repo, name, commit_id, "auto", caller, head)
            made.provenance = [(one, world.repo(one).branches[up].head) for one, up in provenance]
            if not provenance:
                made.finishing_ns = made.finished_ns = made.started_ns
                made.size = 0
            head = made.id
        self.point(repo, name, head).provenance = provenance
        self.spread(key, name, commit_id, caller)
        self._core.touched()

    def _head(self, request: pfs.CreateBranchRequest) -> str | None:
        if not request.HasField("head"):
            return None
        try:
            return pick(self._core.world, request.head).id
        except Refusal as refusal:
            handle = request.head
            named = f"{check_commit(handle)}@{handle.id or handle.branch.name}"
            raise refusal.within(f"unable to inspect {named}") from None

    def point(self, repo: Repo, name: str, head: str) -> Branch:
        """Let a branch name a commit; it is made as needed."""
        now = self._core.world.now_ns()
        branch = repo.branches.get(name)
        if branch is None:
            branch = Branch(name, head, now, now, self._core.world.serial())
            repo.branches[name] = branch
        branch.head, branch.updated_ns = head, now
        return branch

    def add_commit(
        self,
        repo: Repo,
        branch: str,
        commit_id: str,
        origin: str,
        caller: Caller,
        parent: str | None = None,
    ) -> Commit:
        """An open commit."""
        world = self._core.world
        made = Commit(
            repo.key,
            commit_id,
            branch,
            origin,
            parent,
            world.now_ns(),
            world.serial(),
            created_by=caller.subject or "",
        )
        repo.commits[commit_id] = made
        if parent is not None:
            repo.commits[parent].children.append(commit_id)
        return made

    def spread(self, key: RepoKey, name: str, commit_id: str, caller: Caller) -> None:
        """Open a commit on every output branch made from that one."""
        world = self._core.world
        for target, below in world.subvenant(key, name):
            repo = world.repos[target]
            branch = repo.branches[below]
            if branch.head == commit_id:
                continue
            made = self.add_commit(repo, below, commit_id, "auto", caller, branch.head)
            made.provenance = [
                (source, world.repos[source].branches[up].head) for source, up in branch.provenance
            ]
            self.point(repo, below, made.id)
            self.spread(target, below, commit_id, caller)

    @method(_API + "InspectBranch", "unary", pfs.InspectBranchRequest)
    async def inspect_branch(
        self, request: pfs.InspectBranchRequest, caller: Caller
    ) -> pfs.BranchInfo:
        key, name = branch_key(request.branch)
        world = self._core.world
        repo = world.repos.get(key)
        if repo is not None and name in repo.branches:
            return infos.branch_info(world, key, repo.branches[name])
        lines = [
            f"branch (id=0, branch={key}@{name}) not found",
            f'branch "{name}" not found in repo {key}',
        ]
        if repo is None:
            lines.insert(
                0,
                f"repo (id=0, project={key.project}, name={key.name}, type={key.type}) not found",
            )
        if key.project not in world.projects:
            lines.insert(0, f'get project by name: project "{key.project}" not found')
        raise missing("inspect branch in transaction: " + "\n".join(lines))

    @method(_API + "ListBranch", "stream", pfs.ListBranchRequest)
    async def list_branch(
        self, request: pfs.ListBranchRequest, caller: Caller
    ) -> AsyncIterator[pfs.BranchInfo]:
        key = repo_key(request.repo)
        caller.need_repo(key, "REPO_LIST_BRANCH")
        found = list(self._core.world.repo(key).branches.values())
        found.sort(key=lambda one: (one.created_ns, one.serial), reverse=not request.reverse)
        for branch in found:
            yield infos.branch_info(self._core.world, key, branch)

    @method(_API + "DeleteBranch", "unary", pfs.DeleteBranchRequest)
    async def delete_branch(self, request: pfs.DeleteBranchRequest, caller: Caller) -> Empty:
        if not request.HasField("branch"):
            raise Refusal(
                Code.INVALID_ARGUMENT,
                "validate request: invalid DeleteBranchRequest.Branch: value is required",
            )
        key, name = branch_key(request.branch)
        caller.need_repo(key, "REPO_DELETE_BRANCH")
        self.remove(key, name, force=request.force)
        return Empty()

    def remove(self, key: RepoKey, name: str, *, force: bool = False) -> None:
        """Take a branch away; its commits stay."""
        world = self._core.world
        repo = world.repos.get(key)
        if repo is None or name not in repo.branches:
            lines = f"branch (id=0, branch={key}@{name}) not found"
            if repo is None:
                lines = (
                    f"repo (id=0, project={key.project}, name={key.name}, type={key.type})"
                    f" not found\n{lines}"
                )
            raise missing(f'get branch "{key.full}@{name}": {lines}')
        below = world.subvenant(key, name)
        if below and not force:
            names = " ".join(f"{target}@{one}" for target, one in below)
            raise plain(
                f'branch "{key}@{name}" cannot be deleted because it\'s in the direct provenance'
                f" of [{names}]"
            )
        for target, one in below:
            world.repos[target].branches[one].provenance.remove((key, name))
        del repo.branches[name]
        self._core.touched()

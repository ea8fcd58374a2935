"""Calls about projects and repos, and the metadata of repos and branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fake_pachd import infos
from fake_pachd.branches import Branches
from fake_pachd.core import Caller, Core, method
from fake_pachd.model import Branch, Repo, RepoKey
from fake_pachd.names import DEFAULT_PROJECT, FILE_SETS, check_name, check_project
from fake_pachd.picking import repo_key
from fake_pachd.refusals import Code, Refusal, exists, missing, plain
from fake_pachd.wire import Empty, pfs

_API = "/pfs_v2.API/"

_Target = tuple[RepoKey, str | None]
"""Whose metadata is edited: a repo's, or that of a branch of it."""


class Repos:
    """Projects and repos."""

    def __init__(self, core: Core, branches: Branches) -> None:
        self._core = core
        self._branches = branches

    # Projects

    @method(
        _API + "CreateProject",
        "unary",
        pfs.CreateProjectRequest,
        cluster=("PROJECT_CREATE",),
        since=(2, 5),
    )
    async def create_project(self, request: pfs.CreateProjectRequest, caller: Caller) -> Empty:
        name = request.project.name
        check_project(name)
        if name in self._core.world.projects and not request.update:
            raise exists(f'project "{name}" already exists\nproject {name} already exists')
        self._core.world.add_project(name, request.description)
        self._core.auth.bind(("PROJECT", name), caller.subject or "", "projectOwner")
        return Empty()

    @method(_API + "ListProject", "stream", pfs.ListProjectRequest, since=(2, 5))
    async def list_project(
        self, request: pfs.ListProjectRequest, caller: Caller
    ) -> AsyncIterator[pfs.ProjectInfo]:
        for project in list(self._core.world.projects.values()):
            yield infos.project_info(project)

    # Repos

    @method(_API + "CreateRepo", "unary", pfs.CreateRepoRequest)
    async def create_repo(self, request: pfs.CreateRepoRequest, caller: Caller) -> Empty:
        if not request.HasField("repo"):
            raise plain("repo cannot be nil")
        if request.repo.name == FILE_SETS:
            raise plain(f"{FILE_SETS} is a reserved name")
        key = repo_key(request.repo)._replace(type=request.repo.type or "user")
        check_name(key.name)
        world = self._core.world
        if key.project not in world.projects:
            raise missing(
                f'cannot find project "{key.project}":'
                f' get project by name: project "{key.project}" not found'
            )
        try:
            caller.need(("PROJECT", key.project), "PROJECT_CREATE_REPO")
        except Refusal as refusal:
            raise refusal.within("failed to create repo") from None
        if key not in world.repos:
            self.add(key, request.description, caller.subject or "")
        elif not request.update:
            raise exists(f"repo {key} already exists")
        elif world.repos[key].description != request.description:
            try:
                caller.need_repo(key, "REPO_WRITE")
            except Refusal as refusal:
                raise refusal.within(f'could not update description of "{key}"') from None
            world.repos[key].description = request.description
        return Empty()

    def add(self, key: RepoKey, description: str = "", owner: str = "") -> Repo:
        """A repo that is not there yet."""
        world = self._core.world
        world.repos[key] = Repo(key, description, world.now_ns())
        self._core.auth.bind(("REPO", f"{key.project}/{key.name}"), owner, "repoOwner")
        return world.repos[key]

    @method(_API + "InspectRepo", "unary", pfs.InspectRepoRequest)
    async def inspect_repo(self, request: pfs.InspectRepoRequest, caller: Caller) -> pfs.RepoInfo:
        if not request.HasField("repo"):
            raise plain("repo cannot be nil")
        key = repo_key(request.repo)
        if key.type not in {"user", "meta", "spec"}:
            raise plain(
                "scanning repo row: ERROR: invalid input value for enum pfs.repo_type:"
                f' "{key.type}" (SQLSTATE 22P02)'
            )
        return infos.repo_info(self._core.world.repo(key))

    @method(_API + "ListRepo", "stream", pfs.ListRepoRequest)
    async def list_repo(
        self, request: pfs.ListRepoRequest, caller: Caller
    ) -> AsyncIterator[pfs.RepoInfo]:
        projects = {project.name or DEFAULT_PROJECT for project in request.projects}
        for key, repo in list(self._core.world.repos.items()):
            if projects and key.project not in projects:
                continue
            if self._may_see(key, caller):
                yield infos.repo_info(repo)

    @staticmethod
    def _may_see(key: RepoKey, caller: Caller) -> bool:
        try:
            caller.need(("PROJECT", key.project), "PROJECT_LIST_REPO")
        except Refusal:
            try:
                caller.need_repo(key, "REPO_READ")
            except Refusal:
                return False
        return True

    @method(_API + "DeleteRepo", "unary", pfs.DeleteRepoRequest)
    async def delete_repo(
        self, request: pfs.DeleteRepoRequest, caller: Caller
    ) -> pfs.DeleteRepoResponse:
        key = repo_key(request.repo)
        if key not in self._core.world.repos:
            return pfs.DeleteRepoResponse()
        try:
            caller.need_repo(key, "REPO_DELETE")
        except Refusal:
            return pfs.DeleteRepoResponse()
        try:
            self.remove(key, force=request.force)
        except Refusal as refusal:
            raise refusal.within("delete repo") from None
        return pfs.DeleteRepoResponse(deleted=True)

    def remove(self, key: RepoKey, *, force: bool = True) -> None:
        """Take a repo away with all that is in it."""
        for name in list(self._core.world.repos[key].branches):
            try:
                self._branches.remove(key, name, force=force)
            except Refusal as refusal:
                raise refusal.within(f"delete branch {key}@{name}") from None
        del self._core.world.repos[key]
        self._core.auth.unbind(("REPO", f"{key.project}/{key.name}"))
        self._core.touched()

    # Metadata

    @method("/metadata.API/EditMetadata", "unary", pfs.EditMetadataRequest, since=(2, 10))
    async def edit_metadata(
        self, request: pfs.EditMetadataRequest, caller: Caller
    ) -> pfs.EditMetadataResponse:
        edited: dict[_Target, dict[str, str]] = {}
        for number, edit in enumerate(request.edits):
            _check_key(number, edit)
            try:
                self._edit(edit, edited, caller)
            except Refusal as refusal:
                taken = "already exists" in refusal.text
                code = refusal.code if refusal.code is Code.PERMISSION_DENIED else Code.UNKNOWN
                raise Refusal(
                    Code.FAILED_PRECONDITION if taken else code,
                    f"apply edits: edit #{number}: {refusal.text}",
                ) from None
        for target, metadata in edited.items():
            self._holder(target).metadata = metadata
        return pfs.EditMetadataResponse()

    def _edit(self, edit: pfs.Edit, edited: dict[_Target, dict[str, str]], caller: Caller) -> None:
        of_branch = edit.WhichOneof("target") == "branch"
        picker = edit.branch.name.repo.name if of_branch else edit.repo.name
        key = RepoKey(picker.project.name or DEFAULT_PROJECT, picker.name, picker.type or "user")
        target = key, edit.branch.name.name if of_branch else None
        try:
            holder = self._holder(target)
        except Refusal as refusal:
            where = "pick branch: picking branch" if of_branch else "pick repo"
            raise refusal.within(where) from None
        what = f'branch "{key.full}@{target[1]}"' if of_branch else f'repo "{key.full}"'
        try:
            caller.need_repo(key, "REPO_CREATE_BRANCH" if of_branch else "REPO_WRITE")
        except Refusal as refusal:
            raise refusal.within(f"check permissions on {what}") from None
        metadata = edited.setdefault(target, dict(holder.metadata))
        match edit.WhichOneof("op"):
            case "add_key" if edit.add_key.key in metadata:
                raise plain(
                    f'edit {what}: add_key target key "{edit.add_key.key}"'
                    " already exists; use edit_key instead"
                )
            case "add_key":
                metadata[edit.add_key.key] = edit.add_key.value
            case "edit_key":
                metadata[edit.edit_key.key] = edit.edit_key.value
            case "delete_key":
                metadata.pop(edit.delete_key.key, None)
            case "replace":
                edited[target] = dict(edit.replace.replacement)

    def _holder(self, target: _Target) -> Repo | Branch:
        key, branch = target
        repo = self._core.world.repos.get(key)
        if repo is None:
            raise plain(
                "picking repo: get repo info with id:"
                f" repo (id=0, project={key.project}, name={key.name}, type={key.type}) not found"
            )
        if branch is None:
            return repo
        if branch not in repo.branches:
            raise plain(f"branch (id=0, branch={key}@{branch}) not found")
        return repo.branches[branch]


def _check_key(number: int, edit: pfs.Edit) -> None:
    op = edit.WhichOneof("op")
    if op in {"add_key", "edit_key", "delete_key"} and not getattr(edit, op).key:
        kind = op.title().replace("_", "")
        raise Refusal(
            Code.INVALID_ARGUMENT,
            f"validate request: invalid EditMetadataRequest.Edits[{number}]: embedded message"
            f" failed validation | caused by: invalid Edit.{kind}: embedded message failed"
            f" validation | caused by: invalid Edit_{kind}.Key: value length must be at least"
            " 1 runes",
        )

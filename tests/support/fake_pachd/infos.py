"""What is kept, as the messages that pachd answers with."""

from __future__ import annotations

from fake_pachd.model import Branch, Commit, Project, Repo, RepoKey, World
from fake_pachd.trees import Entry
from fake_pachd.wire import pfs, time_of

ORIGINS = {"user": pfs.OriginKind.USER, "auto": pfs.OriginKind.AUTO}


def repo_message(key: RepoKey) -> pfs.Repo:
    """A repo's name."""
    return pfs.Repo(name=key.name, type=key.type, project=pfs.Project(name=key.project))


def branch_message(key: RepoKey, name: str) -> pfs.Branch:
    """A branch's name."""
    return pfs.Branch(repo=repo_message(key), name=name)


def commit_message(key: RepoKey, commit_id: str) -> pfs.Commit:
    """A commit's name. Answers of 2.11 and later do not tell its branch."""
    return pfs.Commit(repo=repo_message(key), id=commit_id)


def project_info(project: Project) -> pfs.ProjectInfo:
    """A project."""
    return pfs.ProjectInfo(
        project=pfs.Project(name=project.name),
        description=project.description,
        created_at=time_of(project.created_ns),
    )


def repo_info(repo: Repo) -> pfs.RepoInfo:
    """A repo."""
    return pfs.RepoInfo(
        repo=repo_message(repo.key),
        created=time_of(repo.created_ns),
        description=repo.description,
        branches=[branch_message(repo.key, name) for name in repo.branches],
        metadata=repo.metadata,
    )


def branch_info(world: World, key: RepoKey, branch: Branch) -> pfs.BranchInfo:
    """A branch."""
    upstream, waiting = [], list(branch.provenance)
    while waiting:
        one = waiting.pop(0)
        if one not in upstream:
            upstream.append(one)
            source = world.repos.get(one[0])
            waiting += source.branches[one[1]].provenance if source else []
    return pfs.BranchInfo(
        branch=branch_message(key, branch.name),
        head=commit_message(key, branch.head),
        direct_provenance=[branch_message(*one) for one in branch.provenance],
        provenance=[branch_message(*one) for one in upstream],
        created_at=time_of(branch.created_ns),
        updated_at=time_of(branch.updated_ns),
        metadata=branch.metadata,
    )


def commit_info(commit: Commit, *, size_max: int = 0) -> pfs.CommitInfo:
    """A commit; its size is told once it is finished."""
    info = pfs.CommitInfo(
        commit=commit_message(commit.repo, commit.id),
        origin=pfs.CommitOrigin(kind=ORIGINS[commit.origin]),
        description=commit.description,
        child_commits=[commit_message(commit.repo, child) for child in commit.children],
        started=time_of(commit.started_ns),
        error=commit.error,
        size_bytes_upper_bound=commit.size or size_max,
        details=pfs.CommitInfo.Details(size_bytes=commit.size or 0),
        direct_provenance=[commit_message(*source) for source in commit.provenance],
        created_by=commit.created_by,
        created_at=time_of(commit.started_ns),
        updated_at=time_of(commit.updated_ns or commit.started_ns),
    )
    if commit.parent is not None:
        info.parent_commit.CopyFrom(commit_message(commit.repo, commit.parent))
    if commit.finishing_ns is not None:
        info.finishing.CopyFrom(time_of(commit.finishing_ns))
    if commit.finished_ns is not None:
        info.finished.CopyFrom(time_of(commit.finished_ns))
    return info


def file_info(commit: pfs.Commit, entry: Entry, committed_ns: int | None) -> pfs.FileInfo:
    """A file or directory of a commit, or of a file set: that has no time."""
    info = pfs.FileInfo(
        file=pfs.File(commit=commit, path=entry.path, datum=entry.datum),
        file_type=pfs.FileType.DIR if entry.content is None else pfs.FileType.FILE,
        size_bytes=entry.size,
        hash=entry.hash,
    )
    if committed_ns is not None:
        info.committed.CopyFrom(time_of(committed_ns))
    return info

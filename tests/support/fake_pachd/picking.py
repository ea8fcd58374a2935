"""Which commit a message means: an id, a branch, or so many commits before either."""

from __future__ import annotations

import re

from fake_pachd.model import Commit, RepoKey, World
from fake_pachd.names import DEFAULT_PROJECT, FILE_SETS, is_commit_id
from fake_pachd.refusals import Refusal, missing, panic, plain
from fake_pachd.wire import pfs

_BACK = re.compile(r"(?:\^|~)(\d*)")


def repo_key(repo: pfs.Repo) -> RepoKey:
    """The key of a repo in a message; the type counts as given."""
    return RepoKey(repo.project.name or DEFAULT_PROJECT, repo.name, repo.type)


def branch_key(branch: pfs.Branch) -> tuple[RepoKey, str]:
    """The same of a branch."""
    return repo_key(branch.repo), branch.name


def check_commit(handle: pfs.Commit | None) -> RepoKey:
    """The repo of a commit in a message; refuses a message without one."""
    if handle is None:
        raise plain("commit cannot be nil")
    if handle.HasField("repo"):
        return repo_key(handle.repo)
    if not handle.branch.HasField("repo"):
        raise plain("commit must have a repo")
    return repo_key(handle.branch.repo)


def is_file_set(handle: pfs.Commit) -> bool:
    """Whether the message means a file set."""
    return check_commit(handle).name == FILE_SETS


def pick(world: World, handle: pfs.Commit) -> Commit:
    """The commit that a message means."""
    key = check_commit(handle)
    if not handle.id and not handle.branch.name:
        raise plain("pick commit tx: cannot pick commit with no ID or branch")
    by_branch = not handle.id or handle.id[0] in "^~."
    name, steps = _parsed(handle.branch.name + handle.id if by_branch else handle.id)
    try:
        found = _found(world, key, name, steps)
    except Refusal as refusal:
        raise refusal.within("pick commit tx: picking commit") from None
    if isinstance(found, Commit):
        return found
    if made := _made_with(world, key, handle.id):
        return made
    cause = {
        "repo": f"repo {key} not found",
        "branch": f'branch "{handle.branch.name}" not found in repo {key}',
        "commit": f"commit {key}@{handle.id} not found",
    }[found]
    if found == "branch" and not handle.HasField("branch"):
        raise panic()
    raise missing(f"pick commit tx: commit {key}@{handle.id} not found\n{cause}")


def _parsed(text: str) -> tuple[str, int]:
    at = re.search(r"[\^~]", text)
    if not at:
        return text, 0
    steps = sum(int(count or 1) for count in _BACK.findall(text[at.start() :]))
    return text[: at.start()], steps


def _found(world: World, key: RepoKey, name: str, steps: int) -> Commit | str:
    """The commit, or what kind of thing is missing."""
    by_id = is_commit_id(name)
    if key.project not in world.projects:
        level = "picking repo" if by_id else "picking branch: picking repo"
        raise missing(f'{level}: picking project: project "{key.project}" not found')
    # Reads do without a type, at this release.
    repo = world.repos.get(key if key.type else key._replace(type="user"))
    if repo is None:
        return "repo"
    if not by_id and name not in repo.branches:
        return "branch"
    commit = repo.commits.get(name if by_id else repo.branches[name].head)
    if commit is None:
        return "commit"
    for step in range(steps):
        before = world.parent(commit)
        if before is None:
            first = repo.commits[name if by_id else repo.branches[name].head]
            raise plain(
                f"invalid offset for ancestor of commit: {key.full}@{first.id},"
                f" offset requested: {steps}, offset traversable: {step}"
            )
        commit = before
    return commit


def _made_with(world: World, key: RepoKey, commit_id: str) -> Commit | None:
    """The commit of this repo that the commits of that id were made with."""
    seen, waiting = set(), list(world.commit_set(commit_id)) if commit_id else []
    while waiting:
        commit = waiting.pop()
        for source, source_id in commit.provenance:
            found = world.repos[source].commits.get(source_id) if source in world.repos else None
            if found is None or (source, source_id) in seen:
                continue
            if source == key:
                return found
            seen.add((source, source_id))
            waiting.append(found)
    return None

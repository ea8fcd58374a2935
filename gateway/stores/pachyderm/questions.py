"""Names of repos, branches, commits and files as pachd wants them, and what changes files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.wrappers_pb2 import BytesValue

from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.versioning.names import RepoName

FILE_SETS = RepoName("__filesets__")
"""A file set reads as a commit of this repo."""

_GLOB = re.compile(r"[*?\[\]{}()!@+^\\]")


def repo_message(repo: RepoName) -> wire.Repo:
    """A repo of users' data; without the type some releases fail."""
    return wire.Repo(name=repo.name, type="user", project=wire.Project(name=repo.project))


def branch_message(repo: RepoName, name: str) -> wire.Branch:
    """A branch."""
    return wire.Branch(repo=repo_message(repo), name=name)


def commit_message(repo: RepoName, commit: str) -> wire.Commit:
    """A commit by its id.

    The branch stays without a name, or pachd would take it for a branch where it does not know
    the id; but it is there, since releases up to 2.10 look for the repo in it.
    """
    return wire.Commit(repo=repo_message(repo), id=commit, branch=branch_message(repo, ""))


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are read: a commit of a repo, or a file set."""

    repo: RepoName
    commit: str

    @classmethod
    def of_file_set(cls, file_set: str) -> Place:
        """What a file set holds, whether or not a commit has it."""
        return cls(FILE_SETS, file_set)

    def file(self, path: str) -> wire.File:
        """A path there."""
        return wire.File(commit=commit_message(self.repo, self.commit), path=path)


def literal(path: str) -> str:
    """A pattern that matches this path only.

    Backslashes do not escape in pachd's patterns, only classes of one character do.
    """
    return _GLOB.sub(r"[\\\g<0>]", path)


def add_file(path: str, data: bytes) -> wire.ModifyFileRequest:
    """Append to a file, which is made as needed. `data` up to about 20 MiB."""
    return wire.ModifyFileRequest(add_file=wire.AddFile(path=path, raw=BytesValue(value=data)))


def delete_file(path: str) -> wire.ModifyFileRequest:
    """Delete a file, with "/" at its end a directory. What is not there is no error."""
    return wire.ModifyFileRequest(delete_file=wire.DeleteFile(path=path))


def copy_file(dst: str, at: Place, src_path: str, append: bool) -> wire.ModifyFileRequest:
    """Copy a file within pachd, once for each `dst` in a file set.

    A second copy or an add for the same path spoils the commit ("duplicate path output"); what is
    to be put together goes into file sets that are composed. A source that is not there is no
    error: nothing is copied. `dst` is not checked by pachd: it must be as `paths.escape` makes it.
    """
    return wire.ModifyFileRequest(
        copy_file=wire.CopyFile(dst=dst, src=at.file(src_path), append=append)
    )


def edits(
    repo: RepoName, branch: str, add: dict[str, str], edit: dict[str, str], delete: tuple[str, ...]
) -> wire.EditMetadataRequest:
    """Changes to the metadata of a branch."""
    target = wire.BranchPicker(
        name=wire.BranchPicker.BranchName(
            repo=wire.RepoPicker(
                name=wire.RepoPicker.RepoName(
                    project=wire.ProjectPicker(name=repo.project), name=repo.name, type="user"
                )
            ),
            name=branch,
        )
    )
    return wire.EditMetadataRequest(
        edits=[
            *(wire.Edit(branch=target, add_key={"key": k, "value": v}) for k, v in add.items()),
            *(wire.Edit(branch=target, edit_key={"key": k, "value": v}) for k, v in edit.items()),
            *(wire.Edit(branch=target, delete_key={"key": k}) for k in delete),
        ]
    )

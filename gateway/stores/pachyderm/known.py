"""What is known of a repo: what PFS tells of it, and our notes on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.stores.pachyderm.pfs import BranchInfo, RepoInfo
from gateway.stores.pachyderm.words import COMPANION_REPO
from gateway.versioning.errors import InvalidName
from gateway.versioning.model import Json, Ref, RefKind, Repo
from gateway.versioning.names import CommitId, RepoName, check_name, check_project

UNCLAIMED = "default"
"""The account of the repos that other tools made."""


@dataclass(frozen=True, slots=True)
class Known:
    """A repo as PFS told of it, with our notes."""

    info: RepoInfo
    notes: dict[str, Json]

    @property
    def repo(self) -> Repo:
        """The repo in the words of the domain."""
        note = self.notes.get("repo", {})
        return Repo(
            self.info.name,
            str(note.get("account", UNCLAIMED)),
            self.info.created_ms,
            _json(note.get("settings")),
        )

    @property
    def unused(self) -> bool:
        """Whether nobody has it yet.

        Where Pachyderm's access control is on, a repo is made by its owner's token, not by us.
        """
        return "repo" not in self.notes and not self.info.branches and not self.tags()

    def tag(self, name: str) -> Ref | None:
        """The tag of that name."""
        note = self.notes.get(f"ref.{name}", {})
        if note.get("kind") != RefKind.TAG:
            return None
        commit = CommitId(str(note.get("commit", "")))
        return self._ref(name, RefKind.TAG, commit, self.info.created_ms)

    def tags(self) -> list[Ref]:
        """All tags."""
        names = [name.removeprefix("ref.") for name in self.notes if name.startswith("ref.")]
        return [tag for name in names if (tag := self.tag(name)) is not None]

    def branch(self, info: BranchInfo) -> Ref:
        """A branch of PFS as a ref."""
        return self._ref(info.name, RefKind.BRANCH, info.head, info.created_ms)

    def properties(self, branch: str) -> Json:
        """What the maker of a branch wants kept with it."""
        return _json(self.notes.get(f"ref.{branch}", {}).get("properties"))

    def _ref(self, name: str, kind: RefKind, commit: CommitId, created_ms: int) -> Ref:
        note = self.notes.get(f"ref.{name}", {})
        return Ref(
            self.info.name,
            name,
            kind,
            commit,
            int(note.get("created", created_ms)),
            str(note.get("account", self.repo.account)),
            _json(note.get("properties")),
        )


def is_speakable_repo(repo: RepoName) -> bool:
    """Whether a repo has a name that a bucket can spell, and is the users'."""
    try:
        check_project(repo.project)
    except InvalidName:
        return False
    return repo.name != COMPANION_REPO and is_speakable(repo.name)


def is_speakable(name: str) -> bool:
    """Whether a name that PFS allows is one that a bucket can spell."""
    try:
        check_name(name, "name")
    except InvalidName:
        return False
    return True


def _json(value: Any) -> Json:
    return value if isinstance(value, dict) else {}

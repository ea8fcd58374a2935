"""What pachd keeps: projects, repos, branches, commits. No behaviour beyond finding them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fake_pachd.contents import Layer
from fake_pachd.names import DEFAULT_PROJECT
from fake_pachd.refusals import missing


class RepoKey(NamedTuple):
    """A repo by its names; written as pachd writes it."""

    project: str
    name: str
    type: str = "user"

    def __str__(self) -> str:
        return f"{self.project}/{self.name}" + ("" if self.type == "user" else f".{self.type}")

    @property
    def full(self) -> str:
        """As some errors have it."""
        return f"{self.project}/{self.name}.{self.type}"

    @classmethod
    def of(cls, text: str) -> RepoKey:
        """From "name" or "project/name"."""
        project, _, name = text.rpartition("/")
        return cls(project or DEFAULT_PROJECT, name)


@dataclass(eq=False)
class Project:
    name: str
    description: str
    created_ns: int


@dataclass(eq=False)
class Branch:
    """provenance: the branches that this one is made from, if it is an output branch."""

    name: str
    head: str
    created_ns: int
    updated_ns: int
    serial: int
    provenance: list[tuple[RepoKey, str]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Commit:
    """branch: the one it was made on. layers: what it changes. parent: an id in the same repo."""

    repo: RepoKey
    id: str
    branch: str
    origin: str
    parent: str | None
    started_ns: int
    serial: int
    description: str = ""
    finishing_ns: int | None = None
    finished_ns: int | None = None
    error: str = ""
    size: int | None = None
    created_by: str = ""
    provenance: list[tuple[RepoKey, str]] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    updated_ns: int = 0

    def __str__(self) -> str:
        return f"{self.repo}@{self.id}"

    @property
    def open(self) -> bool:
        """Takes more."""
        return self.finishing_ns is None

    @property
    def finishing(self) -> bool:
        """Takes no more, and cannot be read yet."""
        return self.finishing_ns is not None and self.finished_ns is None


@dataclass(eq=False)
class Repo:
    """commits: in the order they were made."""

    key: RepoKey
    description: str
    created_ns: int
    metadata: dict[str, str] = field(default_factory=dict)
    branches: dict[str, Branch] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)


class World:
    """All of it."""

    def __init__(self) -> None:
        self.projects: dict[str, Project] = {}
        self.repos: dict[RepoKey, Repo] = {}
        self._serial = 0
        self._last_ns = 0
        self.add_project(DEFAULT_PROJECT)

    def add_project(self, name: str, description: str = "") -> None:
        """Whatever was there of that name."""
        self.projects[name] = Project(name, description, self.now_ns())

    def now_ns(self) -> int:
        """The time, later at each look."""
        self._last_ns = max(time.time_ns() // 1000 * 1000, self._last_ns + 1000)
        return self._last_ns

    def serial(self) -> int:
        """The number of a row."""
        self._serial += 1
        return self._serial

    def repo(self, key: RepoKey) -> Repo:
        """Refuses one that is not there."""
        if key not in self.repos:
            raise missing(f"repo {key} not found")
        return self.repos[key]

    def parent(self, commit: Commit) -> Commit | None:
        """The one before, in the same repo."""
        return self.repos[commit.repo].commits[commit.parent] if commit.parent else None

    def commit_set(self, commit_id: str) -> Iterator[Commit]:
        """Of every repo that has the id."""
        for repo in self.repos.values():
            if commit_id in repo.commits:
                yield repo.commits[commit_id]

    def subvenant(self, repo: RepoKey, branch: str) -> list[tuple[RepoKey, str]]:
        """The output branches made directly from that one."""
        return [
            (key, name)
            for key, one in self.repos.items()
            for name, found in one.branches.items()
            if (repo, branch) in found.provenance
        ]


def new_id() -> str:
    """Of a commit or file set."""
    return uuid.uuid4().hex

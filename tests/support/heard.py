"""What a store told of its commits (the Pachyderm store's Events), for a test to look at."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.names import CommitId, RepoName


@dataclass
class Heard:
    """Everything, in order. retries: reason -> how often."""

    commits: list[Recorded] = field(default_factory=list)
    finished_ids: list[CommitId] = field(default_factory=list)
    spoils: list[tuple[CommitId, str, str]] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)

    def committed(self, repo: RepoName, branch: str, recorded: Recorded) -> None:
        self.commits.append(recorded)

    def finished(self, commit: CommitId, seconds: float) -> None:
        assert seconds >= 0
        self.finished_ids.append(commit)

    def spoiled(self, commit: CommitId, error: str, culprit: str) -> None:
        self.spoils.append((commit, error, culprit))

    def retried(self, reason: str) -> None:
        self.retries[reason] += 1

    def written(self) -> list[list[str]]:
        """The keys of each commit."""
        return [[change.key for change in commit.changes] for commit in self.commits]


async def eventually(ready: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not ready():  # noqa: ASYNC110 (nobody tells of it)
            await asyncio.sleep(0.005)

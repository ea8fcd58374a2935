"""Which replica owns a repo: each asks itself, and all come to the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from gateway.versioning.names import RepoName


def owner(repo: RepoName, replicas: Iterable[str]) -> str:
    """The replica of `replicas` that owns `repo` (rendezvous hashing).

    When one goes or comes, only the repos that it owned or will own change hands.
    """
    return max(replicas, key=lambda url: (_weight(repo, url), url))


def _weight(repo: RepoName, url: str) -> bytes:
    return hashlib.blake2b(f"{repo}\0{url}".encode(), digest_size=8).digest()

"""Who owns a repo."""

from __future__ import annotations

from collections import Counter

from gateway.forwarding.owners import owner
from gateway.versioning.names import RepoName

REPLICAS = [f"http://labelgate-{n}:9000" for n in range(4)]
REPOS = [RepoName(f"labels{n}", project) for n in range(500) for project in ("default", "vision")]


def test_all_come_to_the_same_answer_in_whatever_order_they_know_each_other() -> None:
    for repo in REPOS[:50]:
        assert owner(repo, REPLICAS) == owner(repo, reversed(REPLICAS))


def test_every_replica_has_its_share() -> None:
    shares = Counter(owner(repo, REPLICAS) for repo in REPOS)
    assert min(shares[url] for url in REPLICAS) > len(REPOS) / len(REPLICAS) / 2


def test_only_the_repos_of_the_one_that_goes_change_hands() -> None:
    gone, left = REPLICAS[0], REPLICAS[1:]
    for repo in REPOS:
        before = owner(repo, REPLICAS)
        assert before == gone or owner(repo, left) == before

"""A bare commit id that several repos know: the store at hand never makes one, so it is made up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.admin.errors import Refusal
from gateway.admin.refs import resolve_ref, spell, spell_pinned
from gateway.admin.services import Caller
from gateway.auth.credentials import Key
from gateway.auth.grants import Grants, Scope
from gateway.auth.identity import Identity
from gateway.protocol.request import Request
from gateway.versioning.model import Ref, RefKind, Repo, Snapshot
from gateway.versioning.names import CommitId, RepoName

COMMIT = CommitId("ab" * 16)


def snapshot(repo: str, project: str = "default", account: str = "me") -> Snapshot:
    return Snapshot(Repo(RepoName(repo, project), account, 0), None, RefKind.COMMIT, COMMIT)


def caller(*found: Snapshot, scope: Scope = Scope.OWN) -> Caller:
    async def find_commit(commit: CommitId) -> list[Snapshot]:
        return [one for one in found if one.commit == commit]

    async def refs(repo: RepoName) -> list[Ref]:
        return [Ref(repo, "dev", RefKind.BRANCH, COMMIT, 0, "me")]

    async def containing(at: Snapshot) -> list[Ref]:
        return await refs(at.repo.name)

    store: Any = SimpleNamespace(find_commit=find_commit, refs=refs, containing=containing)
    services: Any = SimpleNamespace(store=store, clock=lambda: 0)
    identity = Identity(Key("k", "me", "id", "secret", Grants(scope)), "UNSIGNED-PAYLOAD")
    return Caller(services, identity, Request("GET", "/", "", (), {}))


def test_a_commit_of_several_repos_is_refused_with_the_candidates() -> None:
    with pytest.raises(Refusal) as caught:
        asyncio.run(resolve_ref(caller(snapshot("a"), snapshot("b", "vision")), COMMIT))
    assert caught.value.code == "AmbiguousRef"
    assert caught.value.fields["candidates"] == [f"{COMMIT}.a", f"{COMMIT}.dev.b.vision"]


def test_only_repos_the_key_may_read_are_candidates() -> None:
    asking = caller(snapshot("a"), snapshot("b", account="another"))
    assert asyncio.run(resolve_ref(asking, COMMIT)).repo.name == RepoName("a")


def test_a_state_is_spelled_as_it_was_named_and_pinned_by_its_commit() -> None:
    repo = Repo(RepoName("labels"), "me", 0)
    branch = Snapshot(repo, "dev", RefKind.BRANCH, COMMIT)
    assert (spell(branch), spell_pinned(branch)) == ("dev.labels", f"{COMMIT}.labels")
    tag = Snapshot(repo, "v1", RefKind.TAG, COMMIT)
    assert (spell(tag), spell_pinned(tag)) == ("v1.labels", f"{COMMIT}.labels")
    assert spell(snapshot("labels")) == f"{COMMIT}.labels"
    elsewhere = Snapshot(Repo(RepoName("labels", "x"), "me", 0), "dev", RefKind.BRANCH, COMMIT)
    assert spell_pinned(elsewhere) == f"{COMMIT}.dev.labels.x"

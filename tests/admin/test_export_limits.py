"""One document is not made of anything however large: what is too much is refused with the way out.

Asked of the functions themselves, with smaller limits, as the real ones take minutes to reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hands import Hand, put, ticking_clock

from gateway.admin import dataset, exports
from gateway.admin.errors import Refusal
from gateway.auth.grants import EVERYWHERE
from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.names import parse_bucket


class Anything:
    """An access that permits it."""

    async def sight(self, *asked: Any) -> tuple[str, ...]:
        return EVERYWHERE

    async def demand(self, *asked: Any) -> None:
        return None


@pytest.fixture
def store(tmp_path: Path, runner: asyncio.Runner) -> Iterator[EmbeddedStore]:
    made = runner.run(EmbeddedStore.open(tmp_path / "data", clock=ticking_clock()))
    name = parse_bucket("labels")
    runner.run(made.create_branch(name.repo, name.branch, account="ann", create_repo=True))
    yield made
    runner.run(made.close())


@pytest.fixture
def caller(store: EmbeddedStore) -> Any:
    return SimpleNamespace(store=store, access=Anything())


async def test_a_commit_of_too_many_changes_is_refused(
    store: EmbeddedStore, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Hand(store).write(*[await put(store, key) for key in ("a", "b", "c")])
    assert len((await exports.prov_of(caller, "labels", None, None))["wasGeneratedBy"]) == 3
    monkeypatch.setattr(exports, "CHANGES_MAX", 2)
    with pytest.raises(Refusal, match="more than 2 changes"):
        await exports.prov_of(caller, "labels", None, None)
    assert await exports.prov_of(caller, "labels", "a", None)


async def test_a_state_of_too_many_objects_is_refused(
    store: EmbeddedStore, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Hand(store).write(*[await put(store, key) for key in ("a", "b", "c")])
    monkeypatch.setattr(dataset, "FILES_MAX", 2)
    with pytest.raises(Refusal, match="more than 2 objects"):
        await dataset.croissant_of(caller, "labels", "")
    assert len((await dataset.croissant_of(caller, "labels", "a"))["distribution"]) == 1


async def test_only_so_many_bytes_are_read_for_their_digest(
    store: EmbeddedStore, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {key: await put(store, key, b"12345", etag=f"{'e' * 32}-2") for key in ("a", "b")}
    await Hand(store).write(*parts.values())
    monkeypatch.setattr(dataset, "HASHED_BYTES_MAX", 9)
    with pytest.raises(Refusal, match="'b' and others"):
        await dataset.croissant_of(caller, "labels", "")
    [told] = (await dataset.croissant_of(caller, "labels", "a"))["distribution"]
    assert told["sha256"] == "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"

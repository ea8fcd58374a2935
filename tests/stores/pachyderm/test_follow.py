"""Commits until pachd has finished them: told once, readable meanwhile, never forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from fake_pachd import FakePachd
from hands import REPO, Hand
from heard import Heard, eventually

from gateway.stores.pachyderm import follow
from gateway.stores.pachyderm.store import PachydermStore

GONE = (grpc.StatusCode.UNAVAILABLE, "Stream removed (Socket closed)")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What the stores of this test tell. Before `store`."""
    heard = Heard()
    monkeypatch.setattr("gateway.stores.pachyderm.store.Unheard", lambda: heard)
    monkeypatch.setattr(follow, "PAUSE_S", 0.02)
    return heard


async def test_each_commit_is_told_once_when_it_stands_and_once_when_it_is_finished(
    heard: Heard, hand: Hand, fake: FakePachd
):
    fake.pause_finishing()
    versions = [await hand.put(key) for key in "abc"]
    assert [commit.id for commit in heard.commits] == versions
    assert heard.finished_ids == []
    fake.resume_finishing()
    await eventually(lambda: len(heard.finished_ids) == 3)
    assert heard.finished_ids == versions
    assert heard.spoils == []


async def test_an_unfinished_commit_has_a_file_set_to_read_it_from(
    hand: Hand, store: PachydermStore, fake: FakePachd
):
    fake.pause_finishing()
    version = await hand.put("a")
    assert store._lane.file_set_of(version)
    fake.resume_finishing()
    await eventually(lambda: store._lane.file_set_of(version) is None)


async def test_file_sets_are_renewed_until_their_commit_is_finished(
    hand: Hand, fake: FakePachd, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(follow, "RENEW_S", 0.01)
    fake.pause_finishing()
    await hand.put("a")
    await eventually(lambda: fake.calls["RenewFileSet"] > 2)
    fake.resume_finishing()
    await eventually(lambda: fake.commit("labels", "master").finished_ns)
    await asyncio.sleep(0.05)
    count = fake.calls["RenewFileSet"]
    await asyncio.sleep(0.05)
    assert fake.calls["RenewFileSet"] == count


async def test_a_pachd_that_is_away_is_waited_for(heard: Heard, hand: Hand, fake: FakePachd):
    fake.pause_finishing()
    await hand.put("a")
    await eventually(lambda: fake.calls["InspectCommit"] > 0)
    await fake.kill()
    await asyncio.sleep(0.1)
    fake.resume_finishing()
    await fake.restart()
    await eventually(lambda: heard.finished_ids)


async def test_a_commit_that_somebody_takes_away_is_let_go(
    heard: Heard, hand: Hand, store: PachydermStore, fake: FakePachd
):
    fake.pause_finishing()
    version = await hand.put("a")
    fake.drop_commit("labels", version)
    await eventually(lambda: store._lane.file_set_of(version) is None)
    fake.resume_finishing()
    await hand.put("b")
    assert await hand.keys() == ["b"]


async def test_what_a_dead_replica_left_unfinished_is_followed_by_the_next_writer(
    heard: Heard, hand: Hand, store: PachydermStore, open_store: Any, fake: FakePachd
):
    fake.pause_finishing()
    versions = [await hand.put(key) for key in "ab"]
    await store.close()
    assert fake.calls["RenewFileSet"] == 2  # for as long as pachd lets a file set live
    other = await open_store("other")
    lane = other._lane
    looking = asyncio.create_task(lane.look_after(REPO, "master"))
    await looking
    assert all(lane.file_set_of(version) for version in versions)
    fake.resume_finishing()
    await eventually(lambda: len(heard.finished_ids) == 2)

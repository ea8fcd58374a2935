"""A store that cannot be opened yet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.config import SettingsRefused
from gateway.engines import late
from gateway.engines.late import LateStore
from gateway.versioning.errors import Denied, Unavailable


class Small:
    """As much of a store as is needed here."""

    def __init__(self) -> None:
        self.closed = False

    async def repos(self) -> list[str]:
        return ["labels"]

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True


class Opener:
    """Opens a store, where nothing stands in its way."""

    def __init__(self, obstacle: Exception | None = None) -> None:
        self.obstacle = obstacle
        self.store = Small()
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self) -> Any:
        await self.free.wait()
        if self.obstacle is not None:
            raise self.obstacle
        return self.store


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "RETRY_SECONDS_MIN", 0.001)


async def usable() -> None:
    pass


async def opened(store: LateStore[Any]) -> None:
    async with asyncio.timeout(10):
        while store.opened is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)


async def test_what_can_be_opened_is_open_at_once() -> None:
    opener = Opener()
    store = LateStore(opener, usable)
    await store.begin()
    assert await store.as_store.repos() == ["labels"]
    await store.close()
    assert opener.store.closed


async def test_until_it_is_open_every_use_says_why_and_then_it_works_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    opener = Opener(Unavailable("pachd at localhost:1 does not answer"))
    store = LateStore(opener, usable)
    await store.begin()
    with pytest.raises(Unavailable, match="localhost:1"):
        await store.as_store.repos()
    with pytest.raises(Unavailable, match="localhost:1"):
        await store.as_store.check()
    await asyncio.sleep(0.02)
    assert len(caplog.records) == 1  # the same reason is said once
    opener.obstacle = None
    await opened(store)
    await store.as_store.check()
    assert await store.as_store.repos() == ["labels"]
    await store.close()


async def test_what_is_refused_at_the_start_ends_the_start() -> None:
    store = LateStore(Opener(SettingsRefused("pachd is 2.5.0; 2.6 is needed")), usable)
    with pytest.raises(SettingsRefused, match=r"2\.6 is needed"):
        await store.begin()
    await store.close()


async def test_what_is_refused_later_is_the_reason() -> None:
    opener = Opener(Unavailable("away"))
    store = LateStore(opener, usable)
    await store.begin()
    opener.obstacle = SettingsRefused("pachd is 2.5.0; 2.6 is needed")
    async with asyncio.timeout(10):
        while True:
            with pytest.raises(Unavailable) as caught:
                await store.as_store.check()
            if "2.6 is needed" in str(caught.value):
                break
            await asyncio.sleep(0.001)
    await store.close()


async def test_what_nobody_foresaw_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    opener = Opener(ValueError("odd"))
    store = LateStore(opener, usable)
    await store.begin()
    with pytest.raises(Unavailable, match="the log tells"):
        await store.as_store.repos()
    assert "odd" in caplog.text
    opener.obstacle = None
    await opened(store)
    await store.close()


async def test_a_start_does_not_wait_for_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "FIRST_TRY_SECONDS_MAX", 0.01)
    opener = Opener()
    opener.free.clear()
    store = LateStore(opener, usable)
    await store.begin()
    with pytest.raises(Unavailable, match="being opened"):
        await store.as_store.repos()
    opener.free.set()
    await opened(store)
    await store.close()


async def test_one_that_never_opened_can_be_closed() -> None:
    opener = Opener()
    opener.free.clear()
    store = LateStore(opener, usable)
    trying = asyncio.create_task(store.begin())
    await asyncio.sleep(0)
    await store.close()
    trying.cancel()
    assert not opener.store.closed


@pytest.mark.parametrize("error", [Denied("no token"), SettingsRefused("too old")])
async def test_an_open_store_that_cannot_be_used_is_not_ready(error: Exception) -> None:
    async def unusable() -> None:
        raise error

    store = LateStore(Opener(), unusable)
    await store.begin()
    with pytest.raises(Unavailable, match=str(error)):
        await store.as_store.check()
    assert await store.as_store.repos() == ["labels"]
    await store.close()

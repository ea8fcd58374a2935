"""A gateway in front of a pachd that comes, goes, is too old, or does not let it in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_pachd import FakePachd

from gateway.config import SettingsRefused


async def test_a_pachd_that_is_away_at_the_start_is_waited_for(
    pachd: FakePachd, serve: Any
) -> None:
    await pachd.kill()
    async with serve() as gateway:
        assert (await gateway.open("/-/healthz")).status_code == 200
        assert "does not answer" in await gateway.ready()
        for method, target in (("GET", "/"), ("GET", "/labels/a"), ("PUT", "/labels/a")):
            refused = await gateway.sent(method, target, b"x" if method == "PUT" else b"")
            assert refused.status_code == 503
            assert "<Code>SlowDown</Code>" in refused.text
            assert "does not answer" in refused.text
            assert refused.headers["retry-after"] == "1"
        refused = await gateway.sent("GET", "/-/api/v1/repos")
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "Unavailable")
        assert (
            "labelgate_pachyderm_unfinished_commits 0.0" in (await gateway.open("/-/metrics")).text
        )
        await pachd.restart()
        await gateway.until_ready()
        assert (await gateway.sent("PUT", "/labels")).status_code == 200
        assert (await gateway.sent("PUT", "/labels/a", b"one")).status_code == 200
        assert (await gateway.sent("GET", "/labels/a")).content == b"one"


async def test_a_pachd_that_goes_away_is_said_to_be_and_comes_back(
    pachd: FakePachd, serve: Any
) -> None:
    async with serve() as gateway:
        assert await gateway.ready() == ""
        await gateway.sent("PUT", "/labels")
        await gateway.sent("PUT", "/labels/a", b"one")
        await pachd.kill()
        assert "does not answer" in await gateway.ready()
        assert (await gateway.sent("PUT", "/labels/a", b"two")).status_code == 503
        metrics = (await gateway.open("/-/metrics")).text
        assert "labelgate_pachyderm_circuit_open 1.0" in metrics
        await pachd.restart()
        await gateway.until_ready()
        assert (await gateway.sent("PUT", "/labels/a", b"two")).status_code == 200
        assert (await gateway.sent("GET", "/labels/a")).content == b"two"


async def test_a_pachd_that_is_too_old_is_refused_at_the_start(
    pachd: FakePachd, serve: Any
) -> None:
    pachd.version = (2, 5, 11)
    with pytest.raises(SettingsRefused, match=r"2\.5\.11.*2\.6 or newer"):
        async with serve():
            pytest.fail("it serves")


async def test_a_pachd_that_turns_out_to_be_too_old_is_named(pachd: FakePachd, serve: Any) -> None:
    pachd.version = (2, 5, 11)
    await pachd.kill()
    async with serve() as gateway:
        await pachd.restart()
        async with asyncio.timeout(20):
            while "2.6 or newer" not in await gateway.ready():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        refused = await gateway.sent("GET", "/labels/a")
        assert refused.status_code == 503
        assert "2.5.11" in refused.text
        pachd.version = (2, 12, 0)  # it was upgraded
        await gateway.until_ready()


async def test_an_address_that_is_none_is_refused(serve: Any) -> None:
    with pytest.raises(SettingsRefused, match="pachd_address"):
        async with serve(pachd_address="a:b:c"):
            pytest.fail("it serves")


@pytest.mark.parametrize(
    ("token", "why"),
    [(None, "the gateway has no token"), ("0" * 32, "does not know the gateway's token")],
)
async def test_without_a_token_of_its_own_the_gateway_says_what_to_set(
    pachd: FakePachd, serve: Any, token: str | None, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    pachd.auth.activate()
    async with serve(token) as gateway:
        reason = await gateway.ready()
        assert why in reason
        assert "PACH_TOKEN" in reason
        assert (await gateway.sent("GET", "/labels/a")).status_code == 503
        assert "0000" not in reason + caplog.text
        pachd.auth.deactivate()
        await gateway.until_ready()


async def test_an_expired_token_of_the_gateway_is_noticed_while_it_serves(
    pachd: FakePachd, serve: Any
) -> None:
    pachd.auth.activate()
    token = pachd.auth.add_token("robot:labelgate")
    async with serve(token) as gateway:
        assert await gateway.ready() == ""
        pachd.auth.revoke_token(token)
        assert "does not know the gateway's token" in await gateway.ready()


async def test_the_metrics_tell_of_commits_and_the_cache(pachd: FakePachd, serve: Any) -> None:
    async with serve() as gateway:
        await gateway.sent("PUT", "/labels")
        await gateway.sent("PUT", "/labels/a", b"one")
        async with asyncio.timeout(20):
            while True:
                page = (await gateway.open("/-/metrics")).text
                if "labelgate_pachyderm_commit_seconds_count 1.0" in page:
                    break
                await asyncio.sleep(0.02)
        assert "labelgate_pachyderm_unfinished_commits 0.0" in page
        assert "labelgate_pachyderm_circuit_open 0.0" in page
        assert 'labelgate_pachyderm_cache_bytes{place="disk"}' in page
        assert 'labelgate_store_bytes{kind="index"}' in page

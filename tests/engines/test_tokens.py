"""Pachyderm's tokens as keys, in front of a fake pachd with its auth on."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fake_pachd import FakePachd

MINUTE_MS = 60_000


class Team:
    """A gateway with a robot of its own, and a labeler with a token."""

    def __init__(self, pachd: FakePachd, gateway: Any, token: str) -> None:
        self.pachd = pachd
        self.gateway = gateway
        self.token = token

    async def sent(self, method: str, target: str, body: bytes = b"") -> Any:
        """As the labeler."""
        return await self.gateway.sent(method, target, body, key=self.token, secret=self.token)


@pytest.fixture
def team(pachd: FakePachd, serve: Any) -> Any:
    """Serves as a context; repo `labels` with an object `a` is the gateway's."""

    @asynccontextmanager
    async def serving() -> AsyncIterator[Team]:
        pachd.auth.activate()
        own = pachd.auth.add_token("robot:labelgate")
        pachd.auth.grant("robot:labelgate", "repoWriter")
        pachd.auth.grant("robot:labelgate", "projectWriter", project="default")
        pachd.auth.grant("allClusterUsers", "projectWriter", project="default")
        async with serve(own) as gateway:
            await gateway.sent("PUT", "/labels")
            await gateway.sent("PUT", "/labels/a", b"one")
            yield Team(pachd, gateway, pachd.auth.add_token("robot:ann", secrets.token_hex(16)))

    return serving


async def test_a_token_may_do_what_its_roles_allow(team: Any) -> None:
    async with team() as here:
        for method, target in (("GET", "/labels/a"), ("PUT", "/labels/b"), ("GET", "/labels")):
            refused = await here.sent(method, target, b"x" if method == "PUT" else b"")
            assert refused.status_code == 403
            assert "<Code>AccessDenied</Code>" in refused.text
            assert here.token not in refused.text
        assert "labels" not in (await here.sent("GET", "/")).text
        here.pachd.auth.grant("robot:ann", "repoReader", repo="labels")
        here.gateway.later_ms += 5_000
        assert (await here.sent("GET", "/labels/a")).content == b"one"
        assert "<Name>labels</Name>" in (await here.sent("GET", "/")).text
        assert (await here.sent("PUT", "/labels/b", b"two")).status_code == 403
        here.pachd.auth.grant("robot:ann", "repoWriter", repo="labels")
        here.gateway.later_ms += 5_000
        assert (await here.sent("PUT", "/labels/b", b"two")).status_code == 200
        assert (await here.sent("DELETE", "/labels/b")).status_code == 204


async def test_a_presigned_url_works_with_a_token(team: Any) -> None:
    async with team() as here:
        here.pachd.auth.grant("robot:ann", "repoReader", repo="labels")
        token = {"key": here.token, "secret": here.token}
        assert (await here.gateway.presigned("/labels/a", **token)).content == b"one"


async def test_a_revoked_or_expired_token_stops_to_work(team: Any) -> None:
    async with team() as here:
        here.pachd.auth.grant("robot:ann", "repoReader", repo="labels")
        assert (await here.sent("GET", "/labels/a")).status_code == 200
        here.pachd.auth.revoke_token(here.token)
        here.gateway.later_ms += MINUTE_MS
        refused = await here.sent("GET", "/labels/a")
        assert (refused.status_code, "InvalidAccessKeyId" in refused.text) == (403, True)
        here.token = here.pachd.auth.add_token("robot:ann", expires_s=-1)
        assert "InvalidAccessKeyId" in (await here.sent("GET", "/labels/a")).text


async def test_what_is_no_token_is_no_key(team: Any) -> None:
    async with team() as here:
        here.token = secrets.token_hex(16)
        refused = await here.sent("GET", "/labels/a")
        assert (refused.status_code, "InvalidAccessKeyId" in refused.text) == (403, True)


async def test_with_auth_off_no_token_is_a_key(pachd: FakePachd, serve: Any) -> None:
    async with serve() as gateway:
        token = secrets.token_hex(16)
        refused = await gateway.sent("GET", "/labels/a", key=token, secret=token)
        assert (refused.status_code, "InvalidAccessKeyId" in refused.text) == (403, True)


async def test_what_a_token_makes_is_its_holders(team: Any) -> None:
    async with team() as here:
        assert (await here.sent("PUT", "/mine")).status_code == 200
        assert (await here.sent("PUT", "/mine/a", b"x")).status_code == 200
        assert (await here.sent("GET", "/mine/a")).content == b"x"
        assert not here.pachd.auth.missing("robot:ann", ("REPO", "default/mine"), ["REPO_DELETE"])
        assert (await here.sent("PUT", "/mine")).status_code == 200
        made = await here.sent("POST", "/-/api/v1/repos", json.dumps({"repo": "other"}).encode())
        assert made.status_code == 201, made.text
        again = await here.sent("POST", "/-/api/v1/repos", json.dumps({"repo": "other"}).encode())
        assert again.status_code == 409
        # Elsewhere this robot may make nothing.
        here.pachd.create_repo("vision/images")
        assert (await here.sent("PUT", "/master.labels.vision")).status_code == 403


async def test_a_repo_that_holds_something_is_deleted_by_its_owner_only(team: Any) -> None:
    async with team() as here:
        here.pachd.auth.grant("robot:ann", "repoWriter", repo="labels")
        address = "/-/api/v1/repos/labels/branches/master?force=true"
        refused = await here.sent("DELETE", address)
        assert refused.status_code == 403
        here.pachd.auth.grant("robot:ann", "repoOwner", repo="labels")
        here.gateway.later_ms += 5_000
        assert (await here.sent("DELETE", address)).status_code == 204


async def test_who_wrote_is_told_and_no_token_is(
    team: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with team() as here:
        here.pachd.auth.grant("robot:ann", "repoWriter", repo="labels")
        await here.sent("PUT", "/labels/b", b"two")
        told = (await here.sent("GET", "/-/api/v1/refs/master.labels/log")).json()
        newest = told["commits"][0]
        assert newest["author"] == "robot:ann"
        assert newest["metadata"]["key_name"] == f"token {here.token[:4]}..."
        whoami = (await here.sent("GET", "/-/api/v1")).json()
        assert whoami["account"] == "robot:ann"
        everything = [json.dumps(told), json.dumps(whoami), caplog.text, *capfd.readouterr()]
    everything += [*capfd.readouterr()]
    assert '"account": "robot:ann"' in "".join(everything)
    assert here.token not in "".join(everything)
    assert here.token[:5] not in "".join(everything)


async def test_keys_of_the_gateways_own_work_beside(team: Any) -> None:
    async with team() as here:
        assert (await here.gateway.sent("GET", "/labels/a")).content == b"one"


async def test_without_pachd_what_is_known_of_a_token_still_counts(team: Any) -> None:
    async with team() as here:
        here.pachd.auth.grant("robot:ann", "repoReader", repo="labels")
        assert (await here.sent("GET", "/labels/a")).status_code == 200
        await here.pachd.kill()
        here.gateway.later_ms += MINUTE_MS
        refused = await here.sent("GET", "/labels/a")
        assert (refused.status_code, "SlowDown" in refused.text) == (503, True)

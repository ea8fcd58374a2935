"""The tests of how stores are opened, and of a gateway in front of a fake pachd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from coroutines import pytest_pyfunc_call, runner
from fake_pachd import FakePachd

from gateway.app import gateway, now_ms
from gateway.config import Settings
from gateway.engines import late

__all__ = ["pytest_pyfunc_call", "runner"]

KEY, SECRET = "LGTESTACCESSKEYID000", "test/secret+key=with~odd.characters"
URL = "http://gateway"


class Asking:
    """Requests to the app of a gateway, in this process. later_ms: how far its clock is ahead."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.later_ms = 0

    async def open(self, path: str) -> httpx.Response:
        """Without a signature."""
        return await self._http.get(URL + path)

    async def sent(
        self, method: str, target: str, body: bytes = b"", *, key: str = KEY, secret: str = SECRET
    ) -> httpx.Response:
        """Signed with a key."""
        content = {"content-type": "application/json"} if target.startswith("/-/") else {}
        request = AWSRequest(method, URL + target, content, body)
        S3SigV4Auth(Credentials(key, secret), "s3", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
        return await self._http.request(method, URL + target, headers=headers, content=body)

    async def presigned(self, target: str, *, key: str = KEY, secret: str = SECRET) -> Any:
        """A GET by a presigned URL."""
        request = AWSRequest("GET", URL + target, {}, b"")
        S3SigV4QueryAuth(Credentials(key, secret), "s3", "us-east-1", expires=60).add_auth(request)
        return await self._http.get(request.url)

    async def ready(self) -> str:
        """What stands in the way of the store being ready; "" when it is."""
        response = await self.open("/-/readyz")
        return "" if response.status_code == 200 else str(response.json()["reason"])

    async def until_ready(self) -> None:
        """Wait for it."""
        async with asyncio.timeout(20):
            while await self.ready():  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)


Serve = Callable[..., AbstractAsyncContextManager[Asking]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "RETRY_SECONDS_MIN", 0.01)
    monkeypatch.setattr(late, "RETRY_SECONDS_MAX", 0.1)
    for name in ("PACH_TOKEN", "PACHD_ADDRESS", "PACH_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pachd(runner: asyncio.Runner) -> Iterator[FakePachd]:
    """A fake pachd that serves."""

    async def started() -> FakePachd:
        fake = FakePachd()
        await fake.start()
        return fake

    fake = runner.run(started())
    yield fake
    runner.run(fake.stop())


@pytest.fixture
def serve(pachd: FakePachd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serves in front of the fake. token: the gateway's own."""
    monkeypatch.setenv("HOME", str(tmp_path))

    @asynccontextmanager
    async def serving(token: str | None = None, **settings: Any) -> AsyncIterator[Asking]:
        if token is not None:
            monkeypatch.setenv("PACH_TOKEN", token)
        known = Settings(
            data_dir=tmp_path / "data",
            store="pachyderm",
            access_key_id=KEY,
            secret_access_key=SECRET,  # type: ignore[arg-type]
            **{"pachd_address": pachd.address, **settings},
        )
        asking: Asking

        def clock() -> int:
            return now_ms() + asking.later_ms

        transport = httpx.ASGITransport(_Late())
        async with httpx.AsyncClient(transport=transport) as http:
            asking = Asking(http)
            async with gateway(known, clock=clock) as parts:
                transport.app = parts.app
                yield asking

    return serving


class _Late:
    async def __call__(self, *_: Any) -> None:
        raise AssertionError("nothing serves yet")

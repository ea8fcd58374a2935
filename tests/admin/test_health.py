"""Health and metrics: open, quick, and honest."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from live import LiveGateway

from gateway.admin.app import create_admin
from gateway.admin.services import Services
from gateway.versioning.errors import Unavailable


class Untouchable:
    """A store, metrics and gate of which nothing may be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def ask(services: Services, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(create_admin(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            return await client.get(path)

    return asyncio.run(asked())


def services(store: Any = None) -> Services:
    nothing: Any = Untouchable()
    return Services(
        store or nothing, nothing, nothing, "1.2.3", lambda: 0, nothing, nothing, nothing, False
    )


@pytest.mark.parametrize("path", ["/-/healthz", "/-/readyz", "/-/metrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_and_metrics_need_no_signature(gateway: LiveGateway, path: str, method: str) -> None:
    response = httpx.request(method, gateway.url + path, trust_env=False)
    assert response.status_code == 200
    assert response.headers["x-request-id"]
    assert bool(response.content) == (method == "GET")


def test_healthz_asks_nothing_of_the_store() -> None:
    assert ask(services(), "/-/healthz").status_code == 200


def test_readyz_says_why_the_store_is_not_ready() -> None:
    async def check() -> None:
        raise Unavailable("the disk is full")

    response = ask(services(SimpleNamespace(check=check)), "/-/readyz")
    assert response.status_code == 503
    assert response.json()["reason"] == "the disk is full"


def test_metrics_are_a_page_that_prometheus_takes(gateway: LiveGateway) -> None:
    response = httpx.get(f"{gateway.url}/-/metrics", trust_env=False)
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE labelgate_build_info gauge" in response.text


def test_metrics_are_open_metrics_for_who_asks_so(gateway: LiveGateway) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = httpx.get(f"{gateway.url}/-/metrics", headers=accept, trust_env=False)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


def test_what_no_route_foresaw_is_told_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = ask(services(), "/-/readyz")
    assert response.status_code == 500
    error = response.json()["error"]
    assert error["code"] == "InternalError"
    assert error["request_id"] == response.headers["x-request-id"]
    assert "check was used" not in response.text
    assert "check was used" in caplog.text

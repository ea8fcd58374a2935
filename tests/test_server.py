"""gateway.server and gateway.app: one process, its ports, its end."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import live_gateway, stop

from gateway.app import Application, SettingsRefused, gateway
from gateway.config import Settings
from gateway.server import serve


class Named:
    """An ASGI app that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])


async def statuses(app: Application, *paths: str) -> list[int]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    for path in paths:
        await app({"type": "http", "path": path}, None, send)  # type: ignore[arg-type]
    return [message["status"] for message in sent if message["type"] == "http.response.start"]


PATHS = ("/-/healthz", "/-/readyz", "/-/metrics", "/-/api/v1/repos", "/bucket/-/key", "//-/x")


def test_one_port_serves_both():
    s3, admin = Named(), Named()
    assert asyncio.run(statuses(Application(s3, admin), *PATHS)) == []
    assert (admin.asked, s3.asked) == (list(PATHS[:4]), list(PATHS[4:]))


def test_with_an_admin_port_only_the_health_stays_on_the_s3_port():
    s3, admin = Named(), Named()
    app = Application(s3, admin, admin_moved=True)
    assert asyncio.run(statuses(app, *PATHS)) == [404, 404, 404]
    assert (admin.asked, s3.asked) == (["/-/healthz"], list(PATHS[4:]))


def test_the_admin_port_answers_what_has_left_the_s3_port(tmp_path: Path):
    seen: dict[str, int] = {}
    settings = Settings(data_dir=tmp_path / "data", port=0, admin_port=0)

    def ask(running: Any) -> None:
        for base in (running.url, running.admin_url):
            for path in ("healthz", "readyz", "metrics"):
                key = f"{'s3' if base == running.url else 'admin'} {path}"
                seen[key] = httpx.get(f"{base}/-/{path}", trust_env=False).status_code
        signal.raise_signal(signal.SIGTERM)

    serve(settings, lambda running: threading.Thread(target=ask, args=(running,)).start())
    assert seen == {
        "s3 healthz": 200, "s3 readyz": 404, "s3 metrics": 404,
        "admin healthz": 200, "admin readyz": 200, "admin metrics": 200,
    }  # fmt: skip


def test_the_address_is_left_for_its_owner_alone_and_only_while_serving(tmp_path: Path):
    with live_gateway(tmp_path / "data") as serving:
        file = tmp_path / "data" / "run" / "server.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.parent.stat().st_mode) & 0o022 == 0
        assert json.loads(file.read_text())["pid"] == serving.process.pid
        stop(serving.process)
        assert serving.process.returncode == 0
        assert not file.exists()


def test_a_request_that_was_accepted_is_finished_after_sigterm(tmp_path: Path):
    with live_gateway(tmp_path / "data") as serving:
        s3 = serving.s3()
        s3.create_bucket(Bucket="master.labels")
        url = s3.generate_presigned_url("put_object", {"Bucket": "master.labels", "Key": "late"})
        head = (
            f"PUT {url.removeprefix(serving.url)} HTTP/1.1\r\n"
            f"Host: {serving.url.removeprefix('http://')}\r\n"
            "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as client:
            client.sendall(head.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            serving.process.send_signal(signal.SIGTERM)
            client.sendall(b"body")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        assert serving.process.wait(20) == 0


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(data_dir=tmp_path / "data", port=taken.getsockname()[1])
        with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1"):
            serve(settings, lambda running: None)
    assert not (tmp_path / "data").exists()


async def start(tmp_path: Path, **setting: Any) -> None:
    async with gateway(Settings(data_dir=tmp_path / "data", **setting)):
        pytest.fail("it served")


def test_replicas_need_something_that_they_share(tmp_path: Path):
    with pytest.raises(SettingsRefused, match="they need store = 'pachyderm'"):
        asyncio.run(start(tmp_path, replicas="http://one", replica_url="http://one"))


def test_a_store_whose_extra_is_not_installed_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in sys.modules if name.startswith("gateway.engines.pachyderm")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gateway.engines.pachyderm", None)  # type: ignore[arg-type]
    with pytest.raises(SettingsRefused, match=r"pip install 'labelgate\[pachyderm\]'"):
        asyncio.run(start(tmp_path, store="pachyderm"))

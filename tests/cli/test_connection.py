"""Which server a command talks to, with which key, and what it says where there is none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway, live_gateway

from gateway.cli import connection
from gateway.cli.client import Client
from gateway.cli.errors import CommandError, NotReachable, WrongUse

PAIR = {
    "LABELGATE_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "LABELGATE_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
}


def leave_address(data_dir: Path, endpoint: str, pid: int, **pair: str) -> None:
    file = data_dir / "run" / "server.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    pair = pair or {"access_key_id": "LGLOCAL", "secret_access_key": "local"}
    file.write_text(json.dumps({"endpoint": endpoint, "pid": pid, **pair}))


def leave_key(data_dir: Path, access: str, secret: str) -> None:
    row = {
        "name": "generated",
        "account": "default",
        "access_key_id": access,
        "secret_access_key": secret,
        "grants": "all",
    }
    (data_dir / "keys.json").write_text(json.dumps({"keys": [row]}))


@pytest.fixture
def client_for() -> Iterator[Callable[[Path, Mapping[str, str]], Client]]:
    """Clients as the commands get them, closed with the test."""
    with ExitStack() as stack:

        def made(data_dir: Path, environ: Mapping[str, str]) -> Client:
            return stack.enter_context(closing(connection.client_for(data_dir, environ)))

        yield made


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def closed() -> Iterator[str]:
    """An address of this machine where nothing listens: the port is taken and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_without_a_server_a_command_ends_with_3_and_says_how_to_start_one(
    run: Any, tmp_path: Path
) -> None:
    done = run("--data", str(tmp_path / "nothing"), "log", "master.labels")
    assert done.returncode == 3
    assert f"labelgate serve --data {tmp_path / 'nothing'}" in done.stderr
    assert done.stdout == ""


def test_a_server_that_died_is_told_from_one_that_never_was(
    client_for: Any, tmp_path: Path, dead: int, closed: str
) -> None:
    leave_address(tmp_path, closed, dead)
    with pytest.raises(NotReachable, match="ended without taking leave") as caught:
        client_for(tmp_path, {}).get("repos")
    assert "labelgate serve --data" in caught.value.hint


def test_a_killed_server_leaves_an_exit_code_of_3(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as serving:
        assert serving.cli("repo", "list").returncode == 0
        serving.process.kill()
        serving.process.wait()
        done = serving.cli("repo", "list", check=False)
    assert done.returncode == 3
    assert "ended without taking leave" in done.stderr


def test_an_endpoint_where_nothing_answers_is_named(
    client_for: Any, tmp_path: Path, closed: str
) -> None:
    client = client_for(tmp_path, {"LABELGATE_ENDPOINT": closed, **PAIR})
    with pytest.raises(NotReachable, match=closed) as caught:
        client.get("repos")
    assert "LABELGATE_ENDPOINT" in caught.value.hint


def test_an_endpoint_that_is_no_url_is_wrong_use(client_for: Any, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="localhost:9000"):
        client_for(tmp_path, {"LABELGATE_ENDPOINT": "localhost:9000", **PAIR})


def test_the_endpoint_of_the_environment_comes_first(
    client_for: Any, tmp_path: Path, gateway: LiveGateway, dead: int
) -> None:
    leave_address(tmp_path, "http://127.0.0.1:1", dead)
    client = client_for(tmp_path, {"LABELGATE_ENDPOINT": f"{gateway.url}/", **PAIR})
    assert client.get()["key_name"] == "environment"


def test_a_kubernetes_service_link_is_no_endpoint(
    client_for: Any, tmp_path: Path, gateway: LiveGateway
) -> None:
    environ = {"LABELGATE_ENDPOINT": "tcp://10.0.0.1:9000", **PAIR}
    assert client_for(gateway.data_dir, environ).get()["key_name"] == "environment"
    with pytest.raises(NotReachable):
        client_for(tmp_path, environ)


def test_the_local_key_serves_where_no_other_is_known(
    client_for: Any, gateway: LiveGateway
) -> None:
    assert client_for(gateway.data_dir, {}).get()["key_name"] == "local admin"


def test_the_generated_key_comes_before_the_local_one(
    client_for: Any, tmp_path: Path, gateway: LiveGateway
) -> None:
    leave_key(tmp_path, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    leave_address(tmp_path, gateway.url, 1)
    assert client_for(tmp_path, {}).get()["key_name"] == "environment"


def test_a_generated_key_that_is_out_of_force_gives_way_to_the_local_one(
    client_for: Any, tmp_path: Path, gateway: LiveGateway
) -> None:
    leave_key(tmp_path, "LGOUTOFFORCE", "x")
    left = json.loads((gateway.data_dir / "run" / "server.json").read_text())
    pair = {name: left[name] for name in ("access_key_id", "secret_access_key")}
    leave_address(tmp_path, gateway.url, 1, **pair)
    assert client_for(tmp_path, {}).get()["key_name"] == "local admin"


def test_a_key_that_is_refused_is_named_and_its_secret_is_not(
    client_for: Any, gateway: LiveGateway
) -> None:
    pair = {**PAIR, "LABELGATE_SECRET_ACCESS_KEY": "mistyped"}
    with pytest.raises(CommandError, match="SignatureDoesNotMatch") as caught:
        client_for(gateway.data_dir, pair).get("repos")
    assert ACCESS_KEY_ID in caught.value.hint
    assert "mistyped" not in f"{caught.value} {caught.value.hint}"


def test_without_any_key_the_command_says_what_to_set(client_for: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no key") as caught:
        client_for(tmp_path, {"LABELGATE_ENDPOINT": "http://127.0.0.1:1"})
    assert "LABELGATE_ACCESS_KEY_ID" in caught.value.hint


def test_an_address_file_that_is_broken_is_named(client_for: Any, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "server.json").write_text("{")
    with pytest.raises(NotReachable, match=r"server\.json"):
        client_for(tmp_path, {})


def test_a_server_that_is_no_labelgate_is_told_so(
    client_for: Any, tmp_path: Path, gateway: LiveGateway
) -> None:
    # Its S3 side answers XML there: a bucket that does not exist.
    client = client_for(tmp_path, {"LABELGATE_ENDPOINT": f"{gateway.url}/x", **PAIR})
    with pytest.raises(NotReachable, match="not as labelgate does"):
        client.get("repos")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    client_for: Any, gateway: LiveGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert client_for(gateway.data_dir, PAIR).get()["account"] == "default"

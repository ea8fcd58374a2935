"""serve: what it says, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from live import LiveGateway, stop

from gateway.config import NAMES, flag_name


@contextmanager
def serving(
    data_dir: Path, *arguments: str, **env: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server of its own, and all that it said until it served. Its log goes to `<data>.log`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LABELGATE_")}
    with data_dir.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gateway", "serve"),
                *("--data", str(data_dir), "--port", "0", *arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**kept, **env},
        )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Stop with"):
                break
        yield said, process
    finally:
        stop(process)  # type: ignore[arg-type]
        assert process.stdout is not None
        process.stdout.close()


def the_key(data_dir: Path) -> tuple[str, str]:
    [key] = json.loads((data_dir / "keys.json").read_text())["keys"]
    return key["access_key_id"], key["secret_access_key"]


def test_the_generated_secret_is_shown_at_the_first_start_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serving(data_dir) as (said, _):
        access, secret = the_key(data_dir)
        assert f"AWS_ACCESS_KEY_ID={access}\n" in said
        assert f"AWS_SECRET_ACCESS_KEY={secret}\n" in said
    with serving(data_dir) as (said, _):
        assert the_key(data_dir) == (access, secret)
        assert f"AWS_ACCESS_KEY_ID={access}\n" in said
        assert secret not in said
        assert str(data_dir / "keys.json") in said
    assert secret not in data_dir.with_suffix(".log").read_text()


def test_a_configured_secret_is_never_shown(tmp_path: Path) -> None:
    env = {"LABELGATE_ACCESS_KEY_ID": "LGMINE", "LABELGATE_SECRET_ACCESS_KEY": "my-own-secret"}
    with serving(tmp_path / "data", **env) as (said, _):
        assert "AWS_ACCESS_KEY_ID=LGMINE\n" in said
        assert "my-own-secret" not in said
        assert "LABELGATE_SECRET_ACCESS_KEY" in said
        assert not (tmp_path / "data" / "keys.json").exists()


def test_what_is_to_be_pasted_is_where_it_serves(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (said, _):
        left = json.loads((tmp_path / "data" / "run" / "server.json").read_text())
        assert f"S3_ENDPOINT={left['s3_endpoint']}\n" in said
        assert "master.raw-text" in said
        assert "master.labels" in said
        for address in ("/-/healthz", "/-/readyz", "/-/metrics"):
            assert f"{left['endpoint']}{address}" in said
            assert httpx.get(left["endpoint"] + address, trust_env=False).status_code == 200


def test_the_admin_port_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--admin-port", "0") as (said, _):
        left = json.loads((tmp_path / "data" / "run" / "server.json").read_text())
        assert left["endpoint"] != left["s3_endpoint"]
        assert f"{left['endpoint']}/-/metrics" in said
        assert httpx.get(f"{left['endpoint']}/-/readyz", trust_env=False).status_code == 200


def test_every_line_of_the_log_is_json(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as (_, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    for line in (tmp_path / "data.log").read_text().splitlines():
        assert "level" in json.loads(line)


def test_a_port_that_is_taken_is_refused_with_what_to_do(
    run: Any, gateway: LiveGateway, tmp_path: Path
) -> None:
    done = run("serve", "--data", str(tmp_path / "data"), "--port", str(gateway.port))
    assert done.returncode == 1
    assert f"127.0.0.1:{gateway.port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["--port", "lots"], {}, "--port"),
        (["--sigv2", "perhaps"], {}, "on or off"),
        (["--default-versioning", "off"], {}, "unset"),
        (["--store", "pachyderm"], {"PACHD_ADDRESS": "host:port:port"}, "PACHD_ADDRESS"),
        (["--replicas", "http://one"], {}, "replica_url"),
        (["--config", "nothing.toml"], {}, "cannot be read"),
        (["--credentials-file", "nothing.json"], {}, "cannot be read"),
        ([], {"LABELGATE_PORT": "70000"}, "LABELGATE_PORT"),
        (["--prot", "1"], {}, "--port"),
    ],
)
def test_settings_that_cannot_be_served_end_with_2(
    *, run: Any, tmp_path: Path, arguments: list[str], env: dict[str, str], told: str
) -> None:
    done = run("serve", "--data", str(tmp_path / "data"), *arguments, **env)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_every_setting_has_a_flag(run: Any) -> None:
    told = run("serve", "--help").stdout
    assert [name for name in NAMES if f"{flag_name(name)} " not in told] == []


def test_the_data_directory_may_be_named_before_or_after_the_command(run: Any) -> None:
    for arguments in (["--data", "d", "config", "show"], ["config", "show", "--data", "d"]):
        rows = json.loads(run(*arguments, "--json").stdout)
        [row] = [row for row in rows if row["name"] == "data_dir"]
        assert Path(row["value"]).name == "d"
        assert row["origin"] == "flag --data"

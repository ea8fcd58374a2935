"""verify, config and help: what needs no server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from live import live_gateway

from gateway import __version__

COMMANDS = [
    ["serve"],
    ["repo", "list"],
    ["repo", "create"],
    ["branch", "list"],
    ["branch", "create"],
    ["branch", "delete"],
    ["tag", "list"],
    ["tag", "create"],
    ["tag", "delete"],
    ["log"],
    ["show"],
    ["diff"],
    ["lineage"],
    ["verify"],
    ["config", "show"],
    ["config", "check"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_carries_an_example(run: Any, command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert f"Examples:\n    labelgate {' '.join(command)}" in done.stdout


def test_help_names_every_command_and_exit_code(run: Any) -> None:
    told = run("--help").stdout
    listed = re.findall(r"^  ([a-z]+)  ", told, re.MULTILINE)
    assert {command[0] for command in COMMANDS} == set(listed)
    assert "3  server not reachable" in told


def test_the_version_is_printed(run: Any) -> None:
    assert run("--version").stdout == f"labelgate {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_made_for_the_shell(run: Any, shell: str) -> None:
    done = run(_LABELGATE_COMPLETE=f"source_{shell}")
    assert done.returncode == 0
    assert "labelgate" in done.stdout


def test_a_sound_store_verifies(run: Any, tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as serving:
        s3 = serving.s3()
        s3.create_bucket(Bucket="master.labels")
        s3.put_object(Bucket="master.labels", Key="a", Body=b"a")
        # Also while a server works in it.
        assert serving.cli("verify", "--json").stdout == "[]\n"
    done = run("verify", "--data", str(tmp_path / "data"))
    assert done.returncode == 0
    assert "all is as it was stored" in done.stdout


def test_a_store_that_was_tampered_with_ends_with_1(run: Any, tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as serving:
        s3 = serving.s3()
        s3.create_bucket(Bucket="master.labels")
        body = b"x" * 200_000
        s3.put_object(Bucket="master.labels", Key="large", Body=body)
    [blob] = [
        file
        for file in (tmp_path / "data").rglob("*")
        if file.is_file() and file.stat().st_size == len(body)
    ]
    blob.chmod(0o600)
    blob.write_bytes(b"y" * len(body))
    done = run("verify", "--data", str(tmp_path / "data"), "--json")
    assert done.returncode == 1
    [finding] = json.loads(done.stdout)
    assert finding.keys() == {"where", "problem"}
    done = run("--data", str(tmp_path / "data"), "verify")
    assert done.returncode == 1
    assert finding["problem"] in done.stdout


def test_a_directory_without_a_store_cannot_be_verified(run: Any, tmp_path: Path) -> None:
    done = run("verify", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "no store" in done.stderr
    assert "--data" in done.stderr


def test_a_file_that_is_no_database_is_told_without_a_traceback(run: Any, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database" * 1000)
    done = run("verify", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "should not have happened" not in done.stderr


def test_the_settings_are_shown_with_their_origins_and_without_secrets(
    run: Any, tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text('host = "0.0.0.0"\n')
    env = {"LABELGATE_ACCESS_KEY_ID": "LGX", "LABELGATE_SECRET_ACCESS_KEY": "hidden"}
    for more in ([], ["--json"]):
        done = run("--config", "my.toml", "config", "show", *more, **env)
        assert "hidden" not in done.stdout + done.stderr
        assert "(secret)" in done.stdout
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["host"]["value"] == "0.0.0.0"
    assert rows["host"]["origin"] == "file host in my.toml"
    assert rows["access_key_id"]["origin"] == "environment LABELGATE_ACCESS_KEY_ID"
    assert rows["port"]["value"] == 9000
    assert rows["sigv2"]["value"] is True


def test_well_set_settings_are_said_to_be_so(run: Any) -> None:
    assert run("config", "check").returncode == 0
    assert json.loads(run("config", "check", "--json").stdout)["ok"] is True


def test_a_setting_that_cannot_be_understood_ends_the_check_with_2(
    run: Any, tmp_path: Path
) -> None:
    (tmp_path / "my.toml").write_text("prot = 9000\n")
    done = run("config", "check", "--config", "my.toml")
    assert done.returncode == 2
    assert "port" in done.stderr


def test_keys_that_cannot_be_used_end_the_check_with_1(run: Any, tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text("[[keys]]\nname = 'a'\n")
    done = run("config", "check", LABELGATE_CREDENTIALS_FILE="keys.toml")
    assert done.returncode == 1
    assert "keys.toml" in done.stderr

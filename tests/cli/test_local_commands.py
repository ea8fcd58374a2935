"""verify, config and help: what needs no server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway, live_gateway

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
    ["repo", "delete"],
    ["branch", "protect"],
    ["branch", "unprotect"],
    ["branch", "log"],
    ["promote"],
    ["revert"],
    ["restore"],
    ["download"],
    ["upload"],
    ["import"],
    ["erase"],
    ["lineage", "of"],
    ["lineage", "find"],
    ["lineage", "graph"],
    ["lineage", "check"],
    ["trigger", "list"],
    ["trigger", "create"],
    ["trigger", "delete"],
    ["trigger", "test"],
    ["trigger", "history"],
    ["trigger", "replay"],
    ["deliveries", "list"],
    ["deliveries", "replay"],
    ["deliveries", "drop"],
    ["person"],
    ["verify"],
    ["reindex"],
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
    env = {
        "LABELGATE_ACCESS_KEY_ID": "LGX", "LABELGATE_SECRET_ACCESS_KEY": "hidden",
        "LABELGATE_LINEAGE_PERSON_KEY": "hidden, and of sixteen bytes",
    }  # fmt: skip
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


PACHYDERM = {"LABELGATE_STORE": "pachyderm", "PACHD_ADDRESS": "127.0.0.1:1"}


def test_what_pachyderm_keeps_is_not_ours_to_verify(run: Any) -> None:
    done = run("verify", **PACHYDERM)
    assert done.returncode == 2
    assert "labelgate reindex" in done.stderr


def test_a_directory_without_a_store_has_nothing_to_reindex(run: Any) -> None:
    done = run("reindex")
    assert done.returncode == 1
    assert "holds no store" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pachyderm_that_does_not_answer_cannot_be_reindexed_from(run: Any) -> None:
    done = run("reindex", **PACHYDERM)
    assert done.returncode == 3
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_reindexed_under_a_server(
    run: Any, tmp_path: Path, gateway: LiveGateway
) -> None:
    data_dir = tmp_path / "data"
    left = {"endpoint": gateway.url, "pid": gateway.process.pid}
    (data_dir / "run").mkdir(parents=True)
    keys = {"access_key_id": "x", "secret_access_key": "y"}
    (data_dir / "run" / "server.json").write_text(json.dumps(left | keys))
    done = run("reindex", "--data", str(data_dir), **PACHYDERM)
    assert done.returncode == 1
    assert gateway.url in done.stderr
    assert "stop it" in done.stderr


def test_the_check_of_the_settings_tells_where_pachyderm_is_looked_for(run: Any) -> None:
    assert json.loads(run("config", "check", "--json", **PACHYDERM).stdout)["pachd"] == (
        "127.0.0.1:1"
    )
    done = run("config", "check", **PACHYDERM | {"PACHD_ADDRESS": "a:b:c"})
    assert done.returncode == 2
    assert "PACHD_ADDRESS" in done.stderr


def test_a_token_that_is_both_halves_of_the_pair_is_never_shown(run: Any) -> None:
    token = "0123456789abcdef" * 2
    env = {"LABELGATE_ACCESS_KEY_ID": token, "LABELGATE_SECRET_ACCESS_KEY": token}
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        done = run(*arguments, **env)
        assert "0123..." in done.stdout
        assert token not in done.stdout + done.stderr

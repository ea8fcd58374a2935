"""labelgate trigger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway

Printed = Callable[..., Any]


@pytest.fixture
def dev(repo: str, printed: Printed) -> Iterator[str]:
    printed("branch", "create", f"dev.{repo}")
    yield f"dev.{repo}"
    for one in printed("trigger", "list", repo):
        printed("trigger", "delete", repo, one["name"])


def test_triggers_are_made_listed_tried_and_deleted(
    gateway: LiveGateway, repo: str, dev: str, printed: Printed, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("geheim\n")
    made = printed(
        "trigger", "create", "tell", "--on", dev, "--tasks", "5", "--quiet", "60", "--all",
        "--webhook", "https://hook.example.com/x", "--secret-file", str(secret),
    )  # fmt: skip
    assert made["signed"] is True
    assert made["when"] == {"tasks": 5, "quiet": 60.0, "every": True}
    printed("trigger", "create", "up", "--on", dev, "--promote-to", "master")
    printed("trigger", "create", "mark", "--on-tag", f"v*.{repo}", "--webhook", "https://h.example")
    assert [one["name"] for one in printed("trigger", "list", repo)] == ["mark", "tell", "up"]
    table = gateway.cli("trigger", "list", repo).stdout
    assert "tasks 5 and quiet 60.0" in table
    assert "each time" in table
    assert "geheim" not in table
    fired = printed("trigger", "test", repo, "up")
    [shown] = printed("trigger", "history", repo, "up")
    assert (shown["id"], shown["test"]) == (fired["id"], True)
    assert fired["id"] in gateway.cli("trigger", "history", repo, "up").stdout
    assert printed("trigger", "replay", repo, "up", fired["id"])["id"] == fired["id"]
    printed("trigger", "delete", repo, "up")
    gone = gateway.cli("trigger", "history", repo, "up", check=False)
    assert gone.returncode == 1
    assert "no trigger 'up'" in gone.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--webhook", "https://h"],
        ["--on", "dev.x", "--on-tag", "v*.x", "--webhook", "https://h"],
        ["--on-tag", "v*", "--webhook", "https://h"],
        ["--on", "dev", "--webhook", "https://h"],
    ],
)
def test_a_trigger_looks_at_one_place(gateway: LiveGateway, arguments: list[str]) -> None:
    assert gateway.cli("trigger", "create", "t", *arguments, check=False).returncode == 2


def test_a_loop_is_refused(gateway: LiveGateway, repo: str, dev: str) -> None:
    gateway.cli("trigger", "create", "a", "--on", dev, "--promote-to", "master")
    refused = gateway.cli(
        "trigger", "create", "b", "--on-promote", f"master.{repo}", "--promote-to", "dev",
        check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "b -> a -> b" in refused.stderr

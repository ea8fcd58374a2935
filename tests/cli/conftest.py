"""Fixtures of the command's tests."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway

_serial = itertools.count(1)

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run labelgate in an environment without any of its settings, but those given."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LABELGATE_")}
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**kept, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "xdg"), **env},
        )

    return run


@pytest.fixture
def repo(gateway: LiveGateway) -> str:
    """A new repo with an empty branch `master`."""
    name = f"cli{next(_serial)}"
    gateway.cli("repo", "create", name)
    gateway.cli("branch", "create", f"master.{name}")
    return name


@pytest.fixture
def printed(gateway: LiveGateway) -> Callable[..., Any]:
    """The JSON that a command prints, which must be all it prints."""

    def printed(*arguments: str) -> Any:
        done = gateway.cli(*arguments, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)

    return printed

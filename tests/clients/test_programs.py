"""Clients as programs of their own: Python's with pins of theirs, and those of other languages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway
from rounds import LEFT, left_behind, run_round, seed

from scripts.clients import PROGRAMS, PYTHON

SCRIPTS = Path(__file__).with_name("python")


def python(script: Path) -> tuple[Path, Path]:
    """The command of a Python program. Fails where Python's clients are not installed."""
    if not PYTHON.installed():
        pytest.fail("Python's clients are not there: run `make clients`")
    return PYTHON.python, script


@pytest.mark.parametrize(
    "script", sorted(SCRIPTS.glob("with_*.py")), ids=lambda script: script.stem
)
def test_a_python_client_goes_its_round(
    gateway: LiveGateway,
    s3: Any,
    bucket: str,
    folder: Path,
    environment: Mapping[str, str],
    script: Path,
) -> None:
    seed(s3, bucket)
    run_round(python(script), gateway, bucket, folder=folder, environment=environment)
    assert left_behind(s3, bucket) == LEFT


def test_tables_are_read_and_written_and_no_commit_of_theirs_passes_over_another(
    gateway: LiveGateway, s3: Any, bucket: str, folder: Path, environment: Mapping[str, str]
) -> None:
    script = python(SCRIPTS / "tables.py")
    run_round(script, gateway, bucket, folder=folder, environment=environment)
    log = s3.list_object_versions(Bucket=bucket, Prefix="table/_delta_log/0")["Versions"]
    commits = [row["Key"] for row in log if row["Key"].endswith(".json")]
    assert len(commits) >= 5
    assert len(set(commits)) == len(commits)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.client(name)) for name in PROGRAMS]
)
def test_a_client_of_another_language_goes_its_round(
    gateway: LiveGateway,
    s3: Any,
    bucket: str,
    folder: Path,
    environment: Mapping[str, str],
    name: str,
) -> None:
    program = PROGRAMS[name]
    if (why := program.why_absent()) is not None:
        pytest.skip(why)
    seed(s3, bucket)
    run_round(program.command, gateway, bucket, folder=folder, environment=environment)
    assert left_behind(s3, bucket) == LEFT

"""Commands: what they are told, what is kept of them, and that they end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from gateway.deliveries.channel import Undelivered
from gateway.triggers import command
from gateway.triggers.model import Action, Do, On, Trigger, When
from gateway.triggers.shelf import Firing
from gateway.versioning.names import CommitId, RepoName

COMMIT = CommitId("1" * 32)
FIRING = Firing(
    1, "msg_1", 1, 0, "dev.labels", COMMIT, None, {}, False, "waiting", 0, 0, ""
)  # fmt: skip


async def ran(folder: Path, script: str, seconds: float = 30, **environ: str) -> str:
    do = Do(Action.COMMAND, argv=(sys.executable, "-c", script), seconds=seconds)
    one = Trigger("t", RepoName("labels"), On.BRANCH, "dev", When({}), do, "ann", 1, 2)
    return await command.run(one, FIRING, folder, {**os.environ, **environ})


async def test_it_is_told_what_fired_and_no_secret(tmp_path: Path) -> None:
    script = (
        "import os; print(sorted(f'{k}={v}' for k, v in os.environ.items())); print(os.getcwd())"
    )
    told = await ran(tmp_path, script, LABELGATE_SECRET_ACCESS_KEY="geheim", OTHER="x")
    for wanted in (
        "REF=dev.labels", f"COMMIT={COMMIT}", f"PINNED={COMMIT}.dev.labels", "SINCE=",
        "LABELGATE_TRIGGER=t", "LABELGATE_FIRING=msg_1", str(tmp_path), "PATH=",
    ):  # fmt: skip
        assert wanted in told
    assert "geheim" not in told
    assert "OTHER" not in told


async def test_a_failure_is_told_with_the_end_of_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(Undelivered, match="exit code 3") as failed:
        await ran(tmp_path, "print('x' * 10**6); print('the end'); raise SystemExit(3)")
    assert failed.value.answered
    assert str(failed.value).endswith("the end")
    assert len(str(failed.value)) < 2 * command.OUTPUT_CHARS_MAX


async def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        "print(child.pid, flush=True); time.sleep(600)"
    )
    begun = time.monotonic()
    with pytest.raises(Undelivered, match="longer than 1 s") as failed:
        await ran(tmp_path, script, seconds=1)
    assert time.monotonic() - begun < 15
    child = int(str(failed.value).splitlines()[-1])
    await asyncio.sleep(0.2)
    assert not _runs(child)


async def test_it_ends_with_the_server(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    running = asyncio.create_task(ran(tmp_path, script))
    while not (file.exists() and file.read_text()):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _runs(int(file.read_text()))


async def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    do = Do(Action.COMMAND, argv=("no-such-program",))
    one = Trigger("t", RepoName("labels"), On.BRANCH, "dev", When({}), do, "ann", 1, 2)
    with pytest.raises(Undelivered, match="no-such-program: No such file"):
        await command.run(one, FIRING, tmp_path, os.environ)


def _runs(pid: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"

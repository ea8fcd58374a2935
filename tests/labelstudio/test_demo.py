"""`make demo`: one command, two servers, and everything is there again the next day."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from studios import choice
from waiting import until

from scripts.environment import ROOT
from scripts.studio import free_port, is_free
from scripts.studio_api import StudioApi

pytestmark = pytest.mark.labelstudio

READY = "Ctrl-C stops both"
START_SECONDS_MAX = 120


class Demo:
    """A running demo. said: what it has printed so far, standard error included."""

    def __init__(self, data: Path, port: int, studio_port: int) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "scripts.demo", "--data", str(data)),
                *("--port", str(port), "--studio-port", str(studio_port)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def wait_for(self, text: str) -> None:
        def there() -> bool:
            assert self.process.poll() is None or text in self.said, self.said
            return text in self.said

        until(there, f"the demo prints {text!r}", seconds=START_SECONDS_MAX)

    def shown(self, name: str) -> str:
        """What stands beside a name in the table that is printed."""
        found = re.search(rf"^  {name} +(\S+)", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    @property
    def commands(self) -> list[str]:
        """What it says to try in another terminal."""
        return re.findall(r"^  (\S*(?:labelgate|curl) .+)$", self.said, re.MULTILINE)

    def api(self) -> StudioApi:
        """A client with the very login that is printed, as a browser has it."""
        page = self.shown("Label Studio")
        url = page.split("/projects/")[0]
        with httpx.Client(base_url=url, trust_env=False) as browser:
            browser.get("/user/login/")
            form = {"email": self.shown("login"), "password": self.shown("password")}
            form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
            assert browser.post("/user/login/", data=form).status_code == 302
            token = browser.get("/api/current-user/token").json()["token"]
        return StudioApi(url, token)

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        status = self.process.wait(60)
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line


@contextmanager
def demo(data: Path, port: int, studio_port: int) -> Iterator[Demo]:
    """A demo that is there for no longer than the context."""
    running = Demo(data, port, studio_port)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.interrupt()


@pytest.fixture
def data(studio_seed: Path, tmp_path: Path) -> Path:
    """A demo's directory in which Label Studio has been started before."""
    shutil.copytree(studio_seed, tmp_path / "demo" / "labelstudio")
    return tmp_path / "demo"


def run(command: str) -> str:
    """A printed command, in a shell at the root of the checkout."""
    shell = ["bash", "-o", "pipefail", "-c", command.replace(".venv/bin/", _scripts())]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def _scripts() -> str:
    """Where the commands of this very environment are."""
    return shlex.quote(f"{Path(sys.executable).parent}/")


def test_the_demo_is_labelled_in_stopped_and_finds_its_labels_again(tmp_path: Path) -> None:
    data, port, studio_port = tmp_path / "demo", free_port(), free_port()
    with demo(data, port, studio_port) as first:
        first.wait_for(READY)
        assert f":{studio_port}/projects/1/data" in first.shown("Label Studio")
        assert first.shown("gateway") == f"http://127.0.0.1:{port}"
        assert "8 tasks, no labels so far" in first.said
        with first.api() as api:
            tasks = api.tasks(1)
            assert api.annotate(tasks[0]["id"], choice("Positive"))["id"] == 1
        log, show, lineage, metrics = map(run, first.commands)
        assert log.count(" put ") == 1
        assert "s3://master.raw-text/reviews/001.json" in show
        assert "s3://master.raw-text/reviews/001.json" in lineage
        assert 'repo="labels"' in metrics
        assert first.interrupt() == 0
    assert is_free(port)
    assert is_free(studio_port)
    assert data.stat().st_mode & 0o077 == 0, "others may read what the demo keeps"

    with demo(data, port, studio_port) as second:
        second.wait_for(READY)
        assert "Starting Label Studio (a few seconds)" in second.said
        assert "8 tasks, 1 label so far" in second.said
        assert second.shown("password") == first.shown("password")
        with second.api() as api:
            [project] = api.projects()
            assert api.tasks(project["id"])[0]["total_annotations"] == 1
            assert len(api.storages("source", project["id"])) == 1
            assert len(api.storages("target", project["id"])) == 1
            api.update_annotation(1, choice("Negative"))
        assert run(second.commands[0]).count(" put ") == 2
        assert second.interrupt() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_demo_before_it_is_up_and_leaves_nothing_behind(
    data: Path, number: signal.Signals
) -> None:
    port, studio_port = free_port(), free_port()
    with demo(data, port, studio_port) as running:
        running.wait_for("Starting Label Studio")
        running.process.send_signal(number)
        assert running.ended() == 0
        assert "Stopped before everything was up." in running.said
        assert "Traceback" not in running.said
    assert is_free(port)
    assert is_free(studio_port)


def test_the_demo_takes_other_ports_where_its_own_are_taken(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        taken = one.getsockname()[1], other.getsockname()[1]
        with demo(data, *taken) as running:
            running.wait_for(READY)
            assert f"port {taken[0]} is taken" in running.said
            assert f"port {taken[1]} is taken" in running.said
            gateway = running.shown("gateway")
            assert httpx.get(f"{gateway}/-/healthz", trust_env=False).status_code == 200


def test_a_second_demo_on_the_same_directory_is_refused_with_the_reason(data: Path) -> None:
    with demo(data, free_port(), free_port()) as running:
        running.wait_for("Starting Label Studio")
        with demo(data, free_port(), free_port()) as late:
            assert late.ended() == 1
        assert "A demo is running" in late.said
        assert "Traceback" not in late.said


def test_a_demo_whose_gateway_ends_by_itself_ends_with_it(data: Path) -> None:
    studio_port = free_port()
    with demo(data, free_port(), studio_port) as running:
        running.wait_for(READY)
        address = json.loads((data / "gateway" / "run" / "server.json").read_text())
        os.kill(address["pid"], signal.SIGKILL)
        assert running.ended() == 1
        assert "The gateway has ended by itself" in running.said
    assert is_free(studio_port)

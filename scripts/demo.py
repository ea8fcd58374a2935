"""The gateway and a real Label Studio, wired together on an example: `python -m scripts.demo`.

Both live on 127.0.0.1 and keep everything below one folder (`.demo`), so that a second run finds
yesterday's labels. Ctrl-C ends both in order.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.environment import ROOT
from scripts.example import BY_NAME, SENTIMENT, Example, SyncFailedError, upload, wire
from scripts.labelstudio_env import ENVIRONMENT
from scripts.studio import (
    HOST,
    Endpoint,
    Studio,
    StudioError,
    end_of_log,
    free_port,
    inherited,
    is_free,
    private_log,
)
from scripts.studio_api import StudioApi

GATEWAY_PORT, STUDIO_PORT = 9000, 8080
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30
_POLL_SECONDS = 0.05


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


_EXPECTED = (
    DemoError,
    StudioError,
    SyncFailedError,
    httpx.HTTPError,
    BotoCoreError,
    ClientError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C. 0: stopped as asked, 1: something did not start or went away."""
    options = _options(arguments)
    stopped = threading.Event()
    # No exception: one that breaks in between a start and its `try` leaves a process behind.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with _held(options.data):
            run(options.data, BY_NAME[options.example], options.port, options.studio_port, stopped)
    except _EXPECTED as error:
        if stopped.is_set():
            say("Stopped before everything was up.")
            return 0
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def run(
    data: Path, example: Example, gateway_port: int, studio_port: int, stopped: threading.Event
) -> None:
    """Start both, wire them, say what to try, and return once `stopped` is set.

    Raises what is in _EXPECTED.
    """
    if not ENVIRONMENT.installed():
        raise DemoError("Label Studio is not installed yet: run `make labelstudio` first.")
    gateway_data, studio_data = data / "gateway", data / "labelstudio"
    started = data / "started"
    port = _port("The gateway", gateway_port)
    with gateway(gateway_data, port, stopped) as (endpoint, process):
        port = _port("Label Studio", studio_port)
        took = "a few seconds" if started.exists() else "half a minute, the first time"
        say(f"Starting Label Studio ({took}) ...")
        with Studio(studio_data, endpoint, port=port, given_up=stopped) as studio:
            started.touch()
            s3 = s3_client(endpoint)
            upload(s3, example)
            with StudioApi(studio.url, studio.login.token) as api:
                project = wire(api, example)
                tasks = api.count_tasks(project)
            newest, labels = _labels(s3, example)
            say(f"{example.title}: {_count(tasks, 'task')}, {_count(labels, 'label')} so far.")
            say(_what_to_try(example, project, studio, endpoint, gateway_data, label=newest))
            _wait(stopped, process, studio)
            say("Stopping ...")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".demo", help="where both keep theirs")
    parser.add_argument("--example", choices=sorted(BY_NAME), default=SENTIMENT.name)
    parser.add_argument("--port", type=int, default=GATEWAY_PORT, help="of the gateway")
    parser.add_argument("--studio-port", type=int, default=STUDIO_PORT, help="of Label Studio")
    return parser.parse_args(arguments)


def _port(who: str, wanted: int) -> int:
    """The wanted port, or a free one where it is taken."""
    if is_free(wanted):
        return wanted
    port = free_port()
    say(f"{who}: port {wanted} is taken, so it is {port} this time.")
    return port


@contextmanager
def _held(data: Path) -> Iterator[None]:
    """The demo's folder, for its owner alone (keys, a password, every label), and for one demo."""
    data.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"A demo is running on {_short(data)} already: stop it first, or name another "
                "folder with --data."
            ) from None
        yield


@contextmanager
def gateway(
    data_dir: Path,
    port: int,
    stopped: threading.Event,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[Endpoint, subprocess.Popen[bytes]]]:
    """A gateway on the data directory, with the key that it made for itself there.

    settings: further ones, as variables.
    """
    log = data_dir.with_name("gateway.log")
    with private_log(log) as out:
        log_start = out.tell()
        process = subprocess.Popen(  # noqa: S603 (no shell, our own paths)
            [
                *(sys.executable, "-m", "gateway", "serve"),
                *("--data", str(data_dir), "--host", HOST, "--port", str(port)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**inherited(), **(settings or {})},
            # Ctrl-C is for the demo: Label Studio has to be stopped first.
            start_new_session=True,
        )
    try:
        url = f"http://{HOST}:{port}"
        if not _is_ready(process, url, stopped):
            raise DemoError(f"The gateway did not start:\n{end_of_log(log, log_start)}")
        keys = json.loads((data_dir / "keys.json").read_text(encoding="utf-8"))["keys"]
        yield Endpoint(url, keys[0]["access_key_id"], keys[0]["secret_access_key"]), process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(process: subprocess.Popen[bytes], url: str, stopped: threading.Event) -> bool:
    """Whether it answers within START_SECONDS_MAX; not where it has ended, or is not wanted."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/-/readyz", trust_env=False).status_code == httpx.codes.OK:
                return True
        if stopped.wait(_POLL_SECONDS):
            return False
    return False


def s3_client(endpoint: Endpoint) -> Any:
    """A client of the gateway, whatever proxies there are."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key_id,
        aws_secret_access_key=endpoint.secret_access_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4", proxies={}),
    )


def _labels(s3: Any, example: Example) -> tuple[str | None, int]:
    """The newest label in the example's target, or what its first will be, and how many there are.

    None where that is not known: Label Studio counts the annotations of all its projects together.
    """
    target = example.storage("target")
    everything = s3.list_objects_v2(Bucket=target["bucket"]).get("Contents", [])
    prefix = f"{target['prefix']}/"
    found = [one for one in everything if one["Key"].startswith(prefix)]
    if found:
        return max(found, key=lambda one: one["LastModified"])["Key"], len(found)
    return None if everything else f"{prefix}1", 0


def _wait(stopped: threading.Event, gateway: subprocess.Popen[bytes], studio: Studio) -> None:
    """Until Ctrl-C, or until one of the two is gone, which is an error."""
    while not stopped.wait(1):
        if gateway.poll() is not None:
            raise DemoError(
                f"The gateway has ended by itself; see {studio.log.parents[1]}/gateway.log."
            )
        if not studio.is_running:
            raise DemoError(f"Label Studio has ended by itself; see {studio.log}.")


def _what_to_try(
    example: Example,
    project: int,
    studio: Studio,
    endpoint: Endpoint,
    gateway_data: Path,
    *,
    label: str | None,
) -> str:
    bucket = example.storage("target")["bucket"]
    labelgate = f".venv/bin/labelgate --data {_short(gateway_data)}"
    lineage = f"\n  {labelgate} lineage s3://{bucket}/{label}" if label else ""
    return f"""
  Label Studio   {studio.url}/projects/{project}/data
  login          {studio.login.username}
  password       {studio.login.password}
  gateway        {endpoint.url}   (keys: {_short(gateway_data / "keys.json")})

Label a task and submit. Then, in another terminal:

  {labelgate} log {bucket}
  {labelgate} show {bucket}{lineage}
  curl -s {endpoint.url}/-/metrics | grep labelgate_commits_total

Ctrl-C stops both; the next run finds everything again.
"""


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _short(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def say(text: str) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

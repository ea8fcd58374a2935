"""From labels to a model and back, without a hand: `python -m scripts.demo_retrain`.

A gateway and a real Label Studio on the sentiment example; eight reviews are labeled, a trigger
trains a model, and the chain from that model back to the raw texts is printed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from scripts.demo import DemoError, gateway, s3_client, say
from scripts.environment import ROOT
from scripts.example import EXAMPLES, SENTIMENT, SyncFailedError, upload, wire
from scripts.labelstudio_env import ENVIRONMENT as STUDIO
from scripts.retrain_env import ENVIRONMENT as TRAINING
from scripts.studio import Endpoint, Studio, StudioError, free_port
from scripts.studio_api import StudioApi

TASKS = 4
"""After labels of so many different tasks a model is trained."""

MODEL = "s3://master.models/sentiment/model.joblib"
_CLASSES = ("Positive", "Negative", "Neutral")
_WAIT_SECONDS_MAX = 120
_EXPECTED = (
    DemoError, StudioError, SyncFailedError, httpx.HTTPError, BotoCoreError, ClientError,
    subprocess.CalledProcessError,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """0: a model was trained and leads back to its texts; 1: something did not start."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo_retrain", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / ".demo" / "retrain")
    data = parser.parse_args(arguments).data
    for environment, how in ((STUDIO, "labelstudio"), (TRAINING, "retrain")):
        if not environment.installed():
            sys.stderr.write(f"Run `make {how}` first.\n")
            return 1
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    stopped = threading.Event()
    allowed = {"LABELGATE_TRIGGER_COMMANDS": "on"}
    try:
        with gateway(data / "gateway", free_port(), stopped, allowed) as (endpoint, _):
            say("Starting Label Studio (half a minute, the first time) ...")
            with Studio(data / "labelstudio", endpoint, port=free_port()) as studio:
                upload(s3_client(endpoint), SENTIMENT)
                with StudioApi(studio.url, studio.login.token) as api:
                    _show(api, endpoint, data / "gateway")
    except _EXPECTED as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _show(api: StudioApi, endpoint: Endpoint, data: Path) -> None:
    s3_client(endpoint).create_bucket(Bucket="dev.labels")
    project = wire(api, SENTIMENT, target="target-storage-dev")
    labelgate = [sys.executable, "-m", "gateway", "--data", str(data)]

    def cli(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 (no shell, our own paths)
            [*labelgate, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout

    for old in json.loads(cli("trigger", "list", "labels", "--json")):
        cli("trigger", "delete", "labels", old["name"])  # the gateway had another port then
    train = EXAMPLES / "retrain" / "train.py"
    where = ("--endpoint", endpoint.url, "--keys", str(data / "keys.json"))
    cli("trigger", "create", "retrain", "--on", "dev.labels", "--tasks", str(TASKS),
        "--", str(TRAINING.python), str(train), *where)  # fmt: skip
    say(f"A trigger trains a model after labels of {TASKS} reviews on dev.labels. Labeling ...")
    for number, task in enumerate(api.tasks(project)):
        api.annotate(task["id"], _choice(_CLASSES[number % len(_CLASSES)]))
    firing = _trained(cli)
    say(f"\n{firing['told']}\n")
    say(cli("lineage", "graph", MODEL, "--sources"))
    say("Each line was made from those below it, at exactly those versions.")


def _trained(cli: Any) -> dict[str, Any]:
    """The newest firing, once it is done."""
    deadline = time.monotonic() + _WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        found = json.loads(cli("trigger", "history", "labels", "retrain", "--json"))
        if found and all(one["state"] == "done" for one in found):
            newest: dict[str, Any] = found[0]
            return newest
        if found and any(one["state"] == "parked" for one in found):
            break
        time.sleep(0.5)
    raise DemoError(f"No model was trained:\n{cli('trigger', 'history', 'labels', 'retrain')}")


def _choice(name: str) -> list[dict[str, Any]]:
    """What the annotator's browser sends."""
    region = {"id": "sentiment1", "from_name": "sentiment", "to_name": "text", "type": "choices"}
    return [{**region, "value": {"choices": [name]}}]


if __name__ == "__main__":
    sys.exit(main())

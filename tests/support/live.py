"""A gateway as its users have it: a process of its own, reached over a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

ACCESS_KEY_ID = "LGTESTACCESSKEYID000"
SECRET_ACCESS_KEY = "test/secret+key=with~odd.characters"
START_SECONDS_MAX = 30


@dataclass
class LiveGateway:
    """A serving gateway. url: its S3 endpoint; process: to kill, where a test is about that."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    env: Mapping[str, str] = field(repr=False)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def s3(
        self, access: str = ACCESS_KEY_ID, secret: str = SECRET_ACCESS_KEY, **config: Any
    ) -> Any:
        """A boto3 client. Errors are not retried, so that each is seen."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            config=Config(
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
                **{"signature_version": "s3v4", "max_pool_connections": 64, **config},
            ),
        )

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The labelgate command, against this gateway."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", "--data", str(self.data_dir), *arguments],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
            env=dict(self.env),
        )

    def metric(self, name: str, **labels: str) -> float:
        """The value of a sample on the metrics page; 0 where it is not there."""
        from prometheus_client.parser import text_string_to_metric_families

        page = httpx.get(f"{self.url}/-/metrics").text
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return 0.0


@contextmanager
def live_gateway(data_dir: Path, *, ready: bool = True, **env: str) -> Iterator[LiveGateway]:
    """A gateway on a free port of 127.0.0.1, ended with the context.

    ready: wait until it is; else only until it answers. env: further settings.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir.parent / f"{data_dir.name}.log"
    full_env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("LABELGATE_", "AWS_"))},
        "LABELGATE_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "LABELGATE_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        **env,
    }
    address = data_dir / "run" / "server.json"
    address.unlink(missing_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "--data", str(data_dir), "--port", "0"],
            stdout=out,
            stderr=out,
            env=full_env,
        )
    try:
        url = _wait_for_address(process, address, log, "readyz" if ready else "healthz")
        yield LiveGateway(url, data_dir, process, log, full_env)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_address(process: subprocess.Popen[bytes], address: Path, log: Path, sign: str) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the gateway did not start:\n{log.read_text()}")
        try:
            found = json.loads(address.read_text())
            url = found.get("s3_endpoint", found["endpoint"])
            if httpx.get(f"{url}/-/{sign}").status_code == 200:
                return str(url)
        except (OSError, ValueError, KeyError, httpx.TransportError):
            time.sleep(0.02)
    raise RuntimeError(f"the gateway was not ready in time:\n{log.read_text()}")

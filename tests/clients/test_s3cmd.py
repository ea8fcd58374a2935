"""s3cmd: version 1 lists, probes of a bucket's location, attributes of files in metadata."""

from __future__ import annotations

import hashlib
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway

from scripts.clients import PYTHON

pytestmark = pytest.mark.client("s3cmd")

S3cmd = Callable[..., str]


@pytest.fixture
def s3cmd(gateway: LiveGateway, environment: Mapping[str, str], folder: Path) -> S3cmd:
    """The command, against the gateway, in the folder. Path style is by its configuration."""
    if not PYTHON.installed():
        pytest.fail("s3cmd is not there: run `make clients`")
    host = f"127.0.0.1:{gateway.port}"
    (folder / "s3cfg").write_text(
        f"[default]\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\n"
        f"access_key = {ACCESS_KEY_ID}\nsecret_key = {SECRET_ACCESS_KEY}\nmax_retries = 0\n"
    )

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [PYTHON.python, PYTHON.python.with_name("s3cmd"),
             "--config", folder / "s3cfg", "--no-progress", *arguments],
            capture_output=True, text=True, cwd=folder, env=dict(environment), timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_files_go_up_down_across_and_away(s3cmd: S3cmd, s3: Any, bucket: str, folder: Path) -> None:
    s3cmd("put", "small.txt", "a b+c.txt", f"s3://{bucket}/dir/")
    s3cmd("put", "--multipart-chunk-size-mb=5", "big.bin", f"s3://{bucket}/dir/ü big.bin")
    assert s3.head_object(Bucket=bucket, Key="dir/ü big.bin")["ETag"].endswith('-3"')
    listed = s3cmd("ls", f"s3://{bucket}/dir/")
    assert [line.split(maxsplit=3)[3] for line in listed.splitlines()] == [
        f"s3://{bucket}/dir/{name}" for name in ("a b+c.txt", "small.txt", "ü big.bin")
    ]
    s3cmd("cp", f"s3://{bucket}/dir/a b+c.txt", f"s3://{bucket}/copy+1")
    assert s3.get_object(Bucket=bucket, Key="copy+1")["Body"].read() == b"odd name"
    s3cmd("mv", f"s3://{bucket}/dir/ü big.bin", f"s3://{bucket}/dir/moved")
    s3cmd("get", f"s3://{bucket}/dir/moved", "back")
    assert (folder / "back").read_bytes() == (folder / "big.bin").read_bytes()
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_second_sync_either_way_finds_nothing_to_do(
    s3cmd: S3cmd, bucket: str, folder: Path
) -> None:
    (folder / "here").mkdir()
    for name in ("small.txt", "a b+c.txt", "big.bin"):
        (folder / name).rename(folder / "here" / name)
    up = ("sync", "here/", f"s3://{bucket}/there/")
    assert "upload: " in s3cmd(*up)
    assert "upload: " not in s3cmd(*up)
    (folder / "back").mkdir()
    down = ("sync", f"s3://{bucket}/there/", "back/")
    assert "download: " in s3cmd(*down)
    assert "download: " not in s3cmd(*down)
    assert (folder / "back/a b+c.txt").read_bytes() == b"odd name"


def test_details_and_signed_urls(s3cmd: S3cmd, bucket: str) -> None:
    s3cmd("put", "--add-header=x-amz-meta-from:s3cmd", "small.txt", f"s3://{bucket}/k")
    shown = s3cmd("info", f"s3://{bucket}/k")
    assert "x-amz-meta-from: s3cmd" in shown
    assert hashlib.md5(b"0123456789").hexdigest() in shown
    assert s3cmd("du", f"s3://{bucket}").split()[:2] == ["10", "1"]
    with urllib.request.urlopen(s3cmd("signurl", f"s3://{bucket}/k", "+300").strip()) as answer:
        assert answer.read() == b"0123456789"


def test_buckets_are_made_listed_and_removed(s3cmd: S3cmd, bucket: str) -> None:
    branch = bucket.replace("master.", "s3cmd.")
    s3cmd("mb", f"s3://{branch}")
    assert f"s3://{branch}" in s3cmd("ls")
    s3cmd("rb", f"s3://{branch}")
    assert branch not in s3cmd("ls")

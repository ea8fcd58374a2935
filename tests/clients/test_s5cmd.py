"""s5cmd, which uploads and downloads in parallel parts."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway

pytestmark = pytest.mark.client("s5cmd")

S5cmd = Callable[..., str]


@pytest.fixture
def s5cmd(gateway: LiveGateway, environment: Mapping[str, str], folder: Path) -> S5cmd:
    """The command, against the gateway, in the folder."""
    program = Path(sys.executable).with_name("s5cmd")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, "--endpoint-url", gateway.url, "--retry-count", "0", *arguments],
            capture_output=True, text=True, cwd=folder, env=dict(environment), timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_files_go_up_down_across_and_away(s5cmd: S5cmd, s3: Any, bucket: str, folder: Path) -> None:
    s5cmd("cp", "small.txt", f"s3://{bucket}/dir/small.txt")
    s5cmd("cp", "a b+c.txt", f"s3://{bucket}/dir/")
    s5cmd("cp", "--part-size", "5", "big.bin", f"s3://{bucket}/dir/big.bin")
    assert s3.head_object(Bucket=bucket, Key="dir/big.bin")["ETag"].endswith('-3"')
    listed = s5cmd("ls", f"s3://{bucket}/dir/*")
    assert [line.split(maxsplit=3)[3] for line in listed.splitlines()] == [
        "a b+c.txt", "big.bin", "small.txt",
    ]  # fmt: skip
    s5cmd("cp", f"s3://{bucket}/dir/a b+c.txt", f"s3://{bucket}/copy+1")
    assert s3.get_object(Bucket=bucket, Key="copy+1")["Body"].read() == b"odd name"
    s5cmd("cp", "--part-size", "5", f"s3://{bucket}/*", "back/")
    assert (folder / "back/dir/big.bin").read_bytes() == (folder / "big.bin").read_bytes()
    s5cmd("rm", f"s3://{bucket}/*")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_versions_content_and_presigned_urls(s5cmd: S5cmd, s3: Any, bucket: str) -> None:
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    assert s5cmd("cat", f"s3://{bucket}/k") == "new"
    assert s5cmd("cat", "--version-id", old, f"s3://{bucket}/k") == "old"
    assert len(s5cmd("ls", "--all-versions", f"s3://{bucket}/k").splitlines()) == 2
    url = s5cmd("presign", f"s3://{bucket}/k").strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"new"


def test_buckets_are_made_and_listed(s5cmd: S5cmd, bucket: str) -> None:
    branch = bucket.replace("master.", "s5.")
    s5cmd("mb", f"s3://{branch}")
    assert branch in s5cmd("ls")

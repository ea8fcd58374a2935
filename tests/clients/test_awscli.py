"""The aws command."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway

pytestmark = pytest.mark.client("awscli")

Aws = Callable[..., str]


@pytest.fixture
def aws(gateway: LiveGateway, environment: Mapping[str, str], folder: Path) -> Aws:
    """The command, against the gateway, in the folder."""
    program = Path(sys.executable).with_name("aws")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [program, "--endpoint-url", gateway.url, *arguments],
            capture_output=True, text=True, cwd=folder, env=dict(environment), timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_files_go_up_down_across_and_away(aws: Aws, s3: Any, bucket: str, folder: Path) -> None:
    aws("s3", "cp", ".", f"s3://{bucket}/dir/", "--recursive", "--exclude", ".*")
    listed = aws("s3", "ls", f"s3://{bucket}/dir/", "--recursive")
    assert [line.split(maxsplit=3)[3] for line in listed.splitlines()] == [
        "dir/a b+c.txt", "dir/big.bin", "dir/small.txt",
    ]  # fmt: skip
    assert s3.head_object(Bucket=bucket, Key="dir/big.bin")["ETag"].endswith('-2"')
    aws("s3", "mv", f"s3://{bucket}/dir/big.bin", f"s3://{bucket}/moved")  # in copied parts
    aws("s3", "cp", f"s3://{bucket}/dir/a b+c.txt", "odd")
    assert (folder / "odd").read_bytes() == b"odd name"
    aws("s3", "sync", f"s3://{bucket}", "back")
    assert (folder / "back/moved").read_bytes() == (folder / "big.bin").read_bytes()
    assert aws("s3", "sync", f"s3://{bucket}", "back") == ""
    aws("s3", "rm", f"s3://{bucket}", "--recursive")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_ranges_versions_and_presigned_urls(aws: Aws, bucket: str, folder: Path) -> None:
    at = ("--bucket", bucket, "--key", "k")
    put = json.loads(aws("s3api", "put-object", *at, "--body", "small.txt"))
    aws("s3api", "put-object", *at, "--body", "a b+c.txt")
    aws("s3api", "get-object", *at, "--range", "bytes=0-2", "part")
    assert (folder / "part").read_bytes() == b"odd"
    aws("s3api", "get-object", *at, "--version-id", put["VersionId"], "old")
    assert (folder / "old").read_bytes() == b"0123456789"
    aws("s3api", "delete-object", *at)
    versions = json.loads(aws("s3api", "list-object-versions", "--bucket", bucket))
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (2, 1)
    aws("s3api", "copy-object", "--bucket", bucket, "--key", "again", "--copy-source",
        f"{bucket}/k?versionId={put['VersionId']}")  # fmt: skip
    with urllib.request.urlopen(aws("s3", "presign", f"s3://{bucket}/again").strip()) as answer:
        assert answer.read() == b"0123456789"


def test_buckets_are_made_listed_and_removed(aws: Aws, bucket: str) -> None:
    branch = bucket.replace("master.", "aws.")
    aws("s3", "mb", f"s3://{branch}")
    assert branch in aws("s3", "ls")
    aws("s3", "rb", f"s3://{branch}")
    assert branch not in aws("s3", "ls")

"""rclone: modification times in metadata, MD5s of files in parts, copies on the server's side."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from live import LiveGateway

from scripts.clients import PYTHON

pytestmark = pytest.mark.client("rclone")

Rclone = Callable[..., str]
ODD = "a b+c ü%2F &=?#'😀.txt"


@pytest.fixture
def rclone(gateway: LiveGateway, environment: Mapping[str, str], folder: Path) -> Rclone:
    """The command in the folder, with a remote `lg:` that is the gateway."""
    if not PYTHON.installed():
        pytest.fail("rclone is not there: run `make clients`")
    remote = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENV_AUTH": "true",
        "ENDPOINT": gateway.url,
        "CHUNK_SIZE": "5M",
        "UPLOAD_CUTOFF": "5M",
        "COPY_CUTOFF": "8M",
    }
    settings = {f"RCLONE_CONFIG_LG_{name}": value for name, value in remote.items()}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [PYTHON.python.with_name("rclone"), "--config", os.devnull, "--retries", "1",
             "--low-level-retries", "1", *arguments],
            capture_output=True, text=True, cwd=folder, env={**environment, **settings},
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def here(folder: Path) -> Path:
    """A folder with the files alone, one of them oddly named."""
    here = folder / "here"
    (here / "deep").mkdir(parents=True)
    (folder / "small.txt").rename(here / "deep" / ODD)
    (folder / "big.bin").rename(here / "big.bin")
    return here


def test_a_tree_goes_up_is_checked_comes_back_and_goes_away(
    rclone: Rclone, s3: Any, bucket: str, folder: Path, here: Path
) -> None:
    rclone("copy", "here", f"lg:{bucket}/there")
    shown = s3.head_object(Bucket=bucket, Key="there/big.bin")
    assert shown["ETag"].endswith('-3"')
    assert {"mtime", "md5chksum"} <= shown["Metadata"].keys()
    rclone("check", "--download", "here", f"lg:{bucket}/there")
    rclone("check", "here", f"lg:{bucket}/there")
    rows = json.loads(rclone("lsjson", "--recursive", "--hash", f"lg:{bucket}/there"))
    assert {row["Path"] for row in rows} == {"big.bin", "deep", f"deep/{ODD}"}
    rclone("sync", f"lg:{bucket}/there", "back")
    assert (folder / "back/big.bin").read_bytes() == (here / "big.bin").read_bytes()
    assert (folder / f"back/deep/{ODD}").stat().st_mtime == (here / "deep" / ODD).stat().st_mtime
    rclone("purge", f"lg:{bucket}/there")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_second_sync_writes_nothing(rclone: Rclone, s3: Any, bucket: str, here: Path) -> None:
    rclone("sync", "here", f"lg:{bucket}/there")
    before = s3.list_object_versions(Bucket=bucket)["Versions"]
    rclone("sync", "here", f"lg:{bucket}/there")
    assert s3.list_object_versions(Bucket=bucket)["Versions"] == before
    (here / "deep" / ODD).unlink()
    rclone("sync", "here", f"lg:{bucket}/there")
    rows = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [row["Key"] for row in rows] == ["there/big.bin"]


def test_objects_move_on_the_servers_side_in_parts_where_they_are_large(
    rclone: Rclone, s3: Any, bucket: str, here: Path
) -> None:
    rclone("copy", "here", f"lg:{bucket}/there")
    rclone("moveto", f"lg:{bucket}/there/big.bin", f"lg:{bucket}/moved.bin")
    rclone("copyto", f"lg:{bucket}/there/deep/{ODD}", f"lg:{bucket}/{ODD}")
    assert s3.get_object(Bucket=bucket, Key=ODD)["Body"].read() == b"0123456789"
    moved = s3.get_object(Bucket=bucket, Key="moved.bin")
    assert moved["ETag"].endswith('-2"')
    assert moved["Body"].read() == (here / "big.bin").read_bytes()


def test_streams_ranges_versions_and_signed_urls(
    rclone: Rclone, s3: Any, bucket: str, folder: Path
) -> None:
    s3.put_object(Bucket=bucket, Key="k.txt", Body=b"old")
    rclone("copyto", "small.txt", f"lg:{bucket}/k.txt")
    assert rclone("cat", "--offset", "2", "--count", "3", f"lg:{bucket}/k.txt") == "234"
    names = rclone("lsf", "--s3-versions", f"lg:{bucket}").split()
    assert len(names) == 2
    assert rclone("cat", "--s3-versions", f"lg:{bucket}/{max(names, key=len)}") == "old"
    with urllib.request.urlopen(rclone("link", f"lg:{bucket}/k.txt").strip()) as answer:
        assert answer.read() == b"0123456789"


def test_buckets_and_folders_are_made_and_removed(rclone: Rclone, bucket: str) -> None:
    rclone("mkdir", "--s3-directory-markers", f"lg:{bucket}/empty")
    assert rclone("lsf", f"lg:{bucket}") == "empty/\n"
    rclone("purge", "--s3-directory-markers", f"lg:{bucket}/empty")
    assert rclone("lsf", f"lg:{bucket}") == ""
    branch = bucket.replace("master.", "rclone.")
    rclone("mkdir", f"lg:{branch}")
    assert branch in rclone("lsf", "lg:")
    rclone("rmdir", f"lg:{branch}")
    assert branch not in rclone("lsf", "lg:")

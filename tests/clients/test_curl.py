"""curl with --aws-sigv4, and with nothing but a URL."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway
from raw import presigned

pytestmark = pytest.mark.client("curl")

# Older ones sign neither the payload's digest nor sorted queries as S3 wants them.
OLDEST = (7, 86)


class Curl:
    """One signed request a call."""

    def __init__(self, url: str, environment: Mapping[str, str], folder: Path) -> None:
        self.url, self.environment, self.folder = url, environment, folder

    def run(self, target: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["curl", "-q", "--silent", "--fail-with-body", "--max-time", "20", *arguments,
             self.url + target],
            capture_output=True, cwd=self.folder, env=dict(self.environment), timeout=30,
            check=False,
        )  # fmt: skip

    def __call__(self, target: str, *arguments: str) -> bytes:
        done = self.run(
            target, "--aws-sigv4", "aws:amz:us-east-1:s3",
            "--user", f"{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}",
            *arguments,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def curl(gateway: LiveGateway, environment: Mapping[str, str], folder: Path) -> Curl:
    """curl against the gateway. Skips, saying so, where the machine's is too old."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    text = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", text)[:2])
    if version < OLDEST:
        pytest.skip(f"curl {version} is older than {OLDEST}")
    return Curl(gateway.url, environment, folder)


# curl signs no digest of its own accord in this form, so it is told what to sign.
UNSIGNED = ("-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD")


def test_objects_are_put_read_ranged_copied_listed_and_deleted(
    curl: Curl, s3: Any, bucket: str
) -> None:
    target = f"/{bucket}/dir/small.txt"
    curl(target, *UNSIGNED, "-T", "small.txt", "-H", "x-amz-meta-from: curl")
    assert curl(target, *UNSIGNED) == b"0123456789"
    assert curl(target, *UNSIGNED, "--range", "2-4") == b"234"
    assert s3.head_object(Bucket=bucket, Key="dir/small.txt")["Metadata"] == {"from": "curl"}
    curl(f"/{bucket}/copy", *UNSIGNED, "-X", "PUT", "-H", f"x-amz-copy-source: {target}", "-d", "")
    assert curl(f"/{bucket}/copy", *UNSIGNED) == b"0123456789"
    assert b"<Key>dir/small.txt</Key>" in curl(f"/{bucket}?list-type=2&prefix=dir", *UNSIGNED)
    assert b"<VersionId>" in curl(f"/{bucket}?versions=", *UNSIGNED)
    curl(target, *UNSIGNED, "-X", "DELETE")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="dir")


def test_a_large_file_waits_for_100_continue_and_arrives(
    curl: Curl, s3: Any, bucket: str, folder: Path
) -> None:
    curl(f"/{bucket}/big", *UNSIGNED, "-T", "big.bin", "-H", "Expect: 100-continue")
    body = s3.get_object(Bucket=bucket, Key="big")["Body"].read()
    assert body == (folder / "big.bin").read_bytes()


def test_an_old_version_is_read_by_its_id(curl: Curl, s3: Any, bucket: str) -> None:
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    assert curl(f"/{bucket}/k?versionId={old}", *UNSIGNED) == b"old"


def test_presigned_urls_need_nothing_but_curl(
    gateway: LiveGateway, curl: Curl, bucket: str
) -> None:
    up = presigned(gateway, "PUT", f"/{bucket}/p")
    assert curl.run(up, "-T", "small.txt").returncode == 0
    assert curl.run(presigned(gateway, "GET", f"/{bucket}/p")).stdout == b"0123456789"
    refused = curl.run(f"/{bucket}/p")
    assert refused.returncode == 22
    assert b"<Code>AccessDenied</Code>" in refused.stdout

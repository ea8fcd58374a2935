"""Pachyderm's own clients as witnesses: they read what we wrote, and we what they wrote."""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
from pathlib import Path

import pytest
from live import LiveGateway
from waiting import until

from scripts.environment import ROOT
from scripts.pachyderm_clients import CLIENTS

LABEL = b'{"id": 1, "result": []}'
KEYS = {
    "plain.txt": "/plain.txt",
    "labels/1 (copy).json": "/labels/1 %28copy%29.json",
    "ümlaut/é.txt": "/%C3%BCmlaut/%C3%A9.txt",
    "folder/": "/folder/%-",
    "100%.txt": "/100%25.txt",
}


def witness(package: str, pachd: str, repo: str, path: str) -> dict[str, str]:
    """What the client reads of master.<repo>; it then writes `path`."""
    if not CLIENTS[package].installed():
        pytest.fail(f"{package} is not there: run `make pachyderm-clients`")
    host, port = pachd.rsplit(":", 1)
    script = ROOT / "tests/support/witnesses" / f"with_{package.replace('-', '_')}.py"
    done = subprocess.run(
        [CLIENTS[package].python, script, host, port, repo, "master", path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(script).parent,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("package", CLIENTS)
def test_it_reads_what_we_wrote_and_we_read_what_it_wrote(
    package: str, pachyderm_gateway: LiveGateway
):
    s3 = pachyderm_gateway.s3()
    pachd = pachyderm_gateway.env["LABELGATE_PACHD_ADDRESS"]
    repo = f"witness-{secrets.token_hex(4)}"
    bucket = f"master.{repo}"
    s3.create_bucket(Bucket=bucket)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    s3.put_object(Bucket=bucket, Key="gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="gone")

    seen = witness(package, pachd, repo, "/theirs/note.txt")
    assert seen == {path: key for key, path in KEYS.items()}

    def listed() -> set[str]:
        page = s3.list_objects_v2(Bucket=bucket)
        return {entry["Key"] for entry in page.get("Contents", [])}

    until(lambda: listed() == {*KEYS, "theirs/note.txt"}, "their file is listed")
    got = s3.get_object(Bucket=bucket, Key="theirs/note.txt")
    content = f"by {package}".encode()
    assert got["Body"].read() == content
    # Pachyderm's own hash, as its own gateway answers: BLAKE2b-256 of the chunk's hash.
    inner = hashlib.blake2b(content, digest_size=32).digest()
    assert got["ETag"] == f'"{hashlib.blake2b(inner, digest_size=32).hexdigest()}"'
    assert got["ContentType"] == "text/plain"
    versions = s3.list_object_versions(Bucket=bucket, Prefix="theirs/")["Versions"]
    assert [version["VersionId"] for version in versions] == [got["VersionId"]]

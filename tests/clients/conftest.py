"""What every client is given: a folder to work in and an environment that leads to the gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with `small.txt`, `big.bin` (12 MiB) and `a b+c.txt`."""
    (tmp_path / "small.txt").write_bytes(b"0123456789")
    (tmp_path / "big.bin").write_bytes(bytes(range(256)) * (12 * 4096))
    (tmp_path / "a b+c.txt").write_bytes(b"odd name")
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> Mapping[str, str]:
    """The environment of a client program: our keys, and no configuration of its user's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
    }

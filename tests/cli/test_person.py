"""labelgate person: an address that need not stand in the arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KEY = "a key of at least sixteen bytes"
# printf ann@example.com | openssl dgst -sha256 -hmac 'a key of at least sixteen bytes'
ANN = "7972cbc8fee8ddade289690643a2eb9e"


@pytest.mark.parametrize(
    ("arguments", "given"), [(["ann@example.com"], ""), ([], "ann@example.com\n")]
)
def test_the_address_is_an_argument_or_a_line(
    tmp_path: Path, arguments: list[str], given: str
) -> None:
    (tmp_path / "people.key").write_text(f"{KEY}\n")
    (tmp_path / "labelgate.toml").write_text('lineage_person_key_file = "people.key"\n')
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--data", tmp_path, "person", *arguments],
        input=given, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == f"{ANN}\n"


def test_no_address_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "labelgate.toml").write_text(f'lineage_person_key = "{KEY}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "--data", tmp_path, "person"],
        input="\n", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no address was given" in done.stderr
    assert KEY not in done.stderr

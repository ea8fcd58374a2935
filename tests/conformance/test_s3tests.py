"""Ceph's s3-tests, where a checkout is at hand."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts.conformance import CHECKOUT
from scripts.environment import ROOT


@pytest.mark.timeout(3600)
def test_no_name_that_passed_fails_and_all_of_the_core_passes() -> None:
    if not os.environ.get(CHECKOUT):
        pytest.skip(f"{CHECKOUT} is not set")
    run = subprocess.run(
        [sys.executable, "-m", "scripts.conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr

"""Ask mlcroissant about a description of a dataset."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.croissant_env import ENVIRONMENT
from scripts.environment import ROOT

WITNESS = ROOT / "tests/support/witnesses/with_mlcroissant.py"


def judged(form: Any, folder: Path, *record_sets: str) -> dict[str, Any]:
    """What mlcroissant says of the document, put into that folder: see the witness."""
    if not ENVIRONMENT.installed():
        pytest.fail("mlcroissant is not there: run `make croissant`")
    file = folder / "croissant.json"
    file.write_text(json.dumps(form), encoding="utf-8")
    done = subprocess.run(
        [ENVIRONMENT.python, WITNESS, file, *record_sets],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found

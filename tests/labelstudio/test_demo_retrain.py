"""`make demo-retrain`: labels land, a model is trained, and it leads back to the raw texts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.environment import ROOT
from scripts.retrain_env import ENVIRONMENT

pytestmark = pytest.mark.labelstudio


def test_a_model_trains_itself_and_leads_back_to_its_texts(
    studio_seed: Path, tmp_path: Path
) -> None:
    if not ENVIRONMENT.installed():
        pytest.skip("scikit-learn is not installed: run `make retrain`")
    shutil.copytree(studio_seed, tmp_path / "demo" / "labelstudio")
    for _ in range(2):  # the second time everything is there already
        done = subprocess.run(
            [sys.executable, "-m", "scripts.demo_retrain", "--data", str(tmp_path / "demo")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        told = done.stdout
        assert re.search(r"trained on \d+ labels of [0-9a-f]{32}\.dev\.labels", told)
        chain = told[told.index("made from") :]
        assert re.search(r"s3://[0-9a-f]{32}\.labels/  \[pinned\]", chain)
        texts = re.findall(r"raw-text/(reviews/\d+\.json).*\[observed\]", chain)
        assert len(set(texts)) >= 4

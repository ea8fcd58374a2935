"""What the examples run by themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from examples.pachyderm.train import classify
from scripts.environment import ROOT

FOLDER = ROOT / "examples" / "pachyderm"


def annotation(text: str, *choices: str, **more: object) -> str:
    result = [{"type": "choices", "value": {"choices": [one]}} for one in choices]
    return json.dumps({"id": 1, "result": result, "task": {"data": {"text": text}}, **more})


def test_the_pipeline_trains_on_a_commit_of_labels(tmp_path: Path):
    labels, out = tmp_path / "labels" / "sentiment", tmp_path / "out"
    labels.mkdir(parents=True)
    out.mkdir()
    (labels / "1").write_text(annotation("arrived early, very happy", "Positive"))
    (labels / "2").write_text(annotation("stopped working, very slow", "Negative"))
    (labels / "3").write_text(annotation("never seen it", was_cancelled=True))
    done = subprocess.run(
        [sys.executable, FOLDER / "train.py"],
        env={"PFS": str(tmp_path), "labels_COMMIT": "c" * 32},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("2 labels ->")
    model = json.loads((out / "model.json").read_text())
    assert model["trained_on"] == {"repo": "labels", "commit": "c" * 32}
    assert classify(model, "happy that it arrived") == "Positive"
    assert classify(model, "it stopped") == "Negative"


def test_the_pipeline_reads_the_branch_that_label_studio_writes():
    pipeline = json.loads((FOLDER / "pipeline.json").read_text())
    inputs = {one["pfs"]["name"]: one["pfs"] for one in pipeline["input"]["cross"]}
    target = json.loads((ROOT / "examples/sentiment/target-storage.json").read_text())
    assert f"{inputs['labels']['branch']}.{inputs['labels']['repo']}" == target["bucket"]
    assert pipeline["transform"]["cmd"][-1] == f"/pfs/{inputs['code']['name']}/train.py"

"""The recipe of docs/mlflow.md, run as it stands there by a real MLflow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from labels import annotation, encoded
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway, live_gateway

from scripts.environment import ROOT
from scripts.mlflow_env import ENVIRONMENT

PAGE = (ROOT / "docs" / "mlflow.md").read_text(encoding="utf-8")
# What MLflow's own client then says of the run, and what was downloaded.
TOLD = """
import pathlib
print(json.dumps({
    "name": used.dataset.name,
    "digest": used.dataset.digest,
    "source": json.loads(used.dataset.source)["uri"],
    "profile": json.loads(used.dataset.profile),
    "schema": used.dataset.schema,
    "tags": {tag.key: tag.value for tag in used.tags},
    "files": {
        str(file.relative_to(downloaded)): file.read_text(encoding="utf-8")
        for file in pathlib.Path(downloaded).rglob("*") if file.is_file()
    },
}))
"""
# Between the training and the question where its labels came from, somebody labels on.
MEANWHILE = """
s3.put_object(Bucket="master.labels", Key="sentiment/1", Body=b"{}")
s3.delete_object(Bucket="master.labels", Key="sentiment/2")
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def label(number: int, choice: str, **more: Any) -> bytes:
    result = [{"type": "choices", "value": {"choices": [choice]}}]
    return encoded(annotation({"text": f"text {number}"}, id=number, result=result, **more))


@pytest.fixture
def labeled(tmp_path: Path) -> Any:
    """A gateway with three labels, one of them of a skipped task."""
    with live_gateway(tmp_path / "data") as own:
        s3 = own.s3()
        s3.create_bucket(Bucket="master.labels")
        bodies = {
            "sentiment/1": label(1, "Positive"),
            "sentiment/2": label(2, "Negative"),
            "sentiment/3": encoded(annotation({"text": "3"}, result=[], was_cancelled=True)),
        }
        for key, body in {**bodies, "other/4": label(4, "Positive")}.items():
            s3.put_object(Bucket="master.labels", Key=key, Body=body)
        yield own, bodies


def run_recipe(own: LiveGateway, folder: Path, program: str) -> dict[str, Any]:
    if not ENVIRONMENT.installed():
        pytest.fail("MLflow is not there: run `make mlflow`")
    file = folder / "recipe.py"
    file.write_text(program, encoding="utf-8")
    settings = dict(re.findall(r"^export (MLFLOW\w+)=(\S+)", PAGE, re.MULTILINE))
    done = subprocess.run(
        [ENVIRONMENT.python, file],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "NO_PROXY": "127.0.0.1",
            **settings,
            "MLFLOW_S3_ENDPOINT_URL": own.url,
        },
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_run_names_its_labels_and_leads_back_to_them(labeled: Any, tmp_path: Path) -> None:
    own, bodies = labeled
    s3 = own.s3()
    answer = s3.head_bucket(Bucket="master.labels")
    commit = answer["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"]
    training, back = blocks("python")
    told = run_recipe(own, tmp_path, training + MEANWHILE + back + TOLD)
    assert (told["name"], told["digest"]) == ("master.labels", commit)
    assert told["source"] == f"s3://{commit}.labels/sentiment/"
    assert told["profile"]["num_rows"] == 2
    assert told["tags"]["mlflow.data.context"] == "training"
    assert (told["tags"]["commit"], told["tags"]["branch"]) == (commit, "master.labels")
    columns = json.loads(told["schema"])["mlflow_colspec"]
    assert [one["name"] for one in columns] == ["label", "data", "choice"]
    assert told["files"] == {
        key.removeprefix("sentiment/"): body.decode() for key, body in bodies.items()
    }
    # Then the commands of the page, each on its own.
    lines = [line.partition("#")[0].strip() for line in blocks("sh")[-1].splitlines()]
    outputs = [asked(own, line, commit) for line in lines]
    assert commit in outputs[0]
    assert "annotator" in outputs[1]
    assert "sentiment/2" in outputs[2]
    own.cli("tag", "create", "v1.labels", "--from", f"{commit}.labels")
    tagged = s3.head_bucket(Bucket="v1.labels")["ResponseMetadata"]["HTTPHeaders"]
    assert tagged["x-labelgate-commit"] == commit


def asked(own: LiveGateway, line: str, commit: str) -> str:
    name, *arguments = line.replace("$commit", commit).replace('"', "").split()
    assert name == "labelgate"
    return own.cli(*arguments).stdout


def test_the_recipe_without_a_table_resolves_the_same_source(labeled: Any, tmp_path: Path) -> None:
    own, _ = labeled
    [made] = re.findall(r"`(mlflow\.data\.meta_dataset\.MetaDataset\(.*?\))`", PAGE, re.DOTALL)
    [source] = re.findall(r"`(mlflow\.data\.dataset_source_registry\..*?\))`", PAGE, re.DOTALL)
    training, _ = blocks("python")
    program = (
        f"{training}\nimport mlflow.data.meta_dataset\nsource = {source}\n"
        f"plain = {' '.join(made.split())}\n"
        "print(json.dumps([plain.name, plain.digest, plain.source.uri, pinned, commit]))\n"
    )
    name, digest, uri, pinned, commit = run_recipe(own, tmp_path, program)
    assert (name, digest, uri) == ("master.labels", commit, f"s3://{pinned}/sentiment/")

"""Personal data on the disk: where it is, and that erasing a label takes it all away."""

from __future__ import annotations

import json
import time
from pathlib import Path

from api import Api
from labels import annotation, encoded, task
from live import live_gateway

KEY = "a key of at least sixteen bytes"
ADDRESS = "annabel@labels.example"
PERSON = 481_516_234_209
BY = {"id": PERSON, "first_name": "Annabel", "last_name": "Leeward", "email": ADDRESS}
ERASED_SECONDS_MAX = 30


def traces(folder: Path, *words: str) -> set[tuple[str, str]]:
    """(file, word) of each word in the raw bytes of a file below a folder."""
    return {
        (file.name, word)
        for file in folder.rglob("*")
        if file.is_file()
        for word in words
        if word.encode() in file.read_bytes()
    }


def test_erasing_labels_takes_body_hash_and_id_of_their_annotator(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data", LABELGATE_LINEAGE_PERSON_KEY=KEY) as own:
        s3 = own.s3()
        s3.create_bucket(Bucket="labels")
        [one] = task()["annotations"]
        forms = {
            "small": annotation(completed_by=BY, created_username=f" {ADDRESS}, {PERSON}"),
            "large": annotation(completed_by=BY, result=[{"text": "x" * 100_000}]),
            "task": task(annotations=[{**one, "completed_by": BY}]),
        }
        versions = {
            key: s3.put_object(Bucket="labels", Key=key, Body=encoded(form))["VersionId"]
            for key, form in forms.items()
        }
        s3.put_object(Bucket="labels", Key="kept", Body=encoded(annotation()))
        record = Api(own.url).get("/refs/labels/lineage", key="small").json()["record"]
        person = json.loads(own.cli("person", ADDRESS.upper(), "--json").stdout)["annotator_hash"]
        assert record["annotator_hash"] == person
        words = (ADDRESS, "Leeward", person, str(PERSON))
        assert {word for _, word in traces(own.data_dir, *words)} == set(words)
        assert traces(tmp_path, KEY) == set()
        for key, version in versions.items():
            s3.delete_object(Bucket="labels", Key=key, VersionId=version)
        deadline = time.monotonic() + ERASED_SECONDS_MAX
        while (left := traces(own.data_dir, *words)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == set()
        assert traces(tmp_path, *words) == set()  # the log of the process, too
        assert own.cli("verify").returncode == 0
        kept = s3.get_object(Bucket="labels", Key="kept")["Body"].read()
        assert kept == encoded(annotation())


def test_without_a_key_records_have_no_hash_and_the_command_says_so(tmp_path: Path) -> None:
    with live_gateway(tmp_path / "data") as own:
        s3 = own.s3()
        s3.create_bucket(Bucket="labels")
        s3.put_object(Bucket="labels", Key="1", Body=encoded(annotation(completed_by=BY)))
        record = Api(own.url).get("/refs/labels/lineage", key="1").json()["record"]
        assert record["annotator"] == PERSON
        assert "annotator_hash" not in record
        done = own.cli("person", ADDRESS, check=False)
        assert done.returncode == 2
        assert "lineage_person_key_file" in done.stderr

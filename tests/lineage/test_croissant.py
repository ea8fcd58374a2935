"""A description of a dataset. The judge is mlcroissant, in an environment of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from croissants import judged

from gateway.lineage.croissant import Dataset, Digest, File, document

COMMIT = "c" * 32
V1 = Dataset("v1.labels", f"{COMMIT}.labels", COMMIT, 1_795_407_543_536, "first")
# What a reader of URIs, of globs and of JSON-LD could stumble over.
KEYS = ("sentiment/4", "a b#ü%?[1]/x y", "root*", "labels", "..json")


def file(key: str, body: bytes = b"{}", **changed: Any) -> File:
    digest = Digest("sha256", hashlib.sha256(body).hexdigest())
    return replace(File(key, len(body), "application/json", digest, label=True), **changed)


def test_files_are_named_for_ever_and_by_their_digest(tmp_path: Path) -> None:
    md5 = Digest("md5", hashlib.md5(b"x", usedforsecurity=False).hexdigest())
    image = file("img/ü 1.png", b"x", media_type="image/png", digest=md5, label=False)
    found = judged(document(V1, [file("sentiment/4"), image]), tmp_path)
    assert found["errors"] == []
    assert found["files"] == {
        "object/sentiment/4": [
            "sentiment/4", f"s3://{COMMIT}.labels/sentiment/4",
            hashlib.sha256(b"{}").hexdigest(), None,
        ],
        "object/img/%C3%BC%201.png": [
            "img/ü 1.png", f"s3://{COMMIT}.labels/img/%C3%BC%201.png", None, md5.hex,
        ],
    }  # fmt: skip


def test_only_what_we_cannot_know_is_missing(tmp_path: Path) -> None:
    warnings = judged(document(V1, [file("a")]), tmp_path)["warnings"]
    assert len(warnings) == 3
    for name in ("license", "citeAs", "version"):
        assert [one for one in warnings if f'/{name}"' in one]


def test_the_labels_load_where_they_were_downloaded(tmp_path: Path) -> None:
    bodies = {key: json.dumps({"of": key}).encode() for key in KEYS}
    for key, body in bodies.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(body)
    found = judged(document(V1, [file(*one) for one in bodies.items()]), tmp_path, "labels/records")
    assert found["errors"] == []
    texts = {one["labels/text"] for one in found["records"]}
    assert texts == {body.decode() for body in bodies.values()}
    assert len(found["records"]) == len(KEYS)


def test_without_labels_and_without_anything_it_is_a_dataset_still(tmp_path: Path) -> None:
    for files in ([], [file("a", label=False)]):
        found = judged(document(V1, files), tmp_path)
        assert found["errors"] == []
        assert len(found["files"]) == len(files)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form["distribution"][0].pop("contentUrl"),
        lambda form: form["distribution"][0].pop("sha256"),
        lambda form: form.update(conformsTo="http://mlcommons.org/croissant/9.9"),
        lambda form: form["recordSet"][0]["field"][0]["source"].update(fileSet={"@id": "none"}),
    ],
    ids=["no address", "no digest", "no such version", "a source that is not there"],
)
def test_the_judge_refuses_what_is_no_croissant(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    form = document(V1, [file("a")])
    spoil(form)
    assert judged(form, tmp_path)["errors"]

"""Commits with records of Label Studio's writes, made without a store: for pure renderers."""

from __future__ import annotations

from typing import Any

from gateway.versioning.model import ChangeInfo, ChangeKind, Commit
from gateway.versioning.names import CommitId, RepoName

MADE, PARENT, READ = (CommitId(letter * 32) for letter in "cba")
TIME_MS = 1_795_407_543_536  # 2026-11-23T04:19:03.536Z
LABELS, RAW = RepoName("labels"), RepoName("raw", "vision")


def commit(**changed: Any) -> Commit:
    form: dict[str, Any] = {
        "id": MADE, "repo": LABELS, "branch": "dev", "parents": (PARENT,), "kind": "put",
        "author": "ann", "message": "PUT proj1/101", "time_ms": TIME_MS,
        "metadata": {"request_id": "R1"}, "change_count": 1,
    }  # fmt: skip
    return Commit(**form | changed)


def source(path: str = "cats/1 ü#.jpg", **changed: Any) -> dict[str, Any]:
    """A source in a record; a value of None takes a field away."""
    form: dict[str, Any] = {
        "uri": f"s3://master.raw.vision/{path}", "evidence": "head-at-put", "repo": "raw",
        "project": "vision", "ref": "master", "path": path, "commit": READ,
    }  # fmt: skip
    return form | changed


EXTERNAL = {"uri": "s3://elsewhere/x.png", "evidence": "external"}
MISSING = {
    "uri": "s3://master.raw.vision/gone", "evidence": "missing", "repo": "raw",
    "project": "vision", "ref": "master", "path": "gone",
}  # fmt: skip


def label(key: str = "proj1/101", *sources: dict[str, Any], **changed: Any) -> ChangeInfo:
    """A saved annotation of annotator 7."""
    record: dict[str, Any] = {
        "v": 1, "kind": "put", "time": TIME_MS, "account": "ann", "key_name": "laptop",
        "request_id": "R1", "bucket": "dev.labels", "key": key,
        "content": {"size": 42, "etag": "e" * 32, "sha256": "ab" * 32},
        "sources": list(sources), "body": "label", "layout": "annotation", "project": 12,
        "task": 11, "annotation": 4, "annotator": 7, "lead_time": 9.1, "result_count": 1,
        "was_cancelled": False,
    }  # fmt: skip
    return ChangeInfo(key, ChangeKind.PUT, 42, "e" * 32, record | changed)


def deleted(key: str = "proj1/100") -> ChangeInfo:
    record = {"v": 1, "kind": "delete", "time": TIME_MS, "account": "ann", "key": key}
    return ChangeInfo(key, ChangeKind.DELETE, 0, "", record)

"""A directory with many labels in it, as a Label Studio would have left them over the years."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.stores.embedded.store import EmbeddedStore
from gateway.versioning.model import About, Attributes, Put
from gateway.versioning.names import CommitId, parse_bucket

RAW, LABELS = "master.raw", "master.labels"
PICTURES = 100_000
"""Each is the source of several labels, as the records are more."""
_A_COMMIT = 2_000


def label(number: int, source: str, *, padding: str = "") -> dict[str, Any]:
    """A label in Label Studio's default layout, of about 2 KB."""
    region = {
        "id": secrets.token_hex(5),
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "origin": "manual",
        "original_width": 1920,
        "original_height": 1080,
        "value": {"x": 1.5, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["Car"]},
    }
    now = datetime.now(UTC)
    saved, made = now.isoformat(), (now - timedelta(seconds=30)).isoformat()
    return {
        "id": number,
        "result": [region, {**region, "id": secrets.token_hex(5)}],
        "completed_by": {"id": number % 50, "email": "ann@example.com"},
        "created_at": saved,
        "updated_at": saved,
        "lead_time": 4.2,
        "was_cancelled": False,
        "project": 2,
        "task": {"id": number, "project": 2, "created_at": made, "data": {"image": source}},
        "meta": padding,
    }


def record(number: int, version: str) -> dict[str, Any]:
    """The lineage record of such a label."""
    key = f"scenes/{number % PICTURES}.png"
    source = {"uri": f"s3://{RAW}/{key}", "evidence": "observed", "repo": "raw", "path": key}
    source |= {"project": "default", "ref": "master", "commit": version}
    return {
        "v": 1,
        "kind": "put",
        "time": 1,
        "account": "default",
        "key_name": "environment",
        "request_id": "0" * 16,
        "bucket": LABELS,
        "key": f"project/{number}",
        "content": {"size": 2, "etag": "e" * 32, "sha256": "f" * 64},
        "sources": [source],
        "body": "label",
        "layout": "annotation",
        "project": 2,
        "task": number,
        "annotation": number,
        "annotator": number % 50,
        "work": secrets.token_hex(16),
        "times": {},
    }


async def fill(folder: Path, records: int, told: Callable[[int], None]) -> None:
    """Make the directory: pictures, then that many labels, each with a lineage record."""
    store = await EmbeddedStore.open(folder, clock=lambda: time.time_ns() // 1_000_000)
    try:
        for bucket in (RAW, LABELS):
            name = parse_bucket(bucket)
            await store.create_branch(name.repo, name.branch, account="default", create_repo=True)
        version = await _put(store, RAW, [(f"scenes/{n}.png", {}) for n in range(PICTURES)])
        for first in range(0, records, _A_COMMIT):
            numbers = range(first, min(first + _A_COMMIT, records))
            await _put(store, LABELS, [(f"project/{n}", record(n, version)) for n in numbers])
            told(numbers[-1] + 1)
    finally:
        await store.close()


async def _put(
    store: EmbeddedStore, bucket: str, rows: list[tuple[str, dict[str, Any]]]
) -> CommitId:
    """Objects of two bytes; what is measured does not hang on theirs."""
    at = await store.resolve(parse_bucket(bucket))
    body, commit = b"{}", CommitId("")
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    for first in range(0, len(rows), _A_COMMIT):
        changes = []
        for key, lineage in rows[first : first + _A_COMMIT]:
            staging = await store.stage()
            await staging.write(body)
            content = await staging.finish()
            changes.append(Put(key, content, len(body), etag, Attributes(), lineage))
        made = await store.commit(at, changes, About("default", "put"))
        assert made.commit is not None
        commit = made.commit.id
    return commit


def bodies(number: int) -> tuple[bytes, bytes]:
    """A label of a picture, and a JSON document of the same size that is no label."""
    source = f"s3://{RAW}/scenes/{number % PICTURES}.png"
    is_label = json.dumps(label(number, source)).encode()
    other = label(number, source)
    other["outcome"] = other.pop("result")
    other["meta"] = "x" * (len(is_label) - len(json.dumps(other).encode()))
    return is_label, json.dumps(other).encode()

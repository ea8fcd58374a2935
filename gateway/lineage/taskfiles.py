"""Files of tasks, as Label Studio's source sync reads them. Pure.

A JSON file holds a task or a list of tasks, a JSONL file one a line; a task is its data, or an
object with the data in `data`. Label Studio keeps a copy of the data and does not say in a label
which file that was: it is known again by what was in it, or by a field that is put into the data as
the file is served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

TASK_FILES = (".json", ".jsonl")
FILE_BYTES_MAX = 8 * 1024 * 1024
EMBEDDED = "labelgate_source"
"""The field: `<version id>.<branch>.<repo>/<key>`. Without `s3://`, which Label Studio would
show as a link to a picture."""

_DIGEST_BYTES = 16
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def data_digest(data: Any) -> bytes:
    """Equal for two tasks' data that a JSON reader takes for the same, the field aside."""
    if isinstance(data, dict) and EMBEDDED in data:
        data = {name: value for name, value in data.items() if name != EMBEDDED}
    return hashlib.sha256(_canonical(data).encode("ascii")).digest()[:_DIGEST_BYTES]


def digests(body: bytes) -> frozenset[bytes]:
    """Of the data of each task in a file; empty where it is no such file. Linear in its size."""
    try:
        return frozenset(map(data_digest, _datas(_parsed(body)[0])))
    except (ValueError, RecursionError):
        return frozenset()


def embed(body: bytes, source: str) -> bytes | None:
    """The file with the field in the data of each task; None where it is no file of tasks."""
    try:
        tasks, form = _parsed(body)
        datas = list(_datas(tasks))
        for data in datas:
            data[EMBEDDED] = source
        if not datas:
            return None
        if form is _Lines:
            return b"".join(_line(task) for task in tasks)
        return json.dumps(tasks if form is list else tasks[0], ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None


class _Lines:
    """The form of a file with a task a line."""


def _line(task: Any) -> bytes:
    return json.dumps(task, ensure_ascii=False).encode() + b"\n"


def _parsed(body: bytes) -> tuple[list[Any], type]:
    """The tasks, and how they stand in the file. Raises ValueError."""
    try:
        document = json.loads(body)
    except json.JSONDecodeError:
        return [json.loads(line) for line in body.splitlines() if line.strip()], _Lines
    if isinstance(document, list):
        return document, list
    return [document], dict


def _datas(tasks: list[Any]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        data = task.get("data", task) if isinstance(task, dict) else None
        if isinstance(data, dict):
            yield data

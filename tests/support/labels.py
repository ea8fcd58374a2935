"""Bodies as Label Studio 1.23 writes them to its target storage. All people in them are made up."""

from __future__ import annotations

import copy
import json
from typing import Any

CREATED, UPDATED = "2026-11-23T04:19:03.536415Z", "2026-11-23T04:19:03.536442Z"
TASK_CREATED, TASK_UPDATED = "2026-11-23T04:17:55.248366Z", "2026-11-23T04:19:03.618649Z"

RESULT: list[dict[str, Any]] = [
    {
        "id": "rect000001",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "origin": "manual",
        "original_width": 320,
        "original_height": 240,
        "image_rotation": 0,
        "value": {"x": 10.5, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["Car"]},
    }
]
COUNTERS: dict[str, Any] = {
    "updated_at": TASK_UPDATED,
    "updated_by": [],
    "is_labeled": False,
    "total_annotations": 0,
    "cancelled_annotations": 0,
    "total_predictions": 0,
    "comment_count": 0,
    "unresolved_comment_count": 0,
    "last_comment_updated_at": None,
    "comment_authors": [],
    "precomputed_agreement": None,
}


def annotation(data: Any = None, **changed: Any) -> dict[str, Any]:
    """The default layout: one annotation with its task inside. data: the task's."""
    form: dict[str, Any] = {
        "id": 4,
        "result": RESULT,
        "created_username": " ann@example.com, 7",
        "created_ago": "0\u00a0minutes",
        "completed_by": {"id": 7, "first_name": "", "last_name": "", "email": "ann@example.com"},
        "task": {
            "id": 11,
            "data": {"image": "s3://master.raw/images/img 3.png"} if data is None else data,
            "meta": {},
            "created_at": TASK_CREATED,
            "inner_id": 1,
            "allow_skip": True,
            "overlap": 1,
            "project": 2,
            "file_upload": None,
            **COUNTERS,
        },
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": CREATED,
        "updated_at": UPDATED,
        "draft_created_at": None,
        "lead_time": 9.1,
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "project": 2,
        "updated_by": 7,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    return copy.deepcopy(form | changed)


def task(data: Any = None, annotations: list[Any] | None = None, **changed: Any) -> dict[str, Any]:
    """The layout of FUTURE_SAVE_TASK_TO_STORAGE: a task with all its annotations."""
    one = {
        "id": 4,
        "completed_by": {"id": 7, "email": "ann@example.com", "first_name": "", "last_name": ""},
        "result": RESULT,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": CREATED,
        "updated_at": UPDATED,
        "draft_created_at": None,
        "lead_time": 9.1,
        "prediction": {},
        "result_count": 1,
        "unique_id": "5a1f7a1c-5e0b-4f7a-9a27-000000000004",
        "task": 11,
        "project": 2,
        "updated_by": 7,
    }
    form: dict[str, Any] = {
        "id": 11,
        "annotations": [one] if annotations is None else annotations,
        "drafts": [],
        "predictions": [],
        "data": {"image": "s3://master.raw/images/img 3.png"} if data is None else data,
        "meta": {},
        "created_at": TASK_CREATED,
        "inner_id": 1,
        "allow_skip": True,
        "project": 2,
        **COUNTERS,
    }
    return copy.deepcopy(form | changed)


def encoded(form: Any) -> bytes:
    """As Label Studio puts it."""
    return json.dumps(form, ensure_ascii=False).encode()

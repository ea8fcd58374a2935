"""The one place where a refusal becomes an HTTP status and a JSON document.

{"error": {"code", "message", "request_id", ...}}: further fields depend on the code.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.protocol.errors import S3Error
from gateway.triggers.model import InvalidTrigger
from gateway.versioning import errors as store

log = logging.getLogger(__name__)

# The code in the document is the name of the error.
STATUS_BY_ERROR: dict[type[store.StoreError], int] = {
    store.NoRepo: 404,
    store.NoRef: 404,
    store.NoCommit: 404,
    store.NoKey: 404,
    store.NoVersion: 404,
    store.NoUpload: 404,
    store.InvalidName: 400,
    store.InvalidKey: 400,
    store.ReadOnly: 403,
    store.AlreadyExists: 409,
    store.NotEmpty: 409,
    store.ConditionFailed: 412,
    store.HeadMoved: 409,
    store.InvalidPart: 400,
    store.Erased: 410,
    store.Held: 403,
    store.PathConflict: 409,
    store.Denied: 403,
    store.Unsupported: 501,
    store.Unavailable: 503,
    store.OutcomeUnknown: 500,
    store.Corrupt: 500,
}


class Refusal(Exception):
    """What the API itself refuses. fields: what a program needs beside the message."""

    def __init__(self, status: int, code: str, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as it goes out."""

    status: int
    error: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(error: Exception, request_id: str) -> Answer:
    """What answers `error`. Anything unforeseen is logged in full and told in one word."""
    match error:
        case Refusal():
            return Answer(
                error.status, _document(error.code, str(error), request_id, **error.fields)
            )
        case S3Error():
            details = {"details": dict(error.fields)} if error.fields else {}
            document = _document(error.code, error.message, request_id, **details)
            return Answer(error.status, document, dict(error.headers))
        case InvalidTrigger():
            return Answer(400, _document("InvalidTrigger", str(error), request_id))
        case store.StoreError():
            return _of_store(error, request_id)
    log.error("request %s failed", request_id, exc_info=error)
    return Answer(
        500,
        _document(
            "InternalError",
            "Something went wrong here; the log tells more under this request id.",
            request_id,
        ),
    )


def _of_store(error: store.StoreError, request_id: str) -> Answer:
    status, message = STATUS_BY_ERROR[type(error)], str(error)
    if status >= 500 and not isinstance(error, store.Unsupported):
        log.error("request %s: %s", request_id, error)
    if isinstance(error, store.Corrupt):
        # The text may tell of the store's insides; the log has it.
        message = "What is stored fails its check; `labelgate verify` tells more."
    headers = {"retry-after": "1"} if isinstance(error, store.Unavailable) else {}
    document = _document(type(error).__name__, message or (type(error).__doc__ or ""), request_id)
    return Answer(status, document, headers)


def _document(code: str, message: str, request_id: str, **fields: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": request_id, **fields}

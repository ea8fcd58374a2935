"""Logs: one JSON object a line, for the program's own messages and for the access log."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TextIO

log = logging.getLogger(__name__)

LINES_PENDING_MAX = 20_000
GATHER_SECONDS = 0.05
CLOSE_SECONDS_MAX = 5.0
SAY_DROPPED_SECONDS_MIN = 10.0


def configure_logging(level: str | int = logging.INFO, stream: TextIO | None = None) -> None:
    """Make all logging of the process JSON lines on `stream` (stderr). Calling again replaces.

    level: of the standard library, a name in any case or a number. Raises ValueError.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper() if isinstance(level, str) else level)
    # Both write whole URLs at INFO, and the query of a presigned one is a secret.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, and `traceback` where there is an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without its end."""
        fields = {
            "time": iso_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        elif record.stack_info:
            fields["traceback"] = self.formatStack(record.stack_info)
        return json_line(fields)


class _Line(NamedTuple):
    """One request as it was, in the order in which it is written."""

    time: float
    request_id: str
    client: str
    method: str
    operation: str
    bucket: str
    key: str
    status: int
    error: str
    why: str
    account: str
    bytes_in: int
    bytes_out: int
    seconds: float

    def json(self) -> str:
        return json_line(
            {
                "time": iso_time(self.time),
                "level": "info",
                "logger": "access",
                **dict(zip(self._fields[1:-1], self[1:-1], strict=True)),
                "duration_ms": round(self.seconds * 1000, 3),
            }
        )


class AccessLog:
    """One JSON line for each request, written by a thread of its own; a request never waits.

    Bucket and key come decoded from the path. The query is left out (that of a presigned URL is a
    secret), and so is every header. When `stream` (stderr) does not take lines as fast as they
    come, at most 20,000 are kept; further ones are dropped, counted, and spoken of in the log.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        lines_max: int = LINES_PENDING_MAX,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stream = stream or sys.stderr
        self._lines_max = lines_max
        self._now = now
        self._pending: deque[_Line] = deque()
        self._dropped = 0
        self._dropped_said = 0
        self._said_at = -SAY_DROPPED_SECONDS_MIN
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._drain, name="access-log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many lines were lost since the start."""
        return self._dropped

    def write(
        self,
        *,
        request_id: str,
        client: str,
        method: str,
        operation: str,
        bucket: str,
        key: str,
        status: int,
        error: str,
        why: str,
        account: str,
        bytes_in: int,
        bytes_out: int,
        seconds: float,
    ) -> None:
        """Take one line.

        error: the S3 code or ""; why: what was wrong, as the client was told; account: "" where
        the gate let nobody in.
        """
        if len(self._pending) >= self._lines_max:
            self._dropped += 1
            return
        self._pending.append(
            _Line(
                self._now(), request_id, client, method, operation, bucket, key, status, error,
                why, account, bytes_in, bytes_out, seconds,
            )
        )  # fmt: skip
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what was taken, for at most 5 seconds, and stop. Again: nothing."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_SECONDS_MAX)

    def _drain(self) -> None:
        while True:
            self._wake.wait()
            # A little later there are more lines to write at once.
            self._closing.wait(GATHER_SECONDS)
            self._wake.clear()
            # Read only now: a close that came before the clear would not wake this thread again.
            closing = self._closing.is_set()
            self._flush()
            self._say_dropped(at_once=closing)
            if closing:
                return

    def _flush(self) -> None:
        lines = [self._pending.popleft() for _ in range(len(self._pending))]
        if not lines:
            return
        try:
            self._stream.write("".join(f"{line.json()}\n" for line in lines))
            self._stream.flush()
        except (OSError, ValueError):  # a full disk, a pipe nobody reads; a closed stream
            self._dropped += len(lines)

    def _say_dropped(self, *, at_once: bool) -> None:
        if self._dropped == self._dropped_said:
            return
        moment = time.monotonic()
        if at_once or moment - self._said_at >= SAY_DROPPED_SECONDS_MIN:
            log.warning(
                "%d lines of the access log were dropped", self._dropped - self._dropped_said
            )
            self._dropped_said, self._said_at = self._dropped, moment


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_line(fields: dict[str, str] | dict[str, object]) -> str:
    """One line of ASCII: whatever a client sends cannot end it or steer a terminal."""
    # DEL is the one control character that JSON lets through.
    return json.dumps(fields, default=str).replace("\x7f", "\\u007f")

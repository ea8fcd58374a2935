"""gateway.observability.logs: one JSON object a line, whatever happens."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from gateway.observability.logs import AccessLog, configure_logging, iso_time

FIELDS: dict[str, Any] = {
    "request_id": "0123456789ABCDEF",
    "client": "127.0.0.1",
    "method": "PUT",
    "operation": "PutObject",
    "bucket": "master.labels",
    "key": "sentiment/1",
    "status": 200,
    "error": "",
    "why": "",
    "account": "default",
    "bytes_in": 10,
    "bytes_out": 0,
    "seconds": 0.0012345,
}


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """The root logger is put back after a test that configures it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


class Stuck(io.StringIO):
    """A stream that takes nothing until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def write(self, text: str) -> int:
        self.entered.set()
        self.go_on.wait(10)
        return super().write(text)


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_request_is_one_line_with_every_field():
    out = io.StringIO()
    log = AccessLog(out, now=lambda: 1_700_000_000.25)
    log.write(**FIELDS)
    log.close()
    expected = {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "access",
        **{name: value for name, value in FIELDS.items() if name != "seconds"},
        "duration_ms": 1.234,
    }
    assert lines(out) == [expected]


def test_what_a_client_sends_can_neither_end_a_line_nor_steer_a_terminal():
    out = io.StringIO()
    log = AccessLog(out)
    key = 'a\n{"fake": 1}\r\x1b[2J\x7f\x00\u2028\x9b\ud800"'
    log.write(**{**FIELDS, "key": key})
    log.close()
    text = out.getvalue()
    assert text.count("\n") == 1
    assert all(" " <= character <= "~" for character in text.rstrip("\n"))
    assert lines(out)[0]["key"] == key


def test_close_writes_what_was_taken_and_may_come_twice():
    out = io.StringIO()
    log = AccessLog(out)
    for number in range(500):
        log.write(**{**FIELDS, "status": number})
    log.close()
    log.close()
    assert [line["status"] for line in lines(out)] == list(range(500))


def test_a_stream_that_is_stuck_costs_lines_but_never_a_request(caplog):
    out = Stuck()
    log = AccessLog(out, lines_max=3)
    log.write(**FIELDS)
    assert out.entered.wait(10)
    for _ in range(10):  # returns, though nothing is read
        log.write(**FIELDS)
    assert log.dropped == 7
    out.go_on.set()
    log.close()
    assert len(lines(out)) == 4
    assert "7 lines of the access log were dropped" in caplog.text


def test_a_stream_that_fails_costs_lines_and_it_is_said(caplog):
    log = AccessLog(Full())
    log.write(**FIELDS)
    log.close()
    assert log.dropped == 1
    assert "1 lines of the access log were dropped" in caplog.text


@pytest.mark.usefixtures("logging_as_it_was")
def test_the_programs_own_messages_are_json_lines():
    out = io.StringIO()
    configure_logging("info", out)
    logging.getLogger("gateway.some").warning("first\n%s", "second")
    logging.getLogger("gateway.some").debug("not asked for")
    (line,) = lines(out)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {"level": "warning", "logger": "gateway.some", "message": "first\nsecond"}


@pytest.mark.usefixtures("logging_as_it_was")
def test_a_traceback_is_a_field_of_its_line():
    out = io.StringIO()
    configure_logging(logging.INFO, out)
    try:
        raise RuntimeError("oh no")
    except RuntimeError:
        logging.getLogger("gateway.some").exception("request %s failed", "1")
    (line,) = lines(out)
    assert line["message"] == "request 1 failed"
    assert line["traceback"].endswith("RuntimeError: oh no")


@pytest.mark.usefixtures("logging_as_it_was")
def test_configuring_again_takes_the_place_of_the_first():
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", first)
    configure_logging("info", second)
    logging.getLogger("gateway.some").info("once")
    assert (len(lines(first)), len(lines(second))) == (0, 1)


@pytest.mark.usefixtures("logging_as_it_was")
def test_clients_of_ours_do_not_log_whole_urls():
    out = io.StringIO()
    configure_logging("debug", out)
    logging.getLogger("httpx").info("HTTP Request: GET http://host/b/k?X-Amz-Signature=abc")
    assert lines(out) == []


def test_a_time_is_iso_in_utc_with_milliseconds():
    assert iso_time(0.0004) == "1970-01-01T00:00:00.000Z"

"""Object lock's documents and headers: botocore is the other side of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from documents import parsed, written

from gateway.protocol import locks
from gateway.protocol.errors import S3Error
from gateway.protocol.locks import Lock, Retention

NOW = 1_764_000_000_000
DAY = 86_400_000
LATER = datetime(2030, 1, 1, tzinfo=UTC)
LATER_MS = int(LATER.timestamp() * 1000)


def configuration(**default: Any) -> bytes:
    form = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}
    return written("PutObjectLockConfiguration", Bucket="b", ObjectLockConfiguration=form)


@pytest.mark.parametrize(("period", "until"), [({"Days": 2}, 2 * DAY), ({"Years": 1}, 365 * DAY)])
def test_a_default_retention_comes_back_as_it_was_given(period: dict[str, int], until: int) -> None:
    default = locks.parse_configuration(configuration(Mode="GOVERNANCE", **period))
    assert default is not None
    assert default.until(NOW) == NOW + until
    told = parsed("GetObjectLockConfiguration", locks.render_configuration(default))
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", **period}}
    assert told["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled", "Rule": rule}


def test_object_lock_needs_no_rule() -> None:
    form = {"ObjectLockEnabled": "Enabled"}
    body = written("PutObjectLockConfiguration", Bucket="b", ObjectLockConfiguration=form)
    assert locks.parse_configuration(body) is None
    told = parsed("GetObjectLockConfiguration", locks.render_configuration(None))
    assert told["ObjectLockConfiguration"] == form


@pytest.mark.parametrize(
    ("default", "code"),
    [
        ({"Mode": "GOVERNANCE", "Days": 0}, "InvalidRetentionPeriod"),
        ({"Mode": "GOVERNANCE", "Years": -1}, "InvalidRetentionPeriod"),
        ({"Mode": "GOVERNANCE", "Days": 36501}, "InvalidRetentionPeriod"),
        ({"Mode": "GOVERNANCE", "Days": 1, "Years": 1}, "MalformedXML"),
        ({"Mode": "GOVERNANCE"}, "MalformedXML"),
        ({"Mode": "governance", "Days": 1}, "MalformedXML"),
        ({"Days": 1}, "MalformedXML"),
    ],
)
def test_a_default_retention_that_cannot_be_is_refused(default: dict[str, Any], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        locks.parse_configuration(configuration(**default))
    assert caught.value.code == code


def test_object_lock_cannot_be_configured_away() -> None:
    body = "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled>"
    with pytest.raises(S3Error) as caught:
        locks.parse_configuration(f"{body}</ObjectLockConfiguration>".encode())
    assert caught.value.code == "MalformedXML"


def test_a_retention_comes_back_as_it_was_given() -> None:
    form = {"Mode": "COMPLIANCE", "RetainUntilDate": LATER}
    body = written("PutObjectRetention", Bucket="b", Key="k", Retention=form)
    retention = locks.parse_retention(body, NOW)
    assert retention == Retention("COMPLIANCE", LATER_MS)
    assert parsed("GetObjectRetention", locks.render_retention(retention))["Retention"] == form
    assert locks.parse_retention(b"<Retention/>", NOW) is None


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<Mode>GOVERNANCE</Mode>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate>", "MalformedXML"),
        ("<Mode>abc</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>", "MalformedXML"),
        ("<Mode>GOVERNANCE</Mode><RetainUntilDate>2020-01-01T00:00:00Z</RetainUntilDate>",
         "InvalidArgument"),
    ],
)  # fmt: skip
def test_a_retention_that_cannot_be_is_refused(inner: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        locks.parse_retention(f"<Retention>{inner}</Retention>".encode(), NOW)
    assert caught.value.code == code


@pytest.mark.parametrize("status", ["ON", "OFF"])
def test_a_legal_hold_comes_back_as_it_was_given(status: str) -> None:
    body = written("PutObjectLegalHold", Bucket="b", Key="k", LegalHold={"Status": status})
    on = locks.parse_legal_hold(body)
    told = parsed("GetObjectLegalHold", locks.render_legal_hold(on))
    assert told["LegalHold"] == {"Status": status}
    with pytest.raises(S3Error):
        locks.parse_legal_hold(b"<LegalHold><Status>abc</Status></LegalHold>")


def test_a_write_says_how_its_object_is_kept_and_a_reader_is_told_so() -> None:
    headers = {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2030-01-01T00:00:00.000Z",
        "x-amz-object-lock-legal-hold": "ON",
    }
    lock = locks.of_write(headers, NOW)
    assert lock == Lock(Retention("GOVERNANCE", LATER_MS), True)
    assert dict(locks.shown(lock.retention, lock.hold)) == headers
    assert locks.of_write({}, NOW) == Lock(None, None)
    assert locks.shown(None, None) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"mode": "GOVERNANCE"},
        {"retain-until-date": "2030-01-01T00:00:00Z"},
        {"mode": "none", "retain-until-date": "2030-01-01T00:00:00Z"},
        {"mode": "GOVERNANCE", "retain-until-date": "soon"},
        {"mode": "GOVERNANCE", "retain-until-date": "2020-01-01T00:00:00Z"},
        {"legal-hold": "MAYBE"},
    ],
)
def test_a_write_that_says_it_wrong_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as caught:
        locks.of_write({f"x-amz-object-lock-{name}": text for name, text in headers.items()}, NOW)
    assert caught.value.code == "InvalidArgument"

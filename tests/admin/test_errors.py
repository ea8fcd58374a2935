"""Every refusal of a store has a status, and no more than that leaves the house."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.admin.errors import STATUS_BY_ERROR, answer
from gateway.versioning import errors
from gateway.versioning.errors import StoreError


def leaves(kind: type[StoreError]) -> Iterator[type[StoreError]]:
    below = kind.__subclasses__()
    if not below:
        yield kind
    for one in below:
        yield from leaves(one)


def test_every_store_error_has_a_status() -> None:
    assert set(leaves(StoreError)) == STATUS_BY_ERROR.keys()


@pytest.mark.parametrize("kind", STATUS_BY_ERROR)
def test_a_store_error_is_told_by_its_name(kind: type[StoreError]) -> None:
    error = kind.__new__(kind)
    Exception.__init__(error, "why")
    told = answer(error, "ID")
    assert told.status == STATUS_BY_ERROR[kind]
    assert told.error["code"] == kind.__name__
    assert told.error["request_id"] == "ID"


def test_a_store_that_is_busy_says_when_to_come_again() -> None:
    assert answer(errors.Unavailable("busy"), "ID").headers["retry-after"] == "1"


def test_corruption_is_logged_and_not_described(caplog: pytest.LogCaptureFixture) -> None:
    told = answer(errors.Corrupt("blob ab12 of /somewhere"), "ID")
    assert "somewhere" not in told.error["message"]
    assert "somewhere" in caplog.text

"""Every refusal of a store has an S3 error, and says what helps."""

from __future__ import annotations

import pytest

from gateway.protocol.request import Request
from gateway.s3.errors import BY_ERROR, translate
from gateway.versioning import errors
from gateway.versioning.errors import StoreError

REQUEST = Request("PUT", "/master.labels/a/b", "", (), {})


def leaves(kind: type[StoreError]) -> set[type[StoreError]]:
    below = kind.__subclasses__()
    return {kind} if not below else set().union(*map(leaves, below))


def test_every_store_error_is_answered() -> None:
    assert leaves(StoreError) == BY_ERROR.keys()


def test_a_key_in_the_way_of_another_is_named() -> None:
    error = translate(errors.PathConflict("a/b", "a"), REQUEST)
    assert (error.status, error.code) == (409, "PathConflict")
    assert error.fields == {"Key": "a/b", "ConflictingKey": "a"}
    assert "'a/b' cannot be here beside 'a'" in error.message


def test_what_the_stores_own_access_control_refuses_is_told() -> None:
    error = translate(errors.Denied("robot:gw needs permissions [REPO_WRITE]"), REQUEST)
    assert (error.status, error.code) == (403, "AccessDenied")
    assert "REPO_WRITE" in error.message


@pytest.mark.parametrize("why", ["pachd is 2.5.0; Pachyderm 2.6 or newer is needed", ""])
def test_a_store_that_cannot_be_used_says_why_and_when_to_come_again(why: str) -> None:
    error = translate(errors.Unavailable(why), REQUEST)
    assert (error.status, error.code) == (503, "SlowDown")
    assert error.message == (why or "Please reduce your request rate.")
    assert error.headers["retry-after"] == "1"

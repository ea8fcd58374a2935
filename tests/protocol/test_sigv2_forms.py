"""Forms that clients sign by SigV2 and that its description leaves open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from signing import NOW_MS, SECRET, signed_v2

from gateway.protocol import sigv2
from gateway.protocol.errors import S3Error
from gateway.protocol.request import Request, parse_query


def check(request: Request) -> None:
    claim = sigv2.parse(request)
    assert claim is not None
    sigv2.check_time(claim, NOW_MS)
    sigv2.check_signature(claim, request, SECRET)


@pytest.mark.parametrize("query", ["uploads", "uploads=", "acl=&versionId=a%2Bb", "tagging&acl="])
@pytest.mark.parametrize("expires", [None, 60])
def test_a_subresource_may_be_signed_with_its_equals_sign_or_without(
    query: str, expires: int | None
) -> None:
    check(signed_v2("POST", f"/b/k?{query}", expires=expires))


def test_a_subresource_sent_with_an_equals_sign_may_be_signed_bare() -> None:
    request = signed_v2("POST", "/b/k?uploads")
    check(replace(request, raw_query="uploads=", query=parse_query("uploads=")))


def test_metadata_and_type_in_a_presigned_query_are_what_was_signed() -> None:
    request = signed_v2("PUT", "/b/k", {"content-type": "a/b", "x-amz-meta-a": "1"}, expires=60)
    bare = replace(request, headers={"host": "h"})
    check(bare)
    with pytest.raises(S3Error) as caught:
        check(replace(bare, headers={"content-type": "other/type"}))
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ("9999-12-31T23:59:59-14:00", "RequestTimeTooSkewed"),
        ("0001-01-01T00:00:00+14:00", "AccessDenied"),  # as for no date: nobody signed before 1970
    ],
)
def test_a_date_at_an_end_of_time_is_refused(date: str, code: str) -> None:
    request = Request("GET", "/b", "", (), {"authorization": f"AWS a:{'A' * 27}=", "date": date})
    with pytest.raises(S3Error) as caught:
        check(request)
    assert caught.value.code == code

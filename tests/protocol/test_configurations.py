"""Settings that are not offered: botocore reads what it is told of them."""

from __future__ import annotations

from typing import Any

import botocore.parsers
import botocore.session
import pytest

from gateway.protocol import configurations
from gateway.protocol.configurations import SETTINGS
from gateway.protocol.errors import S3Error

MODEL = botocore.session.get_session().get_service_model("s3")
HEAD = '<{0} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{1}</{0}>'


def read(operation: str, body: bytes) -> Any:
    shape = MODEL.operation_model(operation).output_shape
    answer = {"status_code": 200, "headers": {}, "body": body}
    found = botocore.parsers.create_parser("rest-xml").parse(answer, shape)
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize(
    ("marker", "code"),
    [
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("analytics", "NoSuchConfiguration"),
        ("metrics", "NoSuchConfiguration"),
    ],
)
def test_what_has_an_error_for_its_absence_answers_it(marker: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        SETTINGS[marker].answer()
    assert (caught.value.code, caught.value.status) == (code, 404)


@pytest.mark.parametrize(
    ("marker", "operation", "holds"),
    [
        ("notification", "GetBucketNotificationConfiguration", {}),
        ("logging", "GetBucketLogging", {}),
        ("accelerate", "GetBucketAccelerateConfiguration", {}),
        ("requestPayment", "GetBucketRequestPayment", {"Payer": "BucketOwner"}),
        ("abac", "GetBucketAbac", {"AbacStatus": {"Status": "Disabled"}}),
    ],
)
def test_what_has_none_answers_what_holds(marker: str, operation: str, holds: Any) -> None:
    assert read(operation, SETTINGS[marker].answer()) == holds


@pytest.mark.parametrize(
    ("marker", "inner"),
    [
        ("notification", ""),
        ("logging", ""),
        ("requestPayment", "<Payer>BucketOwner</Payer>"),
        ("accelerate", "<Status>Suspended</Status>"),
        ("abac", "<Status>Disabled</Status>"),
    ],
)
def test_a_document_that_asks_for_what_holds_is_taken(marker: str, inner: str) -> None:
    setting = SETTINGS[marker]
    setting.demand(HEAD.format(setting.root, inner).encode())


@pytest.mark.parametrize("marker", sorted(SETTINGS))
@pytest.mark.parametrize("inner", ["<Status>Enabled</Status>", "<Rule><ID>a</ID></Rule>"])
def test_any_other_is_refused_with_the_reason(marker: str, inner: str) -> None:
    setting = SETTINGS[marker]
    with pytest.raises(S3Error) as caught:
        setting.demand(HEAD.format(setting.root, inner).encode())
    assert (caught.value.code, caught.value.message) == ("NotImplemented", setting.reason)


@pytest.mark.parametrize("marker", ["lifecycle", "encryption", "website", "inventory"])
def test_an_empty_one_of_what_could_be_missing_is_no_less_a_setting(marker: str) -> None:
    setting = SETTINGS[marker]
    with pytest.raises(S3Error, match="NotImplemented"):
        setting.demand(HEAD.format(setting.root, "").encode())


@pytest.mark.parametrize("marker", sorted(SETTINGS))
def test_another_document_is_malformed(marker: str) -> None:
    for body in (b"", b"<", b"<Other/>"):
        with pytest.raises(S3Error, match="MalformedXML"):
            SETTINGS[marker].demand(body)


@pytest.mark.parametrize(
    ("marker", "operation"),
    [
        ("analytics", "ListBucketAnalyticsConfigurations"),
        ("inventory", "ListBucketInventoryConfigurations"),
        ("metrics", "ListBucketMetricsConfigurations"),
        ("intelligent-tiering", "ListBucketIntelligentTieringConfigurations"),
    ],
)
def test_a_list_of_many_is_empty(marker: str, operation: str) -> None:
    body = configurations.render_list(SETTINGS[marker])
    assert read(operation, body) == {"IsTruncated": False}

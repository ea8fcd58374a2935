"""AWS's rules for the names of buckets, by the examples of its user guide."""

from __future__ import annotations

import pytest

from gateway.protocol.bucketnames import complaint


@pytest.mark.parametrize(
    "name",
    ["docexamplebucket-1a1b2c3d4", "log-delivery-march-2020", "my.hosted.content", "a1b", "a" * 63],
)
def test_names_that_aws_takes(name: str):
    assert complaint(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("amzn_s3_demo_bucket", "other characters"),
        ("AmznS3DemoBucket", "other characters"),
        ("a" * 64, "63"),
        ("doc-example-bucket-", "begins and ends"),
        ("-doc", "begins and ends"),
        ("doc..bucket", "begins and ends"),
        ("doc-.bucket", "begins and ends"),
        ("doc.-bucket", "begins and ends"),
        ("192.168.5.4", "IP address"),
        ("xn--bucket", "reserved"),
        ("bucket-s3alias", "reserved"),
    ],
)
def test_names_that_aws_refuses(name: str, why: str):
    assert why in (complaint(name) or "")

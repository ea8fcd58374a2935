"""Settings of a bucket that are not offered, and encryption: nothing is claimed that is not so."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from live import LiveGateway
from raw import signed
from wire import nothing_written, refused

SSE = "x-amz-server-side-encryption"
CUSTOMER = {
    f"{SSE}-customer-algorithm": "AES256",
    f"{SSE}-customer-key": base64.b64encode(b"k" * 32).decode(),
    f"{SSE}-customer-key-md5": base64.b64encode(hashlib.md5(b"k" * 32).digest()).decode(),
}
LIFECYCLE = {"Rules": [{"ID": "a", "Status": "Enabled", "Prefix": "x/", "Expiration": {"Days": 1}}]}
ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
}


def test_a_lifecycle_that_would_not_be_enforced_is_not_kept(s3: Any, bucket: str) -> None:
    with refused("NotImplemented", 501) as caught:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=LIFECYCLE)
    assert "by a clock" in caught.value.response["Error"]["Message"]
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    s3.delete_bucket_lifecycle(Bucket=bucket)


def test_encryption_that_is_not_done_is_not_kept(s3: Any, bucket: str) -> None:
    with refused("NotImplemented", 501) as caught:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=ENCRYPTION)
    assert "does not encrypt" in caught.value.response["Error"]["Message"]
    with refused("ServerSideEncryptionConfigurationNotFoundError", 404):
        s3.get_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_encryption(Bucket=bucket)


def test_what_holds_may_be_asked_for_again(s3: Any, bucket: str) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    payer = s3.get_bucket_request_payment(Bucket=bucket)["Payer"]
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})
    s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"}
    )
    with refused("NotImplemented", 501):
        s3.put_bucket_request_payment(
            Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"}
        )


@pytest.mark.parametrize("name", ["analytics", "inventory", "metrics", "intelligent-tiering"])
def test_of_what_there_may_be_many_there_is_none(
    gateway: LiveGateway, bucket: str, name: str
) -> None:
    assert signed(gateway, "GET", f"/{bucket}?{name}").field("IsTruncated") == "false"
    for method in ("GET", "DELETE"):
        answer = signed(gateway, method, f"/{bucket}?{name}&id=a")
        assert (answer.status, answer.code) == (404, "NoSuchConfiguration")


def test_a_bucket_that_is_not_there_has_no_settings(s3: Any) -> None:
    with refused("NoSuchBucket", 404):
        s3.get_bucket_lifecycle_configuration(Bucket="nowhere")
    with refused("NoSuchBucket", 404):
        s3.delete_bucket_website(Bucket="nowhere")


@pytest.mark.parametrize(
    "headers",
    [
        {SSE: "AES256"},
        {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k"},
        CUSTOMER,
    ],
)
def test_no_write_is_taken_that_must_be_encrypted(
    gateway: LiveGateway, s3: Any, bucket: str, headers: dict[str, str]
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    copying = {"x-amz-copy-source": f"{bucket}/k"}
    for method, target, more in (
        ("PUT", f"/{bucket}/k", {}),
        ("PUT", f"/{bucket}/k2", copying),
        ("POST", f"/{bucket}/k?uploads", {}),
    ):
        with nothing_written(s3, bucket):
            answer = signed(gateway, method, target, headers={**headers, **more})
            assert (answer.status, answer.code) == (501, "NotImplemented")
            assert answer.field("Header") in headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_key_for_what_is_not_encrypted_opens_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, method: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert signed(gateway, method, f"/{bucket}/k", headers=CUSTOMER).status == 400
    assert signed(gateway, method, f"/{bucket}/k", headers={SSE: "AES256"}).status == 400


def test_no_answer_speaks_of_encryption(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    put = signed(gateway, "PUT", f"/{bucket}/k", b"x")
    got = signed(gateway, "GET", f"/{bucket}/k")
    for answer in (put, got):
        assert not [name for name in answer.headers if "encryption" in name]
        assert "x-amz-storage-class" not in answer.headers

"""Object lock: default retention, retention and legal hold, and that they do hold."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from wire import nothing_written, refused

_serial = itertools.count(1)
DAY = datetime(2140, 1, 1, tzinfo=UTC)
EARLIER = datetime(2130, 1, 1, tzinfo=UTC)


@pytest.fixture
def locked(s3: Any) -> str:
    name = f"master.locked{next(_serial)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def put(s3: Any, bucket: str, **more: Any) -> str:
    return str(s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)["VersionId"])


def retain(s3: Any, bucket: str, mode: str, until: datetime, **more: Any) -> None:
    retention = {"Mode": mode, "RetainUntilDate": until}
    s3.put_object_retention(Bucket=bucket, Key="k", Retention=retention, **more)


def retention(s3: Any, bucket: str) -> tuple[str, datetime]:
    found = s3.get_object_retention(Bucket=bucket, Key="k")["Retention"]
    return found["Mode"], found["RetainUntilDate"]


def rule(**default: Any) -> dict[str, Any]:
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}


def test_a_bucket_made_with_object_lock_keeps_its_versions(s3: Any, locked: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    with refused("InvalidBucketState", 409):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


def test_object_lock_is_switched_on_where_versions_are_enabled(s3: Any, bucket: str) -> None:
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    form = rule(Mode="GOVERNANCE", Days=1)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    with refused("InvalidBucketState", 409):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=form)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=form)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == form


def test_without_object_lock_nothing_can_be_kept(s3: Any, bucket: str) -> None:
    with refused("InvalidRequest", 400), nothing_written(s3, bucket):
        put(s3, bucket, ObjectLockLegalHoldStatus="ON")
    put(s3, bucket)
    with refused("InvalidRequest", 400):
        retain(s3, bucket, "GOVERNANCE", DAY)
    with refused("InvalidRequest", 400):
        s3.get_object_legal_hold(Bucket=bucket, Key="k")


def test_the_default_retention_is_of_what_is_written_afterwards(s3: Any, locked: str) -> None:
    before = put(s3, locked)
    form = rule(Mode="COMPLIANCE", Years=1)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=form)
    assert "ObjectLockMode" not in s3.head_object(Bucket=locked, Key="k", VersionId=before)
    put(s3, locked)
    mode, until = retention(s3, locked)
    assert mode == "COMPLIANCE"
    assert timedelta(days=364) < until - datetime.now(UTC) < timedelta(days=366)
    put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=DAY)
    assert retention(s3, locked) == ("GOVERNANCE", DAY)
    upload = {"Bucket": locked, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert retention(s3, locked)[0] == "COMPLIANCE"


def test_a_reader_is_told_how_a_version_is_kept(s3: Any, locked: str) -> None:
    put(
        s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=DAY,
        ObjectLockLegalHoldStatus="ON",
    )  # fmt: skip
    for shown in (s3.head_object(Bucket=locked, Key="k"), s3.get_object(Bucket=locked, Key="k")):
        assert (shown["ObjectLockMode"], shown["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", DAY)
        assert shown["ObjectLockLegalHoldStatus"] == "ON"


def test_what_was_never_said_is_not_found(s3: Any, locked: str) -> None:
    put(s3, locked)
    with refused("NoSuchObjectLockConfiguration", 404):
        retention(s3, locked)
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_legal_hold(Bucket=locked, Key="k")


def test_a_legal_hold_keeps_a_version_whatever_is_bypassed(s3: Any, locked: str) -> None:
    version = put(s3, locked)
    s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
    with refused("AccessDenied", 403), nothing_written(s3, locked):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    with nothing_written(s3, locked):
        s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"] == {"Status": "OFF"}
    s3.delete_object(Bucket=locked, Key="k", VersionId=version)


def test_governance_is_passed_by_asking_and_compliance_by_nobody(s3: Any, locked: str) -> None:
    version = put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=DAY)
    with refused("AccessDenied", 403) as caught:
        s3.delete_object(Bucket=locked, Key="k", VersionId=version)
    assert "governance until 2140-01-01T00:00:00Z" in caught.value.response["Error"]["Message"]
    s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)
    version = put(s3, locked, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=DAY)
    with refused("AccessDenied", 403), nothing_written(s3, locked):
        s3.delete_object(Bucket=locked, Key="k", VersionId=version, BypassGovernanceRetention=True)


def test_a_delete_without_a_version_hides_what_is_kept_and_loses_nothing(
    s3: Any, locked: str
) -> None:
    version = put(s3, locked, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=DAY)
    assert s3.delete_object(Bucket=locked, Key="k")["DeleteMarker"] is True
    assert s3.get_object(Bucket=locked, Key="k", VersionId=version)["Body"].read() == b"x"


def test_of_many_only_what_is_kept_stays(s3: Any, locked: str) -> None:
    held, free = put(s3, locked, ObjectLockLegalHoldStatus="ON"), put(s3, locked)
    objects = [{"Key": "k", "VersionId": version} for version in (held, free)]
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": objects})
    assert [(row["VersionId"], row["Code"]) for row in answer["Errors"]] == [(held, "AccessDenied")]
    assert [row["VersionId"] for row in answer["Deleted"]] == [free]


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_a_retention_may_always_be_longer(s3: Any, locked: str, mode: str) -> None:
    put(s3, locked, ObjectLockMode=mode, ObjectLockRetainUntilDate=EARLIER)
    with nothing_written(s3, locked):
        retain(s3, locked, mode, DAY)
    assert retention(s3, locked) == (mode, DAY)


@pytest.mark.parametrize(
    ("mode", "until"), [("GOVERNANCE", EARLIER), ("COMPLIANCE", DAY), ("COMPLIANCE", EARLIER)]
)
def test_a_governance_retention_is_loosened_only_by_asking(
    s3: Any, locked: str, mode: str, until: datetime
) -> None:
    put(s3, locked, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=DAY)
    with refused("AccessDenied", 403):
        retain(s3, locked, mode, until)
    assert retention(s3, locked) == ("GOVERNANCE", DAY)
    retain(s3, locked, mode, until, BypassGovernanceRetention=True)
    assert retention(s3, locked) == (mode, until)


@pytest.mark.parametrize(("mode", "until"), [("GOVERNANCE", DAY), ("COMPLIANCE", EARLIER)])
def test_a_compliance_retention_is_loosened_by_nobody(
    s3: Any, locked: str, mode: str, until: datetime
) -> None:
    put(s3, locked, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=DAY)
    with refused("AccessDenied", 403):
        retain(s3, locked, mode, until, BypassGovernanceRetention=True)
    assert retention(s3, locked) == ("COMPLIANCE", DAY)

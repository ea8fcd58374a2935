"""What a store cannot do is answered 501, by name and with the reason; nothing is pretended."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from live import LiveGateway
from wire import refused

_serial = itertools.count(1)
TAGS = {"TagSet": [{"Key": "a", "Value": "1"}]}


@pytest.fixture
def s3(pachyderm_gateway: LiveGateway) -> Any:
    return pachyderm_gateway.s3()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"master.capable{next(_serial)}"
    s3.create_bucket(Bucket=name)
    return name


def test_a_version_cannot_be_taken_out_of_pachyderms_history(s3: Any, bucket: str) -> None:
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    with refused("NotImplemented", 501) as caught:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert "keeps every version" in caught.value.response["Error"]["Message"]
    objects = [{"Key": "k", "VersionId": version}, {"Key": "k"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [(row["Code"], row["VersionId"]) for row in answer["Errors"]] == [
        ("NotImplemented", version)
    ]
    assert [row["Key"] for row in answer["Deleted"]] == ["k"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"x"


def test_what_a_writer_says_beside_its_object_stays_as_it_is(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == TAGS["TagSet"]
    for change in (s3.delete_object_tagging, s3.put_object_tagging):
        more = {"Tagging": TAGS} if change == s3.put_object_tagging else {}
        with refused("NotImplemented", 501) as caught:
            change(Bucket=bucket, Key="k", **more)
        assert "only a new version" in caught.value.response["Error"]["Message"]


def test_there_is_no_object_lock_where_nothing_is_erased(s3: Any, bucket: str) -> None:
    with refused("NotImplemented", 501):
        s3.create_bucket(Bucket=f"{bucket}lock", ObjectLockEnabledForBucket=True)
    form = {"ObjectLockEnabled": "Enabled"}
    with refused("NotImplemented", 501):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=form)


def test_properties_of_a_bucket_are_kept_there_too(s3: Any, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging=TAGS)
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == TAGS["TagSet"]


def test_a_suspended_bucket_shows_null_versions_there_too(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    suspended = {"Status": "Suspended"}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended)
    for body in (b"2", b"3"):
        assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=body)
    rows = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["VersionId"] for row in rows] == ["null", first]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"3"

"""A version that is deleted is gone for good: who may do it, and what is left."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from api import Api
from live import LiveGateway, live_gateway
from wire import head, nothing_written, refused

_serial = itertools.count(1)
OWNER, KEEPER = "LGTESTOWNER000000000", "LGTESTKEEPER00000000"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway with an owner of everything, and a keeper who may do all but erase on `dev`."""
    folder = tmp_path_factory.mktemp("guarded")
    rights = ["read", "write", "delete", "admin"]
    grants = [
        {"rights": [*rights, "erase"], "buckets": "master.*"},
        {"rights": rights, "buckets": "dev.*"},
    ]
    keys = [
        {"name": "owner", "account": "main", "access_key_id": OWNER,
         "secret_access_key": "owner secret", "grants": "all"},
        {"name": "keeper", "account": "main", "access_key_id": KEEPER,
         "secret_access_key": "keeper secret", "grants": grants},
    ]  # fmt: skip
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": keys}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        yield serving


@pytest.fixture
def owner(guarded: LiveGateway) -> Any:
    return guarded.s3(OWNER, "owner secret")


@pytest.fixture
def keeper(guarded: LiveGateway) -> Any:
    return guarded.s3(KEEPER, "keeper secret")


def put(s3: Any, bucket: str, body: bytes, key: str = "k") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def test_the_version_before_is_current_again_under_its_own_id(s3: Any, bucket: str) -> None:
    first, second = put(s3, bucket, b"one"), put(s3, bucket, b"two")
    answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert answer["VersionId"] == second
    assert "DeleteMarker" not in answer
    shown = s3.get_object(Bucket=bucket, Key="k")
    assert (shown["VersionId"], shown["Body"].read()) == (first, b"one")
    with refused("NoSuchVersion", 404) as caught:
        s3.get_object(Bucket=bucket, Key="k", VersionId=second)
    assert "erased" in caught.value.response["Error"]["Message"]
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(row["VersionId"], row["IsLatest"]) for row in listed] == [(first, True)]


def test_a_key_whose_version_was_erased_elsewhere_is_absent(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    version = put(s3, bucket, b"one")
    branch = bucket.replace("master.", "dev.")
    gateway.cli("branch", "create", branch, "--from", bucket)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    with refused("NoSuchKey", 404) as caught:
        s3.get_object(Bucket=branch, Key="k")
    assert "erased" in caught.value.response["Error"]["Message"]
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=branch, Key="k", VersionId=version)
    s3.put_object(Bucket=branch, Key="k", Body=b"two", IfNoneMatch="*")
    assert s3.get_object(Bucket=branch, Key="k")["Body"].read() == b"two"


def test_a_marker_that_is_deleted_brings_the_object_back(s3: Any, bucket: str) -> None:
    version = put(s3, bucket, b"one")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert (answer["DeleteMarker"], answer["VersionId"]) == (True, marker)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == version


def test_the_tombstone_says_who_and_why(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    version = put(s3, bucket, b"one")

    def reason(request: Any, **_: Any) -> None:
        request.headers["x-amz-meta-labelgate-message"] = "asked for by the person shown"

    s3.meta.events.register("before-sign.s3.DeleteObject", reason)
    try:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    finally:
        s3.meta.events.unregister("before-sign.s3.DeleteObject", reason)
    with refused("NoSuchVersion") as caught:
        s3.get_object(Bucket=bucket, Key="k", VersionId=version)
    message = caught.value.response["Error"]["Message"]
    assert "asked for by the person shown" in message
    assert "default" in message
    commit = Api(gateway.url).get(f"/refs/{bucket}/log", limit=1).json()["commits"][0]
    assert commit["kind"] == "erase"


def test_deleting_what_is_not_there_is_done_already(s3: Any, bucket: str) -> None:
    version = put(s3, bucket, b"one")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    with nothing_written(s3, bucket):
        for which in (version, "0" * 32, "null"):
            answer = s3.delete_object(Bucket=bucket, Key="k", VersionId=which)
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
            many = s3.delete_objects(
                Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": which}]}
            )
            assert many["Deleted"] == [{"Key": "k", "VersionId": which}]
    with refused("InvalidArgument", 400):
        s3.delete_object(Bucket=bucket, Key="k", VersionId="nonsense")


def test_many_versions_and_keys_go_in_one_commit_each_with_its_result(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    first, second = put(s3, bucket, b"one"), put(s3, bucket, b"two")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    put(s3, bucket, b"x", "other")
    objects = [
        {"Key": "k", "VersionId": first}, {"Key": "k", "VersionId": marker},
        {"Key": "k", "VersionId": second}, {"Key": "other"},
        {"Key": "k", "VersionId": "nonsense"},
    ]  # fmt: skip
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    commit = Api(gateway.url).get(f"/refs/{bucket}/log", limit=1).json()["commits"][0]
    assert answer["Deleted"] == [
        {"Key": "k", "VersionId": first},
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker},
        {"Key": "k", "VersionId": second},
        {"Key": "other", "DeleteMarker": True, "DeleteMarkerVersionId": commit["id"]},
    ]
    assert [(row["Code"], row["VersionId"]) for row in answer["Errors"]] == [
        ("InvalidArgument", "nonsense")
    ]
    assert head(s3, bucket) == commit["id"]
    assert {row["Key"] for row in s3.list_object_versions(Bucket=bucket)["Versions"]} == {"other"}


def test_a_bucket_whose_versions_are_all_gone_can_be_deleted(s3: Any, bucket: str) -> None:
    put(s3, bucket, b"one")
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    page = s3.list_object_versions(Bucket=bucket)
    rows = page["Versions"] + page["DeleteMarkers"]
    objects = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket=bucket)


def test_without_the_right_a_version_stays_and_the_answer_says_so(owner: Any, keeper: Any) -> None:
    bucket = f"dev.guarded{next(_serial)}"
    owner.create_bucket(Bucket=bucket)
    version = put(owner, bucket, b"one")
    with refused("AccessDenied", 403) as caught, nothing_written(owner, bucket):
        keeper.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert "erase" in caught.value.response["Error"]["Message"]
    answer = keeper.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}, {"Key": "k"}]}
    )
    assert [row["Code"] for row in answer["Errors"]] == ["AccessDenied"]
    assert [row["Key"] for row in answer["Deleted"]] == ["k"]
    assert owner.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"one"


def test_a_retention_is_bypassed_with_the_right_to_erase_only(owner: Any, keeper: Any) -> None:
    bucket = f"dev.guarded{next(_serial)}"
    owner.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(owner, bucket, b"one")
    days = [datetime(year, 1, 1, tzinfo=UTC) for year in (2130, 2140, 2120)]
    kept = [{"Mode": "GOVERNANCE", "RetainUntilDate": day} for day in days]
    for retention in kept[:2]:  # to keep it longer takes no more than to keep it
        keeper.put_object_retention(Bucket=bucket, Key="k", Retention=retention)
    shorter = {"Bucket": bucket, "Key": "k", "Retention": kept[2]}
    with refused("AccessDenied", 403) as caught:
        keeper.put_object_retention(**shorter, BypassGovernanceRetention=True)
    assert "erase" in caught.value.response["Error"]["Message"]
    owner.put_object_retention(**shorter, BypassGovernanceRetention=True)


def test_the_right_is_needed_wherever_the_version_is_seen(
    guarded: LiveGateway, owner: Any, keeper: Any
) -> None:
    repo = f"seen{next(_serial)}"
    bucket = f"master.{repo}"
    owner.create_bucket(Bucket=bucket)
    mine = put(owner, bucket, b"one")
    api = Api(guarded.url, OWNER, "owner secret")
    api.post(f"/repos/{repo}/branches", {"name": "dev", "from": bucket})
    later = put(owner, bucket, b"two")
    with refused("AccessDenied", 403), nothing_written(owner, bucket):
        keeper.delete_object(Bucket=bucket, Key="k", VersionId=mine)
    keeper.delete_object(Bucket=bucket, Key="k", VersionId=later)  # `dev` never saw that one
    owner.delete_object(Bucket=bucket, Key="k", VersionId=mine)
    with refused("NoSuchVersion", 404):
        owner.get_object(Bucket=f"dev.{repo}", Key="k", VersionId=mine)

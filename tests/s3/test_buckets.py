"""CreateBucket, HeadBucket, ListBuckets, DeleteBucket, location and versioning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
from live import LiveGateway, live_gateway
from raw import send, signed
from wire import head, nothing_written, refused

OTHER = ("LGOTHERACCESSKEYID00", "other-secret")
ALL = ("LGALLPOWERFULKEYID00", "all-secret")


def names(client: Any) -> list[str]:
    return [row["Name"] for row in client.list_buckets()["Buckets"]]


def headers(answer: Any) -> Any:
    return answer["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("name", ["plain-{n}", "master.two-{n}", "dev.three-{n}.team"])
def test_a_bucket_is_made_by_any_of_its_spellings_and_listed_in_that_one(
    s3: Any, name: str, bucket: str
) -> None:
    name = name.format(n=bucket.rpartition("repo")[2])
    answer = s3.create_bucket(Bucket=name)
    assert answer["Location"] == f"/{name}"
    assert name in names(s3)
    assert len(head(s3, name)) == 32


def test_three_spellings_are_one_bucket(s3: Any, bucket: str) -> None:
    repo = bucket.removeprefix("master.")
    s3.put_object(Bucket=repo, Key="k", Body=b"one")
    for spelling in (repo, bucket, f"{bucket}.default"):
        assert s3.get_object(Bucket=spelling, Key="k")["Body"].read() == b"one"
        assert head(s3, spelling) == head(s3, bucket)
    assert [name for name in names(s3) if name.split(".")[:2][-1] == repo] == [bucket]


def test_creating_a_bucket_again_is_200_for_its_owner_and_changes_nothing(
    s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    with nothing_written(s3, bucket):
        for spelling in (bucket, bucket.removeprefix("master."), f"{bucket}.default"):
            assert s3.create_bucket(Bucket=spelling)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert bucket in names(s3)


def test_a_new_branch_of_a_repo_starts_empty(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    branch = bucket.replace("master.", "review.")
    s3.create_bucket(Bucket=branch)
    assert s3.list_objects_v2(Bucket=branch)["KeyCount"] == 0
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=branch, Key="k")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a.b.c.d", "4 parts"),
        ("ab", "3 to 255"),
        ("x" * 256, "3 to 255"),
        ("feature%2Fx.repo", "feature_x"),
        ("-leading", "cannot name"),
        ("two..dots", "cannot name"),
        ("0" * 32 + ".repo", "commits are read"),
        ("0" * 32, "repo"),
        ("caf%C3%A9", "cannot name"),
    ],
)
def test_a_name_of_no_such_form_is_refused_at_creation_with_the_reason(
    gateway: LiveGateway, name: str, why: str
) -> None:
    answer = signed(gateway, "PUT", f"/{name}")
    assert (answer.status, answer.code) == (400, "InvalidBucketName")
    assert why in answer.field("Message")
    assert signed(gateway, "HEAD", f"/{name}").status == 404
    missing = signed(gateway, "GET", f"/{name}?list-type=2")
    assert (missing.status, missing.code) == (404, "NoSuchBucket")
    assert missing.field("BucketName")


@pytest.mark.parametrize("operation", ["head_bucket", "list_objects_v2", "delete_bucket"])
def test_a_bucket_that_is_not_there_is_404(s3: Any, operation: str) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(s3, operation)(Bucket="master.nowhere")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert caught.value.response["Error"]["Code"] in {"404", "NoSuchBucket"}


def test_the_location_constraint_is_kept_and_answered(s3: Any, bucket: str) -> None:
    here = bucket.replace("master.", "oslo.")
    s3.create_bucket(Bucket=here, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    s3.create_bucket(Bucket=here, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=here)["LocationConstraint"] == "eu-north-1"
    assert headers(s3.head_bucket(Bucket=here))["x-amz-bucket-region"] == "eu-north-1"
    assert s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") is None
    assert headers(s3.head_bucket(Bucket=bucket))["x-amz-bucket-region"] == "us-east-1"


@pytest.mark.parametrize("constraint", ["a&#10;b: c", "x" * 64, "\N{SNOWMAN}", "no spaces here"])
def test_a_location_constraint_that_is_no_word_is_refused(
    gateway: LiveGateway, s3: Any, bucket: str, constraint: str
) -> None:
    name = bucket.replace("master.", "odd.")
    body = (
        "<CreateBucketConfiguration><LocationConstraint>"
        f"{constraint}</LocationConstraint></CreateBucketConfiguration>"
    )
    answer = signed(gateway, "PUT", f"/{name}", body.encode())
    assert (answer.status, answer.code) == (400, "InvalidLocationConstraint")
    assert name not in names(s3)


@pytest.mark.parametrize(
    "body", [b"<", b"<A/>", b"{}", b"<!DOCTYPE a><CreateBucketConfiguration/>"]
)
def test_a_malformed_bucket_configuration_makes_no_bucket(
    gateway: LiveGateway, s3: Any, bucket: str, body: bytes
) -> None:
    name = bucket.replace("master.", "never.")
    answer = signed(gateway, "PUT", f"/{name}", body)
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert name not in names(s3)


def test_versioning_is_enabled(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_a_bucket_is_deletable_once_it_shows_nothing_and_not_before(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("BucketNotEmpty", 409):  # a version and a marker still show
        s3.delete_bucket(Bucket=bucket)
    empty = bucket.replace("master.", "empty.")
    s3.create_bucket(Bucket=empty)
    answer = s3.delete_bucket(Bucket=empty)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert empty not in names(s3)


def test_the_name_of_a_repo_without_branches_is_free_again(s3: Any, bucket: str) -> None:
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in names(s3)
    s3.create_bucket(Bucket=bucket)
    assert s3.list_object_versions(Bucket=bucket).get("Versions", []) == []


def test_commits_are_read_only_and_say_so(s3: Any, gateway: LiveGateway, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    repo, commit = bucket.removeprefix("master."), head(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    for name in (f"{commit}.{repo}", f"{commit}.{bucket}", f"{commit}.{bucket}.default"):
        assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"one"
        assert name not in names(s3)
        with refused("AccessDenied", 403) as caught, nothing_written(s3, bucket):
            s3.put_object(Bucket=name, Key="k", Body=b"three")
        assert "a commit never changes" in caught.value.response["Error"]["Message"]
        for write in (
            lambda name=name: s3.delete_object(Bucket=name, Key="k"),
            lambda name=name: s3.create_multipart_upload(Bucket=name, Key="k"),
            lambda name=name: s3.delete_bucket(Bucket=name),
            lambda name=name: s3.copy_object(Bucket=name, Key="n", CopySource=f"{bucket}/k"),
            lambda name=name: s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]}),
        ):
            with refused("AccessDenied", 403), nothing_written(s3, bucket):
                write()
        assert s3.list_multipart_uploads(Bucket=name).get("Uploads", []) == []
        with refused("NoSuchUpload", 404):
            s3.list_parts(Bucket=name, Key="k", UploadId="0" * 32)


def test_tags_are_read_only_and_show_their_commit_for_ever(
    s3: Any, gateway: LiveGateway, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    tagged = bucket.replace("master.", "v1_0.")
    gateway.cli("tag", "create", tagged, "--from", bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    s3.put_object(Bucket=bucket, Key="later", Body=b"x")
    assert s3.get_object(Bucket=tagged, Key="k")["Body"].read() == b"one"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=tagged)["Contents"]] == ["k"]
    assert tagged not in names(s3)
    with refused("AccessDenied", 403) as caught:
        s3.put_object(Bucket=tagged, Key="k", Body=b"three")
    assert "a tag never changes" in caught.value.response["Error"]["Message"]
    with refused("InvalidBucketName", 400):
        s3.create_bucket(Bucket=tagged)


def test_a_commit_of_another_repo_is_no_such_bucket(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    commit = head(s3, bucket)
    other = f"other-{bucket.removeprefix('master.')}"
    s3.create_bucket(Bucket=other)
    for name in (f"{commit}.{other}", f"{'0' * 32}.{other}", f"{commit}.nobranch.{other}"):
        with refused("NoSuchBucket", 404):
            s3.get_object(Bucket=name, Key="k")


def test_list_buckets_can_be_narrowed_by_a_prefix(s3: Any, bucket: str) -> None:
    found = s3.list_buckets(Prefix=bucket)["Buckets"]
    assert bucket in [row["Name"] for row in found]
    assert all(row["Name"].startswith(bucket) for row in found)


def test_list_buckets_comes_in_pages(s3: Any, bucket: str) -> None:
    made = [f"{bucket.replace('master', branch)}" for branch in ("a", "b", "c")]
    repo = bucket.partition(".")[2]
    for name in made:
        s3.create_bucket(Bucket=name)
    wanted = [name for name in names(s3) if name.endswith(f".{repo}")]
    assert wanted == [*made, bucket]
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = s3.list_buckets(MaxBuckets=1, Prefix="b.", **more)
        found += [row["Name"] for row in page["Buckets"]]
        assert len(page["Buckets"]) <= 1
        assert {row["BucketRegion"] for row in page["Buckets"]} <= {"us-east-1"}
        if "ContinuationToken" not in page:
            break
        more = {"ContinuationToken": page["ContinuationToken"]}
    assert found == [name for name in names(s3) if name.startswith("b.")]
    assert made[1] in found


def test_list_buckets_can_be_narrowed_by_region(s3: Any, bucket: str) -> None:
    name = bucket.replace("master", "west")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    found = s3.list_buckets(BucketRegion="eu-west-1", Prefix="west.")["Buckets"]
    assert [(row["Name"], row["BucketRegion"]) for row in found] == [(name, "eu-west-1")]
    listed = s3.list_objects_v2(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    assert listed["x-amz-bucket-region"] == "eu-west-1"


@pytest.mark.parametrize(
    "query",
    ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=%21",
     "continuation-token=_w"],
)  # fmt: skip
def test_a_page_of_buckets_that_cannot_be_is_an_invalid_argument(
    gateway: LiveGateway, query: str
) -> None:
    answer = signed(gateway, "GET", f"/?{query}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.field("ArgumentName") == query.partition("=")[0]


def test_the_owner_that_a_client_expects_is_checked(s3: Any, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="default")
    with refused("AccessDenied", 403), nothing_written(s3, bucket):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner="somebody-else")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway with three keys: account default (all), other (own), auditors (all)."""
    folder = tmp_path_factory.mktemp("accounts")
    keys = [
        {"name": "other", "account": "other", "grants": "own"}
        | dict(zip(("access_key_id", "secret_access_key"), OTHER, strict=True)),
        {"name": "auditor", "account": "auditors", "grants": "all"}
        | dict(zip(("access_key_id", "secret_access_key"), ALL, strict=True)),
    ]
    file: Path = folder / "keys.json"
    file.write_text(json.dumps({"keys": keys}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        yield serving


def test_another_accounts_bucket_is_taken_closed_and_not_listed(shared: LiveGateway) -> None:
    mine, theirs = shared.s3(), shared.s3(*OTHER)
    mine.create_bucket(Bucket="master.mine")
    mine.put_object(Bucket="master.mine", Key="k", Body=b"secret")
    before = head(mine, "master.mine")
    for name in ("master.mine", "mine", "dev.mine"):
        with refused("BucketAlreadyExists", 409):
            theirs.create_bucket(Bucket=name)
    assert names(theirs) == []
    for attempt in (
        lambda: theirs.get_object(Bucket="mine", Key="k"),
        lambda: theirs.put_object(Bucket="mine", Key="k", Body=b"x"),
        lambda: theirs.delete_object(Bucket="mine", Key="k"),
        lambda: theirs.list_objects_v2(Bucket="mine"),
        lambda: theirs.list_object_versions(Bucket="mine"),
        lambda: theirs.get_bucket_location(Bucket="mine"),
        lambda: theirs.create_multipart_upload(Bucket="mine", Key="k"),
        lambda: theirs.delete_objects(Bucket="mine", Delete={"Objects": [{"Key": "k"}]}),
        lambda: theirs.get_object(Bucket=f"{before}.mine", Key="k"),
        lambda: theirs.delete_bucket(Bucket="mine"),
    ):
        with refused("AccessDenied", 403):
            attempt()
    assert head(mine, "master.mine") == before


def test_a_copy_needs_the_right_to_read_its_source(shared: LiveGateway) -> None:
    mine, theirs = shared.s3(), shared.s3(*OTHER)
    mine.create_bucket(Bucket="source")
    mine.put_object(Bucket="source", Key="k", Body=b"secret")
    theirs.create_bucket(Bucket="target")
    with refused("AccessDenied", 403), nothing_written(theirs, "target"):
        theirs.copy_object(Bucket="target", Key="k", CopySource="source/k")
    assert names(theirs) == ["target"]
    assert theirs.list_buckets()["Owner"]["ID"] == "other"


def test_a_key_with_all_rights_works_in_everybodys_buckets(shared: LiveGateway) -> None:
    theirs, auditor = shared.s3(*OTHER), shared.s3(*ALL)
    theirs.create_bucket(Bucket="audited")
    theirs.put_object(Bucket="audited", Key="k", Body=b"one")
    assert auditor.get_object(Bucket="audited", Key="k")["Body"].read() == b"one"
    assert "audited" in names(auditor)
    auditor.create_bucket(Bucket="audited")
    auditor.create_bucket(Bucket="dev.audited")  # a branch of a repo that stays its owner's
    theirs.put_object(Bucket="dev.audited", Key="k", Body=b"two")


def test_unsigned_requests_see_nothing(gateway: LiveGateway, bucket: str) -> None:
    for method, target in [("GET", "/"), ("GET", f"/{bucket}"), ("PUT", f"/{bucket}/k")]:
        answer = send(gateway, method, target)
        assert (answer.status, answer.code) == (403, "AccessDenied")


def test_only_names_that_aws_takes_where_that_is_asked_for(tmp_path: Path) -> None:
    with live_gateway(tmp_path, LABELGATE_BUCKET_NAMES="s3") as gateway:
        s3 = gateway.s3()
        for name in ("my_labels", "Labels", "labels-", "master.my_labels"):
            with refused("InvalidBucketName", 400):
                s3.create_bucket(Bucket=name)
        s3.create_bucket(Bucket="dev.my-labels")
        assert names(s3) == ["dev.my-labels"]

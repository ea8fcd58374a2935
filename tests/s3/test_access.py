"""Who gets what: foreign accounts, limited keys and requests that nobody signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from raw import send, send_bytes, signed

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    """The code that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def keys(page: Any) -> list[str]:
    return [one["Key"] for one in page.get("Contents", [])]


# ---- other accounts, and nobody


def test_another_account_is_told_403_for_what_is_there_and_404_for_what_is_not(
    accounts: Any, hers: str
) -> None:
    for client in (accounts.bob, accounts.nobody):
        for bucket, codes in [
            (hers, ("AccessDenied", "403")),
            ("nowhere", ("NoSuchBucket", "404")),
        ]:
            assert refused(client.get_object, Bucket=bucket, Key="k") == codes[0]
            assert refused(client.get_object, Bucket=bucket, Key="missing") == codes[0]
            assert refused(client.put_object, Bucket=bucket, Key="k", Body=b"") == codes[0]
            assert refused(client.delete_object, Bucket=bucket, Key="k") == codes[0]
            assert refused(client.list_objects_v2, Bucket=bucket) == codes[0]
            assert refused(client.get_bucket_acl, Bucket=bucket) == codes[0]
            assert refused(client.head_bucket, Bucket=bucket) == codes[1]
            assert refused(client.head_object, Bucket=bucket, Key="k") == codes[1]


def test_lists_of_buckets_are_of_ones_own(accounts: Any, hers: str) -> None:
    accounts.alice.put_bucket_acl(Bucket=hers, ACL="public-read")
    for client in (accounts.alice, accounts.root):
        assert hers in [one["Name"] for one in client.list_buckets()["Buckets"]]
    assert hers not in [one["Name"] for one in accounts.bob.list_buckets()["Buckets"]]
    assert refused(accounts.nobody.list_buckets) == "AccessDenied"
    assert refused(accounts.nobody.create_bucket, Bucket="nobodys") == "AccessDenied"


def test_nobody_is_refused_before_the_body_is_asked_for(accounts: Any, hers: str) -> None:
    head = f"PUT /{hers}/k HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    answer = send_bytes(accounts.gateway, head.encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"100 Continue" not in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("scheme", ["Bearer abc", "Basic eDp5", "Digest x"])
def test_another_scheme_is_an_invalid_argument(accounts: Any, hers: str, scheme: str) -> None:
    answer = send(accounts.gateway, "GET", f"/{hers}/k", headers={"Authorization": scheme})
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.field("ArgumentValue") == scheme.split(maxsplit=1)[0]


def test_nobody_reads_and_writes_where_everybody_may(accounts: Any, hers: str) -> None:
    accounts.alice.put_bucket_acl(Bucket=hers, ACL="public-read-write")
    assert keys(accounts.nobody.list_objects_v2(Bucket=hers)) == ["k"]
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="k") == "AccessDenied"
    accounts.nobody.put_object(Bucket=hers, Key="theirs", Body=b"x")
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="theirs") == "AccessDenied"
    found = accounts.alice.get_object_acl(Bucket=hers, Key="theirs")
    assert found["Owner"]["ID"] == "alice"
    accounts.nobody.delete_object(Bucket=hers, Key="theirs")
    answer = send(accounts.gateway, "GET", f"/{hers}/k?response-content-type=text%2Fhtml")
    assert (answer.status, answer.code) == (400, "InvalidRequest")


def test_a_signature_that_is_wrong_is_not_nobodys(accounts: Any, hers: str) -> None:
    accounts.alice.put_object_acl(Bucket=hers, Key="k", ACL="public-read")
    assert accounts.nobody.get_object(Bucket=hers, Key="k")["Body"].read() == b"hers"
    answer = signed(accounts.gateway, "GET", f"/{hers}/k", secret="wrong")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


# ---- limited keys


def test_a_list_shows_what_a_key_may_read_and_nothing_else(accounts: Any, shared: str) -> None:
    reader = accounts.reader
    assert keys(reader.list_objects_v2(Bucket=shared)) == ["team/1", "team/sub/2"]
    assert keys(reader.list_objects(Bucket=shared, Prefix="te")) == ["team/1", "team/sub/2"]
    assert keys(reader.list_objects(Bucket=shared, Prefix="team/s")) == ["team/sub/2"]
    rolled = reader.list_objects_v2(Bucket=shared, Delimiter="/")
    assert (keys(rolled), rolled["CommonPrefixes"]) == ([], [{"Prefix": "team/"}])
    deeper = reader.list_objects_v2(Bucket=shared, Prefix="team/", Delimiter="/")
    assert (keys(deeper), deeper["CommonPrefixes"]) == (["team/1"], [{"Prefix": "team/sub/"}])
    versions = reader.list_object_versions(Bucket=shared)["Versions"]
    assert [one["Key"] for one in versions] == ["team/1", "team/sub/2"]
    for prefix in ("z", "teamwork", "b"):
        assert refused(reader.list_objects_v2, Bucket=shared, Prefix=prefix) == "AccessDenied"
        assert refused(reader.list_object_versions, Bucket=shared, Prefix=prefix) == "AccessDenied"


def test_pages_of_a_limited_list_go_on_where_they_stopped(accounts: Any, shared: str) -> None:
    pages = accounts.reader.get_paginator("list_objects_v2").paginate(
        Bucket=shared, PaginationConfig={"PageSize": 1}
    )
    found = [keys(page) for page in pages]
    assert found == [["team/1"], ["team/sub/2"]]


def test_a_key_does_what_its_grants_give_where_they_give_it(accounts: Any, shared: str) -> None:
    reader = accounts.reader
    assert reader.get_object(Bucket=shared, Key="team/1")["Body"].read() == b"team/1"
    assert reader.head_bucket(Bucket=shared)
    assert refused(reader.get_object, Bucket=shared, Key="team/missing") == "NoSuchKey"
    for key in ("a", "teamwork", "missing"):
        assert refused(reader.get_object, Bucket=shared, Key=key) == "AccessDenied"
    assert refused(reader.put_object, Bucket=shared, Key="team/1", Body=b"") == "AccessDenied"
    assert refused(reader.delete_object, Bucket=shared, Key="team/1") == "AccessDenied"
    assert refused(reader.delete_bucket, Bucket=shared) == "AccessDenied"
    assert refused(reader.put_bucket_acl, Bucket=shared, ACL="private") == "AccessDenied"
    writing = {"Bucket": shared, "Key": "k", "Body": b""}
    assert refused(accounts.writer.put_object, **writing) == "AccessDenied"
    branch = f"dev-1.{shared}"
    accounts.root.create_bucket(Bucket=branch)
    accounts.writer.put_object(**{**writing, "Bucket": branch})
    assert branch in [one["Name"] for one in accounts.writer.list_buckets()["Buckets"]]
    assert shared not in [one["Name"] for one in accounts.writer.list_buckets()["Buckets"]]


def test_a_commit_and_its_versions_are_read_where_their_branch_is(
    accounts: Any, shared: str
) -> None:
    version = accounts.root.head_object(Bucket=shared, Key="team/1")["VersionId"]
    pinned = f"{version}.{shared}"
    reader = accounts.reader
    assert reader.get_object(Bucket=pinned, Key="team/1")["Body"].read() == b"team/1"
    assert reader.get_object(Bucket=shared, Key="team/1", VersionId=version)
    assert keys(reader.list_objects_v2(Bucket=pinned)) == ["team/1"]
    assert refused(reader.get_object, Bucket=pinned, Key="a") == "AccessDenied"
    assert refused(accounts.writer.get_object, Bucket=pinned, Key="team/1") == "AccessDenied"


def test_a_copy_takes_read_on_its_source_and_write_on_its_target(
    accounts: Any, shared: str
) -> None:
    branch = f"dev-2.{shared}"
    accounts.root.create_bucket(Bucket=branch)
    accounts.root.put_object(Bucket=branch, Key="own", Body=b"own")
    copy = accounts.writer.copy_object
    copy(Bucket=branch, Key="copy", CopySource={"Bucket": branch, "Key": "own"})
    source = {"Bucket": shared, "Key": "team/1"}
    assert refused(copy, Bucket=branch, Key="copy", CopySource=source) == "AccessDenied"
    upload = accounts.writer.create_multipart_upload(Bucket=branch, Key="big")["UploadId"]
    part = {"Bucket": branch, "Key": "big", "UploadId": upload, "PartNumber": 1}
    refusal = refused(accounts.writer.upload_part_copy, **part, CopySource=source)
    assert refusal == "AccessDenied"
    accounts.root.put_object(Bucket=branch, Key="a b", Body=b"spaced")
    plus = {"x-amz-copy-source": f"{branch}/a+b"}
    writer = {"access": "LGTESTWRITER", "secret": "secret of writer"}
    assert signed(accounts.gateway, "PUT", f"/{branch}/copy", b"", plus, **writer).status == 200
    to_shared = {"Bucket": shared, "Key": "x", "CopySource": {"Bucket": branch, "Key": "own"}}
    assert refused(copy, **to_shared) == "AccessDenied"


def test_uploads_under_way_are_listed_where_they_may_be_read(accounts: Any, shared: str) -> None:
    for key in ("team/up", "z", "team/up"):
        accounts.root.create_multipart_upload(Bucket=shared, Key=key)
    for page in (1, 10):
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = accounts.reader.list_multipart_uploads(Bucket=shared, MaxUploads=page, **more)
            found += [one["Key"] for one in answer.get("Uploads", [])]
            if not answer["IsTruncated"]:
                break
            more = {
                "KeyMarker": answer["NextKeyMarker"],
                "UploadIdMarker": answer["NextUploadIdMarker"],
            }
        assert found == ["team/up", "team/up"]
    listing = accounts.reader.list_multipart_uploads
    assert refused(listing, Bucket=shared, Prefix="z") == "AccessDenied"


def test_each_key_of_a_delete_is_judged_by_itself(accounts: Any, hers: str) -> None:
    accounts.alice.put_object(Bucket=hers, Key="open/1", Body=b"")
    policy = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": "bob"},
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{hers}/open/*",
        }
    }
    accounts.alice.put_bucket_policy(Bucket=hers, Policy=json.dumps(policy))
    wanted = {"Objects": [{"Key": "k"}, {"Key": "open/1"}]}
    found = accounts.bob.delete_objects(Bucket=hers, Delete=wanted)
    assert [one["Key"] for one in found["Deleted"]] == ["open/1"]
    assert [(one["Key"], one["Code"]) for one in found["Errors"]] == [("k", "AccessDenied")]
    assert keys(accounts.alice.list_objects_v2(Bucket=hers)) == ["k"]
    answer = refused(accounts.nobody.delete_objects, Bucket="nowhere", Delete=wanted)
    assert answer == "NoSuchBucket"


def test_buckets_are_made_with_admin_on_their_names(accounts: Any, shared: str) -> None:
    accounts.maker.create_bucket(Bucket="made1")
    accounts.maker.put_object(Bucket="made1", Key="k", Body=b"")
    accounts.maker.create_bucket(Bucket="dev.made1")
    assert refused(accounts.maker.create_bucket, Bucket="other1") == "AccessDenied"
    assert refused(accounts.reader.create_bucket, Bucket=f"dev.{shared}") == "BucketAlreadyExists"
    assert refused(accounts.bob.create_bucket, Bucket="dev2.made1") == "BucketAlreadyExists"


def test_a_version_that_another_branch_shows_is_not_erased_without_the_right_there(
    accounts: Any, shared: str
) -> None:
    version = accounts.root.head_object(Bucket=shared, Key="a")["VersionId"]
    accounts.gateway.cli("branch", "create", f"kept.{shared}", "--from", shared)
    erase = {"Bucket": shared, "Key": "a", "VersionId": version}
    assert refused(accounts.cleaner.delete_object, **erase) == "AccessDenied"
    assert refused(accounts.cleaner.delete_object, Bucket=shared, Key="a") == "AccessDenied"
    assert refused(accounts.reader.delete_object, **erase) == "AccessDenied"
    accounts.gateway.cli("branch", "delete", f"kept.{shared}")
    accounts.cleaner.delete_object(**erase)
    assert refused(accounts.root.get_object, **erase) in {"NoSuchVersion", "NoSuchKey"}


def test_a_token_of_ones_own_making_lists_no_other_branch(accounts: Any, shared: str) -> None:
    accounts.root.create_bucket(Bucket=f"dev-x.{shared}")
    for key in ("1", "2"):
        accounts.root.put_object(Bucket=f"dev-x.{shared}", Key=key)
    listed = {"Bucket": f"dev-x.{shared}", "MaxKeys": 1}
    first = accounts.writer.list_objects_v2(**listed)
    token = first["NextContinuationToken"]
    accounts.root.delete_object(Bucket=f"dev-x.{shared}", Key="2")
    assert keys(accounts.writer.list_objects_v2(**listed, ContinuationToken=token)) == ["2"]
    here = first["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"]
    master = accounts.root.head_bucket(Bucket=shared)["ResponseMetadata"]["HTTPHeaders"]
    padded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    forged = padded.replace(here, master["x-labelgate-commit"])
    token = base64.urlsafe_b64encode(forged.encode()).decode().rstrip("=")
    again = {**listed, "ContinuationToken": token}
    assert refused(accounts.writer.list_objects_v2, **again) == "AccessDenied"


def test_object_lock_is_set_with_admin_also_in_the_request_that_writes(
    accounts: Any, hers: str
) -> None:
    lock = {"ObjectLockEnabled": "Enabled"}
    accounts.alice.put_object_lock_configuration(Bucket=hers, ObjectLockConfiguration=lock)
    accounts.alice.put_bucket_acl(Bucket=hers, ACL="public-read-write")
    until = datetime(2140, 1, 1, tzinfo=UTC)
    kept = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    for held in (kept, {"ObjectLockLegalHoldStatus": "ON"}):
        named = {"Bucket": hers, "Key": "theirs", **held}
        for guest in (accounts.bob, accounts.nobody):
            assert refused(guest.put_object, **named, ChecksumAlgorithm="CRC32") == "AccessDenied"
            assert refused(guest.create_multipart_upload, **named) == "AccessDenied"
    assert keys(accounts.alice.list_objects_v2(Bucket=hers)) == ["k"]


def test_a_version_that_another_branch_shows_is_not_let_go_without_the_right_there(
    accounts: Any,
) -> None:
    branches = [f"{name}.made-locked" for name in ("master", "dev")]
    accounts.root.create_bucket(Bucket=branches[0], ObjectLockEnabledForBucket=True)
    until = datetime(2140, 1, 1, tzinfo=UTC)
    accounts.root.put_object(
        Bucket=branches[0],
        Key="k",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
        ObjectLockLegalHoldStatus="ON",
    )
    accounts.gateway.cli("branch", "create", branches[1], "--from", branches[0])
    lock = {"ObjectLockEnabled": "Enabled"}
    accounts.root.put_object_lock_configuration(Bucket=branches[1], ObjectLockConfiguration=lock)
    named = {"Bucket": branches[1], "Key": "k"}
    off = {**named, "LegalHold": {"Status": "OFF"}}
    loose = {**named, "Retention": {}, "BypassGovernanceRetention": True}
    assert refused(accounts.brancher.put_object_legal_hold, **off) == "AccessDenied"
    assert refused(accounts.brancher.put_object_retention, **loose) == "AccessDenied"
    accounts.root.put_object_legal_hold(**off)
    accounts.root.put_object_retention(**loose)
    accounts.brancher.put_object_legal_hold(**named, LegalHold={"Status": "ON"})

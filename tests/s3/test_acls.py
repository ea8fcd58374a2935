"""ACLs, as botocore sets and reads them, and what they do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from raw import signed

EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers"


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def grants(found: Any) -> list[tuple[str, str]]:
    """(who, permission) of an answer."""
    return [
        (one["Grantee"].get("URI", one["Grantee"].get("ID")), one["Permission"])
        for one in found["Grants"]
    ]


def body(client: Any, bucket: str, key: str = "k") -> bytes:
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_bucket_is_its_owners_alone_until_it_is_said_otherwise(accounts: Any, hers: str) -> None:
    s3 = accounts.alice
    found = s3.get_bucket_acl(Bucket=hers)
    assert found["Owner"] == {"ID": "alice", "DisplayName": "alice"}
    assert grants(found) == [("alice", "FULL_CONTROL")]
    s3.put_bucket_acl(Bucket=hers, ACL="public-read")
    shown = grants(s3.get_bucket_acl(Bucket=hers))
    assert shown == [(EVERYBODY, "READ"), ("alice", "FULL_CONTROL")]
    s3.put_bucket_acl(Bucket=hers, GrantRead='id="bob"', GrantReadACP="id=bob")
    assert grants(s3.get_bucket_acl(Bucket=hers)) == [("bob", "READ"), ("bob", "READ_ACP")]
    assert accounts.bob.list_objects_v2(Bucket=hers)["KeyCount"] == 1
    policy = accounts.bob.get_bucket_acl(Bucket=hers)
    wanted = {name: policy[name] for name in ("Owner", "Grants")}
    assert refused(accounts.bob.put_bucket_acl, Bucket=hers, ACL="private") == "AccessDenied"
    s3.put_bucket_acl(Bucket=hers, AccessControlPolicy=wanted)
    s3.put_bucket_acl(Bucket=hers, ACL="private")
    assert refused(accounts.bob.list_objects_v2, Bucket=hers) == "AccessDenied"


def test_a_bucket_is_made_with_an_acl(accounts: Any) -> None:
    accounts.alice.create_bucket(Bucket="aclmade", ACL="public-read")
    accounts.bob.list_objects_v2(Bucket="aclmade")
    found = grants(accounts.alice.get_bucket_acl(Bucket="aclmade"))
    assert found == [(EVERYBODY, "READ"), ("alice", "FULL_CONTROL")]
    bad = {"Bucket": "aclmade2", "ACL": "public-read", "ObjectOwnership": "BucketOwnerEnforced"}
    assert refused(accounts.alice.create_bucket, **bad) == "InvalidBucketAclWithObjectOwnership"


def test_an_object_is_given_to_others_when_it_is_written_and_later(
    accounts: Any, hers: str
) -> None:
    s3 = accounts.alice
    s3.put_object(Bucket=hers, Key="open", Body=b"x", ACL="public-read")
    assert body(accounts.nobody, hers, "open") == b"x"
    s3.copy_object(Bucket=hers, Key="copy", CopySource={"Bucket": hers, "Key": "open"})
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="copy") == "AccessDenied"
    upload = s3.create_multipart_upload(Bucket=hers, Key="big", ACL="authenticated-read")
    part = {"Bucket": hers, "Key": "big", "UploadId": upload["UploadId"]}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"big")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**part, MultipartUpload=parts)
    assert body(accounts.bob, hers, "big") == b"big"
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="big") == "AccessDenied"
    before = s3.head_object(Bucket=hers, Key="k")
    s3.put_object_acl(Bucket=hers, Key="k", GrantRead="id=bob")
    assert body(accounts.bob, hers) == b"hers"
    after = s3.head_object(Bucket=hers, Key="k")
    assert (before["VersionId"], before["ETag"]) == (after["VersionId"], after["ETag"])
    assert len(s3.list_object_versions(Bucket=hers, Prefix="k")["Versions"]) == 1
    s3.put_object(Bucket=hers, Key="k", Body=b"again")
    assert refused(accounts.bob.get_object, Bucket=hers, Key="k") == "AccessDenied"
    assert accounts.bob.get_object(Bucket=hers, Key="k", VersionId=before["VersionId"])


def test_who_is_let_in_by_an_acl_owns_what_he_writes(accounts: Any, hers: str) -> None:
    accounts.alice.put_bucket_acl(Bucket=hers, GrantWrite="id=bob")
    accounts.bob.put_object(Bucket=hers, Key="his", Body=b"his")
    found = accounts.bob.get_object_acl(Bucket=hers, Key="his")
    assert found["Owner"]["ID"] == "bob"
    assert body(accounts.bob, hers, "his") == b"his"
    # The grants of a key are the authority all the same.
    assert body(accounts.alice, hers, "his") == b"his"
    accounts.bob.put_object(Bucket=hers, Key="his", Body=b"", ACL="bucket-owner-full-control")
    found = grants(accounts.alice.get_object_acl(Bucket=hers, Key="his"))
    assert found == [("alice", "FULL_CONTROL"), ("bob", "FULL_CONTROL")]
    accounts.root.put_object(Bucket=hers, Key="roots", Body=b"")
    assert accounts.root.get_object_acl(Bucket=hers, Key="roots")["Owner"]["ID"] == "alice"


def test_an_owner_may_be_preferred_or_enforced(accounts: Any, hers: str) -> None:
    s3 = accounts.alice
    missing = refused(s3.get_bucket_ownership_controls, Bucket=hers)
    assert missing == "OwnershipControlsNotFoundError"
    s3.put_bucket_acl(Bucket=hers, GrantWrite="id=bob")

    def own(setting: str) -> None:
        controls = {"Rules": [{"ObjectOwnership": setting}]}
        s3.put_bucket_ownership_controls(Bucket=hers, OwnershipControls=controls)
        assert s3.get_bucket_ownership_controls(Bucket=hers)["OwnershipControls"] == controls

    def owner() -> str:
        return str(s3.get_object_acl(Bucket=hers, Key="his")["Owner"]["ID"])

    writing = {"Bucket": hers, "Key": "his", "Body": b""}
    own("BucketOwnerPreferred")
    accounts.bob.put_object(**writing)
    assert owner() == "bob"
    accounts.bob.put_object(**writing, ACL="bucket-owner-full-control")
    assert owner() == "alice"
    with pytest.raises(ClientError) as caught:
        own("BucketOwnerEnforced")
    assert caught.value.response["Error"]["Code"] == "InvalidBucketAclWithObjectOwnership"
    accounts.bob.put_object(**writing)
    s3.put_bucket_acl(Bucket=hers, ACL="private")
    own("BucketOwnerEnforced")
    assert owner() == "alice"
    assert refused(accounts.bob.get_object, Bucket=hers, Key="his") == "AccessDenied"
    s3.put_object(**writing, ACL="bucket-owner-full-control")
    for call, arguments in [
        (s3.put_object, {**writing, "ACL": "public-read"}),
        (s3.put_bucket_acl, {"Bucket": hers, "ACL": "public-read"}),
        (s3.put_object_acl, {"Bucket": hers, "Key": "his", "ACL": "public-read"}),
    ]:
        assert refused(call, **arguments) == "AccessControlListNotSupported"
    s3.delete_bucket_ownership_controls(Bucket=hers)
    missing = refused(s3.get_bucket_ownership_controls, Bucket=hers)
    assert missing == "OwnershipControlsNotFoundError"


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"", 400, "MissingSecurityHeader"),
        ({"x-amz-acl": "private"}, b"<x/>", 400, "UnexpectedContent"),
        ({"x-amz-acl": "public-ready"}, b"", 400, "InvalidArgument"),
        ({"x-amz-acl": "log-delivery-write"}, b"", 501, "NotImplemented"),
        ({}, b"<AccessControlPolicy/>", 400, "MalformedACLError"),
        ({}, b"<", 400, "MalformedACLError"),
        (
            {"x-amz-grant-read": "emailAddress=a@example.org"},
            b"",
            400,
            "UnresolvableGrantByEmailAddress",
        ),
        ({"x-amz-grant-read": "id=nobody"}, b"", 400, "InvalidArgument"),
    ],
)
def test_an_acl_that_is_none_is_refused_and_nothing_changes(
    accounts: Any, hers: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    key = {"access": "LGTESTALICE", "secret": "secret of alice"}
    for target in (f"/{hers}?acl", f"/{hers}/k?acl"):
        answer = signed(accounts.gateway, "PUT", target, body, headers, **key)
        assert (answer.status, answer.code) == (status, code)
    assert grants(accounts.alice.get_bucket_acl(Bucket=hers)) == [("alice", "FULL_CONTROL")]


def test_a_read_only_state_has_no_acl_to_set(accounts: Any, hers: str) -> None:
    commit = accounts.alice.head_object(Bucket=hers, Key="k")["VersionId"]
    pinned = f"{commit}.{hers}"
    assert grants(accounts.alice.get_bucket_acl(Bucket=pinned)) == [("alice", "FULL_CONTROL")]
    for call, more in [("put_bucket_acl", {}), ("put_object_acl", {"Key": "k"})]:
        setting = getattr(accounts.alice, call)
        assert refused(setting, Bucket=pinned, ACL="public-read", **more) == "AccessDenied"

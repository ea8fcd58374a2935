"""Bucket policies and public access blocks against the running server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def policy(bucket: str, **changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=1)


def body(client: Any, bucket: str, key: str = "k", **more: Any) -> bytes:
    return bytes(client.get_object(Bucket=bucket, Key=key, **more)["Body"].read())


def test_a_policy_is_kept_as_it_was_set_and_counts_until_it_goes(accounts: Any, hers: str) -> None:
    s3 = accounts.alice
    assert refused(s3.get_bucket_policy, Bucket=hers) == "NoSuchBucketPolicy"
    text = policy(hers)
    s3.put_bucket_policy(Bucket=hers, Policy=text)
    assert s3.get_bucket_policy(Bucket=hers)["Policy"] == text
    assert body(accounts.nobody, hers) == b"hers"
    assert refused(accounts.nobody.list_objects_v2, Bucket=hers) == "AccessDenied"
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="missing") == "AccessDenied"
    assert refused(accounts.bob.put_bucket_policy, Bucket=hers, Policy=text) == "AccessDenied"
    s3.delete_bucket_policy(Bucket=hers)
    s3.delete_bucket_policy(Bucket=hers)
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="k") == "AccessDenied"


def test_a_policy_that_denies_binds_its_owner_until_the_owner_takes_it_away(
    accounts: Any, hers: str
) -> None:
    s3 = accounts.alice
    text = policy(hers, Effect="Deny", Action="s3:*", Resource=[
        f"arn:aws:s3:::{hers}", f"arn:aws:s3:::master.{hers}/*"])  # fmt: skip
    s3.put_bucket_policy(Bucket=hers, Policy=text)
    for client in (s3, accounts.root):
        assert refused(client.get_object, Bucket=hers, Key="k") == "AccessDenied"
        assert refused(client.put_object, Bucket=f"master.{hers}", Key="k") == "AccessDenied"
        assert refused(client.list_objects_v2, Bucket=f"master.{hers}.default") == "AccessDenied"
        assert refused(client.delete_bucket, Bucket=hers) == "AccessDenied"
        assert client.get_bucket_policy(Bucket=hers)["Policy"] == text
    s3.delete_bucket_policy(Bucket=hers)
    assert body(s3, hers) == b"hers"


def test_conditions_are_those_of_the_request(accounts: Any, hers: str) -> None:
    s3, bob = accounts.alice, accounts.bob
    s3.put_bucket_policy(
        Bucket=hers,
        Policy=policy(hers, Action="s3:PutObject", Condition={
            "StringEquals": {"s3:x-amz-acl": "private", "s3:RequestObjectTag/team": "a"}}),
    )  # fmt: skip
    writing = {"Bucket": hers, "Key": "w", "Body": b""}
    assert refused(bob.put_object, **writing) == "AccessDenied"
    assert refused(bob.put_object, **writing, ACL="private", Tagging="team=b") == "AccessDenied"
    bob.put_object(**writing, ACL="private", Tagging="x=y&team=a")
    s3.put_bucket_policy(
        Bucket=hers,
        Policy=policy(hers, Condition={"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}),
    )
    assert refused(bob.get_object, Bucket=hers, Key="k") == "AccessDenied"
    s3.put_bucket_policy(
        Bucket=hers,
        Policy=policy(hers, Condition={"StringEquals": {"s3:ExistingObjectTag/team": "a"}}),
    )
    assert refused(bob.get_object, Bucket=hers, Key="k") == "AccessDenied"
    assert body(bob, hers, "w") == b""


def test_reading_a_version_takes_its_own_action(accounts: Any, hers: str) -> None:
    version = accounts.alice.head_object(Bucket=hers, Key="k")["VersionId"]
    accounts.alice.put_bucket_policy(Bucket=hers, Policy=policy(hers))
    reading = {"Bucket": hers, "Key": "k", "VersionId": version}
    assert refused(accounts.bob.get_object, **reading) == "AccessDenied"
    by_commit = {"Bucket": f"{version}.{hers}", "Key": "k"}
    assert refused(accounts.bob.get_object, **by_commit) == "AccessDenied"
    text = policy(hers, Action=["s3:GetObject", "s3:GetObjectVersion"])
    accounts.alice.put_bucket_policy(Bucket=hers, Policy=text)
    assert body(accounts.bob, hers, VersionId=version) == b"hers"
    assert body(accounts.bob, f"{version}.{hers}") == b"hers"


@pytest.mark.parametrize(
    ("action", "more"),
    [("s3:PutObjectTagging", {"Tagging": "a=b"}), ("s3:PutObjectAcl", {"ACL": "private"})],
)
def test_what_is_denied_alone_is_denied_beside_a_write(
    accounts: Any, hers: str, action: str, more: dict[str, str]
) -> None:
    s3 = accounts.alice
    s3.put_bucket_policy(Bucket=hers, Policy=policy(hers, Effect="Deny", Action=action))
    source = {"Bucket": hers, "Key": "k"}
    for call, given in [
        (s3.put_object, {"Body": b""}),
        (s3.create_multipart_upload, {}),
        (s3.copy_object, {"CopySource": source, "TaggingDirective": "REPLACE"}),
    ]:
        assert refused(call, Bucket=hers, Key="n", **given, **more) == "AccessDenied"
    s3.put_object(Bucket=hers, Key="n", Body=b"")


def test_tags_that_come_in_a_document_are_the_requests_too(accounts: Any, hers: str) -> None:
    s3, bob = accounts.alice, accounts.bob
    own = {"StringEquals": {"s3:RequestObjectTag/level": "secret"}}
    s3.put_bucket_policy(
        Bucket=hers,
        Policy=policy(hers, Effect="Deny", Action="s3:PutObjectTagging", Condition=own),
    )

    def tagged(level: str) -> dict[str, Any]:
        tags = {"TagSet": [{"Key": "level", "Value": level}]}
        return {"Bucket": hers, "Key": "k", "Tagging": tags}

    assert refused(s3.put_object_tagging, **tagged("secret")) == "AccessDenied"
    s3.put_object_tagging(**tagged("open"))
    s3.put_object(Bucket=hers, Key="from", Tagging="level=open")
    assert refused(s3.put_object, Bucket=hers, Key="n", Tagging="level=secret") == "AccessDenied"
    assert refused(bob.put_object, Bucket=hers, Key="n", Tagging="level=open") == "AccessDenied"


def test_a_policy_never_lets_others_erase_or_administer(accounts: Any, hers: str) -> None:
    resources = [f"arn:aws:s3:::{hers}", f"arn:aws:s3:::{hers}/*"]
    accounts.alice.put_bucket_policy(
        Bucket=hers, Policy=policy(hers, Action="*", Resource=resources)
    )
    version = accounts.alice.head_object(Bucket=hers, Key="k")["VersionId"]
    bob = accounts.bob
    bob.put_object(Bucket=hers, Key="his", Body=b"")
    bob.delete_object(Bucket=hers, Key="his")
    for call, arguments in [
        (bob.delete_object, {"Key": "k", "VersionId": version}),
        (bob.delete_bucket, {}),
        (bob.put_bucket_acl, {"ACL": "public-read"}),
        (bob.put_object_acl, {"Key": "k", "ACL": "public-read"}),
        (bob.delete_bucket_policy, {}),
        (bob.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Suspended"}}),
    ]:
        assert refused(call, Bucket=hers, **arguments) == "AccessDenied"
    # What is so already may be asked for: nothing changes.
    bob.put_bucket_acl(Bucket=hers, ACL="private")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Condition": {"ArnLike": {"aws:SourceArn": "x"}}}, "aws:SourceArn"),
        ({"NotPrincipal": {"AWS": "bob"}}, "NotPrincipal"),
        ({"Action": "s3:PutBucketAcl"}, "s3:PutBucketAcl"),
        ({"Resource": "arn:aws:s3:::elsewhere/*"}, "elsewhere"),
    ],
)
def test_what_is_not_evaluated_is_refused_and_the_old_policy_stays(
    accounts: Any, hers: str, changes: dict[str, Any], why: str
) -> None:
    before = policy(hers)
    accounts.alice.put_bucket_policy(Bucket=hers, Policy=before)
    with pytest.raises(ClientError, match=why) as caught:
        accounts.alice.put_bucket_policy(Bucket=hers, Policy=policy(hers, **changes))
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    assert accounts.alice.get_bucket_policy(Bucket=hers)["Policy"] == before


def test_a_block_refuses_what_would_be_public_and_ignores_what_is(accounts: Any, hers: str) -> None:
    s3 = accounts.alice
    assert (
        refused(s3.get_public_access_block, Bucket=hers) == "NoSuchPublicAccessBlockConfiguration"
    )

    def public() -> bool:
        return bool(s3.get_bucket_policy_status(Bucket=hers)["PolicyStatus"]["IsPublic"])

    def block(**flags: bool) -> None:
        s3.put_public_access_block(Bucket=hers, PublicAccessBlockConfiguration=flags)

    assert not public()
    s3.put_object_acl(Bucket=hers, Key="k", ACL="public-read")
    s3.put_bucket_acl(Bucket=hers, ACL="public-read")
    assert public()
    block(IgnorePublicAcls=True)
    assert not public()
    for call, more in [("list_objects_v2", {}), ("get_object", {"Key": "k"})]:
        assert refused(getattr(accounts.nobody, call), Bucket=hers, **more) == "AccessDenied"
    block(BlockPublicAcls=True)
    assert body(accounts.nobody, hers) == b"hers"
    opening = {"Bucket": hers, "ACL": "authenticated-read"}
    for call, more in [
        ("put_bucket_acl", {}),
        ("put_object_acl", {"Key": "k"}),
        ("put_object", {"Key": "n", "Body": b""}),
        ("create_multipart_upload", {"Key": "n"}),
        ("copy_object", {"Key": "n", "CopySource": {"Bucket": hers, "Key": "k"}}),
    ]:
        assert refused(getattr(s3, call), **opening, **more) == "AccessDenied"
    block(BlockPublicPolicy=True)
    text = policy(hers, Principal={"AWS": ["bob", "*"]})
    assert refused(s3.put_bucket_policy, Bucket=hers, Policy=text) == "AccessDenied"
    s3.put_bucket_policy(Bucket=hers, Policy=policy(hers, Principal={"AWS": "bob"}))
    s3.delete_public_access_block(Bucket=hers)
    s3.put_bucket_policy(Bucket=hers, Policy=text)
    s3.put_object_acl(Bucket=hers, Key="k", ACL="private")
    assert body(accounts.nobody, hers) == b"hers"
    block(RestrictPublicBuckets=True)
    for client in (accounts.nobody, accounts.bob):
        assert refused(client.get_object, Bucket=hers, Key="k") == "AccessDenied"
    assert body(s3, hers) == b"hers"


@pytest.mark.parametrize(
    "condition",
    [{"StringEquals": {"aws:username": "anonymous"}}, {"Null": {"aws:username": "false"}}],
)
def test_nobody_has_a_name_that_a_policy_could_let_in(
    accounts: Any, hers: str, condition: dict[str, Any]
) -> None:
    text = policy(hers, Condition=condition)
    accounts.alice.put_bucket_policy(Bucket=hers, Policy=text)
    assert refused(accounts.nobody.get_object, Bucket=hers, Key="k") == "AccessDenied"


def test_a_condition_on_the_version_is_about_each_entry_and_each_source(
    accounts: Any, hers: str
) -> None:
    s3 = accounts.alice
    version = s3.put_object(Bucket=hers, Key="k", Body=b"1")["VersionId"]
    text = policy(
        hers,
        Effect="Deny",
        Action=["s3:DeleteObjectVersion", "s3:GetObjectVersion"],
        Condition={"StringEquals": {"s3:VersionId": version}},
    )
    s3.put_bucket_policy(Bucket=hers, Policy=text)
    wanted = {"Objects": [{"Key": "k", "VersionId": version}]}
    [left] = s3.delete_objects(Bucket=hers, Delete=wanted)["Errors"]
    assert (left["VersionId"], left["Code"]) == (version, "AccessDenied")
    source = {"Bucket": hers, **wanted["Objects"][0]}
    assert refused(s3.copy_object, Bucket=hers, Key="l", CopySource=source) == "AccessDenied"

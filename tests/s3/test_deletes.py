"""DeleteObject and DeleteObjects."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest
from api import Api
from live import LiveGateway
from raw import Answer, signed
from wire import Conversation, head, nothing_written, refused, sign


def delete_all(gateway: LiveGateway, bucket: str, document: bytes, **headers: str) -> Answer:
    md5 = base64.b64encode(hashlib.md5(document).digest()).decode()
    given = {name.replace("_", "-"): value for name, value in headers.items()} or {
        "content-md5": md5
    }
    return signed(gateway, "POST", f"/{bucket}?delete", document, headers=given)


def document(*keys: str, quiet: bool = False, namespace: str = "") -> bytes:
    rows = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    flag = "<Quiet>true</Quiet>" if quiet else ""
    return f"<Delete{namespace}>{flag}{rows}</Delete>".encode()


def keys(s3: Any, bucket: str) -> list[str]:
    return [row["Key"] for row in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("key", ["there", "never-was", "dir/", "ü +&"])
def test_a_delete_is_204_whether_or_not_the_key_is_there(
    gateway: LiveGateway, s3: Any, bucket: str, key: str
) -> None:
    if key != "never-was":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    answer = s3.delete_object(Bucket=bucket, Key=key)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert answer["DeleteMarker"] is True
    assert answer["VersionId"] == head(s3, bucket)
    assert keys(s3, bucket) == []


def test_204_has_no_length_and_the_connection_goes_on(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    with Conversation(gateway) as wire:
        for _ in range(2):
            wire.say(sign(gateway, "DELETE", f"/{bucket}/k").bytes())
            status, headers, body = wire.hear_answer()
            assert (status, body) == (204, b"")
            assert "content-length" not in headers
            assert "transfer-encoding" not in headers
        wire.say(sign(gateway, "HEAD", f"/{bucket}").bytes())
        assert wire.hear_answer()[0] == 200


def test_a_delete_can_be_bound_to_an_etag(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    target = f"/{bucket}/k"
    with nothing_written(s3, bucket):
        answer = signed(gateway, "DELETE", target, headers={"if-match": '"other"'})
        assert (answer.status, answer.code) == (412, "PreconditionFailed")
    assert signed(gateway, "DELETE", target, headers={"if-match": etag}).status == 204
    with nothing_written(s3, bucket):
        # What was to be deleted is hidden by a marker, which has no ETag.
        assert signed(gateway, "DELETE", target, headers={"if-match": etag}).status == 412
        assert signed(gateway, "DELETE", target, headers={"if-match": "*"}).status == 204
        never = f"/{bucket}/never-was"
        assert signed(gateway, "DELETE", never, headers={"if-match": etag}).status == 204
        assert signed(gateway, "DELETE", target, headers={"if-none-match": "*"}).status == 501


@pytest.mark.parametrize(
    "namespace", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' xmlns="urn:other"']
)
def test_many_keys_go_in_one_commit_each_with_its_result(
    gateway: LiveGateway, s3: Any, bucket: str, namespace: str
) -> None:
    names = ["a", "b/c", "ü & <x>", "never-was", "  spaces  "]
    for name in names[:3]:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.put_object(Bucket=bucket, Key="stays", Body=b"x")
    answer = delete_all(gateway, bucket, document(*names, namespace=namespace))
    assert answer.status == 200, answer.body
    assert answer.body.count(b"<Deleted>") == 5
    assert b"<Key>  spaces  </Key>" in answer.body
    assert keys(s3, bucket) == ["stays"]
    commit = Api(gateway.url).get(f"/refs/{bucket}/log", limit=1).json()["commits"][0]
    assert (commit["kind"], commit["changes"]) == ("delete", 5)
    assert answer.headers["x-labelgate-commit"] == commit["id"]


def test_boto3_reads_the_result_of_a_delete_of_many(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert [row["Key"] for row in answer["Deleted"]] == ["a", "b"]
    assert {row["DeleteMarkerVersionId"] for row in answer["Deleted"]} == {head(s3, bucket)}
    assert "Errors" not in answer


def test_quiet_leaves_out_what_went_well_and_shows_what_did_not(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    answer = delete_all(gateway, bucket, document("a", "x" * 1025, quiet=True))
    assert answer.status == 200
    assert b"<Deleted>" not in answer.body
    assert answer.body.count(b"<Error>") == 1
    assert keys(s3, bucket) == []


def test_a_delete_of_many_without_integrity_is_refused(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with nothing_written(s3, bucket):
        answer = signed(gateway, "POST", f"/{bucket}?delete", document("a"))
        assert (answer.status, answer.code) == (400, "InvalidRequest")
        wrong = delete_all(gateway, bucket, document("a"), x_amz_checksum_crc32="AAAAAA==")
        assert (wrong.status, wrong.code) == (400, "BadDigest")


BAD = {
    "an empty key": b"<Delete><Object><Key></Key></Object></Delete>",
    "no key": b"<Delete><Object></Object></Delete>",
    "an empty key beside another": (
        b"<Delete><Object><Key>a</Key></Object><Object><Key/></Object></Delete>"
    ),
    "nothing": b"<Delete></Delete>",
    "another root": b"<Remove><Object><Key>a</Key></Object></Remove>",
    "no XML": b"a",
    "no body": b"",
    "an entity": b'<!DOCTYPE d [<!ENTITY x "a">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    "1,001 keys": document(*(f"k{n}" for n in range(1001))),
    "not closed": b"<Delete><Object><Key>a</Key></Object>",
    "not UTF-8": b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    "deep": b"<a>" * 5000 + b"</a>" * 5000,
}


@pytest.mark.parametrize("why", BAD)
def test_a_malformed_delete_document_deletes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, why: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    with nothing_written(s3, bucket):
        answer = delete_all(gateway, bucket, BAD[why])
        assert (answer.status, answer.code) == (400, "MalformedXML")
    assert keys(s3, bucket) == ["a"]


@pytest.mark.parametrize("name", ["ETag", "Size", "LastModifiedTime"])
def test_the_terms_of_one_key_hold_that_key_back_and_no_other(
    s3: Any, bucket: str, name: str
) -> None:
    wrong = {"ETag": "other", "Size": 7, "LastModifiedTime": datetime(2015, 1, 1, tzinfo=UTC)}
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"]
    right = {"ETag": etag, "Size": 1}
    right["LastModifiedTime"] = s3.head_object(Bucket=bucket, Key="a")["LastModified"]
    objects = [{"Key": "a", name: wrong[name]}, {"Key": "b", name: wrong[name]}, {"Key": "c"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [row["Key"] for row in answer["Errors"]] == ["a"]
    assert answer["Errors"][0]["Code"] == "PreconditionFailed"
    gone = {row["Key"]: row.get("DeleteMarker", False) for row in answer["Deleted"]}
    assert gone == {"b": False, "c": True}  # of `b` there is nothing that could have an ETag
    assert keys(s3, bucket) == ["a"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", name: right[name]}]})
    assert keys(s3, bucket) == []


@pytest.mark.parametrize("name", ["IfMatch", "IfMatchSize", "IfMatchLastModifiedTime"])
def test_the_terms_of_a_delete_are_judged(s3: Any, bucket: str, name: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"]
    moment = s3.head_object(Bucket=bucket, Key="a")["LastModified"]
    wrong = {"IfMatch": "e", "IfMatchSize": 7, "IfMatchLastModifiedTime": datetime(2015, 1, 1)}  # noqa: DTZ001
    right = {"IfMatch": etag, "IfMatchSize": 1, "IfMatchLastModifiedTime": moment}
    with refused("PreconditionFailed", 412), nothing_written(s3, bucket):
        s3.delete_object(Bucket=bucket, Key="a", **{name: wrong[name]})
    assert s3.delete_object(Bucket=bucket, Key="a", **{name: right[name]})["DeleteMarker"]


def test_a_thousand_keys_go_at_once_and_a_key_named_twice_is_one_change(
    gateway: LiveGateway, bucket: str
) -> None:
    answer = delete_all(gateway, bucket, document(*(f"k{n}" for n in range(1000)), quiet=True))
    assert answer.status == 200
    answer = delete_all(gateway, bucket, document("a", "a"))
    assert answer.status == 200
    commit = Api(gateway.url).get(f"/refs/{bucket}/log", limit=1).json()["commits"][0]
    assert commit["changes"] == 1


def test_delete_bucket_named_by_a_trailing_slash_deletes_no_bucket_with_objects(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    answer = signed(gateway, "DELETE", f"/{bucket}/")
    assert (answer.status, answer.code) == (409, "BucketNotEmpty")

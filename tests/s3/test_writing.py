"""PutObject: what a write keeps, what it says, what it refuses."""

from __future__ import annotations

import base64
import hashlib
import threading
from email.header import decode_header, make_header
from typing import Any

import pytest
from api import Api
from live import LiveGateway
from raw import send, signed
from wire import Conversation, chunk, head, nothing_written, refused, sign

ONE_ETAG = hashlib.md5(b"one").hexdigest()
LATIN = "Grüße aus Málaga"
LONG = "日本語" * 60


def metadata(answer: Any) -> dict[str, str]:
    return {
        name.removeprefix("x-amz-meta-"): value
        for name, value in answer["ResponseMetadata"]["HTTPHeaders"].items()
        if name.startswith("x-amz-meta-")
    }


def newest_commit(gateway: LiveGateway, bucket: str) -> Any:
    return Api(gateway.url).get(f"/refs/{bucket}/log", limit=1).json()["commits"][0]


def lineage(gateway: LiveGateway, bucket: str, key: str) -> Any:
    return Api(gateway.url).get(f"/refs/{bucket}/lineage", key=key).json()


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 262144, 1048576, 3_000_001])
def test_a_put_answers_the_md5_and_the_commit_it_made(s3: Any, bucket: str, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert put["VersionId"] == head(s3, bucket)
    assert put["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"] == put["VersionId"]
    answer = s3.get_object(Bucket=bucket, Key="k")
    assert answer["ContentLength"] == size
    assert answer["Body"].read() == body


def test_the_same_bytes_again_are_another_commit_unless_they_are_a_label(
    s3: Any, bucket: str
) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b'{"a": 1}')
    second = s3.put_object(Bucket=bucket, Key="k", Body=b'{"a": 1}')
    assert first["VersionId"] != second["VersionId"] == head(s3, bucket)


def test_metadata_comes_back_as_it_was_written(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"One": "1", "two": "b; c=d, e"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"one": "1", "two": "b; c=d, e"}


def test_a_repeated_metadata_header_is_joined_with_commas(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    answer = signed(gateway, "PUT", f"/{bucket}/k", headers={"x-amz-meta-a": "1,2"})
    assert answer.status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1,2"}


@pytest.mark.parametrize("text", [LATIN, LONG, "a\u2028b", "\N{SNOWMAN}\x85x"])
def test_encoded_words_of_metadata_come_back_as_encoded_words(
    gateway: LiveGateway, s3: Any, bucket: str, text: str
) -> None:
    word = f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="
    answer = signed(gateway, "PUT", f"/{bucket}/k", b"x", headers={"x-amz-meta-note": word})
    assert answer.status == 200
    assert meant(s3, bucket) == text


@pytest.mark.parametrize("text", [LATIN, LONG])
def test_bare_utf_8_in_metadata_leaves_as_encoded_words(
    gateway: LiveGateway, s3: Any, bucket: str, text: str
) -> None:
    sent = {"x-amz-meta-note": text.encode().decode("latin-1")}
    answer = signed(
        gateway, "PUT", f"/{bucket}/k", b"x", headers={"x-amz-meta-note": text}, after=sent
    )
    assert answer.status == 200
    assert meant(s3, bucket) == text


def meant(s3: Any, bucket: str) -> str:
    shown = metadata(s3.head_object(Bucket=bucket, Key="k"))["note"]
    assert shown.isascii()
    return str(make_header(decode_header(shown)))


def test_encoded_words_cannot_smuggle_a_header_into_an_answer(
    gateway: LiveGateway, bucket: str
) -> None:
    word = f"=?utf-8?b?{base64.b64encode(b'a' + bytes((13, 10)) + b'x-injected: 1').decode()}?="
    target = f"/{bucket}/k"
    assert signed(gateway, "PUT", target, b"x", headers={"x-amz-meta-a": word}).status == 200
    answer = signed(gateway, "HEAD", target)
    assert "x-injected" not in answer.headers
    assert answer.headers["x-amz-meta-a"] == word


def test_metadata_of_more_than_2_kib_is_too_large(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2047})
    with refused("MetadataTooLarge", 400), nothing_written(s3, bucket):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2048})


def test_more_than_8_kib_of_headers_are_too_large(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", headers={"cache-control": "x" * 8200})
        assert (answer.status, answer.code) == (400, "RequestHeaderSectionTooLarge")


def test_lineage_metadata_is_virtual_and_dropped_when_sent(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"",
        Metadata={"lineage-author": "7", "lineage-sources": "s3://x/y", "mine": "1"},
    )
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"mine": "1"}


def test_message_and_sources_go_into_the_commit_and_not_into_the_object(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    source = s3.put_object(Bucket=bucket, Key="raw/ü 1.txt", Body=b"text")
    made = s3.put_object(
        Bucket=bucket,
        Key="derived",
        Body=b"model",
        Metadata={
            "labelgate-message": "trained on one text",
            "labelgate-sources": f"s3://{bucket}/raw/%C3%BC, s3://elsewhere/x",
            "mine": "1",
        },
    )
    assert newest_commit(gateway, bucket)["message"] == "trained on one text"
    assert newest_commit(gateway, bucket)["id"] == made["VersionId"]
    record = lineage(gateway, bucket, "derived")["record"]
    assert [one["evidence"] for one in record["sources"]] == ["missing", "external"]
    assert source["VersionId"]
    shown = s3.head_object(Bucket=bucket, Key="derived")["Metadata"]
    assert shown["mine"] == "1"
    assert not [name for name in shown if name.startswith("labelgate")]
    assert shown["lineage-evidence"] == "missing,external"


def test_a_declared_source_is_linked_to_its_version(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    source = s3.put_object(Bucket=bucket, Key="raw/1.txt", Body=b"text")["VersionId"]
    s3.put_object(Bucket=bucket, Key="raw/2.txt", Body=b"later")
    s3.put_object(
        Bucket=bucket,
        Key="derived",
        Body=b"model",
        Metadata={"labelgate-sources": f"s3://{bucket}/raw/1.txt"},
    )
    shown = s3.head_object(Bucket=bucket, Key="derived")["Metadata"]
    assert shown["lineage-sources"] == f"s3://{source}.{bucket}/raw/1.txt"
    assert shown["lineage-evidence"] == "head-at-put"
    record = lineage(gateway, bucket, "derived")["record"]
    assert record["content"]["sha256"] == hashlib.sha256(b"model").hexdigest()
    assert record["client_hint"]  # the SDK's amz-sdk-invocation-id
    assert (record["account"], record["key_name"]) == ("default", "environment")


def test_a_copy_from_elsewhere_names_the_version_there(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    declared = {"labelgate-origin": f"s3://{bucket}/a%20b?versionId=3HL4"}
    s3.put_object(Bucket=bucket, Key="a b", Body=b"here")
    s3.put_object(Bucket=bucket, Key="one", Body=b"text", Metadata=declared)
    where = {"Bucket": bucket, "Key": "parts"}
    upload = s3.create_multipart_upload(**where, Metadata=declared)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        **where,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    for key in "one", "parts":
        # It is external even where an object of the same name is here.
        assert lineage(gateway, bucket, key)["record"]["sources"] == [
            {"uri": f"s3://{bucket}/a b", "evidence": "external", "version_id": "3HL4"}
        ]
        shown = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
        assert shown["lineage-sources"] == f"s3://{bucket}/a%20b"
        assert not [name for name in shown if name.startswith("labelgate")]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"if-none-match": "*"}, "PreconditionFailed"),
        ({"if-match": '"other"'}, "PreconditionFailed"),
        ({"if-none-match": f'"{ONE_ETAG}"'}, "PreconditionFailed"),
        ({"if-none-match": f'"{ONE_ETAG}", "other"'}, "NotImplemented"),
        ({"if-match": "*", "if-none-match": "*"}, "NotImplemented"),
    ],
)
def test_a_write_whose_condition_fails_writes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, headers: dict[str, str], code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one")
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", b"two", headers=headers)
        assert (answer.status, answer.code) == ({"P": 412, "N": 501}[code[0]], code)
        if code == "PreconditionFailed":
            assert answer.field("Condition").lower() in headers
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"


def test_conditions_that_hold_let_a_write_through(s3: Any, bucket: str) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=first["ETag"])
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"three", IfNoneMatch="*")  # a marker is absence
    with refused("NoSuchKey", 404), nothing_written(s3, bucket):
        s3.put_object(Bucket=bucket, Key="absent", Body=b"x", IfMatch="*")


def test_of_many_writers_that_want_to_be_first_exactly_one_is(
    gateway: LiveGateway, bucket: str
) -> None:
    barrier, statuses = threading.Barrier(8), []

    def race() -> None:
        barrier.wait(10)
        headers = {"if-none-match": "*"}
        statuses.append(signed(gateway, "PUT", f"/{bucket}/k", b"x", headers=headers).status)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200] + [412] * 7


def test_concurrent_writes_are_a_commit_each(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    versions: list[str] = []

    def write(n: int) -> None:
        client = gateway.s3()
        for m in range(10):
            put = client.put_object(Bucket=bucket, Key=f"k{n}", Body=b"%d" % m)
            versions.append(put["VersionId"])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(versions)) == 60
    commits = Api(gateway.url).get(f"/refs/{bucket}/log", limit=100).json()["commits"]
    assert {one["id"] for one in commits if one["kind"] == "put"} == set(versions)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "AES256"},
        {"x-amz-website-redirect-location": "/x"},
    ],
)
def test_a_header_that_would_change_what_a_write_means_is_not_passed_over(
    gateway: LiveGateway, s3: Any, bucket: str, headers: dict[str, str]
) -> None:
    with nothing_written(s3, bucket):
        answer = signed(gateway, "PUT", f"/{bucket}/k", b"x", headers=headers)
        assert (answer.status, answer.code) == (501, "NotImplemented")
        assert answer.field("Header") in headers


def test_headers_that_ask_for_nothing_else_than_what_holds_are_taken(
    gateway: LiveGateway, bucket: str
) -> None:
    headers = {
        "x-amz-acl": "private",
        "x-amz-storage-class": "STANDARD",
        "x-amz-request-payer": "requester",
    }
    assert signed(gateway, "PUT", f"/{bucket}/k", b"x", headers=headers).status == 200


@pytest.mark.parametrize("name", ["STANDARD_IA", "GLACIER", "standard", "REDUCED_REDUNDANCY", "x"])
def test_another_storage_class_than_there_is_is_refused(
    gateway: LiveGateway, s3: Any, bucket: str, name: str
) -> None:
    headers = {"x-amz-storage-class": name}
    for method, target in (("PUT", f"/{bucket}/k"), ("POST", f"/{bucket}/k?uploads")):
        with nothing_written(s3, bucket):
            answer = signed(gateway, method, target, headers=headers)
            assert (answer.status, answer.code) == (400, "InvalidStorageClass")


def test_a_put_into_a_bucket_that_is_not_there_is_404(s3: Any) -> None:
    for name in ("master.nowhere", "a.b.c.d", "nowhere"):
        with refused("NoSuchBucket", 404) as caught:
            s3.put_object(Bucket=name, Key="k", Body=b"x")
        assert caught.value.response["Error"]["BucketName"] == name


def test_a_put_without_any_length_is_411(gateway: LiveGateway, s3: Any, bucket: str) -> None:
    with nothing_written(s3, bucket), Conversation(gateway) as wire:
        wire.say(sign(gateway, "PUT", f"/{bucket}/k").bytes())
        status, _, body = wire.hear_answer()
        assert status == 411
        assert b"<Code>MissingContentLength</Code>" in body


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_a_put_in_http_chunks_ends_where_they_do(
    gateway: LiveGateway, s3: Any, bucket: str, size: int
) -> None:
    body = bytes(size)
    unsigned = {"Transfer-Encoding": "chunked", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    with Conversation(gateway) as wire:
        request = sign(gateway, "PUT", f"/{bucket}/k", headers=unsigned)
        pieces = (body[at : at + 100_000] for at in range(0, size, 100_000))
        wire.say(request.bytes(b"".join(map(chunk, pieces)) + b"0\r\n\r\n"))
        assert wire.hear_answer()[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_every_answer_has_request_ids_that_are_the_servers_own(
    gateway: LiveGateway, bucket: str
) -> None:
    seen = set()
    for method, target in [("PUT", "k"), ("GET", "k"), ("GET", "none"), ("DELETE", "k")]:
        headers = {"x-amz-request-id": "forged"}
        answer = signed(gateway, method, f"/{bucket}/{target}", headers=headers)
        assert answer.headers["x-amz-id-2"]
        seen.add(answer.headers["x-amz-request-id"])
        if answer.status >= 400:
            assert answer.field("RequestId") == answer.headers["x-amz-request-id"]
            assert answer.field("HostId") == answer.headers["x-amz-id-2"]
    assert len(seen) == 4
    assert "forged" not in seen
    anonymous = send(gateway, "PUT", f"/{bucket}/k", b"x")
    assert anonymous.field("RequestId") == anonymous.headers["x-amz-request-id"]

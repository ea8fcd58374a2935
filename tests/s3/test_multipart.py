"""Multipart uploads, from opening to completion."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from typing import Any

import pytest
from api import Api
from awscrt.checksums import crc64nvme
from live import LiveGateway
from raw import signed
from wire import head, nothing_written, refused

MIN = 5 * 1024 * 1024
FIRST, SECOND, LAST = b"a" * MIN, b"b" * MIN, b"the end"


def opened(s3: Any, bucket: str, **more: Any) -> str:
    return str(s3.create_multipart_upload(Bucket=bucket, Key="k", **more)["UploadId"])


def sent(s3: Any, bucket: str, upload: str, number: int, body: bytes, **more: Any) -> Any:
    part = s3.upload_part(
        Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, **more
    )
    return {"PartNumber": number, "ETag": part["ETag"]}


def completed(s3: Any, bucket: str, upload: str, parts: list[Any], **more: Any) -> Any:
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}, **more
    )


def read(s3: Any, bucket: str) -> Any:
    return s3.get_object(Bucket=bucket, Key="k")["Body"].read()


def multipart_etag(*bodies: bytes) -> str:
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(bodies)}"'


def test_parts_in_any_order_become_one_object_in_one_commit(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    upload = opened(
        s3, bucket, ContentType="video/mp4", CacheControl="no-cache",
        Metadata={"a": "1", "labelgate-message": "in parts"},
    )  # fmt: skip
    with nothing_written(s3, bucket):
        last = sent(s3, bucket, upload, 10_000, LAST)
        first = sent(s3, bucket, upload, 1, FIRST)
        second = sent(s3, bucket, upload, 7, SECOND)
    done = completed(s3, bucket, upload, [first, second, last])
    assert done["ETag"] == multipart_etag(FIRST, SECOND, LAST)
    assert (done["Bucket"], done["Key"], done["VersionId"]) == (bucket, "k", head(s3, bucket))
    assert done["Location"] == f"{gateway.url}/{bucket}/k"
    shown = s3.get_object(Bucket=bucket, Key="k")
    assert shown["Body"].read() == FIRST + SECOND + LAST
    assert shown["ETag"] == done["ETag"]
    assert (shown["ContentType"], shown["CacheControl"]) == ("video/mp4", "no-cache")
    assert shown["Metadata"] == {"a": "1"}
    commits = Api(gateway.url).get(f"/refs/{bucket}/log").json()["commits"]
    assert (len(commits), commits[0]["message"]) == (2, "in parts")


def test_ranges_cross_the_borders_of_parts(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, n, b) for n, b in enumerate([FIRST, SECOND, LAST], 1)]
    completed(s3, bucket, upload, parts)
    whole = FIRST + SECOND + LAST
    for start, stop in [(MIN - 1, MIN + 1), (MIN - 3, 2 * MIN + 3), (2 * MIN, 2 * MIN + 7)]:
        answer = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{stop - 1}")
        assert answer["Body"].read() == whole[start:stop]
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-9")["Body"].read() == b"bb" + LAST


def test_an_object_is_read_part_by_part(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, n, b) for n, b in [(3, FIRST), (8, LAST)]]
    done = completed(s3, bucket, upload, parts)
    for number, body in [(1, FIRST), (2, LAST)]:  # numbered anew, as they lie
        answer = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        assert answer["Body"].read() == body
        assert (answer["PartsCount"], answer["ETag"]) == (2, done["ETag"])
        shown = s3.head_object(Bucket=bucket, Key="k", PartNumber=number)
        assert shown["ContentLength"] == len(body)
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=3)


def test_a_part_sent_again_replaces_the_one_before(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    old = sent(s3, bucket, upload, 1, FIRST)
    new = sent(s3, bucket, upload, 1, SECOND)
    last = sent(s3, bucket, upload, 2, LAST)
    with refused("InvalidPart", 400), nothing_written(s3, bucket):
        completed(s3, bucket, upload, [old, last])
    completed(s3, bucket, upload, [new, last])
    assert read(s3, bucket) == SECOND + LAST


def test_completing_again_answers_the_same_and_commits_nothing(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, 1, LAST)]
    first = completed(s3, bucket, upload, parts)
    with nothing_written(s3, bucket):
        again = completed(s3, bucket, upload, parts)
    for field in ("ETag", "VersionId", "Location"):
        assert again[field] == first[field]


def test_of_completions_at_once_all_answer_the_one_commit(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, 1, LAST)]
    barrier, versions = threading.Barrier(6), []

    def complete() -> None:
        client = gateway.s3()
        barrier.wait(10)
        versions.append(completed(client, bucket, upload, parts)["VersionId"])

    threads = [threading.Thread(target=complete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert versions == [head(s3, bucket)] * 6


def test_a_small_part_before_the_last_is_too_small(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, 1, b"small"), sent(s3, bucket, upload, 2, LAST)]
    with refused("EntityTooSmall", 400) as caught, nothing_written(s3, bucket):
        completed(s3, bucket, upload, parts)
    error = caught.value.response["Error"]
    assert (error["ProposedSize"], error["MinSizeAllowed"]) == ("5", str(MIN))
    completed(s3, bucket, upload, parts[1:])  # parts that are not named are left out
    assert read(s3, bucket) == LAST


def test_parts_out_of_order_are_refused(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    one, two = (sent(s3, bucket, upload, n, FIRST) for n in (1, 2))
    for order in ([two, one], [one, two, one]):
        with refused("InvalidPartOrder", 400), nothing_written(s3, bucket):
            completed(s3, bucket, upload, order)


def test_of_a_part_that_is_named_twice_the_last_one_counts(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    replaced = sent(s3, bucket, upload, 1, b"replaced")
    kept = sent(s3, bucket, upload, 1, LAST)
    with refused("InvalidPart", 400):
        completed(s3, bucket, upload, [kept, replaced])
    done = completed(s3, bucket, upload, [replaced, kept])
    assert done["ETag"] == multipart_etag(LAST)
    assert read(s3, bucket) == LAST


@pytest.mark.parametrize(
    "part", [{"PartNumber": 2, "ETag": '"x"'}, {"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}]
)
def test_a_part_that_is_not_there_is_named(s3: Any, bucket: str, part: Any) -> None:
    upload = opened(s3, bucket)
    sent(s3, bucket, upload, 1, LAST)
    with refused("InvalidPart", 400) as caught, nothing_written(s3, bucket):
        completed(s3, bucket, upload, [part])
    error = caught.value.response["Error"]
    assert (error["PartNumber"], error["UploadId"]) == (str(part["PartNumber"]), upload)


def test_etags_of_parts_are_compared_with_or_without_quotes(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    part = sent(s3, bucket, upload, 1, LAST)
    completed(s3, bucket, upload, [{**part, "ETag": part["ETag"].strip('"')}])
    assert read(s3, bucket) == LAST


def completion(inner: bytes) -> bytes:
    return b"<CompleteMultipartUpload>" + inner + b"</CompleteMultipartUpload>"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<CompleteMultipartUpload/>",
        completion(b""),
        b"<Complete><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></Complete>",
        completion(b"<Part><ETag>x</ETag></Part>"),
        completion(b"<Part><PartNumber>0</PartNumber><ETag>x</ETag></Part>"),
        completion(b"<Part><PartNumber>%b</PartNumber><ETag>x</ETag></Part>" % (b"01" * 3000)),
        completion(b"<Part><PartNumber>1.0</PartNumber><ETag>x</ETag></Part>"),
        completion(b"<Part><PartNumber>1</PartNumber></Part>"),
    ],
)
def test_a_malformed_completion_completes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, document: bytes
) -> None:
    upload = opened(s3, bucket)
    sent(s3, bucket, upload, 1, LAST)
    with nothing_written(s3, bucket):
        answer = signed(gateway, "POST", f"/{bucket}/k?uploadId={upload}", document)
        assert (answer.status, answer.code) == (400, "MalformedXML")


@pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "", "1" * 5000, "00000119999999"])
def test_a_part_number_out_of_bounds_is_an_invalid_argument(
    gateway: LiveGateway, s3: Any, bucket: str, number: str
) -> None:
    upload = opened(s3, bucket)
    answer = signed(gateway, "PUT", f"/{bucket}/k?partNumber={number}&uploadId={upload}", b"x")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_an_upload_that_was_aborted_is_no_more(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    part = sent(s3, bucket, upload, 1, LAST)
    answer = s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    for attempt in (
        lambda: sent(s3, bucket, upload, 2, LAST),
        lambda: completed(s3, bucket, upload, [part]),
        lambda: s3.list_parts(Bucket=bucket, Key="k", UploadId=upload),
        lambda: s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload),
    ):
        with refused("NoSuchUpload", 404), nothing_written(s3, bucket):
            attempt()


def test_an_upload_belongs_to_its_key_and_branch(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    other = bucket.replace("master.", "dev.")
    s3.create_bucket(Bucket=other)
    for where, key in [(bucket, "other"), (other, "k")]:
        with refused("NoSuchUpload", 404):
            s3.upload_part(Bucket=where, Key=key, UploadId=upload, PartNumber=1, Body=b"x")


def test_parts_are_listed_page_by_page(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    for number in (1, 2, 5, 9):
        sent(s3, bucket, upload, number, b"x" * number)
    first = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=3)
    assert [row["PartNumber"] for row in first["Parts"]] == [1, 2, 5]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 5)
    assert first["Parts"][2]["Size"] == 5
    assert first["Parts"][2]["ETag"] == f'"{hashlib.md5(b"x" * 5).hexdigest()}"'
    assert first["Initiator"]["ID"] == first["Owner"]["ID"] == "default"
    rest = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, PartNumberMarker=5)
    assert ([row["PartNumber"] for row in rest["Parts"]], rest["IsTruncated"]) == ([9], False)
    exact = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=4)
    assert exact["IsTruncated"] is False


def test_no_parts_are_an_empty_list(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket)
    page = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert page["IsTruncated"] is False
    assert page.get("Parts", []) == []
    assert (
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=0)["IsTruncated"] is False
    )


def test_uploads_are_listed_by_key_then_age_page_by_page(s3: Any, bucket: str) -> None:
    wanted = [
        (key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
        for key in ("a", "a", "b b", "c", "d/e")
    ]
    page = s3.list_multipart_uploads(Bucket=bucket)
    found = [(row["Key"], row["UploadId"]) for row in page["Uploads"]]
    assert [key for key, _ in found] == ["a", "a", "b b", "c", "d/e"]
    assert sorted(found) == sorted(wanted)
    assert page["Uploads"][0]["Initiated"] <= page["Uploads"][1]["Initiated"]
    gone: list[tuple[str, str]] = []
    more: dict[str, str] = {}
    for _ in range(5):
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **more)
        gone += [(row["Key"], row["UploadId"]) for row in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        more = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    assert gone == found
    below = s3.list_multipart_uploads(Bucket=bucket, Prefix="d/")
    assert [row["Key"] for row in below["Uploads"]] == ["d/e"]
    skipped = s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a")
    assert [row["Key"] for row in skipped["Uploads"]] == ["b b", "c", "d/e"]


def test_a_completion_can_be_bound_to_absence(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"here")
    upload = opened(s3, bucket)
    parts = [sent(s3, bucket, upload, 1, LAST)]
    with refused("PreconditionFailed", 412), nothing_written(s3, bucket):
        completed(s3, bucket, upload, parts, IfNoneMatch="*")
    completed(s3, bucket, upload, parts)  # the upload is still there
    assert read(s3, bucket) == LAST


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_of_the_parts_checksums(
    s3: Any, bucket: str, algorithm: str
) -> None:
    upload = opened(s3, bucket, ChecksumAlgorithm=algorithm)
    parts = []
    for number, body in [(1, FIRST), (2, LAST)]:
        part = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body,
            ChecksumAlgorithm=algorithm,
        )  # fmt: skip
        name = f"Checksum{algorithm}"
        parts.append({"PartNumber": number, "ETag": part["ETag"], name: part[name]})
    done = completed(s3, bucket, upload, parts)
    assert done["ChecksumType"] == "COMPOSITE"
    assert done[f"Checksum{algorithm}"].endswith("-2")
    if algorithm == "SHA256":
        digest = hashlib.sha256(
            hashlib.sha256(FIRST).digest() + hashlib.sha256(LAST).digest()
        ).digest()
        assert done["ChecksumSHA256"] == base64.b64encode(digest).decode() + "-2"
    shown = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert shown[f"Checksum{algorithm}"] == done[f"Checksum{algorithm}"]


def test_a_full_object_checksum_is_that_of_all_bytes(s3: Any, bucket: str) -> None:
    upload = opened(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [
        sent(s3, bucket, upload, n, b, ChecksumAlgorithm="CRC32")
        for n, b in [(1, FIRST), (2, SECOND), (3, LAST)]
    ]
    whole = zlib.crc32(FIRST + SECOND + LAST).to_bytes(4, "big")
    done = completed(s3, bucket, upload, parts)
    assert done["ChecksumCRC32"] == base64.b64encode(whole).decode()
    assert done["ChecksumType"] == "FULL_OBJECT"
    shown = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert shown["Body"].read() == FIRST + SECOND + LAST  # botocore checks it on the way


@pytest.mark.parametrize("why", ["another algorithm", "wrong part", "wrong whole", "wrong size"])
def test_a_checksum_that_does_not_hold_completes_nothing(
    gateway: LiveGateway, s3: Any, bucket: str, why: str
) -> None:
    upload = opened(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    if why == "another algorithm":
        with refused("InvalidRequest", 400):
            sent(s3, bucket, upload, 1, LAST, ChecksumAlgorithm="SHA1")
        return
    part = sent(s3, bucket, upload, 1, LAST, ChecksumAlgorithm="CRC32")
    more: dict[str, Any] = {}
    if why == "wrong part":
        part["ChecksumCRC32"] = "AAAAAA=="
    elif why == "wrong whole":
        more = {"ChecksumCRC32": "AAAAAA=="}
    else:
        more = {"MpuObjectSize": 3}
    with nothing_written(s3, bucket), pytest.raises(Exception, match=r"Invalid|BadDigest"):
        completed(s3, bucket, upload, [part], **more)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-algorithm": "MD5"},
        {"x-amz-checksum-type": "FULL_OBJECT"},
        {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"},
        {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "HALF"},
    ],
)
def test_an_upload_with_a_checksum_form_that_is_none_is_not_opened(
    gateway: LiveGateway, s3: Any, bucket: str, headers: dict[str, str]
) -> None:
    answer = signed(gateway, "POST", f"/{bucket}/k?uploads", headers=headers)
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_parts_are_copied_from_objects_that_are_here(s3: Any, bucket: str) -> None:
    source = s3.put_object(Bucket=bucket, Key="source+1", Body=FIRST + LAST)["VersionId"]
    upload = opened(s3, bucket)
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    copied = s3.upload_part_copy(
        **where, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source+1"},
        CopySourceRange=f"bytes=0-{MIN - 1}",
    )  # fmt: skip
    assert copied["CopySourceVersionId"] == source
    whole = s3.upload_part_copy(**where, PartNumber=2, CopySource=f"{source}.{bucket}/source+1")
    parts = [
        {"PartNumber": number, "ETag": one["CopyPartResult"]["ETag"]}
        for number, one in [(1, copied), (2, whole)]
    ]
    done = completed(s3, bucket, upload, parts)
    assert done["ETag"] == multipart_etag(FIRST, FIRST + LAST)
    assert read(s3, bucket) == FIRST + FIRST + LAST


@pytest.mark.parametrize(
    ("asked", "code"),
    [("bytes=0-10", "InvalidRange"), ("bytes=10-", "InvalidArgument"), ("0-1", "InvalidArgument"),
     ("bytes=-2", "InvalidArgument"), ("bytes=3-1", "InvalidArgument"), ("", "InvalidArgument"),
     ("bytes=0-" + "9" * 5000, "InvalidArgument")],
)  # fmt: skip
def test_the_range_of_a_copied_part_is_taken_strictly(
    gateway: LiveGateway, s3: Any, bucket: str, asked: str, code: str
) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = opened(s3, bucket)
    headers = {"x-amz-copy-source": f"{bucket}/source", "x-amz-copy-source-range": asked}
    answer = signed(gateway, "PUT", f"/{bucket}/k?partNumber=1&uploadId={upload}", headers=headers)
    assert answer.code == code
    assert s3.list_parts(Bucket=bucket, Key="k", UploadId=upload).get("Parts", []) == []


def test_uploads_are_rolled_up_by_a_delimiter_page_by_page(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "c/x/1", "c/y"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    seen: list[str] = []
    marker: dict[str, str] = {}
    for _ in range(10):
        page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", MaxUploads=1, **marker)
        seen += [one["Key"] for one in page.get("Uploads", [])]
        seen += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextUploadIdMarker"):
            marker["UploadIdMarker"] = page["NextUploadIdMarker"]
    assert seen == ["a/", "b", "c/"]
    below = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", Prefix="c/")
    assert [one["Prefix"] for one in below["CommonPrefixes"]] == ["c/x/"]
    assert [one["Key"] for one in below["Uploads"]] == ["c/y"]


def test_an_upload_without_a_checksum_of_its_own_gets_one_of_the_whole(
    s3: Any, bucket: str
) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = [sent(s3, bucket, upload, n, b) for n, b in enumerate((FIRST, LAST), 1)]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert all("ChecksumCRC64NVME" in part for part in listed)
    done = completed(s3, bucket, upload, parts)
    whole = base64.b64encode(crc64nvme(FIRST + LAST).to_bytes(8, "big")).decode()
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (whole, "FULL_OBJECT")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_a_part_is_read_with_its_own_checksum(s3: Any, bucket: str, algorithm: str) -> None:
    upload = opened(s3, bucket, ChecksumAlgorithm=algorithm)
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]
    kind = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, kind)
    name = f"Checksum{algorithm}"
    sums, parts = [], []
    for number, body in enumerate((FIRST, LAST), 1):
        answer = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body,
            ChecksumAlgorithm=algorithm,
        )  # fmt: skip
        sums.append(answer[name])
        parts.append({"PartNumber": number, "ETag": answer["ETag"], name: answer[name]})
    completed(s3, bucket, upload, parts)
    for number, body in enumerate((FIRST, LAST), 1):
        part = s3.get_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        assert (part[name], part["ChecksumType"]) == (sums[number - 1], kind)
        assert part["Body"].read() == body  # botocore compares it with the checksum
    plain = s3.head_object(Bucket=bucket, Key="k", PartNumber=1, ChecksumMode="ENABLED")
    assert plain[name] == sums[0]
    ranged = s3.get_object(Bucket=bucket, Key="k", Range="bytes=0-1", ChecksumMode="ENABLED")
    assert name not in ranged


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ChecksumCRC32": "AAAAAA=="}, "expected checksum Type: sha256"),
        ({"ChecksumType": "FULL_OBJECT"}, "COMPOSITE checksum mode"),
        ({"MpuObjectSize": 6}, "does not match what was computed: 7"),
    ],
)
def test_a_completion_that_is_of_another_upload_completes_nothing(
    s3: Any, bucket: str, more: dict[str, Any], says: str
) -> None:
    upload = opened(s3, bucket, ChecksumAlgorithm="SHA256")
    part = sent(s3, bucket, upload, 1, LAST, ChecksumAlgorithm="SHA256")
    with refused("InvalidRequest", 400) as caught, nothing_written(s3, bucket):
        completed(s3, bucket, upload, [part], **more)
    assert says in caught.value.response["Error"]["Message"]


def test_a_completion_can_be_bound_to_an_etag(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["ETag"]
    upload = opened(s3, bucket)
    part = sent(s3, bucket, upload, 1, LAST)
    for condition in ({"IfMatch": '"other"'}, {"IfNoneMatch": etag}, {"IfNoneMatch": "*"}):
        with refused("PreconditionFailed", 412), nothing_written(s3, bucket):
            completed(s3, bucket, upload, [part], **condition)
    completed(s3, bucket, upload, [part], IfMatch=etag)
    assert read(s3, bucket) == LAST


def test_a_branch_with_an_upload_under_way_can_be_deleted_and_forgets_it(
    s3: Any, bucket: str
) -> None:
    upload = opened(s3, bucket)
    sent(s3, bucket, upload, 1, LAST)
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)

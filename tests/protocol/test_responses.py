"""We render, botocore parses."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import botocore.loaders
import botocore.parsers
import pytest
from botocore.awsrequest import AWSResponse
from botocore.handlers import parse_get_bucket_location
from botocore.model import ServiceModel
from documents import parsed
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import errors, listing, responses
from gateway.protocol.errors import S3Error
from gateway.versioning.model import Entry, Page, Version, VersionPage
from gateway.versioning.names import CommitId

WHEN = 1_764_000_000_123
ID = CommitId("0123456789abcdef0123456789abcdef")
MODEL = ServiceModel(botocore.loaders.Loader().load_service_model("s3", "service-2"), "s3")
# What XML 1.0 can carry at all; the rest is what encoding-type=url is for.
TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=30,
)


def entry(key: str) -> Entry:
    return Entry(key, 5, "d41d8cd98f00b204e9800998ecf8427e", WHEN, ID)


@given(st.lists(TEXT, max_size=5, unique=True), st.lists(TEXT, max_size=3), st.none() | TEXT)
def test_a_v1_page_says_what_it_holds(
    keys: list[str], prefixes: list[str], following: str | None
) -> None:
    page = Page(tuple(map(entry, keys)), tuple(prefixes), following)
    asked = listing.parse_v1({"prefix": "p<&", "delimiter": "/", "marker": "m", "max-keys": "7"})
    answer = parsed("ListObjects", responses.list_objects("master.b", asked, page, owner="me"))
    assert [row["Key"] for row in answer.get("Contents", [])] == keys
    assert [row["Prefix"] for row in answer.get("CommonPrefixes", [])] == prefixes
    assert answer["IsTruncated"] == (following is not None)
    assert answer.get("NextMarker") == following
    assert (answer["Prefix"], answer["Marker"], answer["MaxKeys"]) == ("p<&", "m", 7)
    for row in answer.get("Contents", []):
        assert row["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'
        assert row["LastModified"].isoformat() == "2025-11-24T16:00:00.123000+00:00"
        assert row["Owner"]["ID"] == "me"


@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda t: t.isprintable()), max_size=5))
def test_a_v2_page_counts_keys_and_prefixes(keys: list[str]) -> None:
    page = Page(tuple(map(entry, keys)), ("a/",), "x")
    asked = listing.parse_v2({"list-type": "2", "start-after": "s"})
    token = listing.Token("x", ID)
    answer = parsed("ListObjectsV2", responses.list_objects_v2("b", asked, page, token, owner="me"))
    assert answer["KeyCount"] == len(keys) + 1
    assert listing.Token.decode(answer["NextContinuationToken"]) == token
    assert answer["StartAfter"] == "s"
    assert all("Owner" not in row for row in answer.get("Contents", []))


@given(st.text(min_size=1, max_size=30).filter(lambda t: t.encode("utf-8", "ignore").decode() == t))
def test_url_encoding_carries_any_key(key: str) -> None:
    from urllib.parse import unquote

    asked = listing.parse_v1({"encoding-type": "url"})
    page = Page((entry(key),))
    answer = parsed("ListObjects", responses.list_objects("b", asked, page, owner="me"))
    assert answer["EncodingType"] == "url"
    assert unquote(answer["Contents"][0]["Key"]) == key


def test_versions_and_markers_keep_one_order() -> None:
    rows = (
        Version("a", ID, True, True, 0, "", WHEN),
        Version("a", ID, False, False, 3, "e", WHEN),
        Version("b", ID, True, False, 3, "e", WHEN, null=True),
    )
    asked = listing.parse_versions({"prefix": ""})
    body = responses.list_object_versions("b", asked, VersionPage(rows, (), "b", ID), owner="me")
    answer = parsed("ListObjectVersions", body)
    assert body.index(b"<DeleteMarker>") < body.index(b"<Version>")
    assert [row["VersionId"] for row in answer["Versions"]] == [ID, "null"]
    assert answer["DeleteMarkers"][0]["IsLatest"]
    # The next page begins behind a version by the name it is listed under.
    assert (answer["NextKeyMarker"], answer["NextVersionIdMarker"]) == ("b", "null")
    page = VersionPage(rows[:2], (), "a", ID)
    first = parsed("ListObjectVersions", responses.list_object_versions("b", asked, page, owner=""))
    assert first["NextVersionIdMarker"] == ID


def location_read_back(constraint: str) -> str | None:
    answer: dict[str, Any] = {}
    raw = io.BytesIO(responses.location(constraint))
    wire = SimpleNamespace(stream=lambda: [raw.read()])
    parse_get_bucket_location(answer, AWSResponse("", 200, {}, wire))
    found: str | None = answer["LocationConstraint"]
    return found


def test_the_other_documents_say_what_they_were_given() -> None:
    rows = [("master.b", WHEN, "eu-west-1")]
    plain = responses.list_buckets(listing.parse_buckets({}), rows, None, owner="me")
    assert "BucketRegion" not in parsed("ListBuckets", plain)["Buckets"][0]
    asked = listing.parse_buckets({"prefix": "master"})
    buckets = parsed("ListBuckets", responses.list_buckets(asked, rows, "t", owner="me"))
    assert buckets["Buckets"][0]["Name"] == "master.b"
    assert buckets["Buckets"][0]["BucketRegion"] == "eu-west-1"
    assert (buckets["ContinuationToken"], buckets["Prefix"]) == ("t", "master")
    assert location_read_back("eu-west-1") == "eu-west-1"
    assert location_read_back("us-east-1") is None
    assert parsed("GetBucketVersioning", responses.versioning("Enabled"))["Status"] == "Enabled"
    copied = parsed("CopyObject", responses.copy_object('"e"', WHEN, {"CRC32": "AAAAAA=="}))
    assert copied["CopyObjectResult"]["ChecksumCRC32"] == "AAAAAA=="
    assert copied["CopyObjectResult"]["ChecksumType"] == "FULL_OBJECT"
    begun = parsed("CreateMultipartUpload", responses.create_multipart_upload("b", "k&", "u"))
    assert (begun["Key"], begun["UploadId"]) == ("k&", "u")
    done = parsed(
        "CompleteMultipartUpload",
        responses.complete_multipart_upload(
            location="http://h/b/k", bucket="b", key="k", etag='"e-2"', checksums={}, composite=True
        ),
    )
    assert (done["ETag"], done["Location"]) == ('"e-2"', "http://h/b/k")


def test_parts_and_uploads_page() -> None:
    parts = parsed(
        "ListParts",
        responses.list_parts(
            bucket="b", key="k", upload_id="u", owner="me", form=("CRC32", "COMPOSITE"), after=1,
            limit=1, truncated=True, parts=[(2, WHEN, "e", 5, {"CRC32": "AAAAAA=="})],
        ),
    )  # fmt: skip
    assert (parts["IsTruncated"], parts["NextPartNumberMarker"]) == (True, 2)
    assert parts["Parts"][0]["Size"] == 5
    assert (parts["ChecksumAlgorithm"], parts["ChecksumType"]) == ("CRC32", "COMPOSITE")
    uploads = parsed(
        "ListMultipartUploads",
        responses.list_multipart_uploads(
            bucket="b",
            asked=listing.parse_uploads({"delimiter": "/"}),
            uploads=[
                ("k", "u", WHEN, "me", ("SHA1", "COMPOSITE")),
                ("l", "v", WHEN, "me", ("", "")),
            ],
            prefixes=["p/"],
            following=("k", "u"),
        ),
    )
    assert (uploads["IsTruncated"], uploads["Delimiter"]) == (True, "/")
    assert uploads["CommonPrefixes"] == [{"Prefix": "p/"}]
    assert uploads["Uploads"][0]["ChecksumAlgorithm"] == "SHA1"
    assert "ChecksumAlgorithm" not in uploads["Uploads"][1]
    assert (uploads["NextKeyMarker"], uploads["NextUploadIdMarker"]) == ("k", "u")
    assert uploads["Uploads"][0]["Initiator"]["ID"] == "me"


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_every_error_is_read_back_by_botocore(code: str) -> None:
    error = S3Error(code, "because <&>", Key="k\x07", extra={"Content-MD5": "x"})
    body = errors.render(error, resource="/b/k", request_id="R", host_id="H")
    assert b"<Code>" + code.encode() + b"</Code>" in body
    assert b"&#x7;" in body
    # botocore reads XML 1.0 as Python's parser does, so without control characters.
    clean = errors.render(S3Error(code, "m"), resource="/b/k", request_id="R", host_id="H")
    parser = botocore.parsers.create_parser("rest-xml")
    shape = MODEL.operation_model("GetObject").output_shape
    headers = {"x-amz-request-id": "R"}
    found = parser.parse({"status_code": error.status, "headers": headers, "body": clean}, shape)
    assert found["Error"] == {"Code": code, "Message": "m", "Resource": "/b/k"}
    assert found["ResponseMetadata"]["RequestId"] == "R"
    assert b"<RequestId>R</RequestId><HostId>H</HostId>" in clean


def test_an_unknown_error_code_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        S3Error("NoSuchThing")

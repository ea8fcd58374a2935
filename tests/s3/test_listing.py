"""ListObjects and ListObjectsV2."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import LiveGateway
from raw import Answer, signed
from wire import head, refused

TREE = ["a", "a-b", "a.b", "a/", "a/b", "a/c/d", "a/c/e", "a0", "b/x", "ü", "日/1"]


def fill(s3: Any, bucket: str, keys: list[str]) -> None:
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")


def keys(answer: Any) -> list[str]:
    return [row["Key"] for row in answer.get("Contents", [])]


def prefixes(answer: Any) -> list[str]:
    return [row["Prefix"] for row in answer.get("CommonPrefixes", [])]


def model(names: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """What S3 shows, worked out the slow way: (key or prefix, whether it is a prefix)."""
    rows: list[tuple[str, bool]] = []
    for name in sorted(names, key=str.encode):
        if not name.startswith(prefix):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        row = (name, False) if at < 0 else (name[: at + len(delimiter)], True)
        if row not in rows:
            rows.append(row)
    return rows


def test_keys_come_in_the_order_of_their_utf_8_bytes(s3: Any, bucket: str) -> None:
    fill(s3, bucket, TREE[::-1])
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(TREE, key=str.encode)
    assert keys(s3.list_objects(Bucket=bucket)) == sorted(TREE, key=str.encode)


def test_a_row_says_what_head_says(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    shown = s3.head_object(Bucket=bucket, Key="k")
    for answer in (s3.list_objects(Bucket=bucket), s3.list_objects_v2(Bucket=bucket)):
        [row] = answer["Contents"]
        assert (row["Size"], row["ETag"], row["StorageClass"]) == (5, put["ETag"], "STANDARD")
        assert row["LastModified"].replace(microsecond=0) == shown["LastModified"]
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"] == put["VersionId"]
    owner = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]
    assert owner == {"ID": "default", "DisplayName": "default"}
    assert "Owner" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]


@pytest.fixture(scope="module")
def tree(s3: Any) -> str:
    """A bucket that holds TREE."""
    s3.create_bucket(Bucket="master.list-tree")
    fill(s3, "master.list-tree", TREE)
    return "master.list-tree"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    prefix=st.sampled_from(["", "a", "a/", "a/c/", "b", "z", "a.", "日"]),
    delimiter=st.sampled_from(["", "/", "-", "c/", "b", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"]),
    limit=st.integers(1, 5),
    operation=st.sampled_from(["list_objects", "list_objects_v2"]),
)
def test_pages_put_together_are_the_whole_each_row_once(
    s3: Any, tree: str, prefix: str, delimiter: str, limit: int, operation: str
) -> None:
    wanted = model(TREE, prefix, delimiter)
    found: list[tuple[str, bool]] = []
    more: dict[str, Any] = {}
    for _ in range(len(wanted) + 1):
        page = getattr(s3, operation)(
            Bucket=tree, Prefix=prefix, Delimiter=delimiter, MaxKeys=limit, **more
        )
        rows = [(key, False) for key in keys(page)] + [(one, True) for one in prefixes(page)]
        assert len(rows) <= limit
        assert page.get("KeyCount", len(rows)) == len(rows)
        found += rows
        if not page["IsTruncated"]:
            break
        assert len(rows) == limit
        if operation == "list_objects_v2":
            more = {"ContinuationToken": page["NextContinuationToken"]}
        else:
            assert ("NextMarker" in page) == bool(delimiter)
            more = {"Marker": page.get("NextMarker") or keys(page)[-1]}
    assert sorted(found, key=lambda row: row[0].encode()) == wanted
    assert len(found) == len(wanted)


def test_a_marker_that_is_a_common_prefix_skips_all_of_it(s3: Any, tree: str) -> None:
    page = s3.list_objects(Bucket=tree, Delimiter="/", Marker="a/")
    assert "a/" not in prefixes(page)
    assert keys(page) == ["a0", "ü"]
    page = s3.list_objects(Bucket=tree, Delimiter="/", Marker="a/b")  # within it: it shows again
    assert prefixes(page)[0] == "a/"


def test_next_marker_is_only_there_with_a_delimiter(gateway: LiveGateway, tree: str) -> None:
    with_one = signed(gateway, "GET", f"/{tree}?delimiter=%2F&max-keys=1")
    without = signed(gateway, "GET", f"/{tree}?max-keys=1")
    assert b"<NextMarker>" in with_one.body
    assert b"<NextMarker>" not in without.body
    assert b"<IsTruncated>true</IsTruncated>" in without.body


@pytest.mark.parametrize("version", ["", "&list-type=2"])
def test_max_keys_0_is_an_empty_page_that_is_not_cut(
    gateway: LiveGateway, tree: str, version: str
) -> None:
    answer = signed(gateway, "GET", f"/{tree}?max-keys=0{version}")
    assert answer.status == 200
    assert b"<IsTruncated>false</IsTruncated>" in answer.body
    assert b"<MaxKeys>0</MaxKeys>" in answer.body
    assert b"<Contents>" not in answer.body


@pytest.mark.parametrize("version", ["", "&list-type=2", "&versions", "&uploads"])
@pytest.mark.parametrize("text", ["-1", "x", "1.5", "2147483648", "0" * 5000, "9" * 5000, "%20"])
def test_a_page_size_that_is_no_count_is_an_invalid_argument(
    gateway: LiveGateway, tree: str, version: str, text: str
) -> None:
    name = "max-uploads" if "uploads" in version else "max-keys"
    answer = signed(gateway, "GET", f"/{tree}?{name}={text}{version}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.field("ArgumentName") == name


def test_a_page_has_at_most_1000_rows(gateway: LiveGateway, tree: str) -> None:
    answer = signed(gateway, "GET", f"/{tree}?max-keys=5000")
    assert b"<MaxKeys>1000</MaxKeys>" in answer.body


def test_1001_keys_are_two_pages(s3: Any, bucket: str, gateway: LiveGateway) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = [f"k{n:04}" for n in range(1001)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b""), names))
    first = s3.list_objects_v2(Bucket=bucket)
    assert (first["KeyCount"], first["IsTruncated"]) == (1000, True)
    rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert (keys(rest), rest["IsTruncated"]) == (["k1000"], False)
    s3.delete_object(Bucket=bucket, Key="k1000")
    exact = s3.list_objects_v2(Bucket=bucket)
    assert (exact["KeyCount"], exact["IsTruncated"]) == (1000, False)


def test_a_token_shows_the_state_of_its_first_page_while_writes_go_on(s3: Any, bucket: str) -> None:
    fill(s3, bucket, ["a", "b", "c", "d"])
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=2)
    seen = head(s3, bucket)
    s3.delete_object(Bucket=bucket, Key="c")
    s3.put_object(Bucket=bucket, Key="bb", Body=b"new")
    s3.put_object(Bucket=bucket, Key="d", Body=b"longer than before")
    second = s3.list_objects_v2(
        Bucket=bucket, MaxKeys=2, ContinuationToken=first["NextContinuationToken"]
    )
    assert keys(first) + keys(second) == ["a", "b", "c", "d"]
    assert second["Contents"][1]["Size"] == 1
    assert second["ResponseMetadata"]["HTTPHeaders"]["x-labelgate-commit"] == seen
    assert second["ContinuationToken"] == first["NextContinuationToken"]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["a", "b", "bb", "d"]


def test_start_after_counts_until_there_is_a_token(s3: Any, tree: str) -> None:
    first = s3.list_objects_v2(Bucket=tree, StartAfter="a/", MaxKeys=1)
    assert (keys(first), first["StartAfter"]) == (["a/b"], "a/")
    second = s3.list_objects_v2(
        Bucket=tree, StartAfter="z", MaxKeys=1, ContinuationToken=first["NextContinuationToken"]
    )
    assert keys(second) == ["a/c/d"]


@pytest.mark.parametrize(
    "token",
    ["x", "%20", "AAAA", "W10", quote("ÿ"), "W1tbW1tbW1tbW1tbW1tbW1tb" * 1000,
     "WzEsIjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIiwiYSJd"],
)  # fmt: skip
def test_a_token_that_is_none_of_ours_is_an_invalid_argument(
    gateway: LiveGateway, tree: str, token: str
) -> None:
    answer = signed(gateway, "GET", f"/{tree}?list-type=2&continuation-token={token}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.field("ArgumentName") == "continuation-token"


def test_an_empty_token_is_the_first_page(gateway: LiveGateway, tree: str) -> None:
    answer = signed(gateway, "GET", f"/{tree}?list-type=2&continuation-token=")
    assert answer.status == 200
    assert answer.body.count(b"<Contents>") == len(TREE)


ODD = ["a b", "a+b", "a%2Fb", "a&b<c>", "a\tb", "a\nb", "a\x07b", "\x01", "a=b", "ü", "a//b"]


def test_url_encoding_brings_every_key_through_and_is_echoed(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    fill(s3, bucket, ODD)
    for query in ("", "&list-type=2", "&versions"):
        raw = signed(gateway, "GET", f"/{bucket}?encoding-type=url{query}")
        assert b"<EncodingType>url</EncodingType>" in raw.body
        for key in ODD:
            assert f"<Key>{quote(key, safe='/')}</Key>".encode() in raw.body
    wanted = sorted(ODD, key=str.encode)
    assert keys(s3.list_objects_v2(Bucket=bucket)) == wanted  # botocore asks for it, and decodes
    assert keys(s3.list_objects(Bucket=bucket)) == wanted
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [row["Key"] for row in versions] == wanted


def test_prefix_delimiter_and_marker_are_encoded_too(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    fill(s3, bucket, ["a b|c d|1", "a b|c d|2", "a b|e f|1"])
    query = f"prefix={quote('a b|')}&delimiter={quote('|')}&max-keys=1&encoding-type=url"
    second = signed(gateway, "GET", f"/{bucket}?list-type=2&{query}")
    assert b"<Prefix>a%20b%7C</Prefix>" in second.body
    answer = signed(gateway, "GET", f"/{bucket}?{query}")
    for element in (
        b"<Prefix>a b|</Prefix>",  # botocore decodes it in version 2 only
        b"<Delimiter>%7C</Delimiter>",
        b"<NextMarker>a%20b%7Cc%20d%7C</NextMarker>",
        b"<CommonPrefixes><Prefix>a%20b%7Cc%20d%7C</Prefix></CommonPrefixes>",
    ):
        assert element in answer.body


def test_without_url_encoding_control_characters_leave_as_references(
    gateway: LiveGateway, s3: Any, bucket: str
) -> None:
    fill(s3, bucket, ODD)
    answer = signed(gateway, "GET", f"/{bucket}?list-type=2")
    assert answer.status == 200
    assert b"<Key>a&#x7;b</Key>" in answer.body
    assert b"<Key>a&amp;b&lt;c&gt;</Key>" in answer.body


def test_another_encoding_is_an_invalid_argument(gateway: LiveGateway, tree: str) -> None:
    answer = signed(gateway, "GET", f"/{tree}?encoding-type=base64")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_a_directory_marker_is_a_key_like_others(s3: Any, bucket: str) -> None:
    fill(s3, bucket, ["dir/", "dir/x", "other"])
    assert keys(s3.list_objects_v2(Bucket=bucket, Prefix="dir/", Delimiter="/")) == [
        "dir/",
        "dir/x",
    ]
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert (keys(top), prefixes(top)) == (["other"], ["dir/"])
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="dir")


def test_a_prefix_whose_keys_are_all_deleted_does_not_show(s3: Any, bucket: str) -> None:
    fill(s3, bucket, ["gone/1", "gone/2", "kept/1"])
    s3.delete_object(Bucket=bucket, Key="gone/1")
    s3.delete_object(Bucket=bucket, Key="gone/2")
    assert prefixes(s3.list_objects_v2(Bucket=bucket, Delimiter="/")) == ["kept/"]


def test_uploads_under_way_are_not_listed(s3: Any, bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="pending")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    "query",
    ["cors", "policy", "lifecycle", "acl", "tagging", "website", "replication", "logging",
     "object-lock", "versioning", "encryption", "inventory", "metrics&id=x"],
)  # fmt: skip
def test_a_subresource_never_becomes_a_listing(gateway: LiveGateway, tree: str, query: str) -> None:
    answer: Answer = signed(gateway, "GET", f"/{tree}?{query}")
    assert answer.status in {200, 404, 501}
    assert b"ListBucketResult" not in answer.body


def test_label_studios_scan_finds_every_key_below_its_prefix(s3: Any, bucket: str) -> None:
    fill(s3, bucket, [f"texts/{n}.json" for n in range(5)] + ["texts2/x", "texts"])
    pages = s3.get_paginator("list_objects").paginate(
        Bucket=bucket, Prefix="texts/", PaginationConfig={"PageSize": 2}
    )
    assert [key for page in pages for key in keys(page)] == [f"texts/{n}.json" for n in range(5)]
    check = s3.list_objects_v2(Bucket=bucket, Prefix="texts", MaxKeys=1)
    assert check["KeyCount"] == 1

"""ListObjectVersions: the history of keys."""

from __future__ import annotations

from typing import Any

import pytest
from live import LiveGateway
from raw import signed


def rows(page: Any) -> list[tuple[str, str, bool, bool]]:
    """(key, version, is latest, is a marker); botocore tells the two kinds apart."""
    return [(r["Key"], r["VersionId"], r["IsLatest"], False) for r in page.get("Versions", [])] + [
        (r["Key"], r["VersionId"], r["IsLatest"], True) for r in page.get("DeleteMarkers", [])
    ]


@pytest.fixture
def history(s3: Any, bucket: str) -> list[tuple[str, str, bool, bool]]:
    """`a` written twice, `b` written, deleted and written, `c/d` written and deleted."""
    made: dict[str, list[tuple[str, bool]]] = {"a": [], "b": [], "c/d": []}
    for key, delete in [
        ("a", False), ("b", False), ("c/d", False), ("b", True), ("a", False), ("b", False),
        ("c/d", True),
    ]:  # fmt: skip
        done = (
            s3.delete_object(Bucket=bucket, Key=key)
            if delete
            else s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        )
        made[key].insert(0, (done["VersionId"], delete))
    return [
        (key, version, at == 0, marker)
        for key, versions in made.items()
        for at, (version, marker) in enumerate(versions)
    ]


def test_versions_and_markers_are_listed_newest_first_by_key(
    gateway: LiveGateway, s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]]
) -> None:
    page = s3.list_object_versions(Bucket=bucket)
    assert sorted(rows(page)) == sorted(history)
    body = signed(gateway, "GET", f"/{bucket}?versions").body.decode()
    places = [body.index(f"<VersionId>{version}</VersionId>") for _, version, _, _ in history]
    assert places == sorted(places)  # interleaved as they happened, not by kind
    assert [row["Size"] for row in page["Versions"] if row["Key"] == "c/d"] == [3]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_versions_put_together_are_the_whole(
    s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]], limit: int
) -> None:
    found: list[tuple[str, str, bool, bool]] = []
    more: dict[str, str] = {}
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=limit, **more)
        found += rows(page)
        if not page["IsTruncated"]:
            break
        assert len(rows(page)) == limit
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert sorted(found) == sorted(history)


def test_a_key_marker_alone_skips_all_versions_of_its_key(
    s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]]
) -> None:
    page = s3.list_object_versions(Bucket=bucket, KeyMarker="b")
    assert {row[0] for row in rows(page)} == {"c/d"}
    assert page["KeyMarker"] == "b"


def test_prefixes_and_delimiters_work_on_versions(
    s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]]
) -> None:
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert {row[0] for row in rows(page)} == {"a", "b"}
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == ["c/"]
    assert {row[0] for row in rows(s3.list_object_versions(Bucket=bucket, Prefix="c"))} == {"c/d"}


def test_a_commits_bucket_shows_the_history_behind_it(
    s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]]
) -> None:
    second_of_a = next(version for key, version, latest, _ in history if key == "a" and latest)
    page = s3.list_object_versions(Bucket=f"{second_of_a}.{bucket}")
    found = {(key, version) for key, version, _, _ in rows(page)}
    assert len(found) == 5
    assert ("a", second_of_a) in found


@pytest.mark.parametrize(
    "query",
    ["version-id-marker=" + "0" * 32, "key-marker=a&version-id-marker=zz",
     "key-marker=a&version-id-marker=" + "0" * 32],
)  # fmt: skip
def test_a_version_marker_that_is_none_is_an_invalid_argument(
    gateway: LiveGateway, bucket: str, query: str
) -> None:
    answer = signed(gateway, "GET", f"/{bucket}?versions&{query}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_every_row_has_an_owner(
    s3: Any, bucket: str, history: list[tuple[str, str, bool, bool]]
) -> None:
    page = s3.list_object_versions(Bucket=bucket)
    for row in page["Versions"] + page["DeleteMarkers"]:
        assert row["Owner"]["ID"] == "default"

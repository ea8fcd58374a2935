"""Log, commits, differences and lineage through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api import Api, error_of

NOBODY = "0" * 32

Annotated = dict[str, Any]


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


@pytest.fixture
def written(s3: Any, repo: str) -> list[str]:
    """The commits of master, oldest first: a, dir/b, a again, dir/b deleted."""
    bucket = f"master.{repo}"
    commits = [
        put(s3, bucket, "a", b"1"),
        put(s3, bucket, "dir/b", b"22"),
        put(s3, bucket, "a", b"333"),
    ]
    return [*commits, s3.delete_object(Bucket=bucket, Key="dir/b")["VersionId"]]


def label(source: str) -> bytes:
    """An annotation as Label Studio writes it."""
    return json.dumps(
        {
            "id": 7,
            "created_username": "someone, 3",
            "created_ago": "0 minutes",
            "completed_by": {"id": 3, "first_name": "", "last_name": "", "email": "a@b.c"},
            "task": {
                "id": 5,
                "data": {"text": source},
                "meta": {},
                "created_at": "2026-01-01T00:00:00.000000Z",
                "updated_at": "2026-01-01T00:00:00.000000Z",
                "project": 2,
            },
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": "2026-01-01T00:00:01.000000Z",
            "updated_at": "2026-01-01T00:00:01.000000Z",
            "lead_time": 1.5,
            "result": [
                {
                    "value": {"choices": ["Positive"]},
                    "from_name": "s",
                    "to_name": "t",
                    "type": "choices",
                    "id": "x",
                }
            ],
            "unique_id": "0d6b8a8e-6d7e-4a57-9c3a-000000000000",
            "project": 2,
        }
    ).encode()


def test_the_log_is_newest_first_and_ends_at_the_root(
    api: Api, repo: str, written: list[str]
) -> None:
    log = api.get(f"/refs/master.{repo}/log").json()
    ids = [one["id"] for one in log["commits"]]
    assert ids[:4] == written[::-1]
    assert log["commits"][-1]["parents"] == []
    assert log["next_after"] is None
    assert log["at"]["commit"] == written[-1]
    assert [one["kind"] for one in log["commits"][:4]] == ["delete", "put", "put", "put"]


def test_the_pages_of_a_log_join_to_the_whole(api: Api, repo: str, written: list[str]) -> None:
    whole = api.get(f"/refs/{repo}/log").json()["commits"]
    pages: list[Any] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = api.get(f"/refs/{repo}/log", **query).json()
        assert 0 < len(page["commits"]) <= 2
        pages += page["commits"]
        if page["next_after"] is None:
            break
        query["after"] = page["next_after"]
    assert pages == whole
    assert len(pages) > len(written)


@pytest.mark.parametrize(
    ("path", "expected"), [("a", [2, 0]), ("dir/b", [3, 1]), ("dir/", [3, 1]), ("dir", [])]
)
def test_a_log_of_a_path_has_the_commits_that_changed_it(
    api: Api, repo: str, written: list[str], path: str, expected: list[int]
) -> None:
    commits = api.get(f"/refs/{repo}/log", path=path).json()["commits"]
    assert [one["id"] for one in commits] == [written[n] for n in expected]


def test_a_commit_shows_what_it_changed_and_where_that_comes_from(
    api: Api, repo: str, written: list[str]
) -> None:
    shown = api.get(f"/refs/{written[2]}.{repo}/commit").json()
    assert shown["commit"]["id"] == written[2]
    assert shown["commit"]["author"] == "default"
    assert shown["commit"]["changes"] == 1
    [change] = shown["changes"]
    assert (change["key"], change["kind"], change["size"]) == ("a", "put", 3)
    assert change["lineage"]["key"] == "a"
    assert change["lineage"]["account"] == "default"


def test_a_bare_commit_id_names_a_commit(api: Api, written: list[str]) -> None:
    assert api.get(f"/refs/{written[0]}/commit").json()["commit"]["id"] == written[0]


def test_the_changes_of_a_commit_come_in_pages(api: Api, s3: Any, repo: str) -> None:
    for key in ("a", "b", "c"):
        put(s3, f"master.{repo}", key)
    objects = [{"Key": key} for key in ("a", "b", "c")]
    s3.delete_objects(Bucket=f"master.{repo}", Delete={"Objects": objects})
    first = api.get(f"/refs/{repo}/commit", limit=2).json()
    rest = api.get(f"/refs/{repo}/commit", limit=2, after=first["next_after"]).json()
    assert [one["key"] for one in first["changes"] + rest["changes"]] == ["a", "b", "c"]
    assert rest["next_after"] is None


def test_a_diff_has_each_key_that_differs(api: Api, repo: str, written: list[str]) -> None:
    diff = api.get("/diff", old=f"{written[1]}.{repo}", new=f"master.{repo}").json()
    found = [(one["key"], one["difference"]) for one in diff["differences"]]
    assert found == [("a", "changed"), ("dir/b", "removed")]
    [changed, removed] = diff["differences"]
    assert (changed["old"]["size"], changed["new"]["size"]) == (1, 3)
    assert changed["new"]["version"] == written[2]
    assert removed["new"] is None


def test_the_pages_of_a_diff_go_on_from_the_pinned_states(
    api: Api, s3: Any, repo: str, written: list[str]
) -> None:
    first = api.get("/diff", old=f"{written[1]}.{repo}", new=repo, limit=1).json()
    put(s3, f"master.{repo}", "late")
    rest = api.get(
        "/diff",
        old=first["old"]["pinned"],
        new=first["new"]["pinned"],
        after=first["next_after"],
    ).json()
    keys = [one["key"] for one in first["differences"] + rest["differences"]]
    assert keys == ["a", "dir/b"]


def test_a_diff_can_be_of_a_part(api: Api, repo: str, written: list[str]) -> None:
    diff = api.get("/diff", old=f"{written[1]}.{repo}", new=repo, prefix="dir/").json()
    assert [one["key"] for one in diff["differences"]] == ["dir/b"]


def test_the_lineage_of_a_label_names_the_version_of_its_source(
    api: Api, s3: Any, repo: str
) -> None:
    source = put(s3, f"master.{repo}", "texts/1 ü.txt", b"good")
    body = label(f"s3://master.{repo}/texts/1 ü.txt")
    version = put(s3, f"master.{repo}", "labels/1", body)
    found = api.get(f"/refs/master.{repo}/lineage", key="labels/1").json()
    assert found["object"] == f"s3://master.{repo}/labels/1"
    assert found["version"] == version
    record = found["record"]
    assert (record["project"], record["task"], record["annotator"]) == (2, 5, 3)
    [uri] = record["sources"]
    assert uri["commit"] == source
    assert uri["path"] == "texts/1 ü.txt"


def test_the_lineage_of_an_older_version_is_told(api: Api, repo: str, written: list[str]) -> None:
    found = api.get(f"/refs/{repo}/lineage", key="a", version=written[0]).json()
    assert found["version"] == written[0]
    assert found["record"]["content"]["size"] == 1


@pytest.mark.parametrize(
    ("address", "query", "status", "code"),
    [
        ("/refs/nothing-here/log", {}, 404, "NoRepo"),
        ("/refs/nothing.{repo}/log", {}, 404, "NoRef"),
        (f"/refs/{NOBODY}.{{repo}}/log", {}, 404, "NoCommit"),
        (f"/refs/{NOBODY}/log", {}, 404, "NoCommit"),
        ("/refs/a.b.c.d/log", {}, 400, "InvalidName"),
        ("/refs/{repo}@2026-11-01T12:00Z/log", {}, 404, "NoCommit"),
        ("/refs/{repo}@yesterday/log", {}, 400, "InvalidName"),
        ("/refs/{repo}/log", {"since": "x"}, 400, "InvalidName"),
        ("/refs/{repo}/log", {"after": "x"}, 400, "InvalidId"),
        ("/refs/{repo}/log", {"limit": 0}, 400, "InvalidRequest"),
        ("/refs/{repo}/log", {"limit": 1001}, 400, "InvalidRequest"),
        ("/refs/{repo}/lineage", {}, 400, "InvalidRequest"),
        ("/refs/{repo}/lineage", {"key": "nothing"}, 404, "NoKey"),
        ("/refs/{repo}/lineage", {"key": "x" * 1025}, 400, "InvalidKey"),
        ("/refs/{repo}/lineage", {"key": "a", "version": "1"}, 400, "InvalidId"),
        ("/refs/{repo}/lineage", {"key": "a", "version": NOBODY}, 404, "NoVersion"),
        ("/diff", {"old": "{repo}"}, 400, "InvalidRequest"),
        ("/diff", {"old": "{repo}", "new": "nothing-here"}, 404, "NoRepo"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    *, api: Api, repo: str, written: list[str], address: str, query: Any, status: int, code: str
) -> None:
    query = {n: v.format(repo=repo) if isinstance(v, str) else v for n, v in query.items()}
    response = api.get(address.format(repo=repo), **query)
    assert error_of(response)["code"] == code
    assert response.status_code == status


def test_a_commit_names_what_it_erased_to_who_may_read_it(house: Any) -> None:
    going = [
        {
            "Key": key,
            "VersionId": house.s3.put_object(Bucket="raw", Key=key, Body=b"x")["VersionId"],
        }
        for key in ("open/brief", "secret/brief")
    ]
    house.s3.delete_objects(Bucket="raw", Delete={"Objects": going})
    told = [{"key": one["Key"], "version": one["VersionId"], "reason": ""} for one in going]
    assert house.read("/refs/raw/commit")["erased"] == told
    assert house.reader.get("/refs/raw/commit").json()["erased"] == told[:1]


def test_sources_that_the_asker_may_not_read_are_left_out_and_counted(house: Any) -> None:
    addresses = [
        ("/refs/labels/lineage", {"key": "sentiment/4"}),
        (f"/refs/{house.label}.labels/commit", {}),
    ]
    for address, query in addresses:
        response = house.reader.get(address, **query)
        assert response.status_code == 200, response.text
        assert "secret" not in response.text
        assert "raw/open/1" in response.text
        assert '"sources_left_out":1' in response.text
        assert "raw/secret/1" in house.root.get(address, **query).text

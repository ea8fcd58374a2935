"""Promote, revert, restore, protected branches and moves over the API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from api import Api, error_of
from botocore.exceptions import ClientError
from live import LiveGateway, live_gateway


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def keys(s3: Any, bucket: str) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.fixture
def dev(api: Api, s3: Any, repo: str) -> str:
    """A branch of a repo with one object, `a`; the repo is `dev.partition('.')[2]`."""
    put(s3, f"master.{repo}", "a")
    made = api.post(f"/repos/{repo}/branches", {"name": "dev", "from": f"master.{repo}"})
    assert made.status_code == 201
    return f"dev.{repo}"


def test_a_promote_moves_or_merges(api: Api, s3: Any, repo: str, dev: str) -> None:
    head = put(s3, dev, "b")
    made = api.post(f"/refs/{repo}/promote", {"from": dev}).json()
    assert (made["way"], made["head"]) == ("forward", head)
    mine, theirs = put(s3, f"master.{repo}", "c"), put(s3, dev, "d")
    made = api.post(f"/refs/{repo}/promote", {"from": dev, "message": "reviewed"}).json()
    assert (made["way"], made["changes"]) == ("merge", {"added": 1, "changed": 0, "removed": 0})
    assert keys(s3, f"master.{repo}") == ["a", "b", "c", "d"]
    commit = api.get(f"/refs/{repo}/commit").json()["commit"]
    assert (commit["parents"], commit["message"]) == ([mine, theirs], "reviewed")
    moves = api.get(f"/repos/{repo}/moves/master").json()["moves"]
    assert [one["action"] for one in moves] == ["forward", "create branch"]
    assert moves[0]["new"] == head
    again = api.post(f"/refs/{repo}/promote", {"from": dev}).json()
    assert again["way"] == "nothing"


def test_conflicts_are_answered_409_with_the_keys(api: Api, s3: Any, repo: str, dev: str) -> None:
    put(s3, dev, "a", b"theirs")
    put(s3, f"master.{repo}", "a", b"mine")
    response = api.post(f"/refs/{repo}/promote", {"from": dev})
    assert response.status_code == 409
    error = error_of(response)
    assert (error["code"], error["conflicts"]) == ("Conflicts", ["a"])
    tried = api.post(f"/refs/{repo}/promote", {"from": dev, "dry_run": True}).json()
    assert (tried["way"], tried["conflicts"]) == ("refused", ["a"])
    made = api.post(f"/refs/{repo}/promote", {"from": dev, "policy": "source"}).json()
    assert made["way"] == "merge"
    assert s3.get_object(Bucket=f"master.{repo}", Key="a")["Body"].read() == b"theirs"


def test_a_wrong_head_is_answered_409(api: Api, s3: Any, repo: str, dev: str) -> None:
    put(s3, dev, "b")
    body = {"from": dev, "if_head": "f" * 32}
    response = api.post(f"/refs/{repo}/promote", body)
    assert (response.status_code, error_of(response)["code"]) == (409, "HeadMoved")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("promote", {}), ("promote", {"from": "dev.x", "policy": "ours"}),
        ("promote", {"from": "dev.x", "more": 1}), ("promote", {"from": "x", "if_head": "1"}),
        ("revert", {}), ("restore", {}),
    ],
)  # fmt: skip
def test_what_is_asked_for_wrongly_is_refused(
    api: Api, repo: str, dev: str, path: str, body: dict[str, Any]
) -> None:
    assert api.post(f"/refs/master.{repo}/{path}", body).status_code in {400, 404}
    assert api.post(f"/refs/{dev}/{path}", body).status_code in {400, 404}


def test_commits_are_undone(api: Api, s3: Any, repo: str) -> None:
    master = f"master.{repo}"
    first = put(s3, master, "a", b"1")
    bad = put(s3, master, "a", b"bad")
    put(s3, master, "b")
    made = api.post(f"/refs/{master}/revert", {"commit": bad}).json()
    assert (made["keys"], made["conflicts"]) == (["a"], [])
    assert s3.get_object(Bucket=master, Key="a")["Body"].read() == b"1"
    again = api.post(f"/refs/{master}/revert", {"commit": bad})
    assert again.json()["head"] == again.json()["before"]
    put(s3, master, "a", b"since")
    conflict = api.post(f"/refs/{master}/revert", {"commit": bad})
    assert error_of(conflict)["conflicts"] == ["a"]
    made = api.post(f"/refs/{master}/revert", {"commit": bad, "since": first, "path": "b"})
    assert made.json()["keys"] == []
    stranger = api.post(f"/refs/{master}/revert", {"commit": "f" * 32})
    assert (stranger.status_code, error_of(stranger)["code"]) == (404, "NoCommit")


def test_an_earlier_state_is_brought_back(api: Api, s3: Any, repo: str) -> None:
    master = f"master.{repo}"
    then = put(s3, master, "dir/a", b"1")
    put(s3, master, "dir/a", b"2")
    s3.delete_object(Bucket=master, Key="dir/a")
    put(s3, master, "b")
    made = api.post(f"/refs/{master}/restore", {"at": then, "path": "dir/"}).json()
    assert made["keys"] == ["dir/a"]
    assert s3.get_object(Bucket=master, Key="dir/a")["Body"].read() == b"1"
    tag = {"name": "v1", "from": f"{then}.{repo}"}
    assert api.post(f"/repos/{repo}/tags", tag).status_code == 201
    made = api.post(f"/refs/{master}/restore", {"at": f"v1.{repo}"}).json()
    assert keys(s3, master) == ["dir/a"]


def test_a_protected_branch_is_written_to_by_promote_alone(
    api: Api, s3: Any, repo: str, dev: str
) -> None:
    master = f"master.{repo}"
    old = put(s3, master, "a", b"old")
    put(s3, master, "a", b"new")
    address = f"/repos/{repo}/branches/master/protected"
    assert api.send("PUT", f"/-/api/v1{address}").json()["protected"] is True
    writes = [
        lambda: s3.put_object(Bucket=master, Key="b", Body=b"x"),
        lambda: s3.copy_object(Bucket=master, Key="b", CopySource={"Bucket": dev, "Key": "a"}),
        lambda: s3.delete_object(Bucket=master, Key="a"),
        lambda: s3.delete_objects(Bucket=master, Delete={"Objects": [{"Key": "a"}]}),
        lambda: s3.create_multipart_upload(Bucket=master, Key="b"),
        lambda: s3.put_object_tagging(Bucket=master, Key="a", Tagging={"TagSet": []}),
    ]
    for write in writes:
        with pytest.raises(ClientError, match=r"is protected.*labelgate promote") as refused:
            write()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert s3.get_object(Bucket=master, Key="a")["Body"].read() == b"new"
    # To erase for legal reasons is not to wait for a promote.
    s3.delete_object(Bucket=master, Key="a", VersionId=old)
    put(s3, dev, "b")
    assert api.post(f"/refs/{master}/promote", {"from": dev}).json()["way"] == "merge"
    assert api.delete(address).json()["protected"] is False
    put(s3, master, "c")


def test_a_repo_is_deleted_when_its_name_is_said_again(api: Api, s3: Any, repo: str) -> None:
    put(s3, f"master.{repo}", "a")
    for wrong in ({}, {"confirm": "other"}):
        response = api.delete(f"/repos/{repo}", **wrong)
        assert (response.status_code, error_of(response)["code"]) == (400, "NotConfirmed")
    assert api.delete(f"/repos/{repo}", confirm=repo).status_code == 204
    assert api.get(f"/repos/{repo}/branches").status_code == 404
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_object(Bucket=f"master.{repo}", Key="a")
    assert api.post("/repos", {"repo": repo}).status_code == 201


def test_commits_that_the_api_makes_are_counted(
    gateway: LiveGateway, api: Api, s3: Any, repo: str
) -> None:
    then = put(s3, f"master.{repo}", "a", b"1")
    put(s3, f"master.{repo}", "a", b"2")
    name = "labelgate_commits_total"
    api.post(f"/refs/{repo}/restore", {"at": then})
    assert gateway.metric(name, kind="restore", repo=repo) == 1


@pytest.fixture(scope="module")
def narrow(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LiveGateway, dict[str, Api]]]:
    """Keys that may do a part of what it takes."""
    folder = tmp_path_factory.mktemp("narrow")
    grants = {
        "reads": [{"rights": ["read"], "buckets": "labels"}],
        "writes": [{"rights": ["read", "write"], "buckets": "labels"}],
        "blind": [{"rights": ["write", "delete"], "buckets": "master.labels"}],
        "part": [{"rights": ["read", "write", "delete"], "buckets": "labels", "prefix": "mine/"}],
        "all": [{"rights": ["read", "write", "delete"], "buckets": "labels"}],
    }
    keys = [
        {
            "name": name, "account": name, "access_key_id": f"LGTEST{name.upper()}",
            "secret_access_key": "secret", "grants": given,
        }
        for name, given in grants.items()
    ]  # fmt: skip
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": keys}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        s3 = serving.s3()
        s3.create_bucket(Bucket="labels")
        for body in (b"1", b"2"):
            for key in ("mine/a", "b"):
                s3.put_object(Bucket="labels", Key=key, Body=body)
        root = Api(serving.url)
        root.post("/repos/labels/branches", {"name": "dev", "from": "labels"})
        s3.put_object(Bucket="dev.labels", Key="c", Body=b"x")
        yield (
            serving,
            {name: Api(serving.url, f"LGTEST{name.upper()}", "secret") for name in grants},
        )


@pytest.mark.parametrize(
    ("name", "may"),
    [("reads", False), ("writes", False), ("blind", False), ("part", False), ("all", True)],
)
def test_a_promote_takes_reading_one_side_and_writing_and_deleting_on_the_other(
    narrow: tuple[LiveGateway, dict[str, Api]], name: str, may: bool
) -> None:
    body = {"from": "dev.labels", "dry_run": True}
    response = narrow[1][name].post("/refs/labels/promote", body)
    assert response.status_code == (200 if may else 403)


def test_who_may_change_a_part_may_restore_that_part(
    narrow: tuple[LiveGateway, dict[str, Api]],
) -> None:
    gateway, keys = narrow
    log = Api(gateway.url).get("/refs/labels/log").json()["commits"]
    then = log[-2]["id"]
    part = keys["part"]
    made = part.post("/refs/labels/restore", {"at": then, "path": "mine/", "dry_run": True})
    assert made.json()["keys"] == ["mine/a"]
    for body in ({"at": then}, {"at": then, "path": "b"}):
        assert part.post("/refs/labels/restore", body).status_code == 403


def test_protecting_and_deleting_take_admin(
    narrow: tuple[LiveGateway, dict[str, Api]],
) -> None:
    api = narrow[1]["all"]
    protect = "/-/api/v1/repos/labels/branches/master/protected"
    assert api.send("PUT", protect).status_code == 403
    assert api.delete("/repos/labels", confirm="labels").status_code == 403

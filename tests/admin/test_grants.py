"""A key sees and changes only what its grants allow."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
import pytest
from api import Api, error_of
from live import live_gateway

_serial = itertools.count(1)


@pytest.fixture
def hers(accounts: Any) -> str:
    """A repo of alice, with one commit on master."""
    name = f"hers{next(_serial)}"
    s3 = accounts.s3(accounts.alice)
    s3.create_bucket(Bucket=f"master.{name}")
    s3.put_object(Bucket=f"master.{name}", Key="a", Body=b"secret")
    return name


def repos(api: Api) -> set[str]:
    return {one["repo"] for one in api.get("/repos").json()["repos"]}


def test_repos_of_another_account_are_not_listed(accounts: Any, hers: str) -> None:
    assert hers in repos(accounts.alice)
    assert hers in repos(accounts.root)
    assert hers not in repos(accounts.bob)
    listed = accounts.bob.get("/branches").json()["branches"]
    assert hers not in [one["repo"] for one in listed]


@pytest.mark.parametrize(
    "address",
    [
        "/repos/{hers}/branches",
        "/repos/{hers}/tags",
        "/refs/{hers}/log",
        "/refs/master.{hers}/commit",
        "/refs/{hers}/lineage?key=a",
    ],
)
def test_repos_of_another_account_are_not_read(accounts: Any, hers: str, address: str) -> None:
    path, _, query = address.format(hers=hers).partition("?")
    asked = dict([query.split("=")]) if query else {}
    assert accounts.alice.get(path, **asked).status_code == 200
    response = accounts.bob.get(path, **asked)
    assert response.status_code == 403
    assert error_of(response)["code"] == "AccessDenied"


@pytest.mark.parametrize("order", [1, -1])
def test_neither_side_of_a_diff_is_of_another_account(accounts: Any, hers: str, order: int) -> None:
    mine = f"mine{next(_serial)}"
    accounts.bob.post("/repos", {"repo": mine})
    accounts.bob.post(f"/repos/{mine}/branches", {"name": "master"})
    old, new = [mine, hers][::order]
    assert accounts.bob.get("/diff", old=old, new=new).status_code == 403
    assert accounts.root.get("/diff", old=old, new=new).status_code == 200


def test_repos_of_another_account_are_not_changed(accounts: Any, hers: str) -> None:
    bob = accounts.bob
    branch = {"name": "dev", "from": hers}
    refused = [
        bob.post("/repos", {"repo": hers}),
        bob.post(f"/repos/{hers}/branches", branch),
        bob.post(f"/repos/{hers}/tags", branch),
        bob.delete(f"/repos/{hers}/branches/master", force="true"),
        bob.delete(f"/repos/{hers}/tags/v1", force="true"),
    ]
    assert [one.status_code for one in refused] == [409, 403, 403, 403, 403]
    found = accounts.alice.get(f"/repos/{hers}/branches").json()["branches"]
    assert [one["name"] for one in found] == ["master"]


def test_a_bare_commit_of_another_account_looks_like_none(accounts: Any, hers: str) -> None:
    commit = accounts.alice.get(f"/refs/{hers}/commit").json()["commit"]["id"]
    assert accounts.alice.get(f"/refs/{commit}/log").status_code == 200
    response = accounts.bob.get(f"/refs/{commit}/log")
    assert response.status_code == 404
    assert error_of(response)["code"] == "NoCommit"


def test_a_repo_belongs_to_the_account_that_made_it(accounts: Any) -> None:
    name = f"bobs{next(_serial)}"
    assert accounts.bob.post("/repos", {"repo": name}).json()["account"] == "bob"
    assert name not in repos(accounts.alice)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with a key that may read `a/` on any branch of repo `rrr`, and make dev ones."""
    folder = tmp_path_factory.mktemp("limited")
    grants = [
        {"rights": ["read"], "buckets": "rrr", "prefix": "a/"},
        {"rights": ["admin"], "buckets": "dev*.rrr"},
    ]
    key = {"name": "limited", "account": "lim", "access_key_id": "LGTESTLIM", "grants": grants}
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": [{**key, "secret_access_key": "secret"}]}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        s3, api = serving.s3(), Api(serving.url)
        s3.create_bucket(Bucket="rrr")
        s3.create_bucket(Bucket="other")
        for name in ("a/1", "b/1"):
            s3.put_object(Bucket="rrr", Key=name, Body=b"x")
        assert api.post("/repos/rrr/tags", {"name": "v1", "from": "rrr"}).status_code == 201
        for name in ("a/2", "b/2"):
            s3.put_object(Bucket="rrr", Key=name, Body=b"x")
        s3.delete_objects(Bucket="rrr", Delete={"Objects": [{"Key": "a/1"}, {"Key": "b/1"}]})
        yield api, Api(serving.url, "LGTESTLIM", "secret")


def changed(api: Api, log: Any) -> list[list[str]]:
    """The keys of each commit of a log, by its own page."""
    found = []
    for commit in log["commits"]:
        answer = api.get(f"/refs/{commit['id']}.rrr/commit")
        found.append([one["key"] for one in answer.json()["changes"]])
    return found


def test_a_limited_key_sees_its_repos_branches_and_tags(limited: Any) -> None:
    _, api = limited
    assert repos(api) == {"rrr"}
    assert [one["bucket"] for one in api.get("/branches").json()["branches"]] == ["rrr"]
    assert [one["name"] for one in api.get("/repos/rrr/tags").json()["tags"]] == ["v1"]
    assert api.get("/repos/other/branches").status_code == 403
    assert api.get("/refs/other/log").status_code == 403


def test_a_log_is_of_commits_that_change_what_may_be_read(limited: Any) -> None:
    root, api = limited
    whole = root.get("/refs/rrr/log").json()
    assert changed(root, whole) == [["a/1", "b/1"], ["b/2"], ["a/2"], ["b/1"], ["a/1"], []]
    assert changed(api, api.get("/refs/rrr/log").json()) == [["a/1"], ["a/2"], ["a/1"]]
    found, after = [], None
    while True:
        more = {} if after is None else {"after": after}
        page = api.get("/refs/rrr/log", limit="1", **more).json()
        found += changed(api, page)
        after = page["next_after"]
        if after is None:
            break
    assert found == [["a/1"], ["a/2"], ["a/1"]]
    assert len(api.get("/refs/rrr/log", path="a/2").json()["commits"]) == 1
    assert api.get("/refs/rrr/log", path="b/").status_code == 403
    hidden = whole["commits"][1]["id"]
    assert api.get(f"/refs/{hidden}.rrr/commit").status_code == 403


def test_a_diff_is_of_what_may_be_read(limited: Any) -> None:
    root, api = limited

    def keys(asking: Api, **asked: str) -> list[str]:
        page = asking.get("/diff", old="v1.rrr", new="rrr", **asked).json()
        return [one["key"] for one in page["differences"]]

    assert keys(root) == ["a/1", "a/2", "b/1", "b/2"]
    assert keys(api) == ["a/1", "a/2"]
    assert keys(api, limit="1") == ["a/1"]
    assert keys(api, after="a/1") == ["a/2"]
    assert api.get("/diff", old="v1.rrr", new="rrr", prefix="b/").status_code == 403


def test_lineage_is_of_what_may_be_read(limited: Any) -> None:
    _, api = limited
    assert api.get("/refs/rrr/lineage", key="a/2").status_code == 200
    for key in ("b/2", "missing"):
        assert api.get("/refs/rrr/lineage", key=key).status_code == 403


def test_a_branch_is_made_of_a_state_that_may_be_read_whole(limited: Any) -> None:
    root, api = limited
    # With all of master under a name of its own, the key could read more than it was given.
    assert api.post("/repos/rrr/branches", {"name": "dev1", "from": "rrr"}).status_code == 403
    assert api.post("/repos/rrr/branches", {"name": "dev1"}).status_code == 201
    assert api.post("/repos/rrr/branches", {"name": "other"}).status_code == 403
    assert api.post("/repos", {"repo": "rr2"}).status_code == 403
    assert api.delete("/repos/rrr/branches/master").status_code == 403
    assert api.delete("/repos/rrr/tags/v1").status_code == 403
    assert api.delete("/repos/rrr/branches/dev1").status_code == 204
    assert root.get("/refs/rrr/log").status_code == 200


def test_a_policy_counts_in_the_api_too(limited: Any) -> None:
    root, api = limited
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:List*",
        "Resource": "arn:aws:s3:::*",
    }
    s3 = boto3.client(
        "s3",
        endpoint_url=root.url,
        aws_access_key_id=root.access,
        aws_secret_access_key=root.secret,
        region_name="us-east-1",
    )
    s3.put_bucket_policy(Bucket="rrr", Policy=json.dumps({"Statement": statement}))
    for asking in (root, api):
        assert asking.get("/refs/rrr/log").status_code == 403
        assert asking.get("/refs/v1.rrr/log").status_code == 403
    s3.delete_bucket_policy(Bucket="rrr")
    assert root.get("/refs/rrr/log").status_code == 200

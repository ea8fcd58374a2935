"""Repos, branches and tags through the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from api import Api, error_of

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[0-9a-f]{32}")


def names(response: Any, plural: str) -> list[str]:
    return [one["name"] for one in response.json()[plural]]


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def test_a_repo_is_listed_once_it_is_made(api: Api, repo: str) -> None:
    [found] = [one for one in api.get("/repos").json()["repos"] if one["repo"] == repo]
    assert found["account"] == "default"
    assert found["project"] == "default"
    assert (found["branches"], found["tags"]) == (1, 0)
    assert TIME.fullmatch(found["created"])


def test_a_repo_of_a_project_is_spelled_with_it(api: Api) -> None:
    made = api.post("/repos", {"repo": "cats.vision"})
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["project"]) == ("cats", "vision")
    assert api.post("/repos/cats.vision/branches", {"name": "dev"}).json()["bucket"] == (
        "dev.cats.vision"
    )


def test_a_repo_is_made_only_once(api: Api, repo: str) -> None:
    response = api.post("/repos", {"repo": repo})
    assert response.status_code == 409
    assert error_of(response)["code"] == "AlreadyExists"


@pytest.mark.parametrize("name", ["feature/x", "v1.2.3", "", "a" * 101])
def test_a_repo_with_an_impossible_name_is_refused(api: Api, name: str) -> None:
    response = api.post("/repos", {"repo": name})
    assert response.status_code == 400
    assert error_of(response)["code"] == "InvalidName"


def test_an_impossible_name_is_answered_with_one_that_would_do(api: Api, repo: str) -> None:
    response = api.post(f"/repos/{repo}/branches", {"name": "feature/x"})
    assert "'feature_x' would do" in error_of(response)["message"]


def test_a_new_branch_without_a_start_is_empty(api: Api, s3: Any, repo: str) -> None:
    put(s3, f"master.{repo}", "a")
    made = api.post(f"/repos/{repo}/branches", {"name": "empty"})
    assert made.status_code == 201
    assert s3.list_objects_v2(Bucket=f"empty.{repo}")["KeyCount"] == 0


@pytest.mark.parametrize("start", ["master.{repo}", "{repo}", "{commit}.{repo}", "{commit}"])
def test_a_branch_starts_at_a_ref_however_it_is_spelled(
    api: Api, s3: Any, repo: str, start: str
) -> None:
    commit = put(s3, f"master.{repo}", "a")
    body = {"name": "dev", "from": start.format(repo=repo, commit=commit)}
    assert api.post(f"/repos/{repo}/branches", body).json()["commit"] == commit
    assert s3.list_objects_v2(Bucket=f"dev.{repo}")["KeyCount"] == 1


def test_a_branch_does_not_start_in_another_repo(api: Api, repo: str, bucket: str) -> None:
    response = api.post(f"/repos/{repo}/branches", {"name": "dev", "from": bucket})
    assert response.status_code == 400
    assert error_of(response)["code"] == "OtherRepo"
    assert names(api.get(f"/repos/{repo}/branches"), "branches") == ["master"]


def test_branches_and_tags_share_their_names(api: Api, repo: str) -> None:
    body = {"name": "v1", "from": f"master.{repo}"}
    assert api.post(f"/repos/{repo}/tags", body).status_code == 201
    assert error_of(api.post(f"/repos/{repo}/branches", body))["code"] == "AlreadyExists"
    assert error_of(api.post(f"/repos/{repo}/tags", body))["code"] == "AlreadyExists"


def test_a_tag_stays_where_the_branch_was(api: Api, s3: Any, repo: str) -> None:
    commit = put(s3, f"master.{repo}", "a", b"1")
    made = api.post(f"/repos/{repo}/tags", {"name": "v1", "from": f"master.{repo}"}).json()
    put(s3, f"master.{repo}", "a", b"2")
    [tag] = api.get(f"/repos/{repo}/tags").json()["tags"]
    assert tag == made
    assert tag["commit"] == commit
    assert tag["kind"] == "tag"
    assert s3.get_object(Bucket=f"v1.{repo}", Key="a")["Body"].read() == b"1"


def test_branches_of_all_repos_are_listed_together(api: Api, repo: str) -> None:
    api.post(f"/repos/{repo}/tags", {"name": "v1", "from": repo})
    found = [one for one in api.get("/branches").json()["branches"] if one["repo"] == repo]
    assert [(one["name"], one["bucket"]) for one in found] == [("master", f"master.{repo}")]
    assert ID.fullmatch(found[0]["commit"])
    assert repo in [one["repo"] for one in api.get("/tags").json()["tags"]]


def test_a_deleted_branch_leaves_its_commits(api: Api, s3: Any, repo: str) -> None:
    api.post(f"/repos/{repo}/branches", {"name": "dev"})
    commit = put(s3, f"dev.{repo}", "a", b"kept")
    response = api.delete(f"/repos/{repo}/branches/dev")
    assert response.status_code == 204
    assert response.content == b""
    assert names(api.get(f"/repos/{repo}/branches"), "branches") == ["master"]
    assert s3.get_object(Bucket=f"{commit}.{repo}", Key="a")["Body"].read() == b"kept"


def test_a_repo_does_not_lose_its_last_content_unasked(api: Api, s3: Any, repo: str) -> None:
    put(s3, f"master.{repo}", "a")
    response = api.delete(f"/repos/{repo}/branches/master")
    assert response.status_code == 409
    assert error_of(response)["code"] == "NotEmpty"
    assert "last ref" in error_of(response)["message"]
    assert api.delete(f"/repos/{repo}/branches/master", force="true").status_code == 204
    assert error_of(api.get(f"/repos/{repo}/branches"))["code"] == "NoRepo"


def test_the_last_branch_goes_with_its_repo_where_it_is_empty(api: Api, repo: str) -> None:
    assert api.delete(f"/repos/{repo}/branches/master").status_code == 204
    assert error_of(api.get(f"/repos/{repo}/branches"))["code"] == "NoRepo"


def test_a_deleted_tag_leaves_its_commit(api: Api, s3: Any, repo: str) -> None:
    commit = put(s3, f"master.{repo}", "a")
    api.post(f"/repos/{repo}/tags", {"name": "v1", "from": repo})
    assert api.delete(f"/repos/{repo}/tags/v1").status_code == 204
    assert names(api.get(f"/repos/{repo}/tags"), "tags") == []
    assert s3.head_object(Bucket=f"{commit}.{repo}", Key="a")["VersionId"] == commit


def test_a_tag_that_is_the_last_ref_does_not_go_unasked(api: Api, repo: str) -> None:
    api.post(f"/repos/{repo}/tags", {"name": "v1", "from": repo})
    api.delete(f"/repos/{repo}/branches/master")
    assert error_of(api.delete(f"/repos/{repo}/tags/v1"))["code"] == "NotEmpty"
    assert api.delete(f"/repos/{repo}/tags/v1", force="true").status_code == 204


@pytest.mark.parametrize(
    ("address", "code", "status"),
    [
        ("branches/nothing", "NoRef", 404),
        ("tags/nothing", "NoRef", 404),
        ("tags/master", "ReadOnly", 403),
        ("branches/v1", "ReadOnly", 403),
    ],
)
def test_what_is_no_such_branch_or_tag_is_not_deleted(
    api: Api, repo: str, address: str, code: str, status: int
) -> None:
    api.post(f"/repos/{repo}/tags", {"name": "v1", "from": repo})
    response = api.delete(f"/repos/{repo}/{address}")
    assert response.status_code == status
    assert error_of(response)["code"] == code


def test_a_field_nobody_knows_is_refused(api: Api, repo: str) -> None:
    response = api.post(f"/repos/{repo}/branches", {"name": "dev", "form": repo})
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "InvalidRequest"
    assert error["problems"][0]["where"] == "body.form"


def test_an_address_that_is_none_is_told_so(api: Api) -> None:
    assert error_of(api.get("/nothing"))["code"] == "NoSuchAddress"
    response = api.send("PUT", "/-/api/v1/repos")
    assert error_of(response)["code"] == "MethodNotAllowed"
    assert response.headers["allow"] == "GET"


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    response = api.send("POST", "/-/api/v1/repos", body=b"{")
    assert response.status_code == 400
    assert error_of(response)["code"] == "InvalidRequest"

"""A key sees and changes only what its grants allow."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from api import Api, error_of

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

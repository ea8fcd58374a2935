"""labelgate lineage in the forms that other programs read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from live import LiveGateway


def put(s3: Any, bucket: str, key: str, body: bytes = b"x") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def document(gateway: LiveGateway, *arguments: str) -> Any:
    """The JSON that `lineage` prints, which must be all it prints."""
    done = gateway.cli("lineage", *arguments)
    assert done.stderr == ""
    return json.loads(done.stdout)


def generated(form: Any) -> list[str]:
    return [one["prov:entity"] for one in form["wasGeneratedBy"].values()]


def test_a_commit_or_an_object_is_printed_as_prov(gateway: LiveGateway, s3: Any, repo: str) -> None:
    first, second = (put(s3, f"master.{repo}", key) for key in ("a b", "c"))
    assert generated(document(gateway, f"master.{repo}", "--prov")) == [
        f"version:default/{repo}/{second}/c"
    ]
    for place in (f"{repo}/a b", f"s3://master.{repo}/a b", f"{first}"):
        form = document(gateway, place, "--prov", "--json")
        assert generated(form) == [f"version:default/{repo}/{first}/a%20b"]
    form = document(gateway, f"{repo}/a b", "--prov", "--version", first)
    assert generated(form) == [f"version:default/{repo}/{first}/a%20b"]


def test_a_tag_is_printed_as_a_croissant_dataset(gateway: LiveGateway, s3: Any, repo: str) -> None:
    for key in ("a/1", "b/1"):
        put(s3, f"master.{repo}", key)
    gateway.cli("tag", "create", f"v1.{repo}", "--from", repo)
    whole, part = (
        document(gateway, place, "--croissant") for place in (f"v1.{repo}", f"v1.{repo}/a/")
    )
    assert [one["name"] for one in whole["distribution"]] == ["a/1", "b/1"]
    assert [one["name"] for one in part["distribution"]] == ["a/1"]


def test_a_commit_is_printed_as_an_openlineage_event(
    gateway: LiveGateway, s3: Any, repo: str
) -> None:
    commit = put(s3, f"master.{repo}", "folder/a")
    event = document(gateway, commit, "--openlineage")
    [made] = event["outputs"]
    assert (made["namespace"], made["name"]) == (f"s3://master.{repo}", "folder")
    assert made["facets"]["version"]["datasetVersion"] == commit


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("{repo}",), 2, "REF/<key>"),
        (("{repo}", "--prov", "--version", "0" * 32), 2, "--version"),
        (("/key", "--prov"), 2, "REF/<key>"),
        (("{repo}", "--prov", "--croissant"), 2, "one at a time"),
        (("{repo}/a", "--openlineage"), 2, "without a path"),
        (("{repo}/a", "--croissant", "--version", "0" * 32), 2, "--version"),
        (("{repo}/nothing", "--prov"), 1, "NoKey"),
    ],
)
def test_a_refusal_says_why(
    gateway: LiveGateway, repo: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    filled = (one.format(repo=repo) for one in arguments)
    done = gateway.cli("lineage", *filled, check=False)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stdout == ""

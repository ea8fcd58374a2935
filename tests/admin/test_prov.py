"""A commit or an object as W3C PROV-JSON, through the API."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import pytest
from api import Api, error_of
from labels import annotation, encoded
from live import LiveGateway
from prov.model import ProvDerivation, ProvDocument, ProvGeneration, ProvInvalidation

NOBODY = "0" * 32


def parsed(form: Any) -> ProvDocument:
    return ProvDocument.deserialize(content=json.dumps(form))


def derived(document: ProvDocument) -> list[tuple[str, str]]:
    """Each source and its evidence."""
    return [
        (one.args[1].localpart, one.extra_attributes[0][1])
        for one in document.get_records(ProvDerivation)
    ]


def test_a_commit_and_its_object_are_the_same_provenance(house: Any) -> None:
    of_commit = house.read(f"/refs/{house.label}.labels/prov")
    assert derived(parsed(of_commit)) == [
        (f"default/raw/{house.sources['open/1']}/open/1", "head-at-put"),
        (f"default/raw/{house.sources['secret/1']}/secret/1", "head-at-put"),
        ("raw/gone", "missing"),
    ]
    assert of_commit == house.read("/refs/labels/prov", key="sentiment/4")
    assert of_commit == house.read("/refs/labels/prov", key="sentiment/4", version=house.label)


def test_an_older_version_has_its_own_provenance(house: Any) -> None:
    versions = [
        house.s3.put_object(Bucket="labels", Key="twice", Body=body)["VersionId"]
        for body in (b"1", b"2")
    ]
    for version in versions:
        found = parsed(house.read("/refs/labels/prov", key="twice", version=version))
        [made] = found.get_records(ProvGeneration)
        assert made.args[0].localpart == f"default/labels/{version}/twice"


def test_a_commit_of_several_changes_is_told_whole(house: Any) -> None:
    keys = [f"several/{n}" for n in range(3)]
    for key in keys:
        house.s3.put_object(Bucket="labels", Key=key, Body=b"x")
    house.s3.delete_objects(Bucket="labels", Delete={"Objects": [{"Key": one} for one in keys]})
    ended = parsed(house.read("/refs/labels/prov")).get_records(ProvInvalidation)
    assert [one.args[0].localpart for one in ended] == [f"master.labels/{key}" for key in keys]


@pytest.mark.parametrize("query", [{}, {"key": "sentiment/4"}], ids=["commit", "object"])
def test_sources_that_the_asker_may_not_read_are_left_out_and_counted(
    house: Any, query: dict[str, str]
) -> None:
    response = house.reader.get(f"/refs/{house.label}.labels/prov", **query)
    assert "secret" not in response.text
    assert house.sources["secret/1"] not in response.text
    told = derived(parsed(response.json()))
    assert [path.rpartition("/")[2] for path, _ in told] == ["1", "gone"]
    version = response.json()["entity"][f"version:default/labels/{house.label}/sentiment/4"]
    assert version["lg:sources_left_out"] == 1


def test_who_may_not_read_the_object_or_the_commit_is_told_nothing(house: Any) -> None:
    hidden = house.sources["secret/1"]
    for query in ({"key": "secret/1"}, {"key": "secret/none"}):
        assert house.reader.get("/refs/raw/prov", **query).status_code == 403
    assert house.reader.get(f"/refs/{hidden}.raw/prov").status_code == 403
    assert house.reader.get(f"/refs/{house.sources['open/1']}.raw/prov").status_code == 200


def test_a_source_that_is_gone_is_shown_to_who_may_read_everything(house: Any) -> None:
    house.s3.create_bucket(Bucket="brief")
    house.s3.put_object(Bucket="brief", Key="k", Body=b"x")
    declared = {"labelgate-sources": "s3://brief/k"}
    house.s3.put_object(Bucket="labels", Key="orphan", Body=b"x", Metadata=declared)
    assert len(derived(parsed(house.read("/refs/labels/prov", key="orphan")))) == 1
    assert house.root.delete("/repos/brief/branches/master", force="true").status_code == 204
    assert len(derived(parsed(house.read("/refs/labels/prov", key="orphan")))) == 1
    form = house.reader.get("/refs/labels/prov", key="orphan").json()
    assert derived(parsed(form)) == []
    assert [one.get("lg:sources_left_out") for one in form["entity"].values()] == [None, 1]


def test_another_store_tells_the_same(pachyderm_gateway: LiveGateway) -> None:
    s3, api, repo = (
        pachyderm_gateway.s3(),
        Api(pachyderm_gateway.url),
        f"prov{secrets.token_hex(4)}",
    )
    s3.create_bucket(Bucket=repo)
    source = s3.put_object(Bucket=repo, Key="raw/1", Body=b"x")["VersionId"]
    body = encoded(annotation({"text": f"s3://{repo}/raw/1"}))
    label = s3.put_object(Bucket=repo, Key="labels/4", Body=body)["VersionId"]
    of_commit = api.get(f"/refs/{label}.{repo}/prov").json()
    assert of_commit == api.get(f"/refs/{repo}/prov", key="labels/4").json()
    assert derived(parsed(of_commit)) == [(f"default/{repo}/{source}/raw/1", "head-at-put")]
    event = api.get(f"/refs/{label}.{repo}/openlineage").json()
    assert [one["name"] for one in event["inputs"] + event["outputs"]] == ["raw", "labels"]
    files = api.get(f"/refs/{repo}/croissant", prefix="labels/").json()["distribution"]
    assert files[0]["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("address", "query", "status", "code"),
    [
        ("/refs/labels/prov", {"version": NOBODY}, 400, "InvalidRequest"),
        ("/refs/labels/prov", {"key": "sentiment/4", "version": "1"}, 400, "InvalidId"),
        ("/refs/labels/prov", {"key": "sentiment/4", "version": NOBODY}, 404, "NoVersion"),
        ("/refs/labels/prov", {"key": "none"}, 404, "NoKey"),
        ("/refs/nowhere/prov", {}, 404, "NoRepo"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(
    *, house: Any, address: str, query: dict[str, str], status: int, code: str
) -> None:
    response = house.root.get(address, **query)
    assert (response.status_code, error_of(response)["code"]) == (status, code)

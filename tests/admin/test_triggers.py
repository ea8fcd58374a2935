"""Triggers on a running server: made by API, fired by S3, done once more after a kill."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api import Api, error_of
from labels import annotation, encoded
from live import LiveGateway, live_gateway
from receivers import Receiver, receiving
from waiting import until

ALLOWED = {"LABELGATE_TRIGGER_COMMANDS": "on", "LABELGATE_TRIGGER_PRIVATE_WEBHOOKS": "on"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    folder = tmp_path_factory.mktemp("triggers")
    grants = [{"rights": ["read", "write", "delete", "admin"], "buckets": "labels"}]
    key = {"name": "team", "account": "team", "access_key_id": "LGTESTTEAM", "grants": grants}
    reader = {**key, "name": "reader", "access_key_id": "LGTESTREADER"}
    reader["grants"] = [{"rights": ["read", "write"], "buckets": "labels"}]
    file = folder / "keys.json"
    file.write_text(
        json.dumps({"keys": [{**one, "secret_access_key": "s"} for one in (key, reader)]})
    )
    env = {"LABELGATE_CREDENTIALS_FILE": str(file), **ALLOWED}
    with live_gateway(folder / "data", **env) as serving:
        for name in ("labels", "dev.labels"):
            serving.s3().create_bucket(Bucket=name)
        yield serving


@pytest.fixture
def root(server: LiveGateway) -> Iterator[Api]:
    """The key with all rights; no trigger outlives a test."""
    api = Api(server.url)
    yield api
    for one in api.get("/triggers").json()["triggers"]:
        api.delete(f"/repos/{one['repo']}/triggers/{one['name']}")


def made(api: Api, **asked: Any) -> Any:
    body = {"name": "t", "branch": "dev", **asked}
    response = api.post("/repos/labels/triggers", body)
    assert response.status_code == 201, response.text
    return response.json()


def firings(api: Api, name: str = "t") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/repos/labels/triggers/{name}/firings").json()[
        "firings"
    ]
    return found


def save(server: LiveGateway, key: str, task: int = 1, bucket: str = "dev.labels") -> str:
    form = annotation(id=task)
    form["task"]["id"] = task
    body = encoded(form)
    return str(server.s3().put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def test_labels_of_enough_tasks_call_a_webhook(
    server: LiveGateway, root: Api, receiver: Receiver
) -> None:
    shown = made(root, when={"tasks": 2}, webhook=receiver.url, secret="geheim")
    assert (shown["signed"], shown["when"]) == (True, {"tasks": 2})
    assert "geheim" not in root.get("/triggers").text
    first = save(server, "1", 1)
    save(server, "1", 1)  # an unchanged label: no commit, nothing gained
    second = save(server, "2", 2)
    until(lambda: receiver.got, "the webhook comes")
    event = receiver.got[0].json()
    assert event["data"]["commit"] == second != first
    assert event["data"]["gained"]["tasks"] == 2
    assert until(lambda: firings(root)[0]["state"] == "done", "it is done")
    assert server.metric("labelgate_trigger_firings_total", action="webhook", outcome="done") >= 1


def test_a_command_learns_the_exact_commit(server: LiveGateway, root: Api, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f"import os; open({str(out)!r}, 'a').write(os.environ['PINNED'] + '\\n')"
    made(root, command=[sys.executable, "-c", script])
    commit = save(server, "c")
    until(out.exists, "the command ran")
    assert until(out.read_text, "it wrote") == f"{commit}.dev.labels\n"


def test_what_fails_is_tried_again_parked_and_replayed(
    server: LiveGateway, root: Api, receiver: Receiver
) -> None:
    receiver.answer = lambda _posted: (500, {}, b"no")
    made(root, webhook=receiver.url)
    save(server, "f", 77)
    until(lambda: len(receiver.got) >= 2, "it is tried again")
    [firing] = firings(root)
    assert firing["state"] == "waiting"
    assert "HTTP 500" in firing["told"]
    receiver.answer = lambda _posted: (200, {}, b"")
    address = f"/repos/labels/triggers/t/firings/{firing['id']}/replay"
    assert root.post(address, {}).json()["state"] == "waiting"
    until(lambda: firings(root)[0]["state"] == "done", "it is done")
    assert {got.headers["webhook-id"] for got in receiver.got} == {firing["id"]}


def test_a_test_fires_at_once_and_says_so(
    server: LiveGateway, root: Api, receiver: Receiver
) -> None:
    made(root, when={"commits": 1000}, webhook=receiver.url)
    root.post("/repos/labels/triggers/t/test", {})
    until(lambda: receiver.got, "the webhook comes")
    assert receiver.got[0].json()["data"]["test"] is True
    made(root, name="p", when={"commits": 1000}, promote_to="master")
    root.post("/repos/labels/triggers/p/test", {})
    before = server.s3().head_bucket(Bucket="labels")["ResponseMetadata"]["HTTPHeaders"]
    until(lambda: firings(root, "p")[0]["state"] == "done", "it is tried")
    after = server.s3().head_bucket(Bucket="labels")["ResponseMetadata"]["HTTPHeaders"]
    assert before["x-labelgate-commit"] == after["x-labelgate-commit"]


def test_what_lands_is_promoted_and_tagged(server: LiveGateway, root: Api) -> None:
    made(root, name="up", promote_to="master")
    made(root, name="mark", branch=None, promote="master", tag_as="auto-{number}")
    commit = save(server, "promoted", 500)
    until(lambda: firings(root, "mark") and firings(root, "mark")[0]["state"] == "done", "tagged")
    tags = root.get("/repos/labels/tags").json()["tags"]
    assert any(tag["name"].startswith("auto-") for tag in tags)
    server.s3().head_object(Bucket="labels", Key="promoted")
    newest = root.get("/refs/labels/log", limit=1).json()["commits"][0]
    assert newest["id"] == commit or newest["kind"] == "promote"


def test_what_would_fire_itself_is_refused(server: LiveGateway, root: Api) -> None:
    made(root, name="a", promote_to="master")
    body = {"name": "b", "branch": "master", "promote_to": "dev"}
    response = root.post("/repos/labels/triggers", body)
    assert response.status_code == 409
    assert error_of(response)["way"] == ["b", "a"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"}, {"name": "x", "branch": "dev"}, {"name": "x", "branch": "dev", "tag": "v*"},
        {"name": "x", "branch": "dev", "webhook": "http://h", "tag_as": "v{date}"},
        {"name": "x y", "branch": "dev", "webhook": "http://h"},
        {"name": "x", "branch": "dev", "webhook": "file:///etc/passwd"},
        {"name": "x", "branch": "dev", "webhook": "http://h", "when": {"commits": 0}},
        {"name": "x", "branch": "dev", "webhook": "http://h", "when": {"often": 1}},
        {"name": "x", "branch": "dev", "command": []},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(root: Api, body: dict[str, Any]) -> None:
    response = root.post("/repos/labels/triggers", body)
    assert response.status_code == 400
    assert error_of(response)["message"]
    assert root.get("/triggers").json()["triggers"] == []


def test_who_may_make_what(server: LiveGateway, root: Api) -> None:
    team, reader = (Api(server.url, f"LGTEST{name}", "s") for name in ("TEAM", "READER"))
    webhook = {"name": "w", "branch": "dev", "webhook": "https://h.example"}
    assert reader.post("/repos/labels/triggers", webhook).status_code == 403
    assert team.post("/repos/labels/triggers", webhook).status_code == 201
    command = {"name": "c", "branch": "dev", "command": ["true"]}
    refused = team.post("/repos/labels/triggers", command)
    assert "all rights" in error_of(refused)["message"]
    assert root.post("/repos/labels/triggers", command).status_code == 201
    assert reader.get("/triggers").json()["triggers"] == []
    for method in (reader.get, reader.delete):
        address = "/repos/labels/triggers/w" + ("/firings" if method == reader.get else "")
        assert method(address).status_code == 403
    assert team.post("/repos/labels/triggers/c/test", {}).status_code == 403
    assert error_of(root.delete("/repos/labels/triggers/none"))["code"] == "NoTrigger"


def test_commands_and_private_addresses_are_off_unless_allowed(
    receiver: Receiver, tmp_path: Path
) -> None:
    with live_gateway(tmp_path / "data") as gateway:
        s3, api = gateway.s3(), Api(gateway.url)
        s3.create_bucket(Bucket="dev.labels")
        refused = api.post(
            "/repos/labels/triggers", {"name": "c", "branch": "dev", "command": ["true"]}
        )
        assert error_of(refused)["code"] == "CommandsOff"
        made(api, webhook=receiver.url)
        s3.put_object(Bucket="dev.labels", Key="k", Body=b"x")
        until(lambda: firings(api) and firings(api)[0]["tries"], "it is tried")
        assert "not public" in firings(api)[0]["told"]
        assert receiver.got == []


def test_a_kill_between_decision_and_delivery_loses_none(
    receiver: Receiver, tmp_path: Path
) -> None:
    """The receiver hears of each at least once, and drops what it knows by its id."""
    commits: list[str] = []
    receiver.answer = lambda _posted: (503, {"retry-after": "0"}, b"")
    for round_ in range(3):
        with live_gateway(tmp_path / "data", **ALLOWED) as gateway:
            s3, api = gateway.s3(), Api(gateway.url)
            if round_ == 0:
                s3.create_bucket(Bucket="dev.labels")
                made(api, when={"commits": 2}, webhook=receiver.url)
            for number in range(4):
                put = s3.put_object(Bucket="dev.labels", Key=f"{round_}/{number}", Body=b"x")
                commits.append(put["VersionId"])
            gateway.process.kill()
            gateway.process.wait()
    receiver.answer = lambda _posted: (200, {}, b"")
    receiver.got.clear()
    with live_gateway(tmp_path / "data", **ALLOWED) as gateway:
        api = Api(gateway.url)
        until(lambda: len(firings(api)) == 6, "every pair fired")
        until(lambda: all(one["state"] == "done" for one in firings(api)), "and is done")
    told = {got.headers["webhook-id"]: got.json()["data"]["commit"] for got in receiver.got}
    assert sorted(told.values()) == sorted(commits[1::2])

"""A server that tells a catalogue of its commits: over S3, HTTP and a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api import Api, error_of
from labels import annotation, encoded
from live import LiveGateway, live_gateway
from pachds import any_pachd, environment
from receivers import Posted, Receiver, receiving
from waiting import until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def told(receiver: Receiver) -> list[str]:
    """The commits that were told, in order."""
    return [
        output["facets"]["version"]["datasetVersion"]
        for posted in receiver.got
        for output in posted.json()["outputs"]
    ]


def saved(s3: Any, key: str, **changed: Any) -> str:
    body = encoded(annotation(**changed))
    return str(s3.put_object(Bucket="labels", Key=key, Body=body).get("VersionId"))


def poisoned(posted: Posted) -> Any:
    return (500, {}, b"") if b"poison" in posted.body else (201, {}, b"")


def test_each_commit_is_told_once_and_what_is_no_change_is_not(
    receiver: Receiver, tmp_path: Path
) -> None:
    env = {"OPENLINEAGE_URL": receiver.url, "OPENLINEAGE_API_KEY": "token"}
    with live_gateway(tmp_path / "data", **env) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        first = saved(s3, "1")
        assert saved(s3, "1", created_ago="2 days") == first
        second = saved(s3, "1", lead_time=77.7)
        until(lambda: told(receiver) == [first, second], "both commits are told")
        time.sleep(1.2)  # two more looks
        assert told(receiver) == [first, second]
        assert gateway.metric("labelgate_noop_puts_total") == 1
        name = {"channel": "openlineage", "outcome": "delivered"}
        assert gateway.metric("labelgate_deliveries_total", **name) == 2
        assert receiver.got[0].headers["authorization"] == "Bearer token"
        assert "token" not in gateway.log.read_text()


def test_a_receiver_that_hangs_keeps_no_put_waiting(receiver: Receiver, tmp_path: Path) -> None:
    def hang(_posted: Posted) -> Any:
        time.sleep(5)
        return 201, {}, b""

    receiver.answer = hang
    with live_gateway(tmp_path / "data", OPENLINEAGE_URL=receiver.url) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        saved(s3, "0")
        until(lambda: gateway.metric("labelgate_deliveries_behind_branches"), "it is on its way")
        begun = time.monotonic()
        for number in range(20):
            saved(s3, str(number + 1))
        assert time.monotonic() - begun < 5


def test_a_poison_event_is_parked_shown_and_replayed(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = poisoned
    env = {"OPENLINEAGE_URL": receiver.url, "LABELGATE_OPENLINEAGE_TRIES": "1"}
    with live_gateway(tmp_path / "data", **env) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        poison = saved(s3, "poison")
        after = saved(s3, "after")
        until(lambda: after in told(receiver), "the next commit is told")
        shown = json.loads(gateway.cli("deliveries", "list", "--json").stdout)
        assert shown["channels"] == [
            {"name": "openlineage", "target": f"{receiver.url}/api/v1/lineage", "parked": 1}
        ]
        [parked] = shown["parked"]
        assert (parked["bucket"], parked["commit"]) == ("master.labels", poison)
        assert "HTTP 500" in parked["why"]
        assert poison in gateway.cli("deliveries", "list").stdout
        receiver.answer = lambda _posted: (201, {}, b"")
        gateway.cli("deliveries", "replay", str(parked["id"]))
        api = Api(gateway.url)
        until(lambda: not api.get("/deliveries").json()["parked"], "it is told")
        assert told(receiver).count(poison) == 2


def test_what_is_parked_can_be_dropped(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = poisoned
    env = {"OPENLINEAGE_URL": receiver.url, "LABELGATE_OPENLINEAGE_TRIES": "1"}
    with live_gateway(tmp_path / "data", **env) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        saved(s3, "poison")
        api = Api(gateway.url)
        [parked] = until(lambda: api.get("/deliveries").json()["parked"], "it is parked")
        gateway.cli("deliveries", "drop", "--all")
        assert api.get("/deliveries").json()["parked"] == []
        gone = api.post(f"/deliveries/{parked['id']}/replay", {})
        assert (gone.status_code, error_of(gone)["code"]) == (404, "NoDelivery")
        assert gateway.cli("deliveries", "drop", check=False).returncode == 2


def test_only_who_administers_a_branch_sees_what_is_parked_of_it(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answer = poisoned
    key = {"name": "reader", "account": "red", "access_key_id": "LGTESTRED"}
    grants = [{"rights": ["read", "write"], "buckets": "labels"}]
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [{**key, "secret_access_key": "s", "grants": grants}]}))
    env = {"OPENLINEAGE_URL": receiver.url, "LABELGATE_OPENLINEAGE_TRIES": "1"}
    with live_gateway(tmp_path / "data", LABELGATE_CREDENTIALS_FILE=str(file), **env) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        saved(s3, "poison")
        root, reader = Api(gateway.url), Api(gateway.url, "LGTESTRED", "s")
        [parked] = until(lambda: root.get("/deliveries").json()["parked"], "it is parked")
        assert reader.get("/deliveries").json()["parked"] == []
        refused = reader.post(f"/deliveries/{parked['id']}/replay", {})
        assert refused.status_code == 403
        assert reader.delete(f"/deliveries/{parked['id']}").status_code == 403
        assert root.get("/deliveries").json()["parked"] == [parked]


def test_a_kill_loses_no_event_and_keeps_their_order(receiver: Receiver, tmp_path: Path) -> None:
    made: list[str] = []

    def serve(**env: str) -> Any:
        return live_gateway(tmp_path / "data", OPENLINEAGE_URL=receiver.url, **env)

    with serve() as gateway:
        gateway.s3().create_bucket(Bucket="labels")
    for round_ in range(3):
        with serve() as gateway:
            s3 = gateway.s3()
            made += [saved(s3, f"{round_}/{number}") for number in range(15)]
            # Some of it was told by now, as a rule, and some was not.
            gateway.process.kill()
            gateway.process.wait()
    with serve():
        until(lambda: set(made) <= set(told(receiver)), "all commits are told")
    first = {commit: at for at, commit in reversed(list(enumerate(told(receiver))))}
    assert sorted(made, key=first.__getitem__) == made


def test_events_go_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with live_gateway(tmp_path / "data", LABELGATE_OPENLINEAGE_FILE=str(file)) as gateway:
        s3 = gateway.s3()
        s3.create_bucket(Bucket="labels")
        saved(s3, "1")
        until(lambda: file.exists() and file.read_text().count("\n") == 1, "a line is there")
    assert json.loads(file.read_text())["job"]["name"] == "project-2"


def test_nothing_is_sent_where_nothing_is_set(gateway: LiveGateway) -> None:
    assert Api(gateway.url).get("/deliveries").json() == {
        "channels": [], "parked": [], "next_after": None,
    }  # fmt: skip
    assert "nobody" in gateway.cli("deliveries", "list").stdout


def test_a_pachyderm_commit_is_told_too(receiver: Receiver, tmp_path: Path) -> None:
    with any_pachd() as address:
        env = {**environment(address), "OPENLINEAGE_URL": receiver.url}
        with live_gateway(tmp_path / "data", **env) as gateway:
            s3 = gateway.s3()
            s3.create_bucket(Bucket="labels")
            made = saved(s3, "1")
            until(lambda: told(receiver) == [made], "it is told")

"""Webhooks: what is sent, that its receiver can check it, and where it may not go."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from receivers import Posted, Receiver, receiving
from standardwebhooks.webhooks import Webhook

from gateway.deliveries.channel import Undelivered
from gateway.triggers import webhook
from gateway.triggers.model import Action, Do, On, Trigger, When
from gateway.triggers.shelf import Firing
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit
from gateway.versioning.names import CommitId, RepoName

COMMIT, SINCE = CommitId("1" * 32), CommitId("2" * 32)
FIRING = Firing(
    1, "msg_1", 1, 1_700_000_000_000, "dev.labels", COMMIT, SINCE, {"commits": 2}, False,
    "waiting", 0, 0, "",
)  # fmt: skip
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def trigger(url: str, **more: Any) -> Trigger:
    do = Do(Action.WEBHOOK, url, **more)
    return Trigger("t", RepoName("labels"), On.BRANCH, "dev", When({}), do, "ann", 1, 2)


async def sent(one: Trigger, *, private: bool = True) -> str:
    body = webhook.cloud_event(one, FIRING)
    return await webhook.send(one, FIRING, body, int(time.time()), private=private)


async def test_a_receiver_can_check_the_signature(receiver: Receiver) -> None:
    assert await sent(trigger(f"{receiver.url}/hook", secret=SECRET)) == "HTTP 201:"
    [got] = receiver.got
    assert got.path == "/hook"
    event = Webhook(SECRET).verify(got.body, dict(got.headers))
    assert event["id"] == got.headers["webhook-id"] == "msg_1"
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET).verify(got.body + b" ", dict(got.headers))


async def test_a_secret_may_be_any_text_or_none(receiver: Receiver) -> None:
    await sent(trigger(receiver.url, secret="geheim"))
    key = base64.b64encode(b"geheim").decode()
    Webhook(key).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    await sent(trigger(receiver.url))
    assert "webhook-signature" not in receiver.got[1].headers


async def test_the_body_is_a_cloud_event(receiver: Receiver) -> None:
    await sent(trigger(receiver.url))
    [got] = receiver.got
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.json() == {
        "specversion": "1.0",
        "id": "msg_1",
        "source": "/labelgate/default/labels",
        "type": "io.github.labelgate.trigger.fired.v1",
        "subject": "dev.labels",
        "time": "2023-11-14T22:13:20.000Z",
        "datacontenttype": "application/json",
        "data": {
            "trigger": "t", "repo": "labels", "ref": "dev.labels", "commit": COMMIT,
            "since": SINCE, "pinned": f"{COMMIT}.dev.labels", "gained": {"commits": 2},
            "test": False,
        },
    }  # fmt: skip


def test_or_what_s3_sends() -> None:
    one = trigger("https://x", form="s3")
    commit = Commit(COMMIT, one.repo, "dev", (), "put", "ann", "", 5, {"request_id": "R"}, 3)
    changes = [
        ChangeInfo("dir/a b", ChangeKind.PUT, 7, "etag", {}),
        ChangeInfo("gone", ChangeKind.DELETE, 0, "", {}),
        ChangeInfo("erased", ChangeKind.ERASED, 0, "", None),
    ]
    body = webhook.s3_event(one, FIRING, [(commit, changes)])
    put, gone = json.loads(body)["Records"]
    assert put["eventName"] == "ObjectCreated:Put"
    assert put["s3"]["bucket"]["name"] == "dev.labels"
    assert put["s3"]["object"] == {
        "key": "dir/a+b", "size": 7, "eTag": "etag", "versionId": COMMIT, "sequencer": COMMIT,
    }  # fmt: skip
    assert gone["eventName"] == "ObjectRemoved:DeleteMarkerCreated"
    assert webhook.content_type(one) == "application/json"


@pytest.mark.parametrize(
    ("status", "answered"), [(400, True), (410, True), (500, True), (429, False), (503, False)]
)
async def test_a_refusal_is_told_with_its_reason(
    receiver: Receiver, status: int, answered: bool
) -> None:
    receiver.answer = lambda _posted: (status, {"retry-after": "3"}, b"not today")
    with pytest.raises(Undelivered, match="not today") as refused:
        await sent(trigger(receiver.url, secret=SECRET))
    assert (refused.value.answered, refused.value.retry_after_s) == (answered, 3.0)
    assert SECRET not in str(refused.value)


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    def answer(_posted: Posted) -> Any:
        return 302, {"location": f"{receiver.url}/elsewhere"}, b""

    receiver.answer = answer
    with pytest.raises(Undelivered, match="302"):
        await sent(trigger(receiver.url))
    assert len(receiver.got) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433"])
async def test_it_does_not_go_to_this_machine_unless_allowed(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(Undelivered):
        await sent(trigger(f"http://{host}:{port}/"), private=False)
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fe80::1%eth0", "fd00::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::", "ff02::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_known(address: str) -> None:
    assert not webhook.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_what_is_public_too(address: str) -> None:
    assert webhook.is_public(address)


async def test_a_name_that_is_nowhere_is_told() -> None:
    with pytest.raises(Undelivered):
        await sent(trigger("http://nowhere.invalid/"), private=False)

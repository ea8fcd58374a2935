"""Events on their way: what is sent, and what each answer means."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hands import Hand, put
from receivers import Posted, Receiver, receiving

from gateway.deliveries.channel import Undelivered
from gateway.deliveries.openlineage import Target, openlineage
from gateway.lineage.openlineage import Style
from gateway.stores.embedded.store import EmbeddedStore

STYLE = Style("1.2.3")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


async def sent(store: EmbeddedStore, hand: Hand, target: Target) -> None:
    at = await hand.head()
    async with openlineage(store, target, STYLE) as channel:
        await channel.deliver("master", at, await store.commit_info(at))


def http(receiver: Receiver, **more: Any) -> Target:
    return Target("http", url=f"{receiver.url}/api/v1/lineage", **more)


async def test_an_event_is_posted_with_the_key(
    store: EmbeddedStore, labels: Hand, receiver: Receiver
) -> None:
    made = await labels.put("a/1")
    await sent(store, labels, http(receiver, api_key="token"))
    [got] = receiver.got
    assert got.path == "/api/v1/lineage"
    assert got.headers["authorization"] == "Bearer token"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "labelgate/1.2.3"
    [output] = got.json()["outputs"]
    assert output["facets"]["version"]["datasetVersion"] == made


async def test_the_same_commit_is_the_same_run(
    store: EmbeddedStore, labels: Hand, receiver: Receiver
) -> None:
    await labels.put("a")
    for _ in range(2):
        await sent(store, labels, http(receiver))
    first, second = receiver.got
    assert first.json() == second.json()


async def test_a_commit_of_many_changes_is_told_whole(
    store: EmbeddedStore, labels: Hand, receiver: Receiver
) -> None:
    await labels.write(*[await put(store, f"a/{number}") for number in range(1500)])
    await sent(store, labels, http(receiver))
    [output] = receiver.got[0].json()["outputs"]
    assert output["outputFacets"]["outputStatistics"]["fileCount"] == 1500


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_success_is_one(
    store: EmbeddedStore, labels: Hand, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda _posted: (status, {}, b"")
    await labels.put("a")
    await sent(store, labels, http(receiver))


@pytest.mark.parametrize(
    ("status", "answered"),
    [(400, True), (401, True), (404, True), (422, True), (500, True), (302, True),
     (408, False), (429, False), (502, False), (503, False), (504, False)],
)  # fmt: skip
async def test_a_refusal_counts_against_the_event_but_where_the_receiver_is_busy(
    store: EmbeddedStore, labels: Hand, receiver: Receiver, status: int, answered: bool
) -> None:
    where = {"location": f"{receiver.url}/elsewhere"}
    receiver.answer = lambda _posted: (status, where, b'{"code": 400, "message": "no"}')
    await labels.put("a")
    with pytest.raises(Undelivered) as refused:
        await sent(store, labels, http(receiver, api_key="token"))
    assert refused.value.answered is answered
    assert str(refused.value).startswith(f"HTTP {status}")
    assert "token" not in str(refused.value)
    assert len(receiver.got) == 1, "a redirect is not followed"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "x"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
async def test_the_receiver_may_ask_for_time(
    store: EmbeddedStore,
    labels: Hand,
    receiver: Receiver,
    headers: dict[str, str],
    seconds: float | None,
) -> None:
    receiver.answer = lambda _posted: (503, headers, b"")
    await labels.put("a")
    with pytest.raises(Undelivered) as refused:
        await sent(store, labels, http(receiver))
    assert refused.value.retry_after_s == seconds


async def test_it_may_ask_by_a_date(store: EmbeddedStore, labels: Hand, receiver: Receiver) -> None:
    def answer(_posted: Posted) -> Any:
        return 503, {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}, b""

    receiver.answer = answer
    await labels.put("a")
    with pytest.raises(Undelivered) as refused:
        await sent(store, labels, http(receiver))
    assert (refused.value.retry_after_s or 0) > 3600


async def test_where_nothing_listens_the_receiver_is_away(
    store: EmbeddedStore, labels: Hand
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        await labels.put("a")
        with pytest.raises(Undelivered) as refused:
            await sent(store, labels, Target("http", url=f"http://127.0.0.1:{port}/"))
    assert not refused.value.answered


async def test_a_file_gets_a_line_for_each(
    store: EmbeddedStore, labels: Hand, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    for _ in range(2):
        await labels.put("a")
        await sent(store, labels, Target("file", file=file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["eventType"] for line in lines] == ["COMPLETE", "COMPLETE"]
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Undelivered, match="No such file"):
        await sent(store, labels, Target("file", file=tmp_path / "none" / "x"))


async def test_the_console_gets_a_line(
    store: EmbeddedStore, labels: Hand, capsys: pytest.CaptureFixture[str]
) -> None:
    await labels.put("a")
    await sent(store, labels, Target("console"))
    assert json.loads(capsys.readouterr().out)["eventType"] == "COMPLETE"


async def test_what_changed_nothing_or_came_from_elsewhere_is_not_told(
    store: EmbeddedStore, labels: Hand
) -> None:
    async with openlineage(store, Target("console"), STYLE) as channel:
        root = await store.commit_info(await labels.head())
        assert not channel.wants("master", root)
        await labels.put("a")
        commit = await store.commit_info(await labels.head())
        assert channel.wants("master", commit)
        assert not channel.wants("dev", commit)


def test_what_is_shown_of_a_target_has_no_secret() -> None:
    target = Target("http", url="https://host:1/api/v1/lineage", api_key="token")
    assert target.shown == "https://host:1/api/v1/lineage"

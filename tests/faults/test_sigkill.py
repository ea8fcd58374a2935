"""SIGKILL in the middle of writes: what was answered 200 is there, nothing is half there."""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from api import Api
from botocore.exceptions import BotoCoreError, HTTPClientError
from live import LiveGateway, live_gateway

from gateway.stores.embedded.verify import verify

ROUNDS = 4
WRITERS = 5
ACKNOWLEDGED_MIN = 20
READY_SECONDS_MAX = 10
BUCKET = "master.labels"
KEYS = [f"dir/{n}" for n in range(4)]


@dataclass
class Done:
    """A write that was answered. body: None for a delete."""

    key: str
    version: str
    body: bytes | None
    in_parts: bool = False


@dataclass
class Journal:
    """What the writers did. tried: digests of every body that was sent, whole or not."""

    acknowledged: list[Done] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    parts: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)
    goal: int = 0

    def note(self, done: Done) -> None:
        self.acknowledged.append(done)
        if len(self.acknowledged) >= self.goal:
            self.enough.set()


@pytest.fixture
def seed() -> int:
    """Printed by pytest where the test fails; LABELGATE_TEST_SEED brings it back."""
    chosen = int(os.environ.get("LABELGATE_TEST_SEED", secrets.randbits(32)))
    print(f"LABELGATE_TEST_SEED={chosen}")
    return chosen


def bodies(dice: random.Random) -> Iterator[bytes]:
    """Small ones, ones at the border of the store's inline size, and large ones; no two alike."""
    sizes = [0, 1, 700, 65_535, 65_536, 65_537, 300_000, 1_200_000]
    while True:
        unique = dice.randbytes(16)
        yield unique + bytes(dice.choices(sizes, weights=[4, 4, 9, 2, 2, 3, 3, 1])[0])


def write(client: Any, journal: Journal, dice: random.Random, name: str) -> None:
    """Write until the server is gone."""
    stream = bodies(dice)
    try:
        while True:
            key = f"{name}/{dice.choice(KEYS)}"
            act = dice.choices(["put", "delete", "multipart", "part"], weights=[12, 3, 2, 2])[0]
            body = next(stream)
            journal.tried.add(hashlib.sha256(body).hexdigest())
            if act == "put":
                version = client.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
                journal.note(Done(key, version, body))
            elif act == "delete":
                version = client.delete_object(Bucket=BUCKET, Key=key)["VersionId"]
                journal.note(Done(key, version, None))
            else:
                one_part(client, journal, key, body, complete=act == "multipart")
    except (BotoCoreError, HTTPClientError):
        return  # the server may vanish, but an error that it answers is raised


def one_part(client: Any, journal: Journal, key: str, body: bytes, *, complete: bool) -> None:
    where = {"Bucket": BUCKET, "Key": key}
    upload = client.create_multipart_upload(**where)["UploadId"]
    part = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=body)["ETag"]
    if not complete:
        journal.parts.append((key, upload, part, body))
        return
    named = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    made = client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=named)
    journal.note(Done(key, made["VersionId"], body, in_parts=True))


def kill_in_the_middle(gateway: LiveGateway, journal: Journal, dice: random.Random) -> None:
    """Several writers at once, and SIGKILL after some of their writes were answered."""
    journal.enough.clear()
    journal.goal = len(journal.acknowledged) + dice.randint(ACKNOWLEDGED_MIN, 3 * ACKNOWLEDGED_MIN)
    clients = [gateway.s3() for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [
            pool.submit(write, client, journal, random.Random(dice.random()), f"w{number}")
            for number, client in enumerate(clients)
        ]
        assert journal.enough.wait(60)
        gateway.process.kill()
        gateway.process.wait()
    for writer in writers:
        writer.result()


def check_acknowledged(gateway: LiveGateway, done: Done) -> None:
    """The write is there, byte for byte, in its commit, with its lineage."""
    page = Api(gateway.url).get(f"/refs/{done.version}.{BUCKET}/commit").json()
    changes = {change["key"]: change for change in page["changes"]}
    record = changes[done.key]["lineage"]
    assert record["key"] == done.key
    assert record["request_id"]
    if done.body is None:
        assert (changes[done.key]["kind"], record["kind"]) == ("delete", "delete")
        return
    answer = client_of(gateway).get_object(Bucket=BUCKET, Key=done.key, VersionId=done.version)
    assert answer["Body"].read() == done.body
    assert record["content"]["size"] == len(done.body)
    if not done.in_parts:
        assert record["content"]["sha256"] == hashlib.sha256(done.body).hexdigest()


def check_nothing_is_half_there(gateway: LiveGateway, journal: Journal) -> None:
    """Whatever can be seen is a whole body that some writer sent."""
    client = client_of(gateway)
    for page in client.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
        for row in page.get("Versions", []):
            answer = client.get_object(Bucket=BUCKET, Key=row["Key"], VersionId=row["VersionId"])
            body = answer["Body"].read()
            assert len(body) == row["Size"]
            assert hashlib.sha256(body).hexdigest() in journal.tried
    log = Api(gateway.url).get(f"/refs/{BUCKET}/log", limit=1000).json()["commits"]
    missing = {done.version for done in journal.acknowledged} - {one["id"] for one in log}
    assert not missing or len(log) == 1000


def finish_uploads(gateway: LiveGateway, journal: Journal) -> None:
    """Parts that were answered are there, and can be completed."""
    client = client_of(gateway)
    for key, upload, part, body in journal.parts:
        where = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
        [row] = client.list_parts(**where)["Parts"]
        assert (row["ETag"], row["Size"]) == (part, len(body))
        named = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        made = client.complete_multipart_upload(**where, MultipartUpload=named)
        journal.acknowledged.append(Done(key, made["VersionId"], body, in_parts=True))
    journal.parts.clear()


_clients: dict[str, Any] = {}


def client_of(gateway: LiveGateway) -> Any:
    """One client for each server: they are thread-safe and slow to make."""
    return _clients.setdefault(gateway.url, gateway.s3())


def test_every_write_that_was_answered_survives_sigkill(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    folder = tmp_path / "data"
    journal = Journal()
    checked = 0
    for _ in range(ROUNDS):
        with live_gateway(folder) as gateway:
            if not checked:
                client_of(gateway).create_bucket(Bucket=BUCKET)
            kill_in_the_middle(gateway, journal, dice)
        assert verify(folder, lambda *_: None) == []  # before any other process touched it
        started = time.monotonic()
        with live_gateway(folder) as gateway:
            assert time.monotonic() - started < READY_SECONDS_MAX
            for done in journal.acknowledged[checked:]:
                check_acknowledged(gateway, done)
            finish_uploads(gateway, journal)
            checked = len(journal.acknowledged)
    assert checked > ROUNDS * ACKNOWLEDGED_MIN
    with live_gateway(folder) as gateway:
        for done in dice.sample(journal.acknowledged, 60):  # later kills took nothing away
            check_acknowledged(gateway, done)
        check_nothing_is_half_there(gateway, journal)
    assert verify(folder, lambda *_: None) == []

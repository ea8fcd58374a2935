"""A gateway process and a pachd that dies, hangs, refuses and loses answers: nothing is lost.

Seen from outside, through S3, as a client meets it. The journal of the clients is the oracle.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import grpc
import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cut_line import CutLine
from live import LiveGateway, live_gateway
from pachds import REAL, FakeInThread, environment, fake_pachd_in_thread
from waiting import until

from gateway.stores.pachyderm import channel
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.target import Target
from gateway.versioning.names import RepoName

WRITERS = 6
SECONDS = 6


class Pachd(Protocol):
    """One that things happen to. address: host:port. kill: as SIGKILL looks from a client."""

    address: str

    def kill(self) -> None: ...

    def restart(self) -> None: ...

    def trouble(self, dice: random.Random) -> None:
        """One thing that goes wrong, and is over."""

    def delete_repo(self, name: str) -> None:
        """As somebody else does it."""


class Fake:
    """The one in this repository: it fails just where it is told to."""

    def __init__(self, made: FakeInThread) -> None:
        self._made = made
        self._made.fake.finish_delay_s = 0.02
        self.address = made.address

    def kill(self) -> None:
        self._made.run(self._made.fake.kill())

    def restart(self) -> None:
        self._made.run(self._made.fake.restart())

    def trouble(self, dice: random.Random) -> None:
        fake, code = self._made.fake, grpc.StatusCode
        rollback = (code.UNKNOWN, "commit unexpectedly resulted in rollback")
        gone = (code.UNAVAILABLE, "Stream removed (Socket closed)")
        method = dice.choice(["StartCommit", "AddFileSet", "FinishCommit", "InspectCommit"])
        match dice.randrange(4):
            case 0:
                fake.fail_next("StartCommit", *rollback, times=2)
            case 1:
                fake.fail_next(method, *gone, times=1, after=True)
            case 2:
                fake.fail_next(dice.choice([method, "CreateFileSet"]), *gone, times=2)
            case _:
                self.kill()
                time.sleep(dice.random() * 0.4)
                self.restart()

    def delete_repo(self, name: str) -> None:
        self._made.fake.delete_repo(name)


class Real:
    """A real one, at the end of a line that is cut, held up and closed."""

    def __init__(self, line: CutLine, there: str) -> None:
        self._line = line
        self._there = there
        self.address = line.address

    def kill(self) -> None:
        self._line.shut()

    def restart(self) -> None:
        self._line.mend()

    def trouble(self, dice: random.Random) -> None:
        match dice.randrange(3):
            case 0:
                self._line.cut()
            case 1:
                self._line.slow(dice.random() * 0.2)
                time.sleep(dice.random() * 0.4)
                self._line.mend()
            case _:
                self.kill()
                time.sleep(dice.random() * 0.4)
                self.restart()

    def delete_repo(self, name: str) -> None:
        async def delete() -> None:
            pfs = Pfs(channel.Pachd(Target(self._there)))
            await pfs.delete_repo(RepoName(name), force=True)
            await pfs.pachd.close()

        asyncio.run(delete())


@pytest.fixture(params=["fake", "real"])
def pachd(request: pytest.FixtureRequest) -> Iterator[Pachd]:
    if request.param == "fake":
        with fake_pachd_in_thread() as made:
            yield Fake(made)
        return
    there = os.environ.get(REAL)
    if not there:
        pytest.skip(f"{REAL} is not set")
    line = CutLine(there)
    try:
        yield Real(line, there)
    finally:
        line.close()


@pytest.fixture
def repo() -> str:
    return f"labels-{secrets.token_hex(4)}"


@pytest.fixture
def bucket(repo: str) -> str:
    return f"master.{repo}"


@pytest.fixture
def in_front(pachd: Pachd, bucket: str, tmp_path: Path) -> Iterator[LiveGateway]:
    with live_gateway(tmp_path / "data", **environment(pachd.address)) as serving:
        serving.s3().create_bucket(Bucket=bucket)
        yield serving


def ready(serving: LiveGateway) -> bool:
    return httpx.get(f"{serving.url}/-/readyz").status_code == 200


def versions(s3: Any, bucket: str) -> dict[tuple[str, str], str]:
    """(key, version id) -> ETag of everything in the bucket's history, markers without one."""
    found = {}
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            found[one["Key"], one["VersionId"]] = one["ETag"]
    return found


class Journal:
    """What was answered: (key, version id) -> the body. tried: every body that was sent."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.acknowledged: dict[tuple[str, str], bytes] = {}
        self.tried: set[bytes] = set()

    def write(self, s3: Any, name: str, end: float, dice: random.Random) -> None:
        while time.monotonic() < end:
            key, body = f"{name}/{dice.randrange(4)}", dice.randbytes(dice.choice([0, 20, 300_000]))
            body += secrets.token_bytes(16)
            self.tried.add(body)
            try:
                made = s3.put_object(Bucket=self.bucket, Key=key, Body=body)
            except (ClientError, BotoCoreError) as error:
                status = getattr(error, "response", {}).get("ResponseMetadata", {})
                assert status.get("HTTPStatusCode") in {None, 500, 503}, error
                time.sleep(0.05)
                continue
            assert (key, made["VersionId"]) not in self.acknowledged
            self.acknowledged[key, made["VersionId"]] = body


def check(serving: LiveGateway, journal: Journal) -> None:
    """Every acknowledged version is there with its bytes; what else is there was sent."""
    s3 = serving.s3()
    there = versions(s3, journal.bucket)
    for (key, version), body in journal.acknowledged.items():
        assert (key, version) in there
        got = s3.get_object(Bucket=journal.bucket, Key=key, VersionId=version)["Body"].read()
        assert got == body
    for key, version in there.keys() - journal.acknowledged.keys():
        got = s3.get_object(Bucket=journal.bucket, Key=key, VersionId=version)["Body"].read()
        assert got in journal.tried


def test_whatever_pachd_does_no_acknowledged_write_is_lost_torn_or_doubled(
    pachd: Pachd, in_front: LiveGateway, bucket: str, tmp_path: Path
):
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice, journal, end = random.Random(seed), Journal(bucket), time.monotonic() + SECONDS
    with ThreadPoolExecutor(WRITERS) as writers:
        done = [
            writers.submit(
                journal.write, in_front.s3(), f"w{number}", end, random.Random(seed + number)
            )
            for number in range(WRITERS)
        ]
        while time.monotonic() < end:
            time.sleep(dice.random() * 0.5)
            pachd.trouble(dice)
        for one in done:
            one.result()
    assert len(journal.acknowledged) > WRITERS
    until(lambda: ready(in_front), "ready again")
    check(in_front, journal)
    # A fresh replica, with an empty disk, tells the same.
    with live_gateway(tmp_path / "other", **environment(pachd.address)) as other:
        check(other, journal)


def test_pachd_away_at_start_and_back_later(pachd: Pachd, bucket: str, tmp_path: Path):
    pachd.kill()
    away = live_gateway(tmp_path / "data", ready=False, **environment(pachd.address))
    with away as serving:
        assert httpx.get(f"{serving.url}/-/healthz").status_code == 200
        refused = httpx.get(f"{serving.url}/-/readyz")
        assert refused.status_code == 503
        assert "pachd" in refused.text
        s3 = serving.s3()
        with pytest.raises(ClientError) as error:
            s3.create_bucket(Bucket=bucket)
        answer = error.value.response
        assert answer["Error"]["Code"] == "SlowDown"
        assert answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]
        pachd.restart()
        until(lambda: ready(serving), "ready once pachd is back")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_while_pachd_is_away_the_answer_comes_quickly(
    pachd: Pachd, in_front: LiveGateway, bucket: str
):
    pachd.kill()
    s3 = in_front.s3()
    times = []
    for _ in range(8):
        start = time.monotonic()
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        times.append(time.monotonic() - start)
        assert error.value.response["Error"]["Code"] == "SlowDown"
    assert min(times) < 1  # the circuit is open: nothing waits for a deadline
    pachd.restart()
    until(lambda: ready(in_front), "ready once pachd is back")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")


def test_pachd_dies_in_the_middle_of_a_body_and_nothing_of_it_shows(
    pachd: Pachd, in_front: LiveGateway, bucket: str
):
    s3 = in_front.s3()
    s3.put_object(Bucket=bucket, Key="big", Body=b"before")
    halfway = threading.Event()

    class Body:
        """4 MiB that stop in the middle until pachd is gone."""

        def __init__(self) -> None:
            self.left = 4

        def read(self, size: int = -1) -> bytes:
            if self.left == 2:
                halfway.set()
                time.sleep(0.5)
            if self.left == 0:
                return b""
            self.left -= 1
            return b"x" * 1024 * 1024

    def kill() -> None:
        halfway.wait(10)
        pachd.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    body = Body()
    pieces = iter(lambda: body.read() or None, None)
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "big"})
    answer = httpx.put(
        url, content=pieces, headers={"content-length": str(4 * 1024 * 1024)}, timeout=60
    )
    killer.join()
    assert answer.status_code == 503
    pachd.restart()
    until(lambda: ready(in_front), "ready once pachd is back")
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"before"


def test_a_repo_that_is_deleted_under_us_is_no_bucket(
    pachd: Pachd, in_front: LiveGateway, bucket: str, repo: str
):
    s3 = in_front.s3()
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    pachd.delete_repo(repo)

    def gone() -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="b", Body=b"1")
        except ClientError as error:
            return error.response["Error"]["Code"] == "NoSuchBucket"
        return False

    until(gone, "NoSuchBucket")
    s3.create_bucket(Bucket=bucket)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)

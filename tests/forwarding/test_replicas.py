"""Two gateways in front of one pachd, over sockets, with a real client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import uvicorn
from botocore.config import Config
from fake_pachd import FakePachd
from labels import annotation, encoded

from gateway import server
from gateway.app import gateway
from gateway.config import Settings
from gateway.forwarding import peers
from gateway.forwarding.owners import owner
from gateway.versioning.names import RepoName

KEY, SECRET = "LGTESTACCESSKEYID000", "test/secret+key=with~odd.characters"


@dataclass
class Replica:
    """One of the two, and a client of it."""

    url: str
    serving: Any
    s3: Any

    async def call(self, operation: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(getattr(self.s3, operation), **arguments)

    async def body(self, bucket: str, key: str) -> bytes:
        """A whole object, not read on this loop, which serves it."""

        def read() -> bytes:
            return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

        return await asyncio.to_thread(read)

    async def forwarded(self, outcome: str) -> int:
        """How many requests it passed on."""
        async with httpx.AsyncClient(trust_env=False) as http:
            page = (await http.get(f"{self.url}/-/metrics")).text
        sample = f'labelgate_forwarded_total{{outcome="{outcome}"}} '
        values = [line for line in page.splitlines() if line.startswith(sample)]
        return int(float(values[0].removeprefix(sample))) if values else 0

    async def stop(self) -> None:
        self.serving.should_exit = True
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def replica(folder: Path, pachd: FakePachd, urls: list[str], sock: Any) -> Any:
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    settings = Settings(
        data_dir=folder / url.rpartition(":")[2],
        store="pachyderm",
        pachd_address=pachd.address,
        access_key_id=KEY,
        secret_access_key=SECRET,  # type: ignore[arg-type]
        replicas=urls,  # type: ignore[arg-type]
        replica_url=url,
    )
    s3 = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
    )
    async with gateway(settings) as parts:
        serving = uvicorn.Server(server._config(parts.app))
        task = asyncio.create_task(serving.serve([sock]))
        yield Replica(url, serving, s3)
        serving.should_exit = True
        await task
    s3.close()


@contextlib.asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[FakePachd, Replica, Replica]]:
    """Both, once they know of each other."""
    fake = FakePachd()
    await fake.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(fake.stop)
        socks = [stack.enter_context(server._listen("127.0.0.1", 0)) for _ in range(2)]
        urls = [f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in socks]
        one, other = [
            await stack.enter_async_context(replica(folder, fake, urls, sock)) for sock in socks
        ]
        await asyncio.sleep(0.3)
        yield fake, one, other


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "LOOK_SECONDS", 0.1)
    monkeypatch.setenv("HOME", str(tmp_path))


def repo_of(replica: Replica, other: Replica) -> str:
    """A repo that `replica` owns."""
    names = (f"repo{number}" for number in range(1000))
    return next(n for n in names if owner(RepoName(n), [replica.url, other.url]) == replica.url)


async def test_a_replica_does_not_stand_for_what_another_may_have_served(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, first, other):
        # Nothing is written through the other before: its readers would be sent to the owner.
        bucket = f"master.{repo_of(first, other)}"
        await first.call("create_bucket", Bucket=bucket)
        place = {"Bucket": bucket, "Key": "picture"}
        await first.call("put_object", **place, Body=b"old")
        await first.body(bucket, "picture")
        newer = (await first.call("put_object", **place, Body=b"new"))["VersionId"]
        await asyncio.sleep(0.01)
        opened = datetime.now(UTC)
        async with asyncio.timeout(20):
            while await other.body(bucket, "picture") != b"new":
                pass
        saved = datetime.now(UTC)
        form = annotation(
            {"image": f"s3://{bucket}/picture"},
            created_at=saved.isoformat(),
            updated_at=saved.isoformat(),
            lead_time=(saved - opened).total_seconds(),
        )
        form["task"]["created_at"] = opened.isoformat()
        label = {"Bucket": bucket, "Key": "label"}
        await other.call("put_object", **label, Body=encoded(form))
        assert await other.forwarded("answered") == 1
        shown = (await first.call("head_object", **label))["Metadata"]
        assert shown["lineage-evidence"] == "head-at-open"
        assert newer in shown["lineage-sources"]


async def test_a_client_of_either_replica_sees_one_bucket(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, one, other):
        bucket = repo_of(other, one)
        await one.call("create_bucket", Bucket=bucket)
        key = "deep/a b/../c+%7e/ü"
        await one.call("put_object", Bucket=bucket, Key=key, Body=b"x" * 3_000_000)
        assert await one.forwarded("answered") == 2
        assert await one.body(bucket, key) == b"x" * 3_000_000
        await other.call("put_object", Bucket=bucket, Key="mine", Body=b"y")
        assert await other.forwarded("answered") == 0
        listed = await one.call("list_objects_v2", Bucket=bucket)
        assert [found["Key"] for found in listed["Contents"]] == [key, "mine"]
        await one.call("delete_object", Bucket=bucket, Key=key)
        listed = await other.call("list_objects_v2", Bucket=bucket)
        assert [found["Key"] for found in listed["Contents"]] == ["mine"]


async def test_an_upload_is_one_replicas_whoever_is_asked(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, one, other):
        bucket = repo_of(other, one)
        await one.call("create_bucket", Bucket=bucket)
        place = {"Bucket": bucket, "Key": "large"}
        upload = (await one.call("create_multipart_upload", **place))["UploadId"]
        place["UploadId"] = upload
        parts = []
        for number, through in ((1, one), (2, other)):
            body = b"%d" % number * 5 * 1024 * 1024
            sent = await through.call("upload_part", **place, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        assert len((await one.call("list_parts", **place))["Parts"]) == 2
        assert len((await one.call("list_multipart_uploads", Bucket=bucket))["Uploads"]) == 1
        await one.call("complete_multipart_upload", **place, MultipartUpload={"Parts": parts})
        got = await one.call("head_object", Bucket=bucket, Key="large")
        assert got["ContentLength"] == 10 * 1024 * 1024


async def test_without_its_owner_a_repo_is_written_by_the_other(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, one, other):
        bucket = repo_of(other, one)
        await one.call("create_bucket", Bucket=bucket)
        await other.stop()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(
                        ("127.0.0.1", int(other.url.rpartition(":")[2])), 0.1
                    ).close()
                    await asyncio.sleep(0.05)
                    continue
                break
        await one.call("put_object", Bucket=bucket, Key="a", Body=b"x")
        assert await one.body(bucket, "a") == b"x"

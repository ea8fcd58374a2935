"""A real Label Studio at work on the gateway: fixtures, and what a test does at one.

The first start on an empty directory takes half a minute; here it is made once, and every further
Label Studio of the session starts in seconds on a copy of that directory.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from history import Branch
from live import ACCESS_KEY_ID, SECRET_ACCESS_KEY, LiveGateway, live_gateway
from tls import TlsFront, tls_front

from scripts.example import BOXES, SENTIMENT, Example
from scripts.labelstudio_env import ENVIRONMENT
from scripts.studio import Endpoint, Studio
from scripts.studio_api import StudioApi

Json = dict[str, Any]

_serial = itertools.count(1)


@dataclass
class Desk:
    """A Label Studio whose storages are on the gateway. front: the TLS front between, if any."""

    gateway: LiveGateway
    studio: Studio
    api: StudioApi
    front: TlsFront | None = None

    def buckets(self) -> tuple[str, str]:
        """A new source and a new target bucket."""
        number = next(_serial)
        names = f"master.raw{number}", f"master.labels{number}"
        for name in names:
            self.gateway.s3().create_bucket(Bucket=name)
        return names

    def project(self, example: Example) -> int:
        """A new project with the example's labeling config."""
        made = self.api.create_project(f"{example.title} {next(_serial)}", example.labeling_config)
        return int(made["id"])


@dataclass
class Work:
    """A project with its two storages. labels, raw: the branches behind the buckets."""

    desk: Desk
    project: int
    source: int
    target: int
    raw: Branch
    labels: Branch
    prefix: str

    @property
    def api(self) -> StudioApi:
        return self.desk.api

    def key(self, annotation: int) -> str:
        """Where the annotation is written to, in the layout of one object an annotation."""
        return f"{self.prefix}/{annotation}"

    def read(self, key: str, commit: str | None = None) -> bytes:
        """The object's bytes, now or as that commit has it."""
        bucket = f"{commit}.{self.labels.bucket}" if commit else self.labels.bucket
        body: bytes = self.desk.gateway.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def look(self, task: int, key: str, **headers: str) -> httpx.Response:
        """Label Studio's answer to the browser that shows that object of a task: it, or a link."""
        uri = base64.urlsafe_b64encode(f"s3://{self.raw.bucket}/{key}".encode()).decode()
        studio = self.desk.studio
        headers["Authorization"] = f"Token {studio.login.token}"
        url = f"{studio.url}/tasks/{task}/resolve/"
        return httpx.get(url, params={"fileuri": uri}, headers=headers, trust_env=False)

    def version(self, key: str) -> str:
        """The version of a source object that is the current one."""
        found = self.desk.gateway.s3().head_object(Bucket=self.raw.bucket, Key=key)
        return str(found["VersionId"])


def texts(desk: Desk, *, count: int = 2, naming: bool = True) -> Work:
    """A sentiment project of `count` JSON tasks, synced; naming: each names its own object."""
    raw, labels = desk.buckets()
    for number in range(1, count + 1):
        key = f"reviews/{number:03}.json"
        named = {"source": f"s3://{raw}/{key}"} if naming else {"length": 1.50}
        task = {"data": {"text": f"Review {number}.", **named}}
        desk.gateway.s3().put_object(Bucket=raw, Key=key, Body=json.dumps(task).encode())
    return wired(desk, SENTIMENT, raw, labels)


def pictures(desk: Desk) -> Work:
    """A project of the example's four pictures, synced."""
    raw, labels = desk.buckets()
    for key, body in sorted(BOXES.objects().items()):
        desk.gateway.s3().put_object(Bucket=raw, Key=key, Body=body)
    return wired(desk, BOXES, raw, labels)


def wired(desk: Desk, example: Example, raw: str, labels: str, **source_settings: Any) -> Work:
    """The example's project on these buckets, with the example's own storage settings, synced.

    raw: the source bucket as it is given to Label Studio; may name a commit or a tag.
    source_settings: what is to be otherwise at the source storage.
    """
    project, api = desk.project(example), desk.api
    read_from = {**example.storage("source"), "bucket": raw, "project": project, **source_settings}
    write_to = {**example.storage("target"), "bucket": labels, "project": project}
    source = api.create_storage("source", read_from)["id"]
    target = api.create_storage("target", write_to)["id"]
    synced = api.sync_storage("source", source)
    assert synced["status"] == "completed", synced.get("traceback")
    gateway = desk.gateway
    raw_branch, branch = Branch(gateway, raw), Branch(gateway, labels)
    return Work(desk, project, source, target, raw_branch, branch, write_to["prefix"])


def choice(value: str) -> list[Json]:
    """The result of a sentiment task."""
    region = {"id": "choice0001", "from_name": "sentiment", "to_name": "text", "type": "choices"}
    return [{**region, "origin": "manual", "value": {"choices": [value]}}]


def box(label: str, x: float = 10.0) -> list[Json]:
    """The result of a picture's task: one box. x: its left edge, in percent."""
    region = {"id": "box0000001", "from_name": "label", "to_name": "image", "origin": "manual"}
    picture = {"original_width": 320, "original_height": 240, "image_rotation": 0}
    area = {"x": x, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": 0}
    value = {**area, "rectanglelabels": [label]}
    return [{**region, **picture, "type": "rectanglelabels", "value": value}]


@pytest.fixture(scope="session")
def studio_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory on which Label Studio has been started once, and nothing else was done."""
    if not ENVIRONMENT.installed():
        pytest.skip("Label Studio is not installed: run `make labelstudio`")
    seed = tmp_path_factory.mktemp("labelstudio") / "seed"
    with Studio(seed, Endpoint("http://127.0.0.1:1", "unused", "unused")):
        pass
    return seed


@pytest.fixture(scope="session")
def studio_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    """A gateway for Label Studios alone: only the first branches get series of their own."""
    with live_gateway(tmp_path_factory.mktemp("studio-gateway") / "data") as serving:
        yield serving


@contextmanager
def desk_at(
    seed: Path,
    gateway: LiveGateway,
    *,
    front: TlsFront | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Desk]:
    """A Label Studio on a copy of `seed`, with `variables` as further settings."""
    data_dir = seed.with_name(f"studio{next(_serial)}")
    shutil.copytree(seed, data_dir)
    url = front.url if front else gateway.url
    endpoint = Endpoint(url, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    with (
        Studio(data_dir, endpoint, variables=variables) as studio,
        StudioApi(studio.url, studio.login.token) as api,
    ):
        yield Desk(gateway, studio, api, front)


@pytest.fixture(scope="session")
def http_desk(studio_seed: Path, studio_gateway: LiveGateway) -> Iterator[Desk]:
    """Label Studio and the gateway, over plain HTTP."""
    with desk_at(studio_seed, studio_gateway) as desk:
        yield desk


@pytest.fixture(scope="session")
def https_desk(studio_seed: Path, studio_gateway: LiveGateway) -> Iterator[Desk]:
    """Label Studio and the gateway behind a TLS front, which makes boto3 send other PUTs."""
    ca, bundle = trustme.CA(), studio_seed.with_name("ca.pem")
    ca.cert_pem.write_to_path(str(bundle))
    with (
        tls_front(studio_gateway.port, ca) as front,
        desk_at(
            studio_seed, studio_gateway, front=front, variables={"AWS_CA_BUNDLE": str(bundle)}
        ) as desk,
    ):
        yield desk


@pytest.fixture(scope="session")
def task_layout_desk(studio_seed: Path, studio_gateway: LiveGateway) -> Iterator[Desk]:
    """A Label Studio that writes each task with all its annotations into one object."""
    variables = {"FUTURE_SAVE_TASK_TO_STORAGE": "true"}
    with desk_at(studio_seed, studio_gateway, variables=variables) as desk:
        yield desk


@pytest.fixture(scope="session")
def embedding_desk(studio_seed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Label Studio and a gateway that serves files of tasks with their name in each task."""
    folder = tmp_path_factory.mktemp("embedding-gateway") / "data"
    with (
        live_gateway(folder, LABELGATE_LINEAGE_EMBED="on") as gateway,
        desk_at(studio_seed, gateway) as desk,
    ):
        yield desk


@pytest.fixture(scope="session")
def pachyderm_desk(studio_seed: Path, pachyderm_gateway: LiveGateway) -> Iterator[Desk]:
    """Label Studio and a gateway in front of Pachyderm, over plain HTTP."""
    with desk_at(studio_seed, pachyderm_gateway) as desk:
        yield desk


@pytest.fixture(params=["http", "https", "pachyderm"], scope="session")
def desk(request: pytest.FixtureRequest) -> Desk:
    """Each of the ways to a gateway in turn: plain, behind TLS, and with the other store."""
    found: Desk = request.getfixturevalue(f"{request.param}_desk")
    return found

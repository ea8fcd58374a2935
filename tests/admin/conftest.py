"""Fixtures of the API's tests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from api import Api
from coroutines import pytest_pyfunc_call, runner
from labels import annotation, encoded
from live import LiveGateway, live_gateway

__all__ = ["pytest_pyfunc_call", "runner"]

_serial = itertools.count(1)


@dataclass(frozen=True)
class Accounts:
    """A server of several accounts. root has all rights, alice and bob those on their own repos."""

    gateway: LiveGateway
    root: Api
    alice: Api
    bob: Api

    def s3(self, api: Api) -> Any:
        return self.gateway.s3(api.access, api.secret)


@pytest.fixture(scope="session")
def api(gateway: LiveGateway) -> Api:
    """The API, with the key that has all rights."""
    return Api(gateway.url)


@pytest.fixture
def repo(api: Api) -> str:
    """A new repo with an empty branch `master`."""
    name = f"admin{next(_serial)}"
    assert api.post("/repos", {"repo": name}).status_code == 201
    assert api.post(f"/repos/{name}/branches", {"name": "master"}).status_code == 201
    return name


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """A server whose credentials file has keys of accounts alice and bob."""
    folder = tmp_path_factory.mktemp("accounts")
    keys = [
        {
            "name": f"key of {name}",
            "account": name,
            "access_key_id": f"LGTEST{name.upper()}",
            "secret_access_key": f"secret of {name}",
        }
        for name in ("alice", "bob")
    ]
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": keys}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        alice, bob = (
            Api(serving.url, key["access_key_id"], key["secret_access_key"]) for key in keys
        )
        yield Accounts(serving, Api(serving.url), alice, bob)


@dataclass(frozen=True)
class House:
    """A server with labels of raw data. reader may read the labels, and of the raw data `open/`."""

    s3: Any
    root: Api
    reader: Api
    label: str
    sources: dict[str, str]

    def read(self, address: str, **query: str) -> Any:
        response = self.root.get(address, **query)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    grants = [
        {"rights": ["read"], "buckets": "labels"},
        {"rights": ["read"], "buckets": "raw", "prefix": "open/"},
    ]
    key = {"name": "reader", "account": "red", "access_key_id": "LGTESTRED", "grants": grants}
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": [{**key, "secret_access_key": "secret"}]}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        s3 = serving.s3()
        for name in ("labels", "raw"):
            s3.create_bucket(Bucket=name)
        sources = {
            name: s3.put_object(Bucket="raw", Key=name, Body=b"x")["VersionId"]
            for name in ("open/1", "secret/1")
        }
        data = {"images": [*(f"s3://raw/{name}" for name in sources), "s3://raw/gone"]}
        body = encoded(annotation(data))
        label = s3.put_object(Bucket="labels", Key="sentiment/4", Body=body)["VersionId"]
        reader = Api(serving.url, "LGTESTRED", "secret")
        yield House(s3, Api(serving.url), reader, label, sources)

"""Fixtures of the API's tests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from api import Api
from live import LiveGateway, live_gateway

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

"""A server of several accounts, with keys that may do everything, their own, or little."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from live import LiveGateway, live_gateway

_serial = itertools.count(1)

LIMITED = {
    "reader": [{"rights": ["read"], "buckets": "*.shared*", "prefix": "team/"}],
    "writer": [{"rights": ["read", "write"], "buckets": "dev-*.shared*"}],
    "maker": [{"rights": ["read", "write", "delete", "admin"], "buckets": "made*"}],
    "brancher": [{"rights": ["read", "admin", "erase"], "buckets": "dev.made*"}],
    "cleaner": [
        {"rights": ["read"], "buckets": "shared*"},
        {"rights": ["erase"], "buckets": "master.shared*"},
    ],
}


class Accounts:
    """Clients by the name of their key. alice and bob are accounts of their own; root has all."""

    def __init__(self, gateway: LiveGateway) -> None:
        self.gateway = gateway
        self.root = gateway.s3()
        self.nobody = gateway.s3(signature_version=UNSIGNED)
        names = ("alice", "bob", *LIMITED)
        self._clients = {name: gateway.s3(*pair(name)) for name in names}

    def __getattr__(self, name: str) -> Any:
        return self._clients[name]


def pair(name: str) -> tuple[str, str]:
    """The key pair of that name."""
    return f"LGTEST{name.upper()}", f"secret of {name}"


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """The server, with one client for each key."""
    folder = tmp_path_factory.mktemp("accounts")
    rows: list[dict[str, Any]] = []
    for name in ("alice", "bob", *LIMITED):
        access, secret = pair(name)
        row = {"name": name, "account": name if name in {"alice", "bob"} else "limited"}
        row |= {"access_key_id": access, "secret_access_key": secret}
        rows.append(row | ({"grants": LIMITED[name]} if name in LIMITED else {}))
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": rows}))
    with live_gateway(folder / "data", LABELGATE_CREDENTIALS_FILE=str(file)) as serving:
        yield Accounts(serving)


@pytest.fixture
def hers(accounts: Accounts) -> str:
    """A new bucket of alice, with an object `k`."""
    name = f"hers{next(_serial)}"
    accounts.alice.create_bucket(Bucket=name)
    accounts.alice.put_object(Bucket=name, Key="k", Body=b"hers")
    return name


@pytest.fixture
def shared(accounts: Accounts) -> str:
    """A new bucket of root, whose name limited keys have rights on, with keys in two folders."""
    name = f"shared{next(_serial)}"
    accounts.root.create_bucket(Bucket=name)
    for key in ("a", "team/1", "team/sub/2", "teamwork", "z"):
        accounts.root.put_object(Bucket=name, Key=key, Body=key.encode())
    return name

"""Which server a command talks to, and with which key.

Address: LABELGATE_ENDPOINT, else what the server of the data directory left there.
Key: the environment's pair, else the generated key, else the server's local admin key.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from gateway.auth.credentials import CredentialsError, read_credentials
from gateway.auth.tokens import masked
from gateway.cli.client import Client, KeyPair
from gateway.cli.errors import CommandError, NotReachable, WrongUse
from gateway.cli.options import common_of
from gateway.cli.s3 import S3
from gateway.cli.settings import load_settings

ENDPOINT = "LABELGATE_ENDPOINT"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "LABELGATE_ACCESS_KEY_ID", "LABELGATE_SECRET_ACCESS_KEY"
ADDRESS_FILE = Path("run") / "server.json"
KEYS_FILE = Path("keys.json")


def connect(context: typer.Context) -> Client:
    """A client of the server these options and this environment mean, until the command ends.

    Raises NotReachable where none is known, CommandError where there is no key.
    """
    data_dir = load_settings(common_of(context)).data_dir
    client = client_for(data_dir, os.environ)
    context.call_on_close(client.close)
    return client


def client_for(data_dir: Path, environ: Mapping[str, str]) -> Client:
    """As connect, of a data directory and an environment."""
    endpoint = environ.get(ENDPOINT, "")
    left = _address_left(data_dir)
    if endpoint and not endpoint.startswith("tcp://"):
        _check_endpoint(endpoint)
        absent = NotReachable(f"no server answers at {endpoint}", f"start it, or change {ENDPOINT}")
        return Client(endpoint, _keys(data_dir, environ, left), absent)
    if left is None:
        raise NotReachable(f"no server runs on {data_dir}", _how_to_start(data_dir))
    return Client(left["endpoint"], _keys(data_dir, environ, left), _gone(data_dir, left))


def connect_s3(context: typer.Context, client: Client) -> S3:
    """A client of the S3 side of the same server, once `client` has been answered.

    It is where the API is, unless the server left another address in its data directory.
    """
    endpoint = client.endpoint
    if not os.environ.get(ENDPOINT):
        data_dir = load_settings(common_of(context)).data_dir
        endpoint = str((_address_left(data_dir) or {}).get("s3_endpoint", endpoint))
    made = S3(endpoint, client.key)
    context.call_on_close(made.close)
    return made


def running_at(data_dir: Path) -> str | None:
    """Where the server of this data directory answers; None where none runs on this machine."""
    left = _address_left(data_dir)
    if left is None or not _runs(left["pid"]):
        return None
    return str(left["endpoint"])


def _check_endpoint(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WrongUse(f"{ENDPOINT} is {endpoint!r}", "write http://host:port")


def _keys(
    data_dir: Path, environ: Mapping[str, str], left: Mapping[str, Any] | None
) -> list[KeyPair]:
    access, secret = environ.get(ACCESS_KEY_ID), environ.get(SECRET_ACCESS_KEY)
    if access and secret:
        shown = masked(access) if access == secret else access  # a token is its own secret
        return [KeyPair(access, secret, f"{shown} of the environment ({ACCESS_KEY_ID})")]
    found = []
    file = data_dir / KEYS_FILE
    try:
        if file.exists():
            key = read_credentials(file)[0]
            found.append(KeyPair(key.access_key_id, key.secret_access_key, f"of {file}"))
    except (CredentialsError, OSError) as error:
        raise CommandError(f"the generated key cannot be used: {error}") from None
    if left is not None:
        # The generated key is not in force where other keys are configured; this one always is.
        origin = f"of {data_dir / ADDRESS_FILE}"
        found.append(KeyPair(left["access_key_id"], left["secret_access_key"], origin))
    if not found:
        raise CommandError(
            "there is no key to sign with", f"set {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}"
        )
    return found


def _address_left(data_dir: Path) -> dict[str, Any] | None:
    """What the server of this directory left; None where none did. Raises CommandError."""
    file = data_dir / ADDRESS_FILE
    try:
        left = json.loads(file.read_text(encoding="utf-8"))
        needed = "endpoint", "pid", "access_key_id", "secret_access_key"
        told = {name: left[name] for name in needed}
        return {**told, "s3_endpoint": left.get("s3_endpoint", left["endpoint"])}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise CommandError(
            f"{file} cannot be read by this user",
            f"run as the server's user, or set {ENDPOINT}, {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotReachable(f"{file} is not what a server leaves: {error}", "restart it") from None


def _gone(data_dir: Path, left: Mapping[str, Any]) -> NotReachable:
    """What it means that nothing answers at an address that was left."""
    if not _runs(left["pid"]):
        text = f"the server of {data_dir} has ended without taking leave (process {left['pid']})"
    else:
        text = f"no server answers at {left['endpoint']}, though process {left['pid']} runs"
    return NotReachable(text, _how_to_start(data_dir))


def _runs(pid: Any) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, TypeError, OverflowError):
        return False
    except PermissionError:  # another user's
        pass
    return True


def _how_to_start(data_dir: Path) -> str:
    return f"start it with `labelgate serve --data {data_dir}`, or set {ENDPOINT}"

"""Where pachd is, by the same signs that `pachctl` goes by."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEFAULT_PORT = 30650
DEFAULT_ADDRESS = f"127.0.0.1:{DEFAULT_PORT}"

# Whether a scheme means TLS. Without one: plain, as pachctl takes it.
_SCHEMES = {"grpc": False, "http": False, "grpcs": True, "https": True}


class TargetError(Exception):
    """It cannot be told where pachd is; the text says what to change, and holds no token."""


@dataclass(frozen=True, slots=True)
class Target:
    """A pachd to talk to.

    address: host:port. root_certificates: PEM of those to trust, None for those gRPC brings.
    token: of the gateway itself, None where Pachyderm's auth is off.
    """

    address: str
    tls: bool = False
    root_certificates: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def find_target(environ: Mapping[str, str], address: str | None = None) -> Target:
    """The pachd that is meant: the first that is named.

    `address` (the setting), PACHD_ADDRESS, the service of the same Kubernetes cluster, the active
    context of $PACH_CONFIG or ~/.pachyderm/config.json, 127.0.0.1:30650. Token: PACH_TOKEN, else
    the context's. Raises TargetError.
    """
    found = _named(environ, address)
    token = environ.get("PACH_TOKEN") or None
    if found and token and not found[1]:
        return Target(*found, token=token)  # no need to read any file
    context = _Context.active(environ)
    where, tls = found or context.address or (DEFAULT_ADDRESS, False)
    # What the context trusts is about its own pachd, and no other.
    certificates = context.certificates if (where, tls) == context.address else None
    return Target(where, tls, certificates, token or context.token)


def _named(environ: Mapping[str, str], address: str | None) -> tuple[str, bool] | None:
    """Address and TLS as the environment has them."""
    if address:
        return _parsed(address, "pachd_address")
    if environ.get("PACHD_ADDRESS"):
        return _parsed(environ["PACHD_ADDRESS"], "PACHD_ADDRESS")
    host, port = (environ.get(f"PACHD_PEER_SERVICE_{part}") for part in ("HOST", "PORT"))
    if host and port:
        spelled = f"[{host}]" if ":" in host else host
        return _parsed(f"{spelled}:{port}", "PACHD_PEER_SERVICE_HOST and _PORT")
    return None


@dataclass(frozen=True, slots=True)
class _Context:
    """What the file of pachctl says."""

    address: tuple[str, bool] | None = None
    certificates: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def active(cls, environ: Mapping[str, str]) -> _Context:
        named = environ.get("PACH_CONFIG")
        home = environ.get("HOME")
        if not named and not home:
            return cls()
        file = Path(named) if named else Path(str(home), ".pachyderm", "config.json")
        if not named and not file.exists():
            return cls()
        try:
            config = json.loads(file.read_bytes()).get("v2") or {}
            name = environ.get("PACH_CONTEXT") or config.get("active_context")
            if not name:
                return cls()
            context = (config.get("contexts") or {}).get(name)
        except OSError as error:
            raise TargetError(f"{file} cannot be read: {error.strerror}") from None
        except (ValueError, AttributeError):
            raise TargetError(f"{file} is not a configuration of pachctl") from None
        if not isinstance(context, dict):
            raise TargetError(
                f"{file} has no context {name!r}: choose one with "
                "`pachctl config set active-context`, or set PACHD_ADDRESS"
            )
        return cls._of(context, f"context {name!r} in {file}")

    @classmethod
    def _of(cls, context: dict[str, Any], origin: str) -> _Context:
        address, authorities = context.get("pachd_address"), context.get("server_cas")
        where = _parsed(str(address), origin) if address else None
        try:
            trusted = base64.b64decode(authorities, validate=True) if authorities else None
        except (ValueError, TypeError):
            raise TargetError(f"server_cas of {origin} is not base64") from None
        if trusted and where and not where[1]:
            raise TargetError(f"{origin} has server_cas: its pachd_address must be grpcs://...")
        return cls(where, trusted, context.get("session_token") or None)


def _parsed(text: str, origin: str) -> tuple[str, bool]:
    """host:port and TLS. The text itself is not repeated where it might hold a password."""
    try:
        parts = urlsplit(text if "://" in text else f"grpc://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise TargetError(f"{origin} is not an address: write host:port") from None
    if parts.scheme not in _SCHEMES:
        raise TargetError(f"{origin} begins with {parts.scheme}://: write grpc:// or grpcs://")
    if parts.username is not None or parts.password is not None:
        raise TargetError(f"{origin} holds a user name: the token goes into PACH_TOKEN")
    if not host or port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
        raise TargetError(f"{origin} is not an address: write host:port and no more")
    spelled = f"[{host}]" if ":" in host else host
    return f"{spelled}:{port or DEFAULT_PORT}", _SCHEMES[parts.scheme]

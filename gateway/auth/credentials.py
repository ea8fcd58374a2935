"""Key pairs: where they come from, and finding one by its id.

Sources, joined: the environment's pair, the credentials file (JSON or TOML, re-read when it
changes), and the server's own local admin key. Only where no other key is configured: one that
was generated at the first start and is kept in the data directory.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import stat
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from gateway.auth.grants import Grants, GrantsError, Scope, parse_grants
from gateway.protocol.operations import Right
from gateway.versioning.names import RepoName

log = logging.getLogger(__name__)

DEFAULT_ACCOUNT = "default"
ANONYMOUS = "anonymous"
"""Whom a request is of that nobody signed; no account is called so."""
REREAD_MS_MIN = 1000
_Fingerprint = tuple[int, int, int]  # time of change in ns, bytes, inode
_FIELDS = frozenset(
    {
        "name",
        "account",
        "access_key_id",
        "secret_access_key",
        "secret_access_key_file",
        "grants",
        "expires",
        "disabled",
    }
)


class CredentialsError(Exception):
    """Keys that cannot be used as written; the text says which and why, never a secret."""


class Roles(Protocol):
    """What the store's own access control lets the holder of a key do. May raise Unavailable."""

    async def permit(self, right: Right, repo: RepoName) -> bool:
        """Whether the holder may use `right` on `repo`."""

    async def create_repo(self, repo: RepoName) -> None:
        """Make a repo that is the holder's; nothing where it is there already. Raises Denied."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key pair and whose it is.

    expires_ms: None means never. roles: asked in place of the grants about repos; None for a key
    of our own.
    """

    name: str
    account: str
    access_key_id: str = field(repr=False)  # a token is its own secret
    secret_access_key: str = field(repr=False)
    grants: Grants
    expires_ms: int | None = None
    disabled: bool = False
    roles: Roles | None = field(default=None, repr=False, compare=False)


class Keyring:
    """Finds keys by id. A changed credentials file counts within a second, without a restart.

    So does a changed file that holds one of its secrets, as mounted secrets are renewed.

    A file that turns unreadable or wrong while serving leaves the last good keys in force.
    """

    def __init__(
        self, fixed: Iterable[Key], file: Path | None = None, *, clock: Callable[[], int]
    ) -> None:
        self._fixed = {key.access_key_id: key for key in fixed}
        self._file = file
        self._clock = clock
        self._seen: tuple[_Fingerprint, ...] = ()
        self._secret_files: list[Path] = []
        self._looked_ms = 0
        self._keys = dict(self._fixed)
        if file is not None:
            self._read(file)
            self._looked_ms = clock()

    def find(self, access_key_id: str) -> Key | None:
        """The key of that id, whether or not it may be used now."""
        if self._file is not None and self._clock() - self._looked_ms >= REREAD_MS_MIN:
            self._reread(self._file)
        return self._keys.get(access_key_id)

    def has_account(self, name: str) -> bool:
        """Whether any key is of that account."""
        return any(key.account == name for key in self._keys.values())

    def _reread(self, file: Path) -> None:
        self._looked_ms = self._clock()
        try:
            if self._fingerprints(file) == self._seen:
                return
            self._read(file)
        except CredentialsError as error:
            log.error("credentials file not taken over, the last good keys stay: %s", error)
        else:
            log.info("credentials file read again: %d keys", len(self._keys))

    def _read(self, file: Path) -> None:
        document = _document(file)
        self._secret_files = [
            file.parent / row["secret_access_key_file"]
            for row in document
            if isinstance(row, dict) and isinstance(row.get("secret_access_key_file"), str)
        ]
        # Taken before the secrets are read: a change in between is then seen the next time.
        seen = self._fingerprints(file)
        self._keys = _joined(self._fixed, _keys(document, file))
        self._seen = seen

    def _fingerprints(self, file: Path) -> tuple[_Fingerprint, ...]:
        return tuple(_fingerprint(one) for one in (file, *self._secret_files))


def read_credentials(file: Path) -> list[Key]:
    """The keys of a credentials file. Raises CredentialsError."""
    return _keys(_document(file), file)


def _document(file: Path) -> list[Any]:
    """The rows of a credentials file, not looked into yet."""
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CredentialsError(f"{file} is not valid: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise CredentialsError(f"{file} has no list named `keys`")
    return list(document["keys"])


def _keys(document: list[Any], file: Path) -> list[Key]:
    keys = [_key(row, f"{file}, key {n}", file.parent) for n, row in enumerate(document, 1)]
    ids = [key.access_key_id for key in keys]
    if doubles := {one for one in ids if ids.count(one) > 1}:
        raise CredentialsError(f"{file} names {min(doubles)!r} more than once")
    return keys


def generated_key(file: Path) -> tuple[Key, bool]:
    """The key kept at `file`, made there (mode 0600) if it is the first start; True when made."""
    if file.exists():
        keys = read_credentials(file)
        if not keys:
            raise CredentialsError(f"{file} holds no key; remove it to have a new one made")
        return keys[0], False
    row = {
        "name": "generated",
        "account": DEFAULT_ACCOUNT,
        "access_key_id": new_access_key_id(),
        "secret_access_key": new_secret_access_key(),
        "grants": Scope.ALL.value,
    }
    try:
        write_private(file, json.dumps({"keys": [row]}, indent=2) + "\n", replace=False)
    except FileExistsError:  # another server's first start was first
        return generated_key(file)
    return _key(row, str(file), file.parent), True


def pair_key(name: str, access_key_id: str, secret_access_key: str) -> Key:
    """A key with all rights on account `default`, from a bare pair."""
    return Key(name, DEFAULT_ACCOUNT, access_key_id, secret_access_key, Grants(Scope.ALL))


def new_access_key_id() -> str:
    """A fresh id that cannot be taken for one of AWS's."""
    return "LG" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(18))


def new_secret_access_key() -> str:
    """40 characters of 240 random bits, safe in URLs and shells."""
    return secrets.token_urlsafe(30)


def write_private(file: Path, text: str, *, replace: bool = True) -> None:
    """Write a file that only its owner can read, whole or not at all.

    replace: what is there goes. Raises FileExistsError where it must stay.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, stat.S_IRUSR | stat.S_IWUSR
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    if replace:
        temporary.replace(file)
        return
    try:
        file.hardlink_to(temporary)
    finally:
        temporary.unlink()


def _joined(fixed: Mapping[str, Key], read: Iterable[Key]) -> dict[str, Key]:
    return {key.access_key_id: key for key in read} | dict(fixed)


def _fingerprint(file: Path) -> _Fingerprint:
    try:
        found = file.stat()
    except OSError as error:
        raise CredentialsError(f"{file} cannot be read: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _key(row: Any, where: str, folder: Path) -> Key:
    if not isinstance(row, dict):
        raise CredentialsError(f"{where} is not a table of fields")
    if unknown := sorted(row.keys() - _FIELDS):
        raise CredentialsError(f"{where} has an unknown field {unknown[0]!r}")
    try:
        return Key(
            name=_text(row, "name", where),
            account=_account(row, where),
            access_key_id=_text(row, "access_key_id", where),
            secret_access_key=_secret(row, where, folder),
            grants=parse_grants(row.get("grants", Scope.OWN.value)),
            expires_ms=_expiry(row.get("expires"), where),
            disabled=_flag(row, "disabled", where),
        )
    except GrantsError as error:
        raise CredentialsError(f"{where}: {error}") from None


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise CredentialsError(f"{where} needs `{name}`")
    return value


def _account(row: Mapping[str, Any], where: str) -> str:
    name = _text(row, "account", where)
    if name == ANONYMOUS:
        raise CredentialsError(f"{where}: {name!r} is what requests are called that nobody signed")
    return name


def _secret(row: Mapping[str, Any], where: str, folder: Path) -> str:
    if ("secret_access_key" in row) == ("secret_access_key_file" in row):
        raise CredentialsError(f"{where} needs `secret_access_key` or `secret_access_key_file`")
    if "secret_access_key" in row:
        return _text(row, "secret_access_key", where)
    file = folder / _text(row, "secret_access_key_file", where)
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise CredentialsError(f"{where}: {file} cannot be read") from None
    if not secret:  # anybody can sign with nothing
        raise CredentialsError(f"{where}: {file} is empty")
    return secret


def _flag(row: Mapping[str, Any], name: str, where: str) -> bool:
    """The text "false" must not switch anything on."""
    value = row.get(name, False)
    if not isinstance(value, bool):
        raise CredentialsError(f"{where}: `{name}` is true or false, without quotes")
    return value


def _expiry(value: Any, where: str) -> int | None:
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise CredentialsError(f"{where}: `expires` is not an ISO time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)

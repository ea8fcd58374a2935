"""A real Label Studio as a process: started on a data directory, ended cleanly.

The demo and the tests share it. Nothing in Label Studio is patched; it is told by its own
variables to stay quiet, to stay on 127.0.0.1 and where its S3 endpoint is.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx

from scripts.labelstudio_env import COMMAND

HOST = "127.0.0.1"
START_SECONDS_MAX = 240
STOP_SECONDS_MAX = 20
_POLL_SECONDS = 0.2
# Label Studio also reads its settings by their bare names and with a HEARTEX_ prefix. What stands
# in the caller's environment for other programs must not reach it.
_FOREIGN = ("LABEL_STUDIO_", "HEARTEX_", "AWS_", "S3_", "SSRF_", "LABELGATE_", "DJANGO_")
_FOREIGN_NAMES = frozenset({"HOST", "PORT", "USERNAME", "PASSWORD", "USER_TOKEN"})
_QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
}


class StudioError(Exception):
    """Label Studio did not start; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Login:
    """The first user of a data directory. token: the API token, sent as `Token <token>`."""

    username: str
    password: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of(cls, data_dir: Path, username: str = "demo@example.com") -> Login:
        """The login that is kept in `data_dir`, made there (mode 0600) at the first call."""
        file = data_dir / "login.json"
        if file.exists():
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        login = cls(username, secrets.token_urlsafe(9), secrets.token_hex(20))
        data_dir.mkdir(parents=True, exist_ok=True)
        file.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
        file.write_text(json.dumps(asdict(login)) + "\n", encoding="utf-8")
        return login


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The S3 endpoint and key that storages use which name none of their own."""

    url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The variables by which Label Studio learns them.

        An endpoint from S3_ENDPOINT is not held against the guard for private addresses, and its
        errors are shown as they are; one typed into a storage is refused on a private network.
        """
        return {
            "S3_ENDPOINT": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }


class Studio:
    """Label Studio on `data_dir`; use it as a context manager.

    Starting takes about half a minute on an empty directory, and a few seconds on one that it has
    made. variables: further settings. given_up: once set, a start is no longer waited for.
    The log is `<data_dir>/label-studio.log`. Raises StudioError where it does not come up.
    """

    def __init__(
        self,
        data_dir: Path,
        endpoint: Endpoint,
        *,
        port: int | None = None,
        variables: Mapping[str, str] | None = None,
        given_up: threading.Event | None = None,
    ) -> None:
        self.login = Login.of(data_dir)
        self.log = data_dir / "label-studio.log"
        self._port = port or free_port()
        self.url = f"http://{HOST}:{self._port}"
        self._data_dir = data_dir
        self._environment = {
            **inherited(),
            **_direct(),
            **_QUIET,
            **endpoint.environment(),
            **self._first_user(),
            **(variables or {}),
        }
        self._given_up = given_up or threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_for_health()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; it answers later, see `wait_for_health`."""
        with private_log(self.log) as out:
            self._log_start = out.tell()
            self._process = subprocess.Popen(  # noqa: S603 (no shell, our own paths)
                [
                    *(str(COMMAND), "start", "--no-browser"),
                    *("--internal-host", HOST, "--port", str(self._port)),
                    *("--data-dir", str(self._data_dir)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment,
                # Ctrl-C in the terminal is for whoever started us, who then ends us in order.
                start_new_session=True,
            )

    def wait_for_health(self) -> None:
        """Return once `/health` says UP. Raises StudioError."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if not self.is_running:
                raise StudioError(f"Label Studio did not start:\n{self._end_of_log()}")
            if self._is_up():
                return
            if self._given_up.wait(_POLL_SECONDS):
                raise StudioError("Label Studio was not waited for.")
        log = self._end_of_log()
        raise StudioError(f"Label Studio was not up in {START_SECONDS_MAX} s:\n{log}")

    def stop(self) -> None:
        """End it politely, then not. Its SQLite database survives either."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _is_up(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/health", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def _first_user(self) -> dict[str, str]:
        """The user and the token are taken over at the first start only."""
        return {
            "LABEL_STUDIO_USERNAME": self.login.username,
            "LABEL_STUDIO_PASSWORD": self.login.password,
            "LABEL_STUDIO_USER_TOKEN": self.login.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        }

    def _end_of_log(self) -> str:
        return end_of_log(self.log, self._log_start)


def inherited() -> dict[str, str]:
    """The caller's environment without what would configure a gateway or a Label Studio."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and name not in _FOREIGN_NAMES
    }


def private_log(file: Path) -> BinaryIO:
    """The log, to write behind what is in it. Only its owner may read it: logs hold much."""
    file.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    return file.open("ab")


def end_of_log(file: Path, start: int, lines_max: int = 40) -> str:
    """Its last lines, but none of those that were there before: start is where those end."""
    with file.open("rb") as log:
        log.seek(start)
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-lines_max:])


def _direct() -> dict[str, str]:
    """What keeps a proxy of the caller's environment from this machine's own address."""
    names = ("no_proxy", "NO_PROXY")
    hosts = [value for name in names if (value := os.environ.get(name))][:1]
    return dict.fromkeys(names, ",".join([*hosts, HOST]))


def free_port() -> int:
    """A port of 127.0.0.1 that was free just now."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on that port of 127.0.0.1 just now."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True

"""The gateway as a process: sockets, signals, and the address it leaves for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from gateway.app import gateway
from gateway.auth.credentials import Key, write_private
from gateway.config import Settings
from gateway.http1 import Protocol

log = logging.getLogger(__name__)

BACKLOG = 2048
DRAIN_SECONDS_MAX = 25
# Longer than load balancers keep an idle connection (60 s as a rule): the side that closes first
# must be theirs, or a request that is just leaving is lost.
KEEP_ALIVE_SECONDS = 75
FILES_MAX = 65_536
ADDRESS_FILE = Path("run") / "server.json"
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


@dataclass(frozen=True, slots=True)
class Running:
    """Where the gateway answers, from this machine.

    admin_url: the base of `/-/`. generated, generated_now: as in app.Gateway.
    """

    url: str
    admin_url: str
    generated: Key | None
    generated_now: bool


def serve(settings: Settings, ready: Callable[[Running], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once requests are answered.

    What was accepted is finished first, for at most 25 seconds. Raises SettingsRefused,
    CredentialsError, OSError (the port is taken).
    """
    os.umask(0o077)  # labels name people: what is made from here on is for this user alone
    _raise_file_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(settings, ready))
        except ExceptionGroup as group:  # of the task group; the first failure ended the others
            raise group.exceptions[0] from group


async def _serve(settings: Settings, ready: Callable[[Running], None]) -> None:
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(_listen(settings.host, settings.port))
        admin_at = listening
        if settings.admin_port is not None:
            admin_host = settings.admin_host or settings.host
            admin_at = stack.enter_context(_listen(admin_host, settings.admin_port))
        async with gateway(settings) as parts:
            servers = {_Server(_config(parts.app)): listening}
            if admin_at is not listening:
                servers[_Server(_config(parts.admin))] = admin_at
            running = Running(_url(listening), _url(admin_at), parts.generated, parts.generated_now)
            with _stopped_by_signals(list(servers)):
                async with asyncio.TaskGroup() as serving:
                    for server, sock in servers.items():
                        serving.create_task(server.serve([sock]))
                    for server in servers:
                        await server.answering.wait()
                    stack.enter_context(_address_left(settings.data_dir, running, parts.local))
                    log.info("serving S3 at %s, /-/ at %s", running.url, running.admin_url)
                    ready(running)
        log.info("stopped")


class _Server(uvicorn.Server):
    """uvicorn, with its signals handled once for all servers of the process.

    answering: set once requests are answered.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured here; see _stopped_by_signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn, and say so."""
        await super().startup(sockets)
        self.answering.set()


def _raise_file_limit() -> None:
    """Take as many open files as this user may have: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=BACKLOG,
    )


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        # Here and not by the server: a port that is taken is found out before the store is opened,
        # and what connects meanwhile waits instead of being refused.
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    return sock


def _url(sock: socket.socket) -> str:
    """Where it can be reached from this machine, also when it listens on every address."""
    host, port = sock.getsockname()[:2]
    host = _LOOPBACK.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _stopped_by_signals(servers: Sequence[uvicorn.Server]) -> Iterator[None]:
    """The first SIGINT or SIGTERM drains, the second stops at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        log.info("stopping: finishing what was accepted")
        for server in servers:
            server.force_exit = server.should_exit
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _address_left(data_dir: Path, running: Running, local: Key) -> Iterator[None]:
    """While serving, the address and a local admin key lie in the data directory (mode 0600)."""
    file = data_dir / ADDRESS_FILE
    address = {
        "endpoint": running.admin_url,
        "s3_endpoint": running.url,
        "pid": os.getpid(),
        "access_key_id": local.access_key_id,
        "secret_access_key": local.secret_access_key,
    }
    left = json.dumps(address) + "\n"
    write_private(file, left)
    try:
        yield
    finally:
        # Another server on the same directory may have left its own address since. It may have
        # our process id, too: in containers that is always 1.
        with contextlib.suppress(OSError):
            if file.read_text(encoding="utf-8") == left:
                file.unlink()

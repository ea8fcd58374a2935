"""The composition root: settings become a store, services and an ASGI app."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import __version__
from gateway.admin.app import create_admin
from gateway.admin.services import Services as AdminServices
from gateway.auth.credentials import (
    Key,
    Keyring,
    generated_key,
    new_access_key_id,
    new_secret_access_key,
    pair_key,
)
from gateway.auth.gate import Gate
from gateway.config import Settings
from gateway.lineage.recorder import Recorder
from gateway.observability.figures import StoreFigures
from gateway.observability.logs import AccessLog
from gateway.observability.metrics import Metrics
from gateway.s3.call import Receive, Services
from gateway.s3.edge import S3App, Scope, Send
from gateway.s3.handlers import HANDLERS
from gateway.stores.embedded.store import EmbeddedStore
from gateway.stores.embedded.verify import Finding
from gateway.stores.embedded.verify import verify as verify_directory
from gateway.versioning.errors import StoreError
from gateway.versioning.store import Store

ADMIN_PREFIX = "/-/"
HEALTH = "/-/healthz"
_MOVED = b"This is the S3 port; what is under /-/ answers on the admin port.\n"

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class SettingsRefused(Exception):
    """Settings that are well formed but cannot be served; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The running parts.

    app: what the S3 port serves. admin: what answers under `/-/`, for a port of its own.
    generated: the key of this data directory, in force only while nothing else is configured;
    generated_now: it was made by this start. local: the key left for the command line on this
    machine.
    """

    app: Application
    admin: Asgi
    store: Store
    generated: Key | None
    generated_now: bool
    local: Key


class Application:
    """What the S3 port serves: `/-/` is the admin app's, all else is S3, as `-` is no bucket.

    admin_moved: `/-/` has a port of its own, so that only the health of the process is told here.
    """

    def __init__(self, s3: S3App, admin: Asgi, *, admin_moved: bool = False) -> None:
        self._s3 = s3
        self._admin = admin
        self._admin_moved = admin_moved

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one ASGI scope."""
        path = scope["path"]
        if not path.startswith(ADMIN_PREFIX):
            await self._s3(scope, receive, send)
        elif self._admin_moved and path != HEALTH:
            await _say_moved(send)
        else:
            await self._admin(scope, receive, send)


async def _say_moved(send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(_MOVED)).encode()),
        # A body that may be on its way must not be read as the next request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": _MOVED})


@asynccontextmanager
async def gateway(
    settings: Settings, *, clock: Callable[[], int] | None = None
) -> AsyncIterator[Gateway]:
    """Open the store and put everything together; close it at the end.

    Raises SettingsRefused, CredentialsError, and OSError where the data directory cannot be used.
    """
    _refuse_what_is_not_offered(settings)
    clock = clock or now_ms
    # Labels hold names and addresses of people: nobody else's business on this machine.
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys, generated, made = _configured_keys(settings)
    local = pair_key("local admin", new_access_key_id(), new_secret_access_key())
    keyring = Keyring([*keys, local], settings.credentials_file, clock=clock)
    gate = Gate(keyring, sigv2_accepted=settings.sigv2, clock=clock)
    async with AsyncExitStack() as stack:
        metrics = Metrics(version=__version__, engine=settings.store)
        stack.callback(metrics.close)
        access_log = AccessLog()
        stack.callback(access_log.close)
        store = await _opened(settings.data_dir, clock)
        stack.push_async_callback(store.close)
        metrics.store_figures(lambda: StoreFigures(store.figures()))
        services = Services(store, Recorder(store), metrics, clock, settings.lineage_headers)
        s3 = S3App(services, gate, HANDLERS, access_log)
        admin = create_admin(AdminServices(store, metrics, gate, __version__, clock))
        app = Application(s3, admin, admin_moved=settings.admin_port is not None)
        yield Gateway(app, admin, store, generated, made, local)


def verify(settings: Settings, progress: Callable[[int, int, str], None]) -> list[Finding]:
    """Check the whole store: chain, commitments, every body. Empty when all is well."""
    return verify_directory(settings.data_dir, progress)


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


async def _opened(data_dir: Path, clock: Callable[[], int]) -> EmbeddedStore:
    try:
        return await EmbeddedStore.open(data_dir, clock=clock)
    except StoreError as error:
        raise SettingsRefused(str(error)) from error


def _configured_keys(settings: Settings) -> tuple[list[Key], Key | None, bool]:
    """The keys beside the credentials file's; the generated one where nothing is configured."""
    if settings.access_key_id and settings.secret_access_key:
        pair = settings.access_key_id, settings.secret_access_key.get_secret_value()
        return [pair_key("environment", *pair)], None, False
    if settings.credentials_file is not None:
        return [], None, False
    generated, made = generated_key(settings.data_dir / "keys.json")
    return [generated], generated, made


def _refuse_what_is_not_offered(settings: Settings) -> None:
    if settings.store != "embedded":
        raise SettingsRefused(f"store = {settings.store!r} is not offered yet; use 'embedded'")
    if settings.default_versioning != "enabled":
        raise SettingsRefused("default_versioning = 'unset' is not offered yet; use 'enabled'")

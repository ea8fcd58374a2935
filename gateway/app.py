"""The composition root: settings become a store, services and an ASGI app."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass

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
from gateway.auth.tokens import Tokens
from gateway.config import Settings, SettingsRefused, bearer, person_key
from gateway.deliveries.backoff import Patience
from gateway.deliveries.channel import Channel
from gateway.deliveries.desk import delivering
from gateway.deliveries.follower import Manner
from gateway.deliveries.openlineage import Target, openlineage
from gateway.engines.embedded import embedded
from gateway.engines.engine import Engine
from gateway.forwarding.owners import owner
from gateway.forwarding.replicas import forwarding
from gateway.labelstudio.tasks import watched
from gateway.lineage.openlineage import Granularity, Style
from gateway.lineage.person import Persons
from gateway.lineage.readfile import kept_reads
from gateway.lineage.recorder import Named, Recorder, nobody
from gateway.observability.logs import AccessLog
from gateway.observability.metrics import Metrics
from gateway.s3.call import Receive, Services
from gateway.s3.edge import S3App, Scope, Send
from gateway.s3.handlers import HANDLERS
from gateway.stores.embedded.reindexing import reindex as reindex_directory
from gateway.stores.embedded.verify import Finding
from gateway.stores.embedded.verify import verify as verify_directory
from gateway.triggers.deciding import Deciding
from gateway.triggers.doing import Doing, Hands, Leave
from gateway.triggers.shelf import Shelf
from gateway.versioning.names import RepoName
from gateway.versioning.store import Store

ADMIN_PREFIX = "/-/"
HEALTH = "/-/healthz"
_MOVED = b"This is the S3 port; what is under /-/ answers on the admin port.\n"

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


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

    def __init__(self, s3: Asgi, admin: Asgi, *, admin_moved: bool = False) -> None:
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
    clock = clock or now_ms
    key = person_key(settings)
    persons = None if key is None else Persons(key)
    # Labels hold names and addresses of people: nobody else's business on this machine.
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys, generated, made = _configured_keys(settings)
    local = pair_key("local admin", new_access_key_id(), new_secret_access_key())
    keyring = Keyring([*keys, local], settings.credentials_file, clock=clock)
    async with AsyncExitStack() as stack:
        metrics = Metrics(version=__version__, engine=settings.store)
        stack.callback(metrics.close)
        access_log = AccessLog()
        stack.callback(access_log.close)
        engine = await stack.enter_async_context(_engine(settings, clock, metrics))
        metrics.store_figures(engine.figures)
        if engine.pachyderm is not None:
            metrics.pachyderm_figures(engine.pachyderm)
        tokens = None if engine.tokens is None else Tokens(engine.tokens, clock=clock)
        gate = Gate(keyring, sigv2_accepted=settings.sigv2, clock=clock, tokens=tokens)
        store = engine.store
        reads = await stack.enter_async_context(
            kept_reads(settings.data_dir, clock=clock, whole=not settings.replicas)
        )
        recorder = Recorder(store, reads, persons, await _named(settings, stack))
        services = Services(
            store,
            gate,
            recorder,
            metrics,
            clock,
            lineage_headers=settings.lineage_headers,
            lineage_embed=settings.lineage_embed,
            default_versioning=settings.default_versioning,
            s3_names=settings.bucket_names == "s3",
        )
        s3: Asgi = S3App(services, gate, HANDLERS, access_log)
        if settings.replica_url is not None:
            s3 = await stack.enter_async_context(
                forwarding(s3, settings.replicas, settings.replica_url, metrics.forwarded)
            )
        mine = _mine(settings)
        shelf = Shelf(settings.data_dir)
        stack.callback(shelf.close)
        deciding = Deciding(store, shelf, clock, mine)
        hands = Hands(store, recorder, shelf, metrics, clock, mine)
        leave = Leave(
            settings.data_dir, settings.trigger_commands, settings.trigger_private_webhooks
        )
        desk = await stack.enter_async_context(
            delivering(
                store,
                await _channels(settings, store, stack),
                settings.data_dir,
                Manner(metrics, clock, _patience(settings), lambda place: mine(place.repo)),
                inner=[deciding],
                also=[deciding.watch, Doing(hands, leave).work],
            )
        )
        admin = create_admin(
            AdminServices(
                store, metrics, gate, __version__, clock, desk, recorder, shelf, leave.commands
            )
        )
        app = Application(s3, admin, admin_moved=settings.admin_port is not None)
        yield Gateway(app, admin, store, generated, made, local)


def verify(settings: Settings, progress: Callable[[int, int, str], None]) -> list[Finding]:
    """Check the whole store: chain, commitments, every body. Empty when all is well.

    Raises SettingsRefused where the store is not ours to check.
    """
    if settings.store != "embedded":
        raise SettingsRefused(
            "what Pachyderm keeps is checked by Pachyderm (pachctl fsck), and nothing else is kept "
            "here: `labelgate reindex` makes anew what this machine has of it"
        )
    return verify_directory(settings.data_dir, progress)


def reindex(settings: Settings, told: Callable[[str, int], None]) -> Mapping[str, int]:
    """Make anew what is derived: how many commits of each repo it holds.

    told: of the progress, of a repo in commits, or in rows. In front of Pachyderm no server may run
    on the data directory meanwhile. Raises SettingsRefused, StoreError.
    """
    if settings.store == "embedded":
        return reindex_directory(settings.data_dir, told)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _extra():
        from gateway.engines.pachyderm import reindexed  # noqa: PLC0415
    return asyncio.run(reindexed(settings, now_ms, os.environ, told))


def pachd_of(settings: Settings) -> str | None:
    """Where the pachd is that settings and environment mean; None for the embedded store.

    Raises SettingsRefused.
    """
    if settings.store == "embedded":
        return None
    with _extra():
        from gateway.engines.pachyderm import target_of  # noqa: PLC0415
    return target_of(settings, os.environ).address


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _engine(
    settings: Settings, clock: Callable[[], int], metrics: Metrics
) -> AbstractAsyncContextManager[Engine]:
    """The store that the settings name, while the context lasts. Raises SettingsRefused."""
    if settings.store == "embedded":
        return embedded(settings, clock)
    with _extra():
        from gateway.engines.pachyderm import pachyderm  # noqa: PLC0415
    return pachyderm(settings, clock, os.environ, metrics.pachyderm_events())


@contextmanager
def _extra() -> Iterator[None]:
    """Around the import of what is an extra. Raises SettingsRefused where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise SettingsRefused(
            f"store = 'pachyderm' needs more: pip install 'labelgate[pachyderm]' ({error})"
        ) from error


async def _named(settings: Settings, stack: AsyncExitStack) -> Named:
    """What Label Studio says of its tasks. Raises SettingsRefused."""
    url, token = settings.labelstudio_url, bearer(settings, "labelstudio_token")
    if url is None or token is None:
        return nobody
    return await stack.enter_async_context(watched(url, token))


async def _channels(settings: Settings, store: Store, stack: AsyncExitStack) -> list[Channel]:
    """Who is told of commits. Raises SettingsRefused."""
    target = _target(settings)
    if target is None:
        return []
    style = Style(
        __version__,
        settings.openlineage_namespace,
        Granularity(settings.openlineage_datasets),
        settings.openlineage_depth,
    )
    return [await stack.enter_async_context(openlineage(store, target, style))]


def _target(settings: Settings) -> Target | None:
    """Where OpenLineage events go. Raises SettingsRefused."""
    url, file = settings.openlineage_url, settings.openlineage_file
    transport = settings.openlineage_transport
    if transport is None:
        transport = "http" if url else "file" if file else "off"
    match transport:
        case "http":
            whole = f"{url}/{settings.openlineage_endpoint.strip('/')}"
            return Target("http", url=whole, api_key=bearer(settings, "openlineage_api_key"))
        case "file":
            return Target("file", file=file)
        case "console":
            return Target("console")
    return None


def _patience(settings: Settings) -> Patience:
    age_s_max = settings.openlineage_hours * 3600.0
    return Patience(tries_max=settings.openlineage_tries, age_s_max=age_s_max)


def _mine(settings: Settings) -> Callable[[RepoName], bool]:
    """Which repos this replica tells of and decides for: those whose writes it takes."""
    replicas, own = settings.replicas, settings.replica_url
    return lambda repo: not replicas or owner(repo, replicas) == own


def _configured_keys(settings: Settings) -> tuple[list[Key], Key | None, bool]:
    """The keys beside the credentials file's; the generated one where nothing is configured."""
    if settings.access_key_id and settings.secret_access_key:
        pair = settings.access_key_id, settings.secret_access_key.get_secret_value()
        return [pair_key("environment", *pair)], None, False
    if settings.credentials_file is not None:
        return [], None, False
    generated, made = generated_key(settings.data_dir / "keys.json")
    return [generated], generated, made

"""The Pachyderm store, which may be opened long after the gateway has begun to serve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.config import Settings, SettingsRefused
from gateway.engines.engine import Engine
from gateway.engines.late import LateStore
from gateway.engines.tokens import PachydermTokens
from gateway.observability.figures import StoreFigures
from gateway.observability.pachyderm import PachydermEvents, PachydermFigures
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.faults import PfsError, Unauthenticated, Unreachable, refused
from gateway.stores.pachyderm.pfs import Pfs, check_version
from gateway.stores.pachyderm.reindex import reindex
from gateway.stores.pachyderm.store import INDEX_FOLDER, PachydermStore
from gateway.stores.pachyderm.target import Target, TargetError, find_target
from gateway.versioning.errors import Unavailable, Unsupported

FOLDER = "pachyderm"


@asynccontextmanager
async def pachyderm(
    settings: Settings,
    clock: Callable[[], int],
    environ: Mapping[str, str],
    events: PachydermEvents,
) -> AsyncIterator[Engine]:
    """A store in front of the pachd that settings and environment mean; closed at the end.

    events: told of what happens to its commits.

    Where pachd cannot be reached or used it says so at each use, until it can.
    Raises SettingsRefused (no address, a pachd that is too old).
    """
    target = target_of(settings, environ)
    async with AsyncExitStack() as stack:
        pachd = Pachd(target)
        stack.push_async_callback(pachd.close)
        pfs = Pfs(pachd)

        async def usable() -> None:
            await demand_usable(pfs, target)

        async def opened() -> PachydermStore:
            await usable()
            folder = settings.data_dir / FOLDER
            folder.mkdir(mode=0o700, exist_ok=True)
            return await PachydermStore.open(
                pfs,
                folder,
                clock=clock,
                cache_bytes=settings.pachyderm_cache_bytes,
                events=events,
            )

        store = LateStore(opened, usable)
        stack.push_async_callback(store.close)
        await store.begin()

        def store_figures() -> StoreFigures:
            taken = {} if store.opened is None else store.opened.figures()
            kinds = {"index": "index", "contents": "bytes"}
            return StoreFigures({kind: taken[n] for kind, n in kinds.items() if n in taken})

        def figures() -> PachydermFigures:
            cache = {} if store.opened is None else store.opened.figures()
            return PachydermFigures(circuit_open=pachd.state == "unreachable", cache=cache)

        yield Engine(store.as_store, store_figures, figures, PachydermTokens(pfs, target))


async def reindexed(
    settings: Settings,
    clock: Callable[[], int],
    environ: Mapping[str, str],
    told: Callable[[str, int], None],
) -> dict[str, int]:
    """Make the indexes anew from what pachd has; how many commits of each repo there are.

    told: of a repo and how many of its commits were read so far.
    Raises SettingsRefused, StoreError.
    """
    target = target_of(settings, environ)
    pachd = Pachd(target)
    try:
        pfs = Pfs(pachd)
        await demand_usable(pfs, target)
        folder = settings.data_dir / FOLDER / INDEX_FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = await reindex(
            pfs, folder, clock=clock, told=lambda repo, count: told(str(repo), count)
        )
        return {str(repo): count for repo, count in made.items()}
    finally:
        await pachd.close()


def target_of(settings: Settings, environ: Mapping[str, str]) -> Target:
    """The pachd that is meant. Raises SettingsRefused."""
    try:
        return find_target(environ, settings.pachd_address)
    except TargetError as error:
        raise SettingsRefused(str(error)) from error


async def demand_usable(pfs: Pfs, target: Target) -> None:
    """Raise SettingsRefused where pachd is too old, Unavailable where it does not let us work."""
    try:
        await check_version(pfs)
        if await pfs.auth_is_on():
            await _demand_own_token(pfs, target)
    except Unsupported as error:
        raise SettingsRefused(str(error)) from error
    except Unreachable as error:
        raise Unavailable(
            f"the pachd at {target.address} does not answer: {error.text or error.code.name}"
        ) from error
    except PfsError as error:
        raise refused(error) from error


async def _demand_own_token(pfs: Pfs, target: Target) -> None:
    how = "set PACH_TOKEN to what `pachctl auth get-robot-token labelgate` prints"
    if target.token is None:
        raise Unavailable(f"Pachyderm's auth is on and the gateway has no token: {how}")
    try:
        await pfs.who_am_i(target.token)
    except Unauthenticated:
        raise Unavailable(
            f"Pachyderm does not know the gateway's token, or it has expired: {how}"
        ) from None

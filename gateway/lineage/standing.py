"""What the URI of a source names today, beside what a write was made from."""

from __future__ import annotations

from enum import StrEnum

from gateway.lineage.uris import names_all_below
from gateway.lineage.written import Used
from gateway.versioning.errors import Erased, InvalidKey, InvalidName, NoKey, NotFound, NoVersion
from gateway.versioning.model import Snapshot
from gateway.versioning.names import BucketName, CommitId, check_key, parse_bucket
from gateway.versioning.store import Store


class Standing(StrEnum):
    """Of a source whose version is known.

    CURRENT: its URI names that version still. STALE: it names another one. GONE: it names nothing,
    or the version is erased.
    """

    CURRENT = "current"
    STALE = "stale"
    GONE = "gone"


class Standings:
    """Looks sources up, each bucket at one instant. Cost: two point reads a source."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._states: dict[BucketName, Snapshot | None] = {}

    async def of(self, source: Used) -> Standing | None:
        """How a source stands; None where its version is not known (external, missing)."""
        version = source.version
        if source.repo is None or version is None:
            return None
        at = await self.state(source.named.bucket)
        if at is None or not await self._kept(source, version):
            return Standing.GONE
        key = source.named.key
        try:
            now = (await self._store.stat(at, check_key(key))).version
        except (NoKey, Erased, InvalidKey):
            if not names_all_below(key):
                return Standing.GONE
            return await self._of_all(source, at, version)
        return Standing.CURRENT if now == version else Standing.STALE

    async def state(self, bucket: str) -> Snapshot | None:
        """What a bucket names; None where it names nothing."""
        try:
            name = parse_bucket(bucket)
        except InvalidName:
            return None
        return await self._resolved(name)

    async def _kept(self, source: Used, version: CommitId) -> bool:
        """Whether that version can be read, if only by its id: it may be erased."""
        assert source.repo is not None
        then = await self._resolved(BucketName(source.repo, None, version))
        if then is None:
            return False
        try:
            await self._store.stat(then, source.named.key)
        except (Erased, NoVersion):
            return False
        except (NoKey, InvalidKey):
            return names_all_below(source.named.key)
        return True

    async def _of_all(self, source: Used, at: Snapshot, version: CommitId) -> Standing:
        if at.commit == version:
            return Standing.CURRENT
        assert source.repo is not None
        then = await self._resolved(BucketName(source.repo, None, version))
        if then is None:
            return Standing.GONE
        differing = await self._store.diff(then, at, prefix=source.named.key, limit=1)
        return Standing.STALE if differing.entries else Standing.CURRENT

    async def _resolved(self, name: BucketName) -> Snapshot | None:
        if name not in self._states:
            try:
                self._states[name] = await self._store.resolve(name)
            except NotFound:
                self._states[name] = None
        return self._states[name]

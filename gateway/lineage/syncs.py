"""Finds the file that a source sync made a task of, where the label does not name it.

Label Studio reads a file and makes its tasks within moments. So of the files that this gateway
served around then, it is one whose content holds the task's data.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator

from gateway.lineage.labelstudio import Label, plain
from gateway.lineage.reads import Place, Read, ReadLog
from gateway.lineage.span import synced
from gateway.lineage.taskfiles import FILE_BYTES_MAX, data_digest, digests
from gateway.versioning.errors import Corrupt, Erased, NotFound
from gateway.versioning.names import BucketName, CommitId, RepoName
from gateway.versioning.store import Store

CANDIDATES_MAX = 50
_KEPT_MAX = 2_000
# By so much Label Studio's clock may be behind.
_BEHIND_MS = 60_000


class Syncs:
    """Knows files of tasks by their content, as long as the read log knows that they were read."""

    def __init__(self, store: Store, reads: ReadLog) -> None:
        self._store = store
        self._reads = reads
        self._digests: OrderedDict[tuple[Place, CommitId], frozenset[bytes]] = OrderedDict()

    async def file_of(self, label: Label, put_ms: int, key_name: str) -> tuple[Place, Read] | None:
        """The file and the read of it; None where none is found.

        key_name: of the key that writes the label; reads by it are looked at first.
        Cost: where a file was not looked into before, to read and parse it.
        """
        candidates = list(self._candidates(label, put_ms, key_name))
        if not candidates:
            return None
        wanted = data_digest(plain(label.data))
        for place, read in candidates:
            if wanted in await self._content(place, read.version):
                return place, read
        return None

    def _candidates(self, label: Label, put_ms: int, key_name: str) -> Iterator[tuple[Place, Read]]:
        span = synced(label, put_ms)
        if span is None:
            return
        before = self._reads.of_files(span.since_ms, span.until_ms)[::-1]
        after = self._reads.of_files(span.until_ms + 1, span.until_ms + _BEHIND_MS)
        seen: dict[tuple[Place, CommitId], tuple[Place, Read]] = {}
        for place, read in [*before, *after]:
            seen.setdefault((place, read.version), (place, read))
        ordered = sorted(seen.values(), key=lambda one: one[1].key_name != key_name)
        yield from ordered[:CANDIDATES_MAX]

    async def _content(self, place: Place, version: CommitId) -> frozenset[bytes]:
        found = self._digests.get((place, version))
        if found is None:
            body = await self._body(place, version)
            found = await asyncio.to_thread(digests, body) if body else frozenset()
            self._digests[place, version] = found
            if len(self._digests) > _KEPT_MAX:
                self._digests.popitem(last=False)
        return found

    async def _body(self, place: Place, version: CommitId) -> bytes:
        """The bytes; none where it is gone or too large."""
        bucket = BucketName(RepoName(place.repo, place.project), None, version)
        try:
            info = await self._store.stat(await self._store.resolve(bucket), place.key)
            if info.size > FILE_BYTES_MAX:
                return b""
            body = await self._store.read(info)
            if isinstance(body, bytes):
                return body
            return b"".join([piece async for piece in body])
        except (NotFound, Erased, Corrupt):
            return b""

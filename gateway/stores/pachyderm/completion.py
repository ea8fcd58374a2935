"""The end of an upload: its parts become an object, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from gateway.stores.pachyderm.heads import Heads
from gateway.stores.pachyderm.lane import Lane
from gateway.stores.pachyderm.staging import staged_parts
from gateway.stores.pachyderm.uploads import Branch, Uploads
from gateway.stores.pachyderm.words import Content, Staged
from gateway.versioning.errors import OutcomeUnknown, StoreError
from gateway.versioning.model import (
    About,
    Committed,
    ObjectInfo,
    Outcome,
    Part,
    Put,
    Upload,
    Version,
)
from gateway.versioning.names import CommitId

VERSIONS_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class _Asked:
    branch: Branch
    upload: Upload
    parts: Sequence[Part]
    put: Put
    about: About


class Completions:
    """Completes uploads, each one at a time."""

    def __init__(self, heads: Heads, lane: Lane, uploads: Uploads) -> None:
        self._heads = heads
        self._lane = lane
        self._uploads = uploads
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def complete(
        self, branch: Branch, upload: Upload, parts: Sequence[Part], put: Put, about: About
    ) -> Committed:
        """See Store.complete_upload. A caller that leaves does not stop it half way."""
        asked = _Asked(branch, upload, parts, put, about)
        return await asyncio.shield(asyncio.ensure_future(self._in_turn(asked)))

    async def made(self, branch: Branch, key: str, upload_id: str) -> ObjectInfo | None:
        """What an upload that is complete made; None where it is not so."""
        commit = self._uploads.completed(branch, key, upload_id)
        if commit is None:
            return None
        point = await self._heads.caught_up(branch.repo.name, commit)
        return (await self._heads.index(branch.repo.name)).object_info(point, key)

    async def _in_turn(self, asked: _Asked) -> Committed:
        lock = self._locks.setdefault(asked.upload.id, asyncio.Lock())
        async with lock:
            done = self._uploads.completed(asked.branch, asked.put.key, asked.upload.id)
            if done is None:
                self._uploads.find(asked.branch, asked.put.key, asked.upload.id)
                return await self._commit(asked)
            return await self._as_before(asked, done)

    async def _commit(self, asked: _Asked) -> Committed:
        repo, name = asked.branch.repo.name, asked.branch.name
        head = await self._heads.head(repo, name, fresh=True)
        begun = await self._uploads.begin(asked.upload, asked.parts, head)
        content = staged_parts(begun.parts)
        if begun.trying is not None:
            done = await self._landed(asked, CommitId(begun.trying), head, content)
            if done is not None:
                self._uploads.finish(asked.upload, done)
                return await self._as_before(asked, done)
        # Whatever it is the same as: an upload that ends makes an object.
        change = replace(asked.put, content=content, same_as=None)
        try:
            committed = await self._lane.commit(repo, name, [change], asked.about)
        except OutcomeUnknown:
            raise  # the next try looks
        except StoreError:
            self._uploads.give_up(asked.upload)
            raise
        self._uploads.finish(asked.upload, committed.outcomes[0].version)
        return committed

    async def _landed(
        self, asked: _Asked, trying: CommitId, head: CommitId, content: Staged
    ) -> CommitId | None:
        """What a try that began at `trying` made, where its outcome was not known.

        Any version since then that has the same bytes is as good.
        """
        before = {one.version for one in await self._versions(asked, trying)}
        index = await self._heads.index(asked.branch.repo.name)
        point = await self._heads.caught_up(asked.branch.repo.name, head)
        for one in await self._versions(asked, head):
            if one.version in before or one.marker or one.etag != asked.put.etag:
                continue
            made: Content = index.object_info(point, one.key, one.version).content
            if made.digest == content.digest:
                return one.version
        return None

    async def _versions(self, asked: _Asked, commit: CommitId) -> list[Version]:
        repo, key = asked.branch.repo.name, asked.put.key
        point = await self._heads.caught_up(repo, commit)
        index = await self._heads.index(repo)
        page = await index.versions(point, prefix=key, limit=VERSIONS_LOOKED_AT)
        return [one for one in page.versions if one.key == key]

    async def _as_before(self, asked: _Asked, commit: CommitId) -> Committed:
        repo = asked.branch.repo.name
        point = await self._heads.caught_up(repo, commit)
        index = await self._heads.index(repo)
        info = index.object_info(point, asked.put.key)
        return Committed(index.commit_info(point), (Outcome(commit, info=info),))

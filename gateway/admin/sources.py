"""Which sources of a write its reader may know of: those it may read itself.

Who may read a label need not be let into the raw data, as it need not be the label's writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from gateway.admin.services import Caller
from gateway.auth.access import Asked
from gateway.lineage.written import Used
from gateway.protocol.operations import Right
from gateway.versioning.errors import NotFound
from gateway.versioning.model import ChangeInfo, Json, Snapshot
from gateway.versioning.names import BucketName, CommitId, RepoName


class SourcesSeen:
    """Takes out of records what the caller may not read. Cost: one resolve a version."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._states: dict[BucketName, Snapshot | None] = {}

    async def of_all(self, changes: Iterable[ChangeInfo]) -> list[ChangeInfo]:
        """The changes, with the sources that are hidden counted in `sources_left_out`."""
        seen = []
        for change in changes:
            # A store that answers at once would keep every other request waiting for all of them.
            await asyncio.sleep(0)
            record = change.lineage
            if record is not None:
                change = replace(change, lineage=await self.of_record(record))  # noqa: PLW2901
            seen.append(change)
        return seen

    async def of_record(self, record: Json) -> Json:
        """The same of one record."""
        if not record.get("sources"):
            return record
        seen = [form for form in record["sources"] if await self._readable(Used(form))]
        hidden = len(record["sources"]) - len(seen)
        if not hidden:
            return record
        left_out = record.get("sources_left_out", 0) + hidden
        return {**record, "sources": seen, "sources_left_out": left_out}

    async def _readable(self, source: Used) -> bool:
        """External ones are no secret of ours. What is gone is for who may read everything."""
        if source.repo is None:
            return True
        if source.version is None:
            return await self._knows(source.repo)
        at = await self._state(source.repo, source.version)
        if at is None:
            return self._caller.access.granted_everywhere()
        return await may_read(self._caller, at, source.key)

    async def _knows(self, repo: RepoName) -> bool:
        try:
            found = await self._caller.store.repo(repo)
        except NotFound:
            return self._caller.access.granted_everywhere()
        return await self._caller.access.touches(Right.READ, found)

    async def _state(self, repo: RepoName, version: CommitId) -> Snapshot | None:
        bucket = BucketName(repo, None, version)
        if bucket not in self._states:
            try:
                self._states[bucket] = await self._caller.store.resolve(bucket)
            except NotFound:
                self._states[bucket] = None
        return self._states[bucket]


async def may_read(caller: Caller, at: Snapshot, key: str) -> bool:
    """Whether the caller may read that object of a state."""
    # The common case, and the states of a commit take a look at every branch that has it.
    if caller.access.granted_everywhere():
        return True
    return await caller.access.permits(at, Asked(Right.READ, "s3:GetObject", key))

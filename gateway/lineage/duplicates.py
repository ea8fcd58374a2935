"""Recognises the second annotation that Label Studio makes where the write of the first failed.

The annotator is shown an error and submits again, and Label Studio, which has kept the first one,
makes another with the same regions. Of the two the one that is written here later is marked. That
may be the first: it comes with the next sync of the target storage.
"""

from __future__ import annotations

from collections import OrderedDict

from gateway.lineage.labelstudio import Label, Layout
from gateway.versioning.model import Json, Snapshot
from gateway.versioning.names import BucketName, RepoName
from gateway.versioning.store import Store
from gateway.versioning.terms import of_task

ATTEMPTS_MAX = 1000
_LOOKED_AT_MAX = 16


class Duplicates:
    """Knows works by the index, and those of the latest attempts, which may have failed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._attempts: OrderedDict[tuple[RepoName, str, str], int] = OrderedDict()

    async def of(self, branch: Snapshot, label: Label) -> Json | None:
        """What a label is a duplicate of: {annotation, key, version}; None: of nothing.

        Without key and version where that one was never kept. In the task layout both are in one
        body, and the record says so itself. Cost: one look into the index.
        """
        newest = label.newest
        if label.layout is Layout.TASK or newest is None or newest.work is None:
            return None
        bucket = str(BucketName(branch.repo.name, branch.ref))
        place = (branch.repo.name, bucket, newest.work)
        attempted = self._attempt(place, newest.id)
        # By the task and not by the work: an index of works would cost every label a row more.
        terms = of_task(label.task, label.project)
        found = await self._store.find_writes(branch.repo.name, terms, limit=_LOOKED_AT_MAX)
        others = [
            write
            for write in found
            if write.lineage.get("work") == newest.work
            and write.lineage.get("bucket") == bucket
            and write.lineage.get("annotation") != newest.id
        ]
        if any(_is_one_of(write.lineage, newest.id) for write in others):
            return None  # the other one is marked already: of two, one is
        if others:
            first = others[-1]
            return {
                "annotation": first.lineage["annotation"],
                "key": first.key,
                "version": first.commit,
            }
        return None if attempted in {None, newest.id} else {"annotation": attempted}

    def _attempt(self, place: tuple[RepoName, str, str], annotation: int) -> int | None:
        """Note an attempt; the annotation that was the first with this work."""
        first = self._attempts.get(place)
        if first is None:
            self._attempts[place] = annotation
            if len(self._attempts) > ATTEMPTS_MAX:
                self._attempts.popitem(last=False)
        return first


def _is_one_of(record: Json, annotation: int) -> bool:
    marked: Json = record.get("duplicate_of") or {}
    return marked.get("annotation") == annotation

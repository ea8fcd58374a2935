"""Reads the changes of a commit that is told of."""

from __future__ import annotations

from gateway.versioning.model import ChangeInfo, Snapshot
from gateway.versioning.store import Store

_PAGE = 1000


async def changes_of(store: Store, at: Snapshot, most: int | None = None) -> list[ChangeInfo]:
    """The changes of the commit that `at` stands on, by key; the first pages of at least `most`."""
    found: list[ChangeInfo] = []
    while most is None or len(found) < most:
        page = await store.changes(at, after=found[-1].key if found else "", limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            break
    return found

"""Pages of what a key may read, where that is not all there is.

A sight is the prefixes that a key's rights reach (access.Access.sight). What lies outside is not
there: not in a page, not in its roll-ups, not in what comes after it. Cost: a page of each prefix
that the page touches.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.auth.access import overlapping
from gateway.auth.grants import EVERYWHERE, Prefixes
from gateway.protocol.errors import S3Error
from gateway.versioning.model import (
    ChangeInfo,
    Commit,
    DiffPage,
    Page,
    Snapshot,
    UploadPage,
    VersionPage,
)
from gateway.versioning.names import BucketName, CommitId
from gateway.versioning.store import Store

COMMITS_LOOKED_AT_MAX = 2000
_CHANGES_AT_ONCE = 1000

Named = tuple[str, Any]
"""A row by its key; a rolled-up prefix has none."""


async def list_seen(
    store: Store,
    at: Snapshot,
    sight: Prefixes,
    *,
    prefix: str = "",
    after: str = "",
    limit: int = 1000,
    delimiter: str = "",
) -> Page:
    """Store.list of what is in sight. Raises AccessDenied where nothing under `prefix` can be."""
    if sight == EVERYWHERE:
        return await store.list(at, prefix=prefix, after=after, limit=limit, delimiter=delimiter)

    async def fetch(span: str, count: int) -> list[Named]:
        page = await store.list(at, prefix=span, after=after, limit=count, delimiter=delimiter)
        return _merged([(one.key, one) for one in page.entries], page.prefixes)

    spans = overlapping(sight, prefix)
    rows = await _gathered(
        spans, fetch, prefix=prefix, after=after, limit=limit, delimiter=delimiter
    )
    shown = rows[:limit]
    return Page(
        tuple(row for _, row in shown if row is not None),
        tuple(name for name, row in shown if row is None),
        shown[-1][0] if len(rows) > limit > 0 else None,
    )


async def versions_seen(
    store: Store,
    at: Snapshot,
    sight: Prefixes,
    *,
    prefix: str = "",
    after_key: str = "",
    after_version: CommitId | None = None,
    limit: int = 1000,
    delimiter: str = "",
) -> VersionPage:
    """Store.versions of what is in sight. Raises AccessDenied as list_seen."""
    if sight == EVERYWHERE:
        return await store.versions(
            at,
            prefix=prefix,
            after_key=after_key,
            after_version=after_version,
            limit=limit,
            delimiter=delimiter,
        )

    async def fetch(span: str, count: int) -> list[Named]:
        page = await store.versions(
            at,
            prefix=span,
            after_key=after_key,
            after_version=after_version if after_key.startswith(span) else None,
            limit=count,
            delimiter=delimiter,
        )
        return _merged([(one.key, one) for one in page.versions], page.prefixes)

    spans = overlapping(sight, prefix)
    rows = await _gathered(
        spans, fetch, prefix=prefix, after=after_key, limit=limit, delimiter=delimiter
    )
    shown = rows[:limit]
    versions = tuple(row for _, row in shown if row is not None)
    prefixes = tuple(name for name, row in shown if row is None)
    if not len(rows) > limit > 0:
        return VersionPage(versions, prefixes)
    name, last = shown[-1]
    return VersionPage(versions, prefixes, name, None if last is None else last.version)


async def uploads_seen(
    store: Store,
    branch: Snapshot,
    sight: Prefixes,
    *,
    prefix: str = "",
    after_key: str = "",
    after_upload: str = "",
    limit: int = 1000,
    delimiter: str = "",
) -> UploadPage:
    """Store.uploads of what is in sight. Raises AccessDenied as list_seen."""
    if sight == EVERYWHERE:
        return await store.uploads(
            branch,
            prefix=prefix,
            after_key=after_key,
            after_upload=after_upload,
            limit=limit,
            delimiter=delimiter,
        )

    async def fetch(span: str, count: int) -> list[Named]:
        page = await store.uploads(
            branch,
            prefix=span,
            after_key=after_key,
            after_upload=after_upload if after_key.startswith(span) else "",
            limit=count,
            delimiter=delimiter,
        )
        return _merged([(one.key, one) for one in page.uploads], page.prefixes)

    spans = overlapping(sight, prefix)
    rows = await _gathered(
        spans, fetch, prefix=prefix, after=after_key, limit=limit, delimiter=delimiter
    )
    shown = rows[:limit]
    uploads = tuple(row for _, row in shown if row is not None)
    prefixes = tuple(name for name, row in shown if row is None)
    if not len(rows) > limit > 0:
        return UploadPage(uploads, prefixes)
    name, last = shown[-1]
    return UploadPage(uploads, prefixes, name, None if last is None else last.id)


async def diff_seen(
    store: Store,
    old: Snapshot,
    new: Snapshot,
    sight: Prefixes,
    *,
    prefix: str = "",
    after: str = "",
    limit: int = 1000,
) -> DiffPage:
    """Store.diff of what is in sight. Raises AccessDenied as list_seen."""
    if sight == EVERYWHERE:
        return await store.diff(old, new, prefix=prefix, after=after, limit=limit)

    async def fetch(span: str, count: int) -> list[Named]:
        page = await store.diff(old, new, prefix=span, after=after, limit=count)
        return [(one.key, one) for one in page.entries]

    spans = overlapping(sight, prefix)
    rows = await _gathered(spans, fetch, prefix=prefix, after=after, limit=limit)
    shown = tuple(row for _, row in rows[:limit] if row is not None)
    return DiffPage(shown, shown[-1].key if len(rows) > limit > 0 else None)


async def log_seen(
    store: Store,
    at: Snapshot,
    sight: Prefixes,
    *,
    path: str | None = None,
    after: CommitId | None = None,
    limit: int = 100,
    wanted: Callable[[Commit], bool] = lambda _commit: True,
    since_ms: int = 0,
) -> tuple[list[Commit], CommitId | None]:
    """Store.log of the commits that changed something in sight, and where to go on.

    wanted: only those. since_ms: none that are older. Fewer than `limit` come where few of many
    commits are to be seen. Raises AccessDenied as list_seen.
    """
    whole = overlapping(sight, path or "") == (path or "",)
    commits: list[Commit] = []
    looked_at = 0
    while True:
        # One more than asked for tells whether there is a next page.
        page = await store.log(at, path=path, after=after, limit=limit + 1)
        for commit in page[:limit]:
            if commit.time_ms < since_ms:
                return commits, None
            if not wanted(commit):
                after = commit.id
                continue
            if whole or await _changes_any(store, at, commit.id, sight):
                commits.append(commit)
            after = commit.id
            if len(commits) == limit:
                break
        looked_at += len(page)
        ended = len(page) <= limit and (not page or after == page[-1].id)
        if ended or len(commits) == limit or looked_at >= COMMITS_LOOKED_AT_MAX:
            return commits, None if ended else after


async def changes_seen(
    store: Store, at: Snapshot, sight: Prefixes, *, after: str = "", limit: int = 1000
) -> list[ChangeInfo]:
    """Store.changes of what is in sight. Cost: the changes of the commit."""
    found: list[ChangeInfo] = []
    while True:
        page = await store.changes(at, after=after, limit=limit)
        found += [change for change in page if change.key.startswith(sight)]
        if len(page) < limit or len(found) >= limit:
            return found[:limit]
        after = page[-1].key


async def _changes_any(store: Store, at: Snapshot, commit: CommitId, sight: Prefixes) -> bool:
    state = await store.resolve(BucketName(at.repo.name, None, commit))
    return bool(await changes_seen(store, state, sight, limit=_CHANGES_AT_ONCE))


async def _gathered(
    spans: Prefixes,
    fetch: Callable[[str, int], Awaitable[list[Named]]],
    *,
    prefix: str,
    after: str,
    limit: int,
    delimiter: str = "",
) -> list[Named]:
    """The rows of `spans` behind `after`, and one more than `limit` where there is one."""
    rows: list[Named] = []
    for span in spans:
        if after > span and not after.startswith(span):
            continue  # all of it lies before
        left = limit + 1 - len(rows)
        if left <= 0:
            break
        group = _group(span, prefix, delimiter)
        if group is None:
            rows += await fetch(span, left)
        elif group != after and (not rows or rows[-1][0] != group) and await fetch(span, 1):
            rows.append((group, None))
    return rows


def _group(span: str, prefix: str, delimiter: str) -> str | None:
    """What all keys of `span` are rolled up to; None where that is told key by key."""
    if not delimiter:
        return None
    found = span.find(delimiter, len(prefix))
    if found >= 0:
        return span[: found + len(delimiter)]
    beyond = span[len(prefix) :]
    if any(beyond.endswith(delimiter[:size]) for size in range(1, len(delimiter))):
        raise S3Error(
            "InvalidArgument",
            f"The delimiter cuts through {span!r}, where this key's rights begin.",
            ArgumentName="delimiter",
            ArgumentValue=delimiter,
        )
    return None


def _merged(rows: list[Named], prefixes: tuple[str, ...]) -> list[Named]:
    """Rows and roll-ups in the order of their keys, which is that of their bytes in UTF-8."""
    return sorted([*rows, *((one, None) for one in prefixes)], key=lambda named: named[0])

"""A state of a repo as a Croissant dataset: what the renderer has to know of each object."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from typing import Any

from gateway.admin.errors import Refusal
from gateway.admin.refs import LISTED, resolve_ref, spell, spell_pinned
from gateway.admin.services import Caller
from gateway.auth.sight import list_seen
from gateway.lineage import croissant
from gateway.lineage.croissant import Dataset, Digest, File
from gateway.versioning.errors import Erased
from gateway.versioning.model import NOTHING, Entry, Json, ObjectInfo, RefKind, Snapshot
from gateway.versioning.store import Store

FILES_MAX = 10_000
HASHED_BYTES_MAX = 1024 * 1024 * 1024
"""How many bytes are read at most for one document, of objects whose digest nobody has kept."""

_MD5 = re.compile(r"[0-9a-f]{32}")
_UNTOLD = "binary/octet-stream"
_TYPES = mimetypes.MimeTypes()


async def croissant_of(caller: Caller, ref: str, prefix: str) -> dict[str, Any]:
    """The state `ref` names, or what of it begins with `prefix`, as far as the caller may read it.

    Cost: two point reads an object; one that was made of parts and has no SHA-256 is read once.
    Raises what resolve_ref does, Refusal where it is too much for one document.
    """
    at = await resolve_ref(caller, ref)
    entries = await _entries(caller, at, prefix)
    dataset = await _dataset(caller.store, at)
    files = await _Files(caller.store, at).of_all(entries)
    return await asyncio.to_thread(croissant.document, dataset, files)


async def _entries(caller: Caller, at: Snapshot, prefix: str) -> list[Entry]:
    sight = await caller.access.sight(at, LISTED)
    found: list[Entry] = []
    after: str | None = ""
    while after is not None:
        page = await list_seen(caller.store, at, sight, prefix=prefix, after=after)
        found += page.entries
        if len(found) > FILES_MAX:
            raise Refusal(
                400,
                "TooLarge",
                f"more than {FILES_MAX} objects are too many for one document; name a prefix",
            )
        after = page.next_after
    return found


async def _dataset(store: Store, at: Snapshot) -> Dataset:
    """A tag is published when it is made, any other state when it is committed."""
    commit = await store.commit_info(at)
    tags = await store.refs(at.repo.name, RefKind.TAG) if at.kind is RefKind.TAG else ()
    published = [tag.created_ms for tag in tags if tag.name == at.ref]
    return Dataset(
        bucket=spell(at),
        pinned=spell_pinned(at),
        commit=at.commit,
        published_ms=published[0] if published else commit.time_ms,
        description=commit.message,
    )


class _Files:
    """Looks up what a listing does not say."""

    def __init__(self, store: Store, at: Snapshot) -> None:
        self._store = store
        self._at = at
        self._bytes_left = HASHED_BYTES_MAX

    async def of_all(self, entries: list[Entry]) -> list[File]:
        """The files, without what was erased meanwhile."""
        found = []
        for entry in entries:
            # A store that answers at once would keep every other request waiting for all of them.
            await asyncio.sleep(0)
            try:
                found.append(await self._of(entry))
            except Erased:
                continue
        return found

    async def _of(self, entry: Entry) -> File:
        info = await self._store.stat(self._at, entry.key)
        record = await self._store.lineage(self._at, info) or NOTHING
        label = record.get("body") == "label"
        return File(
            key=info.key,
            size=info.size,
            media_type="application/json" if label else _media_type(info),
            digest=_kept_digest(info, record) or await self._hashed(info),
            label=label,
        )

    async def _hashed(self, info: ObjectInfo) -> Digest:
        self._bytes_left -= info.size
        if self._bytes_left < 0:
            raise Refusal(
                400,
                "TooLarge",
                f"{info.key!r} and others have no digest of their bytes, and together are more "
                f"than the {HASHED_BYTES_MAX} that are read for one document; name a prefix",
            )
        digest = hashlib.sha256()
        body = await self._store.read(info)
        if isinstance(body, bytes):
            digest.update(body)
        else:
            async for piece in body:
                await asyncio.to_thread(digest.update, piece)
        return Digest("sha256", digest.hexdigest())


def _kept_digest(info: ObjectInfo, record: Json) -> Digest | None:
    """The best digest of all its bytes that was kept."""
    sums: Mapping[str, str] = info.attributes.checksums
    if kept := record.get("content", NOTHING).get("sha256"):
        return Digest("sha256", kept)
    if "SHA256" in sums and not info.attributes.composite:
        return Digest("sha256", base64.b64decode(sums["SHA256"]).hex())
    # The ETag of what came in one piece; others have another form.
    return Digest("md5", info.etag) if _MD5.fullmatch(info.etag) else None


def _media_type(info: ObjectInfo) -> str:
    """What the writer said; where that says nothing, what the key looks like."""
    if info.attributes.content_type != _UNTOLD:
        return info.attributes.content_type
    return _TYPES.guess_type(info.key)[0] or "application/octet-stream"

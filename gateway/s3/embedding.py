"""Files of tasks as they are served where `lineage_embed` is on: each task names its file.

Label Studio copies a task's data as it reads the file and keeps it in every label, so what is put
into it then says for certain which version of which file a label comes from.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from gateway.lineage.taskfiles import FILE_BYTES_MAX, TASK_FILES, embed
from gateway.protocol import checksums
from gateway.s3.call import Call
from gateway.versioning.model import Attributes, ObjectInfo, Snapshot
from gateway.versioning.names import DEFAULT_PROJECT, BucketName

_INLINE_BYTES_MAX = 16 * 1024


async def served_form(
    call: Call, bucket: Snapshot, info: ObjectInfo
) -> tuple[ObjectInfo, bytes] | None:
    """What is served in an object's place: what is said of it, and its bytes. None: as it is.

    ETag, length and checksums are those of these bytes. A label is served as it was written.
    """
    if not call.services.lineage_embed or not info.key.endswith(TASK_FILES):
        return None
    if info.size > FILE_BYTES_MAX or info.attributes.lineage:
        return None
    body = await call.store.read(info)
    if not isinstance(body, bytes):
        body = b"".join([piece async for piece in body])
    inline = len(body) <= _INLINE_BYTES_MAX
    source = _name(bucket, info)
    form = embed(body, source) if inline else await asyncio.to_thread(embed, body, source)
    if form is None:
        return None
    etag = hashlib.md5(form, usedforsecurity=False).hexdigest()
    attributes = _attributes(info.attributes, form)
    return replace(info, size=len(form), etag=etag, attributes=attributes), form


def _name(bucket: Snapshot, info: ObjectInfo) -> str:
    repo = bucket.repo.name
    # A branch may go; outside the default project the grammar needs one all the same.
    ref = None if repo.project == DEFAULT_PROJECT else bucket.ref
    return f"{BucketName(repo, ref, info.version)}/{info.key}"


def _attributes(stored: Attributes, form: bytes) -> Attributes:
    """With the checksums of these bytes, by the algorithms of those that are stored."""
    computed = {}
    for algorithm in stored.checksums:
        running = checksums.new(algorithm)
        running.update(form)
        computed[algorithm] = running.base64()
    return replace(stored, checksums=computed, composite=False, part_sizes=(), part_checksums=())

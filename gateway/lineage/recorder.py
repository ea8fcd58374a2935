"""Describes each write before it is committed: its lineage record and what follows from it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.lineage import record
from gateway.lineage.duplicates import Duplicates
from gateway.lineage.evidence import Evidence
from gateway.lineage.labelstudio import DRIFT_RULE, Label, read
from gateway.lineage.person import Persons
from gateway.lineage.reads import ReadLog
from gateway.lineage.resolve import (
    BY_LABEL_STUDIO,
    Readable,
    Source,
    copied,
    resolve,
    served,
)
from gateway.lineage.summary import summary
from gateway.lineage.syncs import Syncs
from gateway.lineage.uris import SourceUri, parse_origin, parse_place
from gateway.lineage.work import Work
from gateway.versioning.model import ObjectInfo, Repo, Snapshot
from gateway.versioning.names import BucketName
from gateway.versioning.store import Store

SOURCES_MAX = 1000
# Larger bodies take milliseconds to parse, which other requests need not wait for.
_INLINE_BYTES_MAX = 64 * 1024


Named = Callable[[int | None, int], SourceUri | None]
"""From Label Studio's ids of project and task to what the task was made of; None: not known."""


def nobody(_project: int | None, _task: int) -> SourceUri | None:
    """No Label Studio is asked."""
    return None


async def _every(_place: Repo | Snapshot, _key: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Write:
    """A write as the gateway took it.

    bucket: the branch. size, etag: of the whole object. sha256: hex, of the whole body, where it
        is known already. account, key_name: whose key signed.
    declared_sources: s3 URIs that the writer named, of objects or of all that a bucket holds or
        holds below a `/`; what is none is passed over.
    declared_origin: `s3://bucket/key?versionId=ID`, what this is a copy of, in another S3; "" where
        it is none.
    readable: what the writer may read; other sources are external.
    client_hint: what the client says of this attempt (unproven).
    """

    bucket: Snapshot
    key: str
    size: int
    etag: str
    time_ms: int
    account: str
    key_name: str
    request_id: str
    sha256: str | None = None
    declared_sources: Sequence[str] = ()
    declared_origin: str = ""
    readable: Readable = _every
    client_hint: str | None = None

    @classmethod
    def of_delete(
        cls,
        bucket: Snapshot,
        key: str,
        *,
        time_ms: int,
        account: str,
        key_name: str,
        request_id: str,
        client_hint: str | None = None,
    ) -> Write:
        """A delete, which has no content."""
        return cls(
            bucket, key, 0, "", time_ms, account, key_name, request_id, client_hint=client_hint
        )


@dataclass(frozen=True, slots=True)
class Described:
    """What is kept of a write.

    record: see gateway.lineage.record. summary: shown beside the object (author, sources,
    evidence); empty unless it is a label or its writer declared sources.
    same_as: see Put.same_as. links: the evidence of each source, in the record's order.
    """

    record: record.Record
    summary: dict[str, str]
    same_as: str | None = None
    links: tuple[Evidence, ...] = ()


class Recorder:
    """Describes writes by what they say and by what the store knows at that moment.

    No body makes it raise; the store's Unavailable passes through, as the commit would fail too.
    reads: what this gateway served, to be told of each read and asked for what was seen.
    persons: makes the hashes of annotators; None: records have none. named: what Label Studio says.
    """

    def __init__(
        self,
        store: Store,
        reads: ReadLog,
        persons: Persons | None = None,
        named: Named = nobody,
    ) -> None:
        self._store = store
        self._persons = persons
        self._named = named
        self._duplicates = Duplicates(store)
        self._syncs = Syncs(store, reads)
        self.reads = reads

    async def describe_put(self, write: Write, body: bytes | None) -> Described:
        """A body that was written; None: it is not at hand (too large, in parts, no JSON object).

        Cost: one pass over the body, and what `resolve` costs, for at most 1,000 sources.
        """
        label = await _read(body)
        declared = _declared(write)
        found = list(dict.fromkeys([*(label.sources if label else ()), *declared]))
        work = Work(label, write.time_ms, write.key_name, self.reads) if label else None
        sources = await resolve(self._store, found[:SOURCES_MAX], write.readable, work)
        if label is not None:
            sources += await self._file_of(label, write, sources, work)
        origin = _origin(write)
        sha256 = write.sha256
        if sha256 is None and body is not None:
            sha256 = hashlib.sha256(body).hexdigest()
        duplicate = await self._duplicates.of(write.bucket, label) if label else None
        kind = record.UNREAD if body is None else record.LABEL if label else record.OTHER
        return Described(
            record=_written("put", write, sha256)
            | record.source_fields([*sources, *origin], len(found) - len(sources))
            | {"body": kind}
            | (record.label_fields(label, self._persons) if label else {})
            | ({} if duplicate is None else {"duplicate_of": dict(duplicate)}),
            summary=summary(label, [*sources, *origin]) if label or declared or origin else {},
            same_as=_same_as(label, declared),
            links=_links([*sources, *origin]),
        )

    async def _file_of(
        self, label: Label, write: Write, named: Sequence[Source], work: Work | None
    ) -> Sequence[Source]:
        """The object that the task was made of, where the label does not name it."""
        found = await self._syncs.file_of(label, write.time_ms, write.key_name)
        source = None
        if found is not None:
            source = await served(self._store, *found, write.readable)
        elif uri := self._named(label.project, label.task):
            [resolved] = await resolve(self._store, [uri], write.readable, work)
            source = replace(resolved, found=BY_LABEL_STUDIO)
        if source is None or any(source.same_object(one) for one in named):
            return ()
        return (source,)

    async def describe_copy(self, write: Write, source: Snapshot, info: ObjectInfo) -> Described:
        """A copy of `info`, which was read from `source`: the same bytes, so the same summary.

        Sources that the writer declares take the place of the summary's.
        """
        declared = _declared(write)
        first = copied(source, info)
        named = await resolve(self._store, declared[: SOURCES_MAX - 1], write.readable)
        sources = [first, *named]
        kept = dict(info.attributes.lineage)
        return Described(
            record=_written("copy", write, None)
            | record.source_fields(sources, len(declared) - len(named)),
            summary=kept | summary(None, named) if declared else kept,
            links=_links(sources),
        )

    def describe_carried(
        self, kind: str, write: Write, source: Snapshot, info: ObjectInfo
    ) -> Described:
        """An object that a promote, revert or restore brings from another state of its repo.

        kind: of the record. It is derived from that version; what it is stays as it was told.
        """
        first = copied(source, info)
        return Described(
            record=_written(kind, write, None) | record.source_fields([first], 0),
            summary=dict(info.attributes.lineage),
            same_as=info.same_as,
            links=_links([first]),
        )

    def describe_moved(
        self, kind: str, write: Write, told: Mapping[str, Any] | None, info: ObjectInfo
    ) -> Described:
        """An object that was written elsewhere only on its way here.

        told: its record there, whose sources are those of this write.
        """
        return Described(
            record=(_written(kind, write, None) | dict(told or {})) | _signed(kind, write),
            summary=dict(info.attributes.lineage),
            same_as=info.same_as,
        )

    async def describe_delete(self, write: Write) -> Described:
        """A delete marker: who and when."""
        return Described(record=_signed("delete", write), summary={})


async def _read(body: bytes | None) -> Label | None:
    if body is None:
        return None
    if len(body) <= _INLINE_BYTES_MAX:
        return read(body)
    return await asyncio.to_thread(read, body)


def _signed(kind: str, write: Write) -> record.Record:
    fields: record.Record = {
        "v": record.VERSION,
        "kind": kind,
        "time": write.time_ms,
        "account": write.account,
        "key_name": write.key_name,
        "request_id": write.request_id,
        "bucket": str(BucketName(write.bucket.repo.name, write.bucket.ref)),
        "key": write.key,
    }
    if write.client_hint is not None:
        fields["client_hint"] = write.client_hint
    return fields


def _written(kind: str, write: Write, sha256: str | None) -> record.Record:
    content: record.Record = {"size": write.size, "etag": write.etag}
    if sha256 is not None:
        content["sha256"] = sha256
    return _signed(kind, write) | {"content": content}


def _declared(write: Write) -> list[SourceUri]:
    uris = (parse_place(text) for text in write.declared_sources)
    return list(dict.fromkeys(uri for uri in uris if uri is not None))


def _origin(write: Write) -> list[Source]:
    found = parse_origin(write.declared_origin)
    return [] if found is None else [Source(found[0], Evidence.EXTERNAL, version_id=found[1])]


def _same_as(label: Label | None, declared: Sequence[SourceUri]) -> str | None:
    """The label's digest; what else its writer says it was derived from is part of it."""
    if label is None:
        return None
    if not declared:
        return label.same_as
    text = "\n".join([label.same_as, *map(str, declared)])
    return f"{DRIFT_RULE}:{hashlib.sha256(text.encode()).hexdigest()}"


def _links(sources: Sequence[Source]) -> tuple[Evidence, ...]:
    return tuple(source.evidence for source in sources)

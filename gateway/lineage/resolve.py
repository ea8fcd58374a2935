"""From an s3 URI to the version of the object that it means, and how sure that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from gateway.lineage.choice import Choice
from gateway.lineage.evidence import Evidence
from gateway.lineage.reads import Place, Read
from gateway.lineage.uris import SourceUri, names_all_below
from gateway.lineage.work import Work
from gateway.versioning.errors import (
    Erased,
    InvalidKey,
    InvalidName,
    NoCommit,
    NoKey,
    NoRef,
    NoRepo,
    NotFound,
)
from gateway.versioning.model import ObjectInfo, RefKind, Repo, Snapshot
from gateway.versioning.names import BucketName, CommitId, RepoName, check_key, parse_bucket
from gateway.versioning.store import Store

BY_CONTENT, BY_LABEL_STUDIO = "content", "label-studio"

Readable = Callable[[Repo | Snapshot, str], Awaitable[bool]]
"""Whether the writer may read that key there; of a repo: whether the writer may read any of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One object that a write was derived from, or all of a state that begin with its key.

    repo: None where the source is external. ref: the branch or tag named; None beside a commit.
    version: the version id of the object; of a state its commit. None: external or missing.
    pinned: the commit that the bucket names, itself or by a tag.
    read_ms, changed_during: as in gateway.lineage.choice.
    found: how, where neither the body nor the writer names it.
    version_id: of an external source, as the S3 it is in calls it.
    """

    uri: SourceUri
    evidence: Evidence
    repo: RepoName | None = None
    ref: str | None = None
    version: CommitId | None = None
    pinned: CommitId | None = None
    read_ms: int | None = None
    changed_during: bool = False
    found: str | None = None
    version_id: str | None = None

    def same_object(self, other: Source) -> bool:
        """Whether both are of one object, at whatever version."""
        mine, others = (self.repo, self.uri.key), (other.repo, other.uri.key)
        return mine == others and self.repo is not None

    @property
    def exact_uri(self) -> SourceUri:
        """The URI of that very version, where it is known; else the URI as it was given."""
        if self.repo is None or self.version is None:
            return self.uri
        return SourceUri(str(BucketName(self.repo, self.ref, self.version)), self.uri.key)


async def resolve(
    store: Store, uris: Iterable[SourceUri], readable: Readable, work: Work | None = None
) -> list[Source]:
    """The sources that `uris` name, in order: as they were in `work`, or are at this moment.

    What the writer may not read is external: whether a key is there is not his to learn.
    Cost: one point read a source, and one more for the first of each bucket; see Work.seen.
    Raises Unavailable.
    """
    places: dict[str, Source | Snapshot] = {}
    sources = []
    for uri in uris:
        place = places.get(uri.bucket)
        if place is None:
            place = places[uri.bucket] = await _place(store, uri, readable)
        if isinstance(place, Source):
            sources.append(Source(uri, place.evidence, place.repo, place.ref))
        elif await readable(place, uri.key):
            sources.append(await _object(store, uri, place, work))
        else:
            sources.append(Source(uri, Evidence.EXTERNAL))
    return sources


def copied(source: Snapshot, info: ObjectInfo) -> Source:
    """The source of a copy: that version and no other, whatever its branch does meanwhile."""
    pinned = None if source.kind is RefKind.BRANCH else source.commit
    commit = source.commit if source.kind is RefKind.COMMIT else None
    bucket = BucketName(source.repo.name, source.ref, commit)
    uri = SourceUri(str(bucket), info.key)
    return Source(uri, Evidence.PINNED, source.repo.name, source.ref, info.version, pinned)


async def served(store: Store, place: Place, read: Read, readable: Readable) -> Source | None:
    """The source that a read was of; None where the branch is gone, or not the writer's to read."""
    name = BucketName(RepoName(place.repo, place.project), place.branch)
    try:
        at = await store.resolve(name)
    except NotFound:
        return None
    if not await readable(at, place.key):
        return None
    try:
        now = (await store.stat(at, place.key)).version
    except (NoKey, Erased):
        now = None
    return Source(
        SourceUri(str(name), place.key),
        Evidence.OBSERVED,
        name.repo,
        place.branch,
        read.version,
        read_ms=read.time_ms,
        changed_during=now != read.version,
        found=BY_CONTENT,
    )


async def _place(store: Store, uri: SourceUri, readable: Readable) -> Source | Snapshot:
    """The state a bucket means, or the source without one that all its keys become."""
    external = Source(uri, Evidence.EXTERNAL)
    try:
        bucket = parse_bucket(uri.bucket)
        try:
            return await store.resolve(bucket)
        except (NoRef, NoCommit):
            if not await readable(await store.repo(bucket.repo), uri.key):
                return external
            ref = bucket.ref if bucket.commit else bucket.branch
            return Source(uri, Evidence.MISSING, bucket.repo, ref)
    except (InvalidName, NoRepo):
        return external


async def _object(store: Store, uri: SourceUri, at: Snapshot, work: Work | None) -> Source:
    try:
        key = check_key(uri.key)
        if work is not None and at.kind is RefKind.BRANCH and not names_all_below(key):
            return _seen(uri, at, await work.seen(store, at, key))
        version = (await store.stat(at, key)).version
    except (NoKey, Erased, InvalidKey):
        if not (names_all_below(uri.key) and await _any_below(store, at, uri.key)):
            return Source(uri, Evidence.MISSING, at.repo.name, at.ref)
        version = at.commit
    if at.kind is RefKind.BRANCH:
        return Source(uri, Evidence.HEAD_AT_PUT, at.repo.name, at.ref, version)
    return Source(uri, Evidence.PINNED, at.repo.name, at.ref, version, at.commit)


async def _any_below(store: Store, at: Snapshot, prefix: str) -> bool:
    return bool((await store.list(at, prefix=prefix, limit=1)).entries)


def _seen(uri: SourceUri, at: Snapshot, chosen: Choice) -> Source:
    return Source(
        uri,
        chosen.evidence,
        at.repo.name,
        at.ref,
        chosen.version,
        read_ms=chosen.read_ms,
        changed_during=chosen.changed_during,
    )

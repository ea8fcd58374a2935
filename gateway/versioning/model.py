"""The model of a versioned repository: plain, frozen values that every room speaks.

Times are whole milliseconds since 1970 UTC. Sizes are bytes. ETags are bare (no quotes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.versioning.errors import ConditionFailed
from gateway.versioning.names import CommitId, RepoName

Json = Mapping[str, Any]
NOTHING: Mapping[str, str] = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    return NOTHING


class RefKind(StrEnum):
    """What a snapshot was named by."""

    BRANCH = "branch"
    TAG = "tag"
    COMMIT = "commit"


class ChangeKind(StrEnum):
    """What a change did to its key.

    point: the key is again what an earlier change made it, or as if it had never been.
    """

    PUT = "put"
    DELETE = "delete"
    ERASED = "erased"
    POINT = "point"


@dataclass(frozen=True, slots=True)
class Repo:
    """A repo and whose it is. account: the account of the key that created it."""

    name: RepoName
    account: str
    created_ms: int
    settings: Json = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or tag and the commit it names now.

    properties: what its maker wants kept with it (the spelling of the bucket, its region).
    """

    repo: RepoName
    name: str
    kind: RefKind
    commit: CommitId
    created_ms: int
    account: str
    properties: Json = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of one repo: what a bucket's name resolved to, at one instant.

    Everything read through a snapshot comes from `commit`, whatever is written meanwhile.
    place: the store's own address of that state; meaningless elsewhere.
    """

    repo: Repo
    ref: str | None
    kind: RefKind
    commit: CommitId
    properties: Json = field(default_factory=_nothing)
    place: Any = field(default=None, repr=False)

    @property
    def writable(self) -> bool:
        """Only branches take writes; commits and tags never change."""
        return self.kind is RefKind.BRANCH


@dataclass(frozen=True, slots=True)
class Attributes:
    """What travels with an object beside its bytes.

    headers: content headers the writer gave, lower-case (cache-control, content-encoding ...).
    metadata: the writer's own, keys lower-case without any prefix.
    checksums: algorithm (CRC32, CRC32C, CRC64NVME, SHA1, SHA256) -> base64 of the whole object,
        or `<base64>-<parts>` where `composite`.
    part_sizes: of an object made of parts, in order; empty otherwise.
    part_checksums: of those parts, by the one algorithm of `checksums`; empty where not kept.
    lineage: summary shown beside the object (author, sources, evidence); empty where it has none.
    """

    content_type: str = "binary/octet-stream"
    headers: Mapping[str, str] = field(default_factory=_nothing)
    metadata: Mapping[str, str] = field(default_factory=_nothing)
    checksums: Mapping[str, str] = field(default_factory=_nothing)
    composite: bool = False
    part_sizes: tuple[int, ...] = ()
    part_checksums: tuple[str, ...] = ()
    lineage: Mapping[str, str] = field(default_factory=_nothing)

    def declared_like(self, other: Attributes) -> bool:
        """Whether a writer declared the same things of both (what follows from the bytes aside)."""
        return (
            self.content_type == other.content_type
            and self.headers == other.headers
            and self.metadata == other.metadata
        )

    def to_json(self) -> dict[str, Any]:
        """The shortest JSON form: defaults are left out."""
        form: dict[str, Any] = {}
        if self.content_type != "binary/octet-stream":
            form["type"] = self.content_type
        for name in ("headers", "metadata", "checksums", "lineage"):
            if value := getattr(self, name):
                form[name] = dict(value)
        if self.composite:
            form["composite"] = True
        if self.part_sizes:
            form["parts"] = list(self.part_sizes)
        if self.part_checksums:
            form["part_checksums"] = list(self.part_checksums)
        return form

    @classmethod
    def from_json(cls, form: Json) -> Attributes:
        """The inverse of to_json."""
        return cls(
            content_type=form.get("type", "binary/octet-stream"),
            headers=form.get("headers", NOTHING),
            metadata=form.get("metadata", NOTHING),
            checksums=form.get("checksums", NOTHING),
            composite=form.get("composite", False),
            part_sizes=tuple(form.get("parts", ())),
            part_checksums=tuple(form.get("part_checksums", ())),
            lineage=form.get("lineage", NOTHING),
        )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object as one commit put it there.

    version: id of the commit of this branch's history that put it there.
    origin: id of the commit that first wrote it, where a merge or restore carried it here.
    same_as: as the Put had it.
    null: written while the branch showed no versions; it is then the version NULL_VERSION.
    side: what may change without making a version (tags, access list, hold, retention).
    content: the store's own handle of the bytes, good for `read` and for copies.
    """

    key: str
    version: CommitId
    size: int
    etag: str
    modified_ms: int
    attributes: Attributes
    origin: CommitId | None = None
    null: bool = False
    side: Json = field(default_factory=_nothing)
    content: Any = field(default=None, repr=False, compare=False)
    same_as: str | None = field(default=None, repr=False, compare=False)

    @property
    def first_written(self) -> CommitId:
        """Id of the commit that first wrote it."""
        return self.origin or self.version


class Entry(NamedTuple):
    """One row of a listing. version: told by diffs; a listing leaves it out (a lookup more)."""

    key: str
    size: int
    etag: str
    modified_ms: int
    version: CommitId | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing, in byte order of the keys.

    prefixes: the keys rolled up by the delimiter; they count against the limit like entries.
    next_after: pass it as `after` to go on; None when this was the last page.
    """

    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...] = ()
    next_after: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One row of a key's history. marker: it is a delete marker, without bytes."""

    key: str
    version: CommitId
    latest: bool
    marker: bool
    size: int
    etag: str
    modified_ms: int
    null: bool = False


@dataclass(frozen=True, slots=True)
class VersionPage:
    """A page of history: keys ascending, newest version first.

    next_key, next_version: pass both on to continue; None when this was the last page.
    """

    versions: tuple[Version, ...]
    prefixes: tuple[str, ...] = ()
    next_key: str | None = None
    next_version: CommitId | None = None


class Move(NamedTuple):
    """A move of a ref that no commit tells of: it was made, set to another commit, or deleted.

    old, new: where it stood before and after; None: nowhere. who: the account, "" where unknown.
    why: "" where nobody said.
    """

    action: str
    old: CommitId | None
    new: CommitId | None
    who: str
    time_ms: int
    why: str = ""


class Tombstone(NamedTuple):
    """What a commit that erased a version says of it. reason: "" where none was given."""

    key: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Commit:
    """An immutable state of a repo and how it came to be.

    kind: put, delete, copy, create (of a branch), promote, revert, restore, upload.
    parents: none for the first commit of a line, one as a rule, two after a merging promote.
    erased: the versions that it erased.
    """

    id: CommitId
    repo: RepoName
    branch: str
    parents: tuple[CommitId, ...]
    kind: str
    author: str
    message: str
    time_ms: int
    metadata: Mapping[str, str]
    change_count: int
    erased: tuple[Tombstone, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeInfo:
    """One change of a commit, with the lineage record of that write (None: erased)."""

    key: str
    kind: ChangeKind
    size: int
    etag: str
    lineage: Json | None


@dataclass(frozen=True, slots=True)
class FoundWrite:
    """A write that was found by its lineage. term: by which (see versioning.terms).

    commit: that it is in; where it put an object, the version id of that. lineage: its record.
    """

    term: bytes
    commit: CommitId
    key: str
    lineage: Json


class Difference(StrEnum):
    """How a key differs between two states."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class DiffEntry:
    """A key that differs between two states; the missing side is None."""

    key: str
    difference: Difference
    old: Entry | None
    new: Entry | None


@dataclass(frozen=True, slots=True)
class DiffPage:
    """A page of differences in byte order of the keys; next_after as in Page."""

    entries: tuple[DiffEntry, ...]
    next_after: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """Who makes a commit, of what kind, and why.

    author: the account. metadata: short strings worth keeping (request id, access key name).
    merged: what becomes the second parent: a commit of the repo whose changes are brought here.
    """

    author: str
    kind: str
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=_nothing)
    merged: CommitId | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a key at the branch's head in the instant the commit lands.

    etag: the current object must have this ETag (`*`: it must exist), else ConditionFailed;
        a key that is absent raises NoKey.
    not_etag: the current object must not have this ETag (`*`: there must be none).
    """

    etag: str | None = None
    not_etag: str | None = None

    def demand(self, etag: str | None) -> None:
        """Raise ConditionFailed where it does not hold of an object with that ETag (None: of none).

        That an object has to be there and is not is NoKey, which the caller raises before.
        """
        if self.etag is not None and self.etag not in {"*", etag}:
            raise ConditionFailed("etag")
        if self.not_etag is not None and etag is not None and self.not_etag in {"*", etag}:
            raise ConditionFailed("not_etag")


@dataclass(frozen=True, slots=True)
class Put:
    """Make `key` these bytes.

    content: what `Staging.finish` gave, or `ObjectInfo.content` of the same store for a copy.
    lineage: what this write was derived from; kept in the commit, erasable.
    same_as: digest of what matters in the body; when the live head's `same_as` is equal and the
        declared attributes are too, the put is no change. None: always a change.
    null: it becomes the version NULL_VERSION, in the place of an older one.
    side: the side state it begins with.
    origin: id of the commit that first wrote it, where this carries it here from another state.
        Such a put is always a change, and keeps `same_as`.
    """

    key: str
    content: Any
    size: int
    etag: str
    attributes: Attributes
    lineage: Json = field(default_factory=_nothing)
    condition: Condition | None = None
    same_as: str | None = None
    null: bool = False
    side: Json = field(default_factory=_nothing)
    origin: CommitId | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Put a delete marker on `key`, whether or not anything is there.

    null: the marker becomes the version NULL_VERSION, in the place of an older one.
    marker: False leaves none: the key is gone, and no version tells of it (a `point` to nothing).
    """

    key: str
    lineage: Json = field(default_factory=_nothing)
    condition: Condition | None = None
    null: bool = False
    marker: bool = True


@dataclass(frozen=True, slots=True)
class Erase:
    """Take one version of `key` away wherever it is seen; a tombstone says who, when and why.

    version: of an object or of a delete marker; one that is not there is no change. Where it was
        the current one, the version before it is current again under its own id.
    bypass: a retention that may be bypassed does not count (see holds).
    It concerns what was committed before, never what the same commit writes.
    """

    key: str
    version: CommitId
    reason: str = ""
    bypass: bool = False
    condition: Condition | None = None


Change = Put | Delete | Erase


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change. changed: False when the no-op rule held.

    info: the object as it now stands (of the stored, not the offered, bytes when unchanged);
        None after a delete.
    version: the version id of the object, of the delete marker, or of what was erased.
    marker: after an erase, whether it was a delete marker that went.
    """

    version: CommitId
    changed: bool = True
    info: ObjectInfo | None = None
    marker: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit a call made and one outcome per change, in order.

    commit: None when no change was one, so that nothing was committed.
    """

    commit: Commit | None
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way."""

    id: str
    key: str
    account: str
    started_ms: int
    attributes: Attributes
    about: Json = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload. content: the store's handle; checksums as in Attributes."""

    number: int
    size: int
    etag: str
    modified_ms: int
    checksums: Mapping[str, str] = field(default_factory=_nothing)
    content: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class UploadPage:
    """A page of the uploads under way: by key, then by age.

    prefixes: the keys rolled up by the delimiter; they count against the limit like uploads.
    next_key, next_upload: pass both on to continue; None when this was the last page.
    """

    uploads: tuple[Upload, ...]
    prefixes: tuple[str, ...] = ()
    next_key: str | None = None
    next_upload: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do beyond the core; callers ask before they offer it.

    nested_keys: `a` and `a/b` may both be objects; else the second is refused (PathConflict).
    own_commits: each write is a commit of its own; else those that come at once may share one, but
        never two of one key.
    erase: `Erase` is a change it can make. side: side state may change after the write.
    forward: a branch can be set to a commit ahead of it, and tells of such moves.
    """

    erase: bool = False
    side: bool = False
    forward: bool = False
    user_metadata: bool = True
    multipart: bool = True
    version_listing: bool = True
    nested_keys: bool = True
    own_commits: bool = True

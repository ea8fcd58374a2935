"""A store in a dict: as much of the protocol as deciding about access asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.versioning.errors import NoKey
from gateway.versioning.model import (
    NOTHING,
    Attributes,
    Entry,
    Json,
    ObjectInfo,
    Page,
    Ref,
    RefKind,
    Repo,
    Snapshot,
    Version,
    VersionPage,
)
from gateway.versioning.names import BucketName, CommitId, RepoName

COMMIT = CommitId("c" * 32)


@dataclass
class Shelf:
    """One repo. branches: name -> properties; every one contains every commit. objects: -> side."""

    account: str = "team"
    name: str = "labels"
    branches: dict[str, Json] = field(default_factory=lambda: {"master": NOTHING})
    tags: tuple[str, ...] = ()
    objects: dict[str, Json] = field(default_factory=dict)

    @property
    def one(self) -> Repo:
        return Repo(RepoName(self.name), self.account, 0)

    def branch(self, name: str = "master") -> Snapshot:
        return Snapshot(self.one, name, RefKind.BRANCH, COMMIT, self.branches[name])

    def tag(self, name: str) -> Snapshot:
        return Snapshot(self.one, name, RefKind.TAG, COMMIT)

    def commit(self) -> Snapshot:
        return Snapshot(self.one, None, RefKind.COMMIT, COMMIT)

    async def repos(self) -> Sequence[Repo]:
        return [self.one]

    async def refs(
        self, repo: RepoName | None = None, kind: RefKind | None = None
    ) -> Sequence[Ref]:
        del repo
        found = [self._ref(name, RefKind.BRANCH, held) for name, held in self.branches.items()]
        found += [self._ref(name, RefKind.TAG, NOTHING) for name in self.tags]
        return [ref for ref in found if kind in {None, ref.kind}]

    async def containing(self, at: Snapshot) -> Sequence[Ref]:
        del at
        return await self.refs()

    async def resolve(self, bucket: BucketName) -> Snapshot:
        if bucket.commit:
            return self.commit()
        return self.tag(bucket.branch) if bucket.branch in self.tags else self.branch(bucket.branch)

    async def stat(self, at: Snapshot, key: str, version: CommitId | None = None) -> ObjectInfo:
        del at, version
        if key not in self.objects:
            raise NoKey(key)
        return ObjectInfo(key, COMMIT, 0, "", 0, Attributes(), side=self.objects[key])

    def _ref(self, name: str, kind: RefKind, properties: Json) -> Ref:
        return Ref(RepoName(self.name), name, kind, COMMIT, 0, self.account, properties)


class Sorted:
    """Keys, and pages of them as the plainest reading of Store.list and Store.versions has them."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.keys = dict(sorted(keys.items()))

    async def list(
        self, at: Any, *, prefix: str, after: str, limit: int, delimiter: str = ""
    ) -> Page:
        del at
        entries: dict[str, Entry | None] = {}
        for key in self.keys:
            if not key.startswith(prefix) or key <= after:
                continue
            group = rolled(key, prefix, delimiter)
            if group is None:
                entries[key] = Entry(key, 1, "", 0)
            elif group != after:
                entries[group] = None
        names = list(entries)
        shown = names[:limit]
        return Page(
            tuple(row for name in shown if (row := entries[name]) is not None),
            tuple(name for name in shown if entries[name] is None),
            shown[-1] if len(names) > limit > 0 else None,
        )

    async def versions(
        self,
        at: Any,
        *,
        prefix: str,
        after_key: str,
        after_version: CommitId | None,
        limit: int,
        delimiter: str = "",
    ) -> VersionPage:
        del at
        rows: list[tuple[str, Version | None]] = []
        for key, count in self.keys.items():
            if not key.startswith(prefix) or key < after_key:
                continue
            group = rolled(key, prefix, delimiter)
            if group is not None:
                if key > after_key != group and (group, None) not in rows:
                    rows.append((group, None))
                continue
            for number in range(count):
                version = CommitId(f"{count - number:032x}")
                if key == after_key and (after_version is None or version >= after_version):
                    continue
                rows.append((key, Version(key, version, number == 0, False, 1, "", 0)))
        shown = rows[:limit]
        name, last = shown[-1] if len(rows) > limit > 0 else (None, None)
        return VersionPage(
            tuple(row for _, row in shown if row is not None),
            tuple(name for name, row in shown if row is None),
            name,
            None if last is None else last.version,
        )


def rolled(key: str, prefix: str, delimiter: str) -> str | None:
    """What a key is rolled up to in a listing with that delimiter; None where it stands there."""
    found = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if found < 0 else key[: found + len(delimiter)]

"""A hand that writes to a branch of a store, so that a test says what it does and no more."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.versioning.model import (
    About,
    Attributes,
    Change,
    Committed,
    Condition,
    Delete,
    ObjectInfo,
    Put,
    Snapshot,
)
from gateway.versioning.names import CommitId, RepoName, parse_bucket
from gateway.versioning.store import Store

ABOUT = About("ann", "put")
REPO = RepoName("labels")
START_MS = 1_700_000_000_000


def ticking_clock() -> Callable[[], int]:
    """A clock that is a millisecond on whenever somebody looks."""
    return itertools.count(START_MS).__next__


def etag_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


async def staged(store: Store, data: bytes, piece: int = 100_000) -> Any:
    """The handle of a body that came in pieces."""
    staging = await store.stage()
    for start in range(0, len(data), piece):
        await staging.write(data[start : start + piece])
    return await staging.finish()


async def put(store: Store, key: str, data: bytes = b"x", **more: Any) -> Put:
    """A change that makes `key` these bytes."""
    content = await staged(store, data)
    made = Put(key, content, len(data), etag_of(data), Attributes())
    return replace(made, **more)


def side_by_side(store: Store, keys: Sequence[str]) -> list[str]:
    """Those of the keys that this store can hold together."""
    if store.capabilities.nested_keys:
        return list(keys)
    return [key for key in keys if not any(other.startswith(f"{key}/") for other in keys)]


async def whole(got: bytes | AsyncIterator[bytes]) -> bytes:
    """What `Store.read` gave, in one piece."""
    if isinstance(got, bytes):
        return got
    return b"".join([piece async for piece in got])


@dataclass(frozen=True)
class Hand:
    """Writes to one branch and reads it back. bucket: how the branch is spelled."""

    store: Store
    bucket: str = "master.labels"

    async def head(self) -> Snapshot:
        return await self.store.resolve(parse_bucket(self.bucket))

    async def at(self, commit: CommitId) -> Snapshot:
        """The state of a commit, seen from this branch."""
        return await self.store.resolve(parse_bucket(f"{commit}.{self.bucket}"))

    async def write(
        self, *changes: Change, about: About = ABOUT, if_head: CommitId | None = None
    ) -> Committed:
        return await self.store.commit(await self.head(), changes, about, if_head=if_head)

    async def put(self, key: str, data: bytes = b"x", **more: Any) -> CommitId:
        """One commit that writes one key; its id."""
        made = await self.write(await put(self.store, key, data, **more))
        assert made.commit is not None
        return made.commit.id

    async def delete(self, key: str, condition: Condition | None = None) -> CommitId:
        """One commit that deletes one key; its id."""
        made = await self.write(Delete(key, condition=condition))
        assert made.commit is not None
        return made.commit.id

    async def stat(self, key: str, at: Snapshot | None = None) -> ObjectInfo:
        return await self.store.stat(at or await self.head(), key)

    async def read(self, key: str, at: Snapshot | None = None) -> bytes:
        return await whole(await self.store.read(await self.stat(key, at)))

    async def keys(self, at: Snapshot | None = None, **more: Any) -> list[str]:
        """The keys of one page."""
        page = await self.store.list(at or await self.head(), **more)
        return [entry.key for entry in page.entries]

    async def all_keys(self, at: Snapshot | None = None, **more: Any) -> list[str]:
        """The keys of all pages."""
        at = at or await self.head()
        found: list[str] = []
        after: str | None = more.pop("after", "")
        while after is not None:
            page = await self.store.list(at, after=after, **more)
            found += [entry.key for entry in page.entries]
            after = page.next_after
        return found

    async def branch(self, name: str, start: Snapshot | None = None) -> Hand:
        """A new branch at this one's head (or at `start`) and a hand for it."""
        start = start or await self.head()
        await self.store.create_branch(start.repo.name, name, account="ann", start=start)
        return Hand(self.store, f"{name}.{start.repo.name}")

    async def log(self, **more: Any) -> Sequence[CommitId]:
        return [commit.id for commit in await self.store.log(await self.head(), **more)]


async def new_branch(store: Store, bucket: str) -> Hand:
    """A hand for a branch that is made for it, empty, with its repo where that is missing."""
    name = parse_bucket(bucket)
    await store.create_branch(name.repo, name.branch, account="ann", create_repo=True)
    return Hand(store, bucket)

"""What an object was made from, and what was made from it, through any number of repos.

A node is one version of an object, or a state that was named whole (`s3://<commit>.labels/`); an
edge leads from what was made to what it was made from. From where one stands the walk goes on to
sources of sources and to products of products, and never turns round.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.lineage.uris import SourceUri, names_all_below
from gateway.lineage.written import Used, used
from gateway.versioning.errors import Erased, InvalidKey, NoKey, NotFound, NoVersion
from gateway.versioning.model import NOTHING, FoundWrite, Json, Snapshot
from gateway.versioning.names import (
    DEFAULT_PROJECT,
    BucketName,
    CommitId,
    RepoName,
    check_key,
    parse_bucket,
)
from gateway.versioning.store import Store
from gateway.versioning.terms import Terms, of_source

_PAGE = 200
MEMBER = "member"
"""The evidence of an edge from a state to an object in it: nothing is more certain."""

Readable = Callable[[Snapshot, str], Awaitable[bool]]


class Way(StrEnum):
    """Which way to walk."""

    SOURCES = "sources"
    PRODUCTS = "products"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Node:
    """A version of an object, a state, or a source of which only its URI is known.

    key: of the object, or the beginning of the keys of a state, which `whole` tells apart.
    named: as the bucket was spelled where the version is not known; else it does not matter.
    ref: through which it was come by.
    """

    repo: RepoName | None
    version: CommitId | None
    key: str
    whole: bool = False
    named: str = ""
    ref: str | None = field(default=None, compare=False)

    @property
    def uri(self) -> SourceUri:
        """That very version, where it is known; else the source as it was named."""
        if self.repo is None or self.version is None:
            return SourceUri(self.named, self.key)
        # Outside the default project the grammar needs a ref between commit and repo.
        ref = None if self.repo.project == DEFAULT_PROJECT else self.ref
        return SourceUri(str(BucketName(self.repo, ref, self.version)), self.key)


@dataclass(frozen=True, slots=True)
class Edge:
    """`made` was made from `source`. evidence: how sure that version is, or `member`."""

    made: Node
    source: Node
    evidence: str
    changed_during: bool = False


@dataclass(slots=True)
class Graph:
    """What was found. told: of each node with a record, what that says. whole: nothing is cut off.

    hidden: how many sources and products the asker may not read.
    """

    start: Node
    told: dict[Node, Json] = field(default_factory=dict)
    edges: dict[tuple[Node, Node], Edge] = field(default_factory=dict)
    whole: bool = True
    hidden: int = 0

    @property
    def nodes(self) -> Sequence[Node]:
        """Every node, the start first, then as they were found."""
        return list(self.told)


async def walk(
    store: Store,
    start: Node,
    repos: Sequence[RepoName],
    readable: Readable,
    *,
    way: Way = Way.BOTH,
    nodes_max: int = 200,
) -> Graph:
    """The graph around `start`, nearest first, of at most so many nodes.

    repos: where products are looked for. readable: whether the asker may read that key of that
    state; what they may not is counted and not gone through. Cost: some point reads a node, and of
    a node whose products are wanted an index look-up in each repo.
    """
    walker = _Walker(store, Graph(start), repos, readable, nodes_max)
    walker.graph.told[start] = await walker.record(start) or NOTHING
    if way is not Way.PRODUCTS:
        await walker.along(start, walker.sources)
    if way is not Way.SOURCES:
        await walker.along(start, walker.products)
    return walker.graph


class _Walker:
    def __init__(
        self,
        store: Store,
        graph: Graph,
        repos: Sequence[RepoName],
        readable: Readable,
        nodes_max: int,
    ) -> None:
        self.graph = graph
        self._store = store
        self._repos = repos
        self._readable = readable
        self._nodes_max = nodes_max

    async def along(self, start: Node, next_to: Callable[[Node], AsyncIterator[Edge]]) -> None:
        """Breadth first from `start`, each node once."""
        gone_through = {start}
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            async for edge in next_to(here):
                there = edge.source if edge.made == here else edge.made
                if not await self._taken(there):
                    return
                self.graph.edges.setdefault((edge.made, edge.source), edge)
                if there not in gone_through:
                    gone_through.add(there)
                    waiting.append(there)

    async def _taken(self, node: Node) -> bool:
        """Take a node in; False where there is no room for it."""
        # A store that answers at once would keep every other request waiting for the whole walk.
        await asyncio.sleep(0)
        if node in self.graph.told:
            return True
        if len(self.graph.told) >= self._nodes_max:
            self.graph.whole = False
            return False
        self.graph.told[node] = await self.record(node) or NOTHING
        return True

    async def sources(self, node: Node) -> AsyncIterator[Edge]:
        """What a node was made from; of a state what is in it."""
        if node.whole:
            async for member in self._members(node):
                yield Edge(node, member, MEMBER)
            return
        for found in used(self.graph.told[node]):
            source = await self._source(found)
            if await self._seen(source):
                yield Edge(node, source, found.evidence, found.changed_during)
            else:
                self.graph.hidden += 1

    async def products(self, node: Node) -> AsyncIterator[Edge]:
        """What was made from a node, and from the states that hold it."""
        if node.repo is None or node.version is None:
            return
        if not node.whole:
            async for state in self._holding(node):
                yield Edge(state, node, MEMBER)
        async for write, repo in self._writes(of_source(node.repo, node.key, node.version)):
            product = _product(repo, write)
            if not await self._seen(product):
                self.graph.hidden += 1
                continue
            for source in used(write.lineage):
                if source.repo == node.repo and (source.version, source.key) == (
                    node.version, node.key,
                ):  # fmt: skip
                    yield Edge(product, node, source.evidence, source.changed_during)

    async def record(self, node: Node) -> Json | None:
        """The record of the write that made a node."""
        at = None if node.whole else await self._state(node)
        if at is None:
            return None
        try:
            return await self._store.lineage(at, await self._store.stat(at, check_key(node.key)))
        except (NoKey, NoVersion, Erased, InvalidKey):
            return None

    async def _source(self, found: Used) -> Node:
        bucket, key = found.named
        if found.repo is None or found.version is None:
            return Node(found.repo, None, key, named=bucket)
        node = Node(found.repo, found.version, key, ref=found.form.get("ref"))
        if names_all_below(key) and not await self._is_object(node):
            return replace(node, whole=True)
        return node

    async def _is_object(self, node: Node) -> bool:
        at = await self._state(node)
        if at is None or not node.key:
            return False
        try:
            await self._store.stat(at, node.key)
        except NoKey:
            return False
        except Erased:
            pass
        return True

    async def _members(self, state: Node) -> AsyncIterator[Node]:
        at = await self._state(state)
        after: str | None = ""
        while at is not None and state.repo is not None and after is not None:
            page = await self._store.list(at, prefix=state.key, after=after, limit=_PAGE)
            for entry in page.entries:
                if not await self._readable(at, entry.key):
                    self.graph.hidden += 1
                    continue
                version = (await self._store.stat(at, entry.key)).version
                yield Node(state.repo, version, entry.key, ref=state.ref)
            after = page.next_after

    async def _holding(self, node: Node) -> AsyncIterator[Node]:
        """The states that something was made from and that have this version in them."""
        assert node.repo is not None
        judged: set[Node] = set()
        for prefix in _beginnings(node.key):
            async for write, _ in self._writes(of_source(node.repo, prefix)):
                for source in used(write.lineage):
                    if (source.repo, source.key) != (node.repo, prefix):
                        continue
                    ref = source.form.get("ref")
                    state = Node(node.repo, source.version, prefix, whole=True, ref=ref)
                    if state not in judged:
                        judged.add(state)
                        if await self._holds(state, node):
                            yield state

    async def _holds(self, state: Node, node: Node) -> bool:
        at = await self._state(state)
        if at is None or not await self._readable(at, node.key):
            return False
        try:
            return (await self._store.stat(at, node.key)).version == node.version
        except (NoKey, Erased):
            return False

    async def _writes(self, terms: Terms) -> AsyncIterator[tuple[FoundWrite, RepoName]]:
        for repo in self._repos:
            after: FoundWrite | None = None
            while True:
                page = await self._store.find_writes(repo, terms, after=after, limit=_PAGE)
                for write in page:
                    yield write, repo
                if len(page) < _PAGE:
                    break
                after = page[-1]

    async def _seen(self, node: Node) -> bool:
        """Whether the asker may know of it. What is only a URI stands in a record he may read."""
        if node.repo is None or node.version is None:
            return True
        at = await self._state(node)
        return at is not None and await self._readable(at, node.key)

    async def _state(self, node: Node) -> Snapshot | None:
        if node.repo is None or node.version is None:
            return None
        try:
            return await self._store.resolve(BucketName(node.repo, None, node.version))
        except NotFound:
            return None


def _product(repo: RepoName, write: FoundWrite) -> Node:
    # What another tool wrote names no bucket.
    bucket = write.lineage.get("bucket")
    ref = None if bucket is None else parse_bucket(bucket).branch
    return Node(repo, write.commit, write.key, ref=ref)


def _beginnings(key: str) -> list[str]:
    """What a state may have been named by that holds `key`: "", and all up to a `/` in it."""
    return ["", *(key[: at + 1] for at, char in enumerate(key) if char == "/")]

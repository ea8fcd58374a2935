"""The graph of lineage around an object, as far as the caller may read it."""

from __future__ import annotations

from gateway.admin.history import commit_id
from gateway.admin.models import iso
from gateway.admin.refs import LISTED, resolve_ref
from gateway.admin.services import Caller
from gateway.admin.sources import may_read
from gateway.admin.traced import EdgeOut, GraphOut, NodeOut
from gateway.auth.access import Asked, readable_repos
from gateway.lineage.graph import Graph, Node, Way, walk
from gateway.lineage.uris import names_all_below
from gateway.protocol.operations import Right
from gateway.versioning.errors import InvalidKey, NoKey
from gateway.versioning.model import Json, Snapshot
from gateway.versioning.names import CommitId, check_key


async def graph(
    caller: Caller, ref: str, key: str, version: str | None, *, way: Way, nodes: int
) -> GraphOut:
    """The graph around an object, or around the state `ref` names, whole or below a `/`.

    Raises what resolve_ref and Store.stat do.
    """
    at = await resolve_ref(caller, ref, Asked(Right.READ, "s3:GetObject", key) if key else LISTED)
    start = await _start(caller, at, key, commit_id(version, "version"))

    async def readable(place: Snapshot, name: str) -> bool:
        return await may_read(caller, place, name)

    repos = [repo.name for repo in await readable_repos(caller.access, caller.store)]
    found = await walk(caller.store, start, repos, readable, way=way, nodes_max=nodes)
    return _graph_out(found)


async def _start(caller: Caller, at: Snapshot, key: str, version: CommitId | None) -> Node:
    repo = at.repo.name
    try:
        info = await caller.store.stat(at, check_key(key), version)
    except (NoKey, InvalidKey):
        if version is None and names_all_below(key):
            return Node(repo, at.commit, key, whole=True, ref=at.ref)
        raise
    return Node(repo, info.version, key, ref=at.ref)


def _graph_out(found: Graph) -> GraphOut:
    return GraphOut(
        start=str(found.start.uri),
        nodes=[_node_out(node, found.told[node]) for node in found.nodes],
        edges=[
            EdgeOut(
                made=str(edge.made.uri),
                source=str(edge.source.uri),
                evidence=edge.evidence,
                changed_during=edge.changed_during,
            )
            for edge in found.edges.values()
        ],
        whole=found.whole,
        hidden=found.hidden,
    )


def _node_out(node: Node, record: Json) -> NodeOut:
    known = node.version is not None
    return NodeOut(
        id=str(node.uri),
        kind="state" if node.whole else "object" if known else "unknown",
        repo=None if node.repo is None else str(node.repo),
        version=node.version,
        key=node.key,
        body=record.get("body"),
        time=iso(record["time"]) if "time" in record else None,
        account=record.get("account"),
        task=record.get("task"),
        annotator=record.get("annotator"),
    )

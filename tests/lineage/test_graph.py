"""What was made from what, over repos, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hands import Hand

from gateway.lineage.graph import Graph, Node, Way, walk
from gateway.versioning.model import Snapshot
from gateway.versioning.names import CommitId, RepoName
from gateway.versioning.store import Store

RAW, LABELS, MODELS = RepoName("raw"), RepoName("labels"), RepoName("models")


async def every(_at: Snapshot, _key: str) -> bool:
    return True


def source(repo: str, path: str, commit: CommitId, **more: Any) -> dict[str, Any]:
    form = {"uri": f"s3://{repo}/{path}", "evidence": "observed", "repo": repo, "ref": "master"}
    return form | {"project": "default", "path": path, "commit": commit} | more


def record(bucket: str, *sources: dict[str, Any]) -> dict[str, Any]:
    return {"bucket": f"master.{bucket}", "kind": "put", "time": 1, "sources": sources}


async def labeled(labels: Hand, key: str, *sources: dict[str, Any]) -> CommitId:
    return await labels.put(key, lineage={**record("labels", *sources), "key": key})


async def trained(store: Store, key: str, *sources: dict[str, Any]) -> CommitId:
    models = Hand(store, "master.models")
    if MODELS not in [one.name for one in await store.repos()]:
        await store.create_branch(MODELS, "master", account="ann", create_repo=True)
    return await models.put(key, lineage={**record("models", *sources), "key": key})


async def around(
    store: Store, repo: RepoName, version: CommitId, key: str, *, whole: bool = False, **more: Any
) -> Graph:
    repos = [one.name for one in await store.repos()]
    start = Node(repo, version, key, whole=whole, ref="master")
    return await walk(store, start, repos, more.pop("readable", every), **more)


def arrows(found: Graph) -> set[tuple[str, str, str]]:
    return {(named(one.made), one.evidence, named(one.source)) for one in found.edges.values()}


def named(node: Node) -> str:
    return f"{node.repo}/{node.key}" + ("*" if node.whole else "")


CHAIN = {
    ("models/m", "pinned", "labels/*"),
    ("labels/*", "member", "labels/1"),
    ("labels/1", "observed", "raw/a"),
}


async def test_a_model_leads_to_the_raw_data_and_back(
    store: Store, raw: Hand, labels: Hand
) -> None:
    text = await raw.put("a")
    label = await labeled(labels, "1", source("raw", "a", text))
    model = await trained(store, "m", source("labels", "", label, evidence="pinned"))
    assert arrows(await around(store, MODELS, model, "m")) == CHAIN
    assert arrows(await around(store, RAW, text, "a")) == CHAIN
    assert arrows(await around(store, LABELS, label, "1")) == CHAIN
    assert arrows(await around(store, LABELS, label, "", whole=True)) == CHAIN
    up = await around(store, LABELS, label, "1", way=Way.SOURCES)
    assert arrows(up) == {("labels/1", "observed", "raw/a")}
    down = await around(store, LABELS, label, "1", way=Way.PRODUCTS)
    assert arrows(down) == CHAIN - arrows(up)


async def test_only_the_version_that_was_used_leads_anywhere(
    store: Store, raw: Hand, labels: Hand
) -> None:
    old = await raw.put("a", b"old")
    label = await labeled(labels, "1", source("raw", "a", old))
    new = await raw.put("a", b"new")
    assert arrows(await around(store, RAW, new, "a")) == set()
    # The label was written over before the model was made: its state holds another version of it.
    second = await labeled(labels, "1", source("raw", "a", new))
    await trained(store, "m", source("labels", "", second, evidence="pinned"))
    assert arrows(await around(store, LABELS, label, "1", way=Way.PRODUCTS)) == set()
    assert ("labels/*", "member", "labels/1") in arrows(await around(store, RAW, new, "a"))


@pytest.mark.parametrize("prefix", ["", "day/", "day/one/"])
async def test_a_state_is_found_by_whatever_prefix_it_was_named(
    store: Store, labels: Hand, prefix: str
) -> None:
    label = await labeled(labels, "day/one/1")
    head = await labeled(labels, "day2/1")
    await trained(store, "m", source("labels", prefix, head, evidence="pinned"))
    found = await around(store, LABELS, label, "day/one/1")
    assert arrows(found) == {
        (f"labels/{prefix}*", "member", "labels/day/one/1"),
        ("models/m", "pinned", f"labels/{prefix}*"),
    }


async def test_what_ends_with_a_slash_may_be_an_object(store: Store, labels: Hand) -> None:
    label = await labeled(labels, "dir/")
    model = await trained(store, "m", source("labels", "dir/", label))
    found = await around(store, MODELS, model, "m")
    assert arrows(found) == {("models/m", "observed", "labels/dir/")}


async def test_sources_of_unknown_version_end_the_way(store: Store, labels: Hand) -> None:
    gone = {"uri": "s3://raw/gone", "evidence": "missing", "repo": "raw", "project": "default"}
    gone |= {"ref": "master", "path": "gone"}
    elsewhere = {"uri": "s3://elsewhere/x", "evidence": "external"}
    label = await labeled(labels, "1", gone, elsewhere)
    found = await around(store, LABELS, label, "1")
    assert [str(node.uri) for node in found.nodes[1:]] == ["s3://raw/gone", "s3://elsewhere/x"]


async def test_a_pipelines_provenance_leads_to_the_states_that_went_in(
    store: Store, labels: Hand
) -> None:
    label = await labeled(labels, "1")
    provenance = [{"repo": "labels", "project": "default", "commit": label}]
    made = await labels.put("out", lineage={"key": "out", "time": 1, "provenance": provenance})
    found = await around(store, LABELS, made, "out", way=Way.SOURCES)
    assert ("labels/out", "pinned", "labels/*") in arrows(found)
    assert ("labels/*", "member", "labels/1") in arrows(found)
    back = await around(store, LABELS, label, "1", way=Way.PRODUCTS)
    assert ("labels/out", "pinned", "labels/*") in arrows(back)


async def test_what_may_not_be_read_is_counted_and_not_gone_through(
    store: Store, raw: Hand, labels: Hand
) -> None:
    text = await raw.put("a")
    label = await labeled(labels, "1", source("raw", "a", text))
    model = await trained(store, "m", source("labels", "", label, evidence="pinned"))

    async def no_labels(at: Snapshot, _key: str) -> bool:
        return at.repo.name != LABELS

    found = await around(store, MODELS, model, "m", readable=no_labels)
    assert (arrows(found), found.hidden) == (set(), 1)
    found = await around(store, RAW, text, "a", readable=no_labels)
    assert (arrows(found), found.hidden) == (set(), 1)


async def test_a_walk_ends_at_the_number_of_nodes(store: Store, raw: Hand, labels: Hand) -> None:
    text = await raw.put("a")
    for n in range(10):
        await labeled(labels, str(n), source("raw", "a", text))
    found = await around(store, RAW, text, "a", nodes_max=4)
    assert (len(found.nodes), len(found.edges), found.whole) == (4, 3, False)
    found = await around(store, RAW, text, "a", nodes_max=11)
    assert (len(found.nodes), found.whole) == (11, True)


async def test_a_circle_is_gone_through_once(store: Store, labels: Hand) -> None:
    """Nobody can name a version before it is made, but a record can be wrong."""
    first = await labeled(labels, "1")
    second = await labeled(labels, "2", source("labels", "1", first))
    third = await labeled(labels, "1", source("labels", "2", second), source("labels", "1", first))
    found = await around(store, LABELS, third, "1", way=Way.SOURCES)
    assert len(found.nodes) == 3
    assert len(found.edges) == 3


async def test_what_is_gone_says_nothing_more(store: Store, labels: Hand) -> None:
    nowhere: Sequence[CommitId] = [CommitId("f" * 32)]
    label = await labeled(labels, "1", source("raw", "a", nowhere[0]))
    found = await around(store, LABELS, label, "1")
    # Who could read it is not known any more, so it is nobody's to see.
    assert (arrows(found), found.hidden) == (set(), 1)

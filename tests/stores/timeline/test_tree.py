"""Trees against a plain dict, with nodes so small that they get deep."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stores.timeline import tree
from gateway.stores.timeline.tree import Node, Row

Edits = dict[str, Row | None]


@pytest.fixture(autouse=True, scope="module")
def _small_nodes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "LEAF_ROWS_MAX", 8)
        patch.setattr(tree, "CHILDREN_MAX", 8)
        yield


class MemoryNodes:
    """tree.NewNodes in a dict, through the stored form; counts what is read."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}
        self.reads = 0

    def get(self, node: int) -> Node:
        self.reads += 1
        return tree.decode(self.kept[node])

    def add(self, node: Node) -> int:
        self.kept[len(self.kept)] = tree.encode(node)
        return len(self.kept) - 1


def row(key: str, version: int = 1) -> Row:
    return Row(key, 1, version, f"e{version}", version, version)


def applied(
    nodes: MemoryNodes, root: int | None, model: dict[str, Row], edits: Edits
) -> int | None:
    """Apply to both; the tree's new root."""
    before = len(model)
    for key, value in edits.items():
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value
    new_root, grown = tree.apply(nodes, root, sorted(edits.items(), key=lambda edit: edit[0]))
    assert grown == len(model) - before
    return new_root


def built(nodes: MemoryNodes, keys: list[str]) -> tuple[int | None, dict[str, Row]]:
    model: dict[str, Row] = {}
    return applied(nodes, None, model, {key: row(key) for key in keys}), model


def shape(nodes: MemoryNodes, root: int | None) -> list[Node]:
    """All nodes, with what must hold of each checked."""
    found = []
    waiting = [] if root is None else [root]
    while waiting:
        node = nodes.get(waiting.pop())
        found.append(node)
        assert list(node.keys) == sorted(set(node.keys))
        assert 0 < len(node.keys) <= 8
        if node.height:
            children = [nodes.get(child) for child in node.children]
            assert {child.height for child in children} == {node.height - 1}
            assert [child.keys[0] for child in children] == list(node.keys)
            waiting.extend(node.children)
        else:
            assert node.keys == tuple(one.key for one in node.rows)
    return found


KEYS = st.text(alphabet="ab/é\U0001f600", max_size=4)
EDITS = st.dictionaries(KEYS, st.one_of(st.none(), st.integers(1, 5)), max_size=40).map(
    lambda edits: {key: value and row(key, value) for key, value in edits.items()}
)


@given(st.lists(EDITS, max_size=12), KEYS)
def test_a_tree_holds_what_a_dict_holds(steps: list[Edits], start: str):
    nodes = MemoryNodes()
    model: dict[str, Row] = {}
    root: int | None = None
    for edits in steps:
        root = applied(nodes, root, model, edits)
        shape(nodes, root)
        expected = [model[key] for key in sorted(model)]
        assert list(tree.scan(nodes, root, "")) == expected
        assert list(tree.scan(nodes, root, start)) == [one for one in expected if one.key >= start]
        for key in {*model, *edits, start}:
            assert tree.find(nodes, root, key) == model.get(key)
    assert (root is None) == (not model)


@given(st.lists(EDITS, max_size=6), EDITS, EDITS, KEYS)
def test_two_trees_differ_where_two_dicts_do(
    steps: list[Edits], one_way: Edits, other_way: Edits, start: str
):
    nodes = MemoryNodes()
    common: dict[str, Row] = {}
    root: int | None = None
    for edits in steps:
        root = applied(nodes, root, common, edits)
    left, right = dict(common), dict(common)
    old, new = applied(nodes, root, left, one_way), applied(nodes, root, right, other_way)
    expected = [
        (left.get(key), right.get(key))
        for key in sorted({*left, *right})
        if key >= start and left.get(key) != right.get(key)
    ]
    assert list(tree.differing(nodes, old, new, start)) == expected


def test_an_old_root_shows_what_it_did():
    nodes = MemoryNodes()
    root, model = built(nodes, [f"{n:04}" for n in range(500)])
    before = dict(model)
    applied(nodes, root, model, dict.fromkeys(list(model)[::2]))
    assert list(tree.scan(nodes, root, "")) == [before[key] for key in sorted(before)]


def test_a_change_of_one_key_writes_one_path():
    nodes = MemoryNodes()
    root, model = built(nodes, [f"{n:04}" for n in range(2000)])
    height = nodes.get(root or 0).height
    assert height >= 3
    made = len(nodes.kept)
    applied(nodes, root, model, {"1000": row("1000", 2)})
    assert len(nodes.kept) - made <= 2 * (height + 1)


def test_trees_that_share_all_but_a_key_are_compared_by_its_path_alone():
    nodes = MemoryNodes()
    root, model = built(nodes, [f"{n:04}" for n in range(2000)])
    height = nodes.get(root or 0).height
    new = applied(nodes, root, model, {"1000": row("1000", 2)})
    nodes.reads = 0
    assert list(tree.differing(nodes, root, new)) == [(row("1000"), row("1000", 2))]
    assert nodes.reads <= 4 * (height + 1)


def test_deletes_shrink_a_tree():
    """In number of nodes and in height, whatever the order of the deletes."""
    nodes = MemoryNodes()
    root, model = built(nodes, [f"{n:04}" for n in range(2000)])
    doomed = list(model)
    random.Random(1).shuffle(doomed)
    kept = 20
    while len(model) > kept:
        count = min(50, len(model) - kept)
        edits: Edits = dict.fromkeys(doomed[:count])
        doomed = doomed[count:]
        root = applied(nodes, root, model, edits)
    assert list(tree.scan(nodes, root, "")) == [model[key] for key in sorted(model)]
    assert len(shape(nodes, root)) <= kept
    assert applied(nodes, root, model, dict.fromkeys(list(model))) is None


def test_a_scan_from_a_key_does_not_read_what_is_before_it():
    nodes = MemoryNodes()
    root, _ = built(nodes, [f"{n:04}" for n in range(2000)])
    nodes.reads = 0
    assert next(tree.scan(nodes, root, "1999")).key == "1999"
    assert nodes.reads <= nodes.get(root or 0).height + 2

"""Copy-on-write trees of immutable nodes: a whole state of a line, sharing what did not change.

A leaf holds rows in key order, an inner node its children by the first key of each (a lower bound
of what is below it). Nodes have integer ids and never change, so whatever two trees share is seen
by its id alone. Keys are str: code point order is the byte order of UTF-8. Pure but for `Nodes`,
which reads nodes, and `NewNodes`, which also takes new ones.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

LEAF_ROWS_MAX = 64
CHILDREN_MAX = 128
# Below a quarter, a node is joined with its neighbour where both fit into one.
_SMALL = 4
_T = TypeVar("_T")


class Row(NamedTuple):
    """An object in a state: where its change is, and what a listing shows of it."""

    key: str
    line: int
    seq: int
    etag: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Node:
    """height 0: a leaf, whose items are rows. Above: `children` by the first keys in `keys`."""

    height: int
    keys: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    children: tuple[int, ...] = ()


class Nodes(Protocol):
    """Where nodes are read from."""

    def get(self, node: int) -> Node:
        """The node of that id."""


class NewNodes(Nodes, Protocol):
    """Where nodes are read from and where new ones go."""

    def add(self, node: Node) -> int:
        """Keep a new node; its id."""


Edits = Sequence[tuple[str, Row | None]]
"""Keys in ascending order with what each becomes; None: nothing."""


def encode(node: Node) -> bytes:
    """The stored form."""
    if node.height == 0:
        return json.dumps([0, node.rows], separators=(",", ":"), ensure_ascii=False).encode()
    form = [node.height, node.keys, node.children]
    return json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode()


def decode(data: bytes) -> Node:
    """The inverse of encode."""
    height, *rest = json.loads(data)
    if height == 0:
        rows = tuple(Row(*row) for row in rest[0])
        return Node(0, tuple(row.key for row in rows), rows)
    return Node(height, tuple(rest[0]), children=tuple(rest[1]))


def find(nodes: Nodes, root: int | None, key: str) -> Row | None:
    """The row of `key`, or None. O(log n)."""
    if root is None:
        return None
    node = nodes.get(root)
    while node.height:
        at = bisect_right(node.keys, key) - 1
        if at < 0:
            return None
        node = nodes.get(node.children[at])
    at = bisect_left(node.keys, key)
    return node.rows[at] if at < len(node.keys) and node.keys[at] == key else None


def scan(nodes: Nodes, root: int | None, start: str) -> Iterator[Row]:
    """Rows with key >= start, ascending."""
    if root is None:
        return
    stack = [root]
    while stack:
        node = nodes.get(stack.pop())
        if node.height == 0:
            yield from node.rows[bisect_left(node.keys, start) :]
        else:
            first = max(bisect_right(node.keys, start) - 1, 0)
            stack.extend(reversed(node.children[first:]))


def apply(nodes: NewNodes, root: int | None, edits: Edits) -> tuple[int | None, int]:
    """The tree with `edits` applied, and by how many rows it grew. Touches their paths only."""
    if not edits:
        return root, 0
    if root is None:
        rows = [row for _, row in edits if row is not None]
        return _grown(nodes, _leaves(nodes, rows), 0), len(rows)
    children, grown = _apply(nodes, root, edits)
    return _grown(nodes, children, nodes.get(root).height), grown


def _apply(nodes: NewNodes, node_id: int, edits: Edits) -> tuple[list[tuple[str, int]], int]:
    """What takes the place of a node: (first key, id) of nodes of its height."""
    node = nodes.get(node_id)
    if node.height == 0:
        rows = _merged(node.rows, edits)
        return _leaves(nodes, rows), len(rows) - len(node.rows)
    children: list[tuple[str, int]] = []
    touched: list[bool] = []
    grown = 0
    position = 0
    for at, child in enumerate(node.children):
        upper = node.keys[at + 1] if at + 1 < len(node.keys) else None
        stop = len(edits)
        if upper is not None:
            stop = bisect_left(edits, upper, position, key=_key_of)
        if stop == position:
            children.append((node.keys[at], child))
            touched.append(False)
            continue
        replaced, more = _apply(nodes, child, edits[position:stop])
        children += replaced
        touched += [True] * len(replaced)
        grown += more
        position = stop
    joined = _join_small(nodes, children, touched)
    return _inner(nodes, joined, node.height), grown


def _merged(rows: Sequence[Row], edits: Edits) -> list[Row]:
    merged = {row.key: row for row in rows}
    for key, row in edits:
        if row is None:
            merged.pop(key, None)
        else:
            merged[key] = row
    return sorted(merged.values())


def _join_small(
    nodes: NewNodes, children: list[tuple[str, int]], touched: list[bool]
) -> list[tuple[str, int]]:
    """Join a touched node that is small now with its neighbour: deletes shrink trees."""
    joined: list[tuple[str, int]] = []
    last_touched = False
    for child, is_touched in zip(children, touched, strict=True):
        if joined and (is_touched or last_touched):
            left, right = nodes.get(joined[-1][1]), nodes.get(child[1])
            most = CHILDREN_MAX if left.height else LEAF_ROWS_MAX
            sizes = len(left.keys), len(right.keys)
            if min(sizes) < most // _SMALL and sum(sizes) <= most:
                both = Node(
                    left.height,
                    left.keys + right.keys,
                    left.rows + right.rows,
                    left.children + right.children,
                )
                joined[-1] = (joined[-1][0], nodes.add(both))
                last_touched = True
                continue
        joined.append(child)
        last_touched = is_touched
    return joined


def _leaves(nodes: NewNodes, rows: Sequence[Row]) -> list[tuple[str, int]]:
    return [
        (piece[0].key, nodes.add(Node(0, tuple(row.key for row in piece), tuple(piece))))
        for piece in _even(rows, LEAF_ROWS_MAX)
    ]


def _inner(nodes: NewNodes, children: list[tuple[str, int]], height: int) -> list[tuple[str, int]]:
    return [
        (
            piece[0][0],
            nodes.add(
                Node(height, tuple(k for k, _ in piece), children=tuple(c for _, c in piece))
            ),
        )
        for piece in _even(children, CHILDREN_MAX)
    ]


def _grown(nodes: NewNodes, level: list[tuple[str, int]], height: int) -> int | None:
    """One root over nodes of that height; less high where a single child is all there is."""
    while len(level) > 1:
        height += 1
        level = _inner(nodes, level, height)
    if not level:
        return None
    root = level[0][1]
    while (node := nodes.get(root)).height and len(node.children) == 1:
        root = node.children[0]
    return root


def _even(items: Sequence[_T], most: int) -> Iterator[Sequence[_T]]:
    """Pieces of at most `most`, as even as they come: the next insert need not split again."""
    count = -(-len(items) // most)
    start = 0
    for piece in range(count):
        stop = start + (len(items) - start) // (count - piece)
        yield items[start:stop]
        start = stop


def _key_of(edit: tuple[str, Row | None]) -> str:
    return edit[0]


class _Item(NamedTuple):
    """A subtree or (height 0, row set) a row, in the stack of a comparison."""

    key: str
    height: int
    node: int
    row: Row | None


def differing(
    nodes: Nodes, old: int | None, new: int | None, start: str = ""
) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows with key >= start that are not the same in both trees, in key order; None: not there.

    What both share is skipped unread: O(differences * log n).
    """
    left, right = _Frontier(nodes, old, start), _Frontier(nodes, new, start)
    while left.stack or right.stack:
        a = left.stack[-1] if left.stack else None
        b = right.stack[-1] if right.stack else None
        if a and b and a.row is None and b.row is None and a.node == b.node:
            left.stack.pop()
            right.stack.pop()
        elif a and a.row is None and _expands(a, b):
            left.expand()
        elif b and b.row is None and _expands(b, a):
            right.expand()
        elif b is None or (a is not None and a.key < b.key):
            left.stack.pop()
            assert a is not None
            yield a.row, None
        elif a is None or b.key < a.key:
            right.stack.pop()
            yield None, b.row
        else:
            left.stack.pop()
            right.stack.pop()
            if a.row != b.row:
                yield a.row, b.row


def _expands(item: _Item, other: _Item | None) -> bool:
    """Whether a subtree must be opened now: nothing before it is left on the other side."""
    if other is None:
        return True
    if other.row is not None:
        return item.key <= other.key
    return item.height > other.height or (item.height == other.height and item.key <= other.key)


class _Frontier:
    """What is left of one tree: a stack of subtrees and rows, the next one last."""

    def __init__(self, nodes: Nodes, root: int | None, start: str) -> None:
        self._nodes = nodes
        self._start = start
        self.stack: list[_Item] = []
        if root is not None:
            node = nodes.get(root)
            # A leaf may be empty: what was erased is taken out of it where it is.
            self.stack.append(_Item(node.keys[0] if node.keys else "", node.height + 1, root, None))

    def expand(self) -> None:
        node = self._nodes.get(self.stack.pop().node)
        if node.height == 0:
            rows = node.rows[bisect_left(node.keys, self._start) :]
            self.stack.extend(_Item(row.key, 0, 0, row) for row in reversed(rows))
            return
        first = max(bisect_right(node.keys, self._start) - 1, 0)
        self.stack.extend(
            _Item(node.keys[at], node.height, node.children[at], None)
            for at in range(len(node.children) - 1, first - 1, -1)
        )

"""Takes rows out of the trees that hold them, where they are: for what was erased alone."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from gateway.stores.timeline import tree
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.rows import Change
from gateway.stores.timeline.tree import Node

_EVER = 2**62


def strip(reader: Reader, changes: Iterable[Change]) -> None:
    """Take what these changes made out of every tree; inside a transaction.

    Cost: the nodes on the way to them, each once, in the states that show them. The key stays as
    a bound in inner nodes.
    """
    reader.refresh()
    wanted: defaultdict[int, set[Change]] = defaultdict(set)
    for change in changes:
        for line, since, until in _spans(reader, change):
            for root in _roots(reader, line, since, until, change.key):
                wanted[root].add(change)
    rewritten = _stripped(reader, wanted)
    reader.connection.executemany(
        "UPDATE node SET data=? WHERE node=?",
        [(tree.encode(node), node_id) for node_id, node in rewritten.items()],
    )
    reader.forget()


def _spans(reader: Reader, change: Change) -> Iterator[tuple[int, int, int]]:
    """The parts of lines, from and to (exclusive), whose states show what a change made."""
    points = all_rows(
        reader.connection,
        "SELECT line, seq FROM change WHERE to_line=? AND to_seq=? AND key=?",
        (change.line, change.seq, change.key),
    )
    for line, seq in [(change.line, change.seq), *points]:
        yield line, seq, _next(reader, line, change.key, seq)


def _next(reader: Reader, line: int, key: bytes, seq: int) -> int:
    """When a line changes a key next."""
    (found,) = first_row(
        reader.connection,
        "SELECT min(seq) FROM entry WHERE line=? AND key=? AND seq>?",
        (line, key, seq),
    )
    return _EVER if found is None else int(found)


def _roots(reader: Reader, line: int, since: int, until: int, key: bytes) -> Iterator[int]:
    """The trees in which a key may be as the line has it in [since, until)."""
    roots = all_rows(
        reader.connection,
        "SELECT root FROM epoch WHERE line=? AND seq>=? AND seq<? AND root IS NOT NULL",
        (line, since, until),
    )
    yield from (root for (root,) in roots)
    children = all_rows(
        reader.connection,
        "SELECT line, root, hist_seq FROM line WHERE hist_line=? AND hist_seq>=?",
        (line, since),
    )
    for child, root, begins in children:
        if root is not None:
            yield root
        if begins < until:
            yield from _roots(reader, child, 0, _next(reader, child, key, 0), key)


def _stripped(reader: Reader, wanted: dict[int, set[Change]]) -> dict[int, Node]:
    """Every leaf below these roots that holds what a change made, without it."""
    leaves: dict[int, Node] = {}
    seen: set[tuple[int, Change]] = set()
    waiting: list[tuple[int, Sequence[Change]]] = [(root, [*some]) for root, some in wanted.items()]
    while waiting:
        node_id, changes = waiting.pop()
        new = [change for change in changes if (node_id, change) not in seen]
        seen.update((node_id, change) for change in new)
        if not new:
            continue
        node = leaves.get(node_id) or reader.get(node_id)
        if node.height:
            waiting += _below(node, new)
            continue
        gone = {(change.key.decode(), *Point(change.line, change.seq)) for change in new}
        kept = tuple(row for row in node.rows if row[:3] not in gone)
        if len(kept) < len(node.rows):
            leaves[node_id] = Node(0, tuple(row.key for row in kept), kept)
    return leaves


def _below(node: Node, changes: Sequence[Change]) -> list[tuple[int, Sequence[Change]]]:
    """The children of a node that may hold what changes made."""
    children: defaultdict[int, list[Change]] = defaultdict(list)
    for change in changes:
        at = bisect_right(node.keys, change.key.decode()) - 1
        if at >= 0:
            children[node.children[at]].append(change)
    return list(children.items())

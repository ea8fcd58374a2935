"""Whole states as trees: made from the newest tree and the changes since."""

from __future__ import annotations

from collections.abc import Callable

from gateway.stores.timeline import tree
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.lines import Line, Point, Reader
from gateway.stores.timeline.tree import Node, Row

IDS_A_TIME = 256


class NewNodes:
    """tree.NewNodes, kept until they are written. reserve: the first of `count` new ids."""

    def __init__(self, reader: Reader, reserve: Callable[[int], int]) -> None:
        self._reader = reader
        self._reserve = reserve
        self._next = self._end = 0
        self.made: dict[int, Node] = {}

    def get(self, node: int) -> Node:
        """A node, new or old."""
        return self.made.get(node) or self._reader.get(node)

    def add(self, node: Node) -> int:
        """Keep a node under the next id that nobody else has."""
        if self._next == self._end:
            self._next = self._reserve(IDS_A_TIME)
            self._end = self._next + IDS_A_TIME
        self.made[self._next] = node
        self._next += 1
        return self._next - 1

    def reachable(self, root: int | None) -> list[tuple[int, bytes]]:
        """The new nodes below a root, encoded; those that a later step replaced are left out."""
        found: list[tuple[int, bytes]] = []
        waiting = [] if root is None else [root]
        while waiting:
            node_id = waiting.pop()
            node = self.made.get(node_id)
            if node is not None:
                found.append((node_id, tree.encode(node)))
                waiting.extend(node.children)
        return found


def beginning(reader: Reader, nodes: tree.NewNodes, line: Line) -> tuple[int | None, int]:
    """The state a line began with, as one tree: (root, rows)."""
    if line.pre is None:
        return line.root, line.live
    return _applied(nodes, line.root, line.live, reader.fold(*line.pre))


def fold_beginning(reader: Reader, line: int, root: int | None, live: int) -> None:
    """Let a line stand on a tree alone; inside a transaction. What it begins with is the same."""
    reader.connection.execute(
        "UPDATE line SET root=?, live=?, pre_line=NULL, pre_from=NULL, pre_to=NULL WHERE line=?",
        (root, live, line),
    )


def state(
    reader: Reader, nodes: tree.NewNodes, at: Point, first: tuple[int | None, int]
) -> tuple[int | None, int]:
    """The state at a point as one tree: (root, rows). first: what its line began with."""
    base, root, live = reader.epoch(at) or (0, *first)
    return _applied(nodes, root, live, reader.fold(at.line, base, at.seq))


def begin_line(reader: Reader, repo: int) -> int:
    """A new line that stands on nothing; inside a transaction."""
    reader.connection.execute("INSERT INTO line(repo, tip, live) VALUES(?, 0, 0)", (repo,))
    return reader.connection.last_insert_rowid()


def fork(reader: Reader, repo: int, at: Point) -> int:
    """A new line that begins with the state at `at`; inside a transaction.

    O(1), but for a second fork in a row.
    """
    base, root, live = reader.epoch(at) or (0, *_own_tree(reader, at.line))
    pre = (at.line, base, at.seq) if at.seq > base else (None, None, None)
    reader.connection.execute(
        "INSERT INTO line(repo, tip, hist_line, hist_seq, root, live, "
        "pre_line, pre_from, pre_to) VALUES(?, 0, ?, ?, ?, ?, ?, ?, ?)",
        (repo, *at, root, live, *pre),
    )
    return reader.connection.last_insert_rowid()


def _own_tree(reader: Reader, line: int) -> tuple[int | None, int]:
    """The state a line began with as one tree, made now where it is none yet: (root, rows)."""
    reader.refresh()
    stands_on = reader.load_line(line)
    if stands_on.pre is None:
        return stands_on.root, stands_on.live
    nodes = NewNodes(reader, lambda count: reserve_ids(reader, count))
    root, live = beginning(reader, nodes, stands_on)
    write_nodes(reader, nodes.reachable(root))
    fold_beginning(reader, line, root, live)
    return root, live


def reserve_ids(reader: Reader, count: int) -> int:
    """The first of `count` node ids that nobody else will have; inside a transaction."""
    row = first_row(
        reader.connection,
        "UPDATE meta SET value=value+? WHERE name='next_node' RETURNING value",
        (count,),
    )
    assert row is not None
    return int(row[0]) - count


def write_nodes(reader: Reader, nodes: list[tuple[int, bytes]]) -> None:
    """Insert encoded nodes; inside a transaction."""
    reader.connection.executemany("INSERT INTO node(node, data) VALUES(?, ?)", nodes)


def drop_nodes(reader: Reader, nodes: list[tuple[int, bytes]]) -> None:
    """Take back nodes that nothing names yet; inside a transaction."""
    reader.connection.executemany("DELETE FROM node WHERE node=?", [(node,) for node, _ in nodes])


def _applied(
    nodes: tree.NewNodes, root: int | None, live: int, delta: dict[str, Row | None]
) -> tuple[int | None, int]:
    new_root, grown = tree.apply(nodes, root, sorted(delta.items(), key=lambda edit: edit[0]))
    return new_root, live + grown

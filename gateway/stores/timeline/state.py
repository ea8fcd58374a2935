"""One state of a line, whole: a tree and the changes since, bounded, over it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.stores.timeline import tree
from gateway.stores.timeline.lines import Lru, Point, Reader
from gateway.stores.timeline.tree import Row

STATES_CACHED = 32


@dataclass(frozen=True, slots=True)
class State:
    """A tree and what lies over it. delta: key -> row, None where the key is gone; keys: sorted."""

    base: int
    root: int | None
    delta: dict[str, Row | None]
    keys: list[str]

    def rows(self, nodes: tree.Nodes, start: str) -> Iterator[Row]:
        """Rows with key >= start, ascending. The delta wins over the tree."""
        position = bisect_left(self.keys, start)
        delta, keys = self.delta, self.keys
        following = keys[position] if position < len(keys) else None
        for row in tree.scan(nodes, self.root, start):
            while following is not None and following < row.key:
                changed = delta[following]
                if changed is not None:
                    yield changed
                position += 1
                following = keys[position] if position < len(keys) else None
            if following == row.key:
                continue
            yield row
        for key in keys[position:]:
            changed = delta[key]
            if changed is not None:
                yield changed

    def row(self, nodes: tree.Nodes, key: str) -> Row | None:
        """The row of one key."""
        if key in self.delta:
            return self.delta[key]
        return tree.find(nodes, self.root, key)


class States:
    """States by their point, the latest kept: at a head, the next one is built from the last.

    Cost of one that is not kept: the changes since the newest materialised state, a few thousand.
    One thread at a time.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.forget()

    def forget(self) -> None:
        """Drop what is kept: something was erased."""
        self._kept: Lru[Point, State] = Lru(STATES_CACHED)
        self._newest: Lru[tuple[int, int], int] = Lru(STATES_CACHED)

    def at(self, point: Point) -> State:
        """The state at a point."""
        found = self._kept.get(point)
        if found is None:
            found = self._build(point)
            self._kept.put(point, found)
        return found

    def _build(self, point: Point) -> State:
        reader = self._reader
        # Root and range of a line must be of one moment: it may be folded meanwhile.
        line = reader.line(point.line)
        base, root, _ = reader.epoch(point) or (0, line.root, 0)
        delta: dict[str, Row | None] = {}
        earlier = self._newest.get((point.line, base))
        before = (
            self._kept.get(Point(point.line, earlier))
            if earlier is not None and base <= earlier < point.seq
            else None
        )
        if before is not None and before.base == base and before.root == root:
            delta = before.delta | reader.fold(point.line, earlier or 0, point.seq)
        else:
            if base == 0 and line.pre is not None:
                delta = reader.fold(*line.pre)
            delta |= reader.fold(point.line, base, point.seq)
        if earlier is None or earlier < point.seq:
            self._newest.put((point.line, base), point.seq)
        return State(base, root, delta, sorted(delta))

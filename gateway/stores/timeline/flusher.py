"""The thread that materialises states, so that what lies over a tree stays bounded.

It reads through a connection of its own and writes in small transactions through the writer's
queue; nothing it wrote is seen before the last of them names the new root.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import apsw

from gateway.stores.timeline.database import all_rows, connect, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.materialise import (
    NewNodes,
    beginning,
    drop_nodes,
    fold_beginning,
    reserve_ids,
    state,
    write_nodes,
)
from gateway.stores.timeline.writer import Transaction, Writer
from gateway.versioning.errors import StoreError, Unavailable

log = logging.getLogger(__name__)

CHANGES_MIN, CHANGES_MAX = 1024, 4096
_ROWS_A_CHANGE = 64
_NODES_A_TRANSACTION = 64
_ANY_SEQ = 2**62


class Flusher:
    """Counts the changes of each line and makes a tree when they are many."""

    def __init__(self, file: Path, writer: Writer[Any]) -> None:
        self._reader = Reader(connect(file))
        self._writer = writer
        self._queue: queue.SimpleQueue[Mapping[int, int] | None] = queue.SimpleQueue()
        self._pending: dict[int, int] = {}
        self._limits: dict[int, int] = {}
        self._thread = threading.Thread(target=self._serve, name="labelgate-flusher", daemon=True)
        self._thread.start()

    def landed(self, grown: Mapping[int, int]) -> None:
        """Changes that were committed: line -> how many. Does not wait."""
        if grown:
            self._queue.put(grown)

    def close(self) -> None:
        """End the thread; what is not materialised stays as it is, which costs only reads."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (grown := self._queue.get()) is not None:
            for line, count in grown.items():
                self._grow(line, count)
        self._reader.connection.close()

    def _grow(self, line: int, count: int) -> None:
        """Take note of changes, and make a tree where they are many now."""
        try:
            if line in self._pending:
                self._pending[line] += count
            else:
                self._pending[line] = self._count(line)
            if self._pending[line] < self._limits[line]:
                return
            flush(self._reader, self._writer, line)
        except Unavailable:
            pass  # the writer is closing or the disk is full: the next commit asks again
        except (StoreError, apsw.Error, ValueError, AssertionError):
            log.exception("line %d was not materialised; reads of it get slower, not wrong", line)
        self._pending.pop(line, None)

    def _count(self, line: int) -> int:
        """Changes of a line over its newest tree, and the limit that holds for it."""
        begins = self._reader.load_line(line)
        seq, _, live = self._reader.epoch(Point(line, _ANY_SEQ)) or (0, begins.root, begins.live)
        self._limits[line] = min(max(live // _ROWS_A_CHANGE, CHANGES_MIN), CHANGES_MAX)
        own = self._changes(line, seq, _ANY_SEQ)
        # A range it began with is short, unless many commits came in at once.
        below = self._changes(*begins.pre) if seq == 0 and begins.pre is not None else 0
        return own + below if below > CHANGES_MAX else own

    def _changes(self, line: int, above: int, seq: int) -> int:
        (count,) = first_row(
            self._reader.connection,
            "SELECT count(*) FROM change WHERE line=? AND seq>? AND seq<=?",
            (line, above, seq),
        )
        return int(count)


def flush(reader: Reader, writer: Writer[Any], line: int) -> None:
    """Materialise the tip of a line, and what it began with. Raises Unavailable.

    States on the way too, where the changes since the last one are very many: a read at an old
    commit folds no more of them than one at the tip.
    """
    row = first_row(reader.connection, "SELECT tip FROM line WHERE line=?", (line,))
    if row is not None:
        for seq in _steps(reader, line, row[0]):
            _materialise(reader, writer, Point(line, seq))


def _steps(reader: Reader, line: int, tip: int) -> list[int]:
    """The states to make, oldest first: the tip, and one before the changes exceed the limit."""
    base = (reader.epoch(Point(line, tip)) or (0,))[0]
    rows = all_rows(
        reader.connection,
        "SELECT seq, count(*) FROM change WHERE line=? AND seq>? AND seq<=? "
        "GROUP BY seq ORDER BY seq",
        (line, base, tip),
    )
    steps, changes = [], 0
    for seq, count in rows:
        if changes and changes + count > CHANGES_MAX:
            steps.append(seq - 1)
            changes = 0
        changes += count
    return [*steps, tip]


def _materialise(reader: Reader, writer: Writer[Any], at: Point) -> None:
    """Make the state at a point a tree, and what its line began with. Raises Unavailable.

    An erase that came meanwhile did not see the new nodes: they are taken back.
    """
    reader.refresh()
    erasures = reader.erasures()
    nodes = NewNodes(
        reader, lambda count: writer.run_from_thread(lambda tx: reserve_ids(tx.reader, count))
    )
    stands_on = reader.load_line(at.line)
    first = beginning(reader, nodes, stands_on)
    root, live = state(reader, nodes, at, first)
    new = sorted(dict(nodes.reachable(first[0]) + nodes.reachable(root)).items())
    for start in range(0, len(new), _NODES_A_TRANSACTION):
        writer.run_from_thread(_keep(new[start : start + _NODES_A_TRANSACTION]))

    def name(tx: Transaction[Any]) -> bool:
        if tx.reader.erasures() != erasures:
            drop_nodes(tx.reader, new)
            return False
        tx.connection.execute(
            "INSERT OR IGNORE INTO epoch(line, seq, root, live) VALUES(?, ?, ?, ?)",
            (*at, root, live),
        )
        needed = tx.connection.changes() > 0
        if tx.reader.load_line(at.line).pre is not None:
            fold_beginning(tx.reader, at.line, *first)
            needed = True
        if not needed:  # another process was first: what nobody reaches, no erase would find
            drop_nodes(tx.reader, new)
        return True

    if not writer.run_from_thread(name):
        raise Unavailable("something was erased meanwhile")


def _keep(nodes: list[tuple[int, bytes]]) -> Callable[[Transaction[Any]], None]:
    return lambda tx: write_nodes(tx.reader, nodes)

"""Checks what is derived from the changes: the entries by key and the materialised states.

A state is judged by the one before it and the changes between, so all of them together cost the
changes, not states times objects.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.stores.timeline import tree
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.state import State, States


def missing_entries(reader: Reader, at: Point) -> int:
    """How many changes of a commit no lookup by key would find."""
    (missing,) = first_row(
        reader.connection,
        "SELECT count(*) FROM change c WHERE c.line=? AND c.seq=? AND NOT EXISTS("
        "SELECT 1 FROM entry e WHERE e.line=c.line AND e.key=c.key AND e.seq=c.seq)",
        at,
    )
    return int(missing)


def lines(reader: Reader) -> list[int]:
    """Every line."""
    return [line for (line,) in all_rows(reader.connection, "SELECT line FROM line ORDER BY line")]


def unsound_states(reader: Reader, line: int) -> Iterator[int]:
    """The materialised states of a line, by seq, that the changes do not lead to.

    0: the one it began with. Raises Corrupt where nodes are missing.
    """
    states = States(reader)
    hist = reader.load_line(line).hist
    before = states.at(Point(line, 0))
    origin = State(0, None, {}, []) if hist is None else states.at(hist)
    if _differ(reader, origin, before):
        yield 0
    epochs = all_rows(
        reader.connection, "SELECT seq, root FROM epoch WHERE line=? ORDER BY seq", (line,)
    )
    for seq, root in epochs:
        delta = before.delta | reader.fold(line, before.base, seq)
        expected = State(before.base, before.root, delta, sorted(delta))
        found = State(seq, root, {}, [])
        if _differ(reader, expected, found):
            yield seq
        before = found


def _differ(reader: Reader, one: State, other: State) -> bool:
    """Whether two states are not the same: what their trees share need not be looked at."""
    keys = set(one.delta) | set(other.delta)
    for left, right in tree.differing(reader, one.root, other.root):
        keys.update(row.key for row in (left, right) if row is not None)
    return any(one.row(reader, key) != other.row(reader, key) for key in keys)

"""The newest state that two histories have in common, which a merge of them stands on."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.lines import Point, Reader

_MERGES_A_TURN = 100


def newest(reader: Reader, one: Point, other: Point) -> Point | None:
    """The newest commit that both histories have, along first parents or by one merge.

    Cost: the lines of both, and of merges those that came since.
    """
    candidates = [
        point
        for point in (
            _fork(reader, one, other),
            _merged(reader, one, other),
            _merged(reader, other, one),
        )
        if point is not None
    ]
    return max(candidates, key=lambda point: _number(reader, point), default=None)


def _fork(reader: Reader, one: Point, other: Point) -> Point | None:
    """The newest commit that both have along first parents."""
    upto = {point.line: point.seq for point in reader.chain(other)}
    for point in reader.chain(one):
        if point.line in upto:
            return Point(point.line, min(point.seq, upto[point.line]))
    return None


def _merged(reader: Reader, source: Point, target: Point) -> Point | None:
    """The newest commit of the source's history that was merged into the target's."""
    for merged in _merges(reader, target):
        if reader.in_history(merged, source):
            return merged
    return None


def _merges(reader: Reader, at: Point) -> Iterator[Point]:
    """What was merged into a history, newest first."""
    for point in reader.chain(at):
        upto = point.seq
        while True:
            rows = all_rows(
                reader.connection,
                "SELECT seq, src_line, src_seq FROM merge WHERE line=? AND seq<=? "
                "ORDER BY seq DESC LIMIT ?",
                (point.line, upto, _MERGES_A_TURN),
            )
            yield from (Point(line, seq) for _, line, seq in rows)
            if len(rows) < _MERGES_A_TURN:
                break
            upto = rows[-1][0] - 1


def _number(reader: Reader, point: Point) -> int:
    (number,) = first_row(reader.connection, "SELECT n FROM commits WHERE line=? AND seq=?", point)
    return int(number)

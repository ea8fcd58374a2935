"""Lines: sequences of commits, and point reads in them. Every read costs the same however old.

A line's state at `seq` is its own changes up to there, over at most one range of another line,
over a tree (see schema.line); its history goes on in another line.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import apsw

from gateway.stores.timeline import tree
from gateway.stores.timeline.database import first_row
from gateway.stores.timeline.rows import COLUMNS, Change
from gateway.stores.timeline.schema import POINT, PUT
from gateway.stores.timeline.tree import Node, Row
from gateway.versioning.errors import Corrupt

NODES_CACHED = 1024
LINES_CACHED = 4096

_K = TypeVar("_K")
_V = TypeVar("_V")


class Point(NamedTuple):
    """A commit's place: the seq-th of its line; seq 0 is the state the line began with."""

    line: int
    seq: int


@dataclass(frozen=True, slots=True)
class Line:
    """What a line stands on. It may change for an equivalent one: `pre` is folded into `root`.

    hist: the commit before the line's first; None where history begins here.
    pre: (line, from, to): changes of that line in (from, to] lie over `root`; None for none.
    """

    line: int
    repo: int
    hist: Point | None
    root: int | None
    live: int
    pre: tuple[int, int, int] | None


class Lru(Generic[_K, _V]):
    """A bounded cache of what never changes. One thread at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[_K, _V] = OrderedDict()

    def get(self, key: _K) -> _V | None:
        """The value, which is young again by this; None where it is not kept."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: _K, value: _V) -> None:
        """Keep a value; the one unused for longest goes."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Reader:
    """Reads through one connection. One thread at a time.

    What it returns never changes, but for what an erase takes away (see `refresh`).
    """

    _nodes: Lru[int, Node]
    _lines: Lru[int, Line]

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.forget()

    # ---- trees

    def get(self, node: int) -> Node:
        """A node (tree.Nodes)."""
        found = self._nodes.get(node)
        if found is None:
            row = first_row(self.connection, "SELECT data FROM node WHERE node=?", (node,))
            if row is None:
                raise Corrupt(f"index node {node} is missing; `labelgate verify` checks the rest")
            found = tree.decode(row[0])
            self._nodes.put(node, found)
        return found

    def forget(self) -> None:
        """Drop what was read of rows that a rollback took back: their numbers go to others."""
        self._nodes = Lru(NODES_CACHED)
        self._lines = Lru(LINES_CACHED)
        self._erasures: int | None = None

    def refresh(self) -> bool:
        """Drop what was read before the newest erase, which changes nodes; whether there was one.

        Who reads trees for more than the place of a change asks this first: a point read.
        """
        erasures = self.erasures()
        if erasures == self._erasures:
            return False
        self.forget()
        self._erasures = erasures
        return True

    def erasures(self) -> int:
        """How many commits erased something."""
        row = first_row(self.connection, "SELECT value FROM meta WHERE name='erasures'")
        return 0 if row is None else int(row[0])

    # ---- lines

    def line(self, line: int) -> Line:
        """What a line stands on."""
        found = self._lines.get(line)
        if found is None:
            found = self.load_line(line)
            self._lines.put(line, found)
        return found

    def load_line(self, line: int) -> Line:
        """The same as it is now, past the cache."""
        row = first_row(
            self.connection,
            "SELECT repo, hist_line, hist_seq, root, live, pre_line, pre_from, pre_to "
            "FROM line WHERE line=?",
            (line,),
        )
        if row is None:
            raise Corrupt(f"line {line} is missing")
        repo, hist_line, hist_seq, root, live, *pre = row
        hist = None if hist_line is None else Point(hist_line, hist_seq)
        return Line(line, repo, hist, root, live, None if pre[0] is None else tuple(pre))

    def chain(self, at: Point) -> Iterator[Point]:
        """The history behind `at`: each line with the last seq that belongs to it, newest first."""
        point: Point | None = at
        while point is not None:
            yield point
            point = self.line(point.line).hist

    def epoch(self, at: Point) -> tuple[int, int | None, int] | None:
        """The newest materialised state of the line at or before `at`: (seq, root, its rows)."""
        row: tuple[int, int | None, int] | None = first_row(
            self.connection,
            "SELECT seq, root, live FROM epoch WHERE line=? AND seq<=? ORDER BY seq DESC LIMIT 1",
            at,
        )
        return row

    # ---- points

    def read(self, at: Point, key: bytes) -> Change | None:
        """What made `key` what it is at that state (a point is followed); None: never there.

        A key that is gone is its marker, or None where what took it away lies deeper, or left no
        marker (see `gone_by`).
        """
        line = self.line(at.line)
        row = self._newest(at.line, key, 0, at.seq)
        if row is None and line.pre is not None:
            row = self._newest(line.pre[0], key, *line.pre[1:])
        if row is None:
            found = tree.find(self, line.root, key.decode())
            return None if found is None else self.change(Point(found.line, found.seq), key)
        return self.followed(row)

    def followed(self, row: Change) -> Change | None:
        """The change that a point points to, None where that is nothing; any other as it is."""
        while row.kind == POINT:
            if row.to_line is None or row.to_seq is None:
                return None
            target = self.change(Point(row.to_line, row.to_seq), row.key)
            if target is None:
                raise Corrupt(f"a point of {row.key!r} leads nowhere")
            row = target
        return row

    def gone_by(self, at: Point, key: bytes) -> Change | None:
        """The change by which a key that `read` did not find is absent; None: never there.

        A delete marker, what was erased, or a point to nothing. Cost: one lookup for each line of
        the history; trees keep none of them.
        """
        for line, upto in self.chain(at):
            row = self._newest(line, key, 0, upto)
            if row is not None:
                row = self.followed(row) or row
                return None if row.live else row
        return None

    def change(self, at: Point, key: bytes) -> Change | None:
        """What that very commit did to `key`."""
        row = first_row(
            self.connection,
            f"SELECT {COLUMNS} FROM change WHERE line=? AND seq=? AND key=?",  # noqa: S608
            (*at, key),
        )
        return None if row is None else Change(*row)

    def _newest(self, line: int, key: bytes, above: int, seq: int) -> Change | None:
        """The newest change of `key` in (above, seq] of a line."""
        row = first_row(
            self.connection,
            f"SELECT {COLUMNS} FROM change WHERE line=?1 AND key=?2 AND seq=("  # noqa: S608
            "SELECT seq FROM entry WHERE line=?1 AND key=?2 AND seq<=?4 AND seq>?3 "
            "ORDER BY seq DESC LIMIT 1)",
            (line, key, above, seq),
        )
        return None if row is None else Change(*row)

    def commit_at(self, at: Point) -> bytes:
        """The id of a commit."""
        row = first_row(self.connection, "SELECT id FROM commits WHERE line=? AND seq=?", at)
        if row is None:
            raise Corrupt(f"commit {at.seq} of line {at.line} is missing")
        return bytes(row[0])

    def point_of(self, commit: bytes) -> tuple[Point, int] | None:
        """Where a commit is, and the repo it belongs to; None where there is no such commit."""
        row = first_row(
            self.connection,
            "SELECT c.line, c.seq, l.repo FROM commits c JOIN line l USING(line) WHERE c.id=?",
            (commit,),
        )
        return None if row is None else (Point(row[0], row[1]), row[2])

    def in_history(self, point: Point, at: Point) -> bool:
        """Whether `point` lies behind `at` along first parents."""
        return any(one.line == point.line and point.seq <= one.seq for one in self.chain(at))

    # ---- states

    def fold(
        self, line: int, above: int, seq: int, start: bytes = b"", stop: bytes = b"\xff"
    ) -> dict[str, Row | None]:
        """What the changes of a line in (above, seq] come to: each key's newest row, None: gone.

        start, stop: keys in [start, stop) alone; all of them by default.
        """
        folded: dict[str, Row | None] = {}
        rows = self.connection.execute(
            "SELECT key, seq, kind, etag, size, mtime FROM change "
            "WHERE line=? AND seq>? AND seq<=? AND key>=? AND key<? ORDER BY seq",
            (line, above, seq, start, stop),
        )
        for key, at, kind, etag, size, mtime in rows:
            text = key.decode()
            if kind == POINT:
                folded[text] = self._pointed(Point(line, at), key)
            elif kind == PUT:
                folded[text] = Row(text, line, at, etag, size, mtime)
            else:
                folded[text] = None
        return folded

    def _pointed(self, at: Point, key: bytes) -> Row | None:
        row = self.change(at, key)
        assert row is not None
        target = self.followed(row)
        if target is None or not target.live:
            return None
        return Row(key.decode(), target.line, target.seq, target.etag, target.size, target.mtime)

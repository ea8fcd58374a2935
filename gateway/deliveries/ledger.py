"""How far each channel has been told of each branch, and what could not be delivered.

A SQLite file of its own in the data directory. What is to be told needs no queue: the commits are
the queue, and land with what they tell of. A crash between a delivery and its entry here makes it
come again; the newest entries may be lost in a power cut, with the same effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gateway.deliveries.database import open_database
from gateway.versioning.names import CommitId, RepoName

NAME = "deliveries.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS channel(
    name TEXT PRIMARY KEY,
    since INTEGER NOT NULL             -- ms: what came to a branch before is not told
) STRICT;
CREATE TABLE IF NOT EXISTS cursor(
    channel TEXT NOT NULL,
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    told TEXT NOT NULL,                -- the last commit that is done with
    PRIMARY KEY(channel, project, repo, branch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    tries INTEGER NOT NULL,
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    again INTEGER NOT NULL DEFAULT 0,  -- somebody asked for another try
    UNIQUE(channel, project, repo, branch, commit_id)
) STRICT;
"""
_PARKED = "SELECT id, channel, project, repo, branch, commit_id, tries, at, why, again FROM parked "


class Place(NamedTuple):
    """A branch, whatever its history."""

    repo: RepoName
    branch: str


class Parked(NamedTuple):
    """A delivery that was given up. at_ms: when. again: it is to be tried again."""

    id: int
    channel: str
    place: Place
    commit: CommitId
    tries: int
    at_ms: int
    why: str
    again: bool


class Ledger:
    """The file. Every method is quick and may be called by several processes at once."""

    def __init__(self, folder: Path) -> None:
        self._db = open_database(folder / NAME, _TABLES, synchronous="NORMAL")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def since(self, channel: str, now_ms: int) -> int:
        """From when on a channel is told of commits: from its first start."""
        with self._db:
            self._db.execute("INSERT OR IGNORE INTO channel VALUES(?, ?)", (channel, now_ms))
        return int(self._rows("SELECT since FROM channel WHERE name=?", (channel,))[0][0])

    def told(self, channel: str) -> dict[Place, CommitId]:
        """Of each branch the last commit that is done with."""
        rows = self._rows(
            "SELECT project, repo, branch, told FROM cursor WHERE channel=?", (channel,)
        )
        return {_place(*row[:3]): CommitId(row[3]) for row in rows}

    def move(self, channel: str, place: Place, commit: CommitId) -> None:
        """That commit is done with."""
        values = (channel, *_columns(place), commit)
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO cursor VALUES(?, ?, ?, ?, ?)", values)

    def forget(self, channel: str, place: Place) -> None:
        """The branch is gone."""
        values = (channel, *_columns(place))
        with self._db:
            self._db.execute(
                "DELETE FROM cursor WHERE channel=? AND project=? AND repo=? AND branch=?", values
            )

    def park(
        self, channel: str, place: Place, commit: CommitId, *, tries: int, at_ms: int, why: str
    ) -> None:
        """Give a delivery up until somebody asks for it."""
        values = (channel, *_columns(place), commit, tries, at_ms, why)
        with self._db:
            self._db.execute(
                "INSERT INTO parked(channel, project, repo, branch, commit_id, tries, at, why) "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "tries=tries+excluded.tries, at=excluded.at, why=excluded.why, again=0",
                values,
            )

    def parked(self, *, after: int = 0, limit: int = 1000) -> Sequence[Parked]:
        """What was given up, oldest first, from behind the id `after`."""
        rows = self._rows(_PARKED + "WHERE id>? ORDER BY id LIMIT ?", (after, limit))
        return [_parked(row) for row in rows]

    def parked_one(self, number: int) -> Parked | None:
        """One of them."""
        rows = self._rows(_PARKED + "WHERE id=?", (number,))
        return _parked(rows[0]) if rows else None

    def asked_again(self, channel: str) -> Sequence[Parked]:
        """Those of a channel that are to be tried again."""
        rows = self._rows(_PARKED + "WHERE channel=? AND again=1 ORDER BY id", (channel,))
        return [_parked(row) for row in rows]

    def count_parked(self, channel: str) -> int:
        """How many of a channel are given up."""
        return int(self._rows("SELECT count(*) FROM parked WHERE channel=?", (channel,))[0][0])

    def ask_again(self, number: int) -> None:
        """Have one tried again."""
        with self._db:
            self._db.execute("UPDATE parked SET again=1 WHERE id=?", (number,))

    def drop(self, number: int) -> None:
        """It was delivered, or nobody wants it any more."""
        with self._db:
            self._db.execute("DELETE FROM parked WHERE id=?", (number,))

    def _rows(self, statement: str, values: Sequence[Any]) -> list[Any]:
        """The schema knows the types, mypy does not."""
        return self._db.execute(statement, values).fetchall()


def _columns(place: Place) -> tuple[str, str, str]:
    return place.repo.project, place.repo.name, place.branch


def _place(project: str, repo: str, branch: str) -> Place:
    return Place(RepoName(repo, project), branch)


def _parked(row: Sequence[Any]) -> Parked:
    number, channel, project, repo, branch, commit, tries, at_ms, why, again = row
    place = _place(project, repo, branch)
    return Parked(number, channel, place, CommitId(commit), tries, at_ms, why, bool(again))

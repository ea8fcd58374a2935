"""Triggers, what each has counted, and what it fired: a SQLite file in the data directory.

What follows from a commit (the counts, and a firing) is one transaction, and remembers the commit:
told of it again after a crash, it counts nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from gateway.deliveries.database import open_database
from gateway.triggers.conditions import Gained
from gateway.triggers.model import Count, Trigger
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.names import CommitId, RepoName

NAME = "triggers.db"
HISTORY_MAX = 1000
"""Firings of a trigger that are done with; older ones are forgotten."""

_TABLES = """
CREATE TABLE IF NOT EXISTS trigger(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    name TEXT NOT NULL,
    form TEXT NOT NULL,
    UNIQUE(project, repo, name)
) STRICT;
-- What a trigger counted since it fired last. told: the commit that was counted last; begun: the
-- one before the first of these.
CREATE TABLE IF NOT EXISTS gained(
    trigger INTEGER PRIMARY KEY,
    commits INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    begun TEXT,
    told TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS tasked(
    trigger INTEGER NOT NULL,
    task TEXT NOT NULL,
    PRIMARY KEY(trigger, task)
) STRICT, WITHOUT ROWID;
-- state: waiting, done, parked. due: not before, ms.
CREATE TABLE IF NOT EXISTS firing(
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    trigger INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ref TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    since TEXT,
    counts TEXT NOT NULL,
    test INTEGER NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    told TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS firing_waiting ON firing(trigger, n) WHERE state='waiting';
CREATE TABLE IF NOT EXISTS tag_seen(
    project TEXT NOT NULL,
    repo TEXT NOT NULL,
    tag TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    PRIMARY KEY(project, repo, tag)
) STRICT, WITHOUT ROWID;
"""
_TRIGGER = "SELECT id, project, repo, name, form FROM trigger "
_FIRING = (
    "SELECT n, id, trigger, at, ref, commit_id, since, counts, test, state, tries, due, told "
    "FROM firing "
)
_NEXT = (
    "WHERE n IN (SELECT min(n) FROM firing WHERE state='waiting' GROUP BY trigger) "
    "AND due<=? ORDER BY n"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A trigger with its number here."""

    number: int
    trigger: Trigger


class Firing(NamedTuple):
    """What a trigger fired. id: for its receivers, who may hear of it twice.

    since: the commit before the first that it is about. told: what came of it.
    """

    n: int
    id: str
    trigger: int
    at_ms: int
    ref: str
    commit: CommitId
    since: CommitId | None
    counts: dict[str, int]
    test: bool
    state: str
    tries: int
    due_ms: int
    told: str


class Shelf:
    """The file. Every method is quick and may be called by several processes at once."""

    def __init__(self, folder: Path) -> None:
        self._db = open_database(folder / NAME, _TABLES, synchronous="FULL")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # ---- triggers

    def add(self, trigger: Trigger) -> Kept:
        """Keep a new one. Raises AlreadyExists."""
        repo = trigger.repo
        values = (repo.project, repo.name, trigger.name, json.dumps(trigger.to_json()))
        try:
            with self._db:
                self._db.execute(
                    "INSERT INTO trigger(project, repo, name, form) VALUES(?, ?, ?, ?)", values
                )
        except apsw.ConstraintError:
            raise AlreadyExists(f"repo {repo} has a trigger {trigger.name!r} already") from None
        return Kept(self._db.last_insert_rowid(), trigger)

    def remove(self, number: int) -> None:
        """Forget one, and all that it fired."""
        with self._db:
            self._db.execute("DELETE FROM trigger WHERE id=?", (number,))
            for table in ("gained", "tasked", "firing"):
                self._db.execute(f"DELETE FROM {table} WHERE trigger=?", (number,))  # noqa: S608

    def all(self, repo: RepoName | None = None) -> Sequence[Kept]:
        """Triggers, by repo and name."""
        rows = self._rows(
            _TRIGGER + "WHERE ?1 IS NULL OR (project=?1 AND repo=?2) ORDER BY project, repo, name",
            (repo and repo.project, repo and repo.name),
        )
        return [_kept(row) for row in rows]

    def find(self, repo: RepoName, name: str) -> Kept | None:
        """One by its name."""
        values = (repo.project, repo.name, name)
        rows = self._rows(_TRIGGER + "WHERE project=? AND repo=? AND name=?", values)
        return _kept(rows[0]) if rows else None

    def by_number(self, number: int) -> Kept | None:
        """One by its number."""
        rows = self._rows(_TRIGGER + "WHERE id=?", (number,))
        return _kept(rows[0]) if rows else None

    # ---- counting

    def told(self, number: int) -> CommitId | None:
        """The commit that a trigger counted last."""
        rows = self._rows("SELECT told FROM gained WHERE trigger=?", (number,))
        return CommitId(rows[0][0]) if rows and rows[0][0] else None

    def gained(self, number: int) -> Gained:
        """What a trigger has counted since it fired last."""
        rows = self._rows(
            "SELECT commits, objects, bytes, first, last FROM gained WHERE trigger=?", (number,)
        )
        if not rows:
            return Gained()
        commits, objects, size, first, last = rows[0]
        [(tasks,)] = self._rows("SELECT count(*) FROM tasked WHERE trigger=?", (number,))
        counts = {
            Count.COMMITS: commits, Count.OBJECTS: objects, Count.TASKS: tasks, Count.BYTES: size,
        }  # fmt: skip
        return Gained(counts, first, last)

    def count(
        self,
        number: int,
        commit: CommitId,
        parent: CommitId | None,
        gained: Gained,
        tasks: Iterable[str],
    ) -> None:
        """Add what a commit brought; the caller holds the transaction. parent: the one before."""
        counts = gained.counts
        self._db.execute(
            "INSERT INTO gained VALUES(?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET "
            "begun=CASE commits WHEN 0 THEN excluded.begun ELSE begun END, "
            "first=CASE commits WHEN 0 THEN excluded.first ELSE first END, "
            "commits=commits+excluded.commits, objects=objects+excluded.objects, "
            "bytes=bytes+excluded.bytes, last=excluded.last, told=excluded.told",
            (
                number,
                counts.get(Count.COMMITS, 0),
                counts.get(Count.OBJECTS, 0),
                counts.get(Count.BYTES, 0),
                gained.last_ms,
                parent,
                commit,
            ),
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO tasked VALUES(?, ?)", [(number, task) for task in tasks]
        )

    def fire(self, number: int, firing_id: str, *, at_ms: int, ref: str, commit: CommitId) -> None:
        """Turn what was counted into a firing; the caller holds the transaction."""
        gained = self.gained(number)
        counts = {count.value: amount for count, amount in gained.counts.items() if amount}
        rows = self._rows("SELECT begun FROM gained WHERE trigger=?", (number,))
        since = rows[0][0] if rows else None
        self._insert(number, firing_id, at_ms=at_ms, ref=ref, commit=commit, since=since,
                     counts=counts)  # fmt: skip
        self._db.execute(
            "UPDATE gained SET commits=0, objects=0, bytes=0 WHERE trigger=?", (number,)
        )
        self._db.execute("DELETE FROM tasked WHERE trigger=?", (number,))

    def fire_test(
        self, number: int, firing_id: str, *, at_ms: int, ref: str, commit: CommitId
    ) -> Firing:
        """A firing that nothing but a test is the reason of."""
        with self._db:
            self._insert(number, firing_id, at_ms=at_ms, ref=ref, commit=commit, test=True)
        [row] = self._rows(_FIRING + "WHERE id=?", (firing_id,))
        return _firing(row)

    def _insert(
        self,
        number: int,
        firing_id: str,
        *,
        at_ms: int,
        ref: str,
        commit: CommitId,
        since: str | None = None,
        counts: dict[str, int] | None = None,
        test: bool = False,
    ) -> None:
        self._db.execute(
            "INSERT INTO firing(id, trigger, at, ref, commit_id, since, counts, test, state, due) "
            "VALUES(?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
            (firing_id, number, at_ms, ref, commit, since, json.dumps(counts or {}), test, at_ms),
        )

    @property
    def transaction(self) -> apsw.Connection:
        """A context in which what is written lands together, or not at all."""
        return self._db

    # ---- tags

    def new_tag(self, repo: RepoName, tag: str, commit: CommitId) -> bool:
        """Note a tag; whether it was not known; the caller holds the transaction."""
        values = (repo.project, repo.name, tag, commit)
        self._db.execute("INSERT OR IGNORE INTO tag_seen VALUES(?, ?, ?, ?)", values)
        if self._db.changes():
            return True
        self._db.execute(
            "UPDATE tag_seen SET commit_id=?4 "
            "WHERE project=?1 AND repo=?2 AND tag=?3 AND commit_id<>?4",
            values,
        )
        return bool(self._db.changes())

    # ---- firings

    def waiting(self, now_ms: int) -> Sequence[Firing]:
        """Of each trigger the firing that is next, where its time has come."""
        rows = self._rows(
            _FIRING + _NEXT,
            (now_ms,),
        )
        return [_firing(row) for row in rows]

    def history(self, number: int, *, limit: int = 100) -> Sequence[Firing]:
        """What a trigger fired, newest first."""
        rows = self._rows(_FIRING + "WHERE trigger=? ORDER BY n DESC LIMIT ?", (number, limit))
        return [_firing(row) for row in rows]

    def firing(self, firing_id: str) -> Firing | None:
        """One firing."""
        rows = self._rows(_FIRING + "WHERE id=?", (firing_id,))
        return _firing(rows[0]) if rows else None

    def settle(self, firing: Firing, state: str, told: str, *, due_ms: int = 0) -> None:
        """What came of a try: done, parked, or waiting for the next one at `due_ms`."""
        with self._db:
            self._db.execute(
                "UPDATE firing SET state=?, told=?, tries=tries+1, due=? WHERE n=?",
                (state, told, due_ms, firing.n),
            )
            self._db.execute(
                "DELETE FROM firing WHERE trigger=?1 AND state='done' AND n<=(SELECT n FROM firing "
                "WHERE trigger=?1 AND state='done' ORDER BY n DESC LIMIT 1 OFFSET ?2)",
                (firing.trigger, HISTORY_MAX),
            )

    def replay(self, firing: Firing, now_ms: int) -> None:
        """Have one done again."""
        with self._db:
            self._db.execute(
                "UPDATE firing SET state='waiting', tries=0, due=? WHERE n=?", (now_ms, firing.n)
            )

    def left(self, number: int) -> tuple[int, int]:
        """How many firings of a trigger wait, and how many were given up."""
        rows = dict(
            self._rows(
                "SELECT state, count(*) FROM firing WHERE trigger=? GROUP BY state", (number,)
            )
        )
        return rows.get("waiting", 0), rows.get("parked", 0)

    def count_parked(self) -> int:
        """How many firings were given up."""
        return int(self._rows("SELECT count(*) FROM firing WHERE state='parked'", ())[0][0])

    def _rows(self, statement: str, values: Sequence[Any]) -> list[Any]:
        """The schema knows the types, mypy does not."""
        return self._db.execute(statement, values).fetchall()


def _kept(row: Sequence[Any]) -> Kept:
    number, project, repo, name, form = row
    return Kept(number, Trigger.from_json(RepoName(repo, project), name, json.loads(form)))


def _firing(row: Sequence[Any]) -> Firing:
    n, identity, trigger, at, ref, commit, since, counts, test, state, tries, due, told = row
    return Firing(
        n, identity, trigger, at, ref, CommitId(commit), since and CommitId(since),
        json.loads(counts), bool(test), state, tries, due, told,
    )  # fmt: skip

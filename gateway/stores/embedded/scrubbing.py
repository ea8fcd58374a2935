"""The thread that takes the bytes of what was erased from the disk, soon after.

The table `scrub` says what is left to do, so a crash at any moment leaves work for the next open
and never a row that names a missing file: rows go in a transaction, files once that is durable,
then the log is truncated, which has old pages; only then is the work forgotten.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw

from gateway.stores.embedded.blobs import Blobs
from gateway.stores.embedded.commits import Batch
from gateway.stores.embedded.plan import last_number
from gateway.stores.timeline.database import all_rows, connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.stores.timeline.writer import CHECKPOINT_WAIT_MS, Transaction, Writer
from gateway.versioning.errors import StoreError, Unavailable

log = logging.getLogger(__name__)

PAUSE_S = 0.2
RETRY_S_MAX = 5.0
ROWS_A_TURN = 1000
SEQS_A_QUERY = 5000

Contents = Mapping[str, set[int]]
"""Numbers of rows by table: body, blob, manifest."""

KINDS = ("body", "blob", "manifest")


class Scrubber:
    """Scrubs when it is woken, and once at its beginning, for what an earlier run left."""

    def __init__(self, file: Path, writer: Writer[Batch], blobs: Blobs) -> None:
        self._connection = connect(file)
        self._connection.set_busy_timeout(CHECKPOINT_WAIT_MS)
        self._writer = writer
        self._blobs = blobs
        self._woken = threading.Event()
        self._woken.set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="labelgate-scrubber", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to scrub. Does not wait."""
        self._woken.set()

    def close(self) -> None:
        """End the thread; what is left to do is done at the next open."""
        self._closing.set()
        self._woken.set()
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        pause = PAUSE_S
        while True:
            self._woken.wait()
            self._woken.clear()
            # Many erases make one search for who else has their contents.
            if self._closing.wait(pause):
                return
            try:
                done = self.scrub()
            except Unavailable:  # the store is closing, or the disk is full
                done = False
            except (StoreError, apsw.Error, OSError):
                log.exception("erased contents are still on the disk; it is tried again")
                done = False
            pause = PAUSE_S if done else min(2 * pause, RETRY_S_MAX)
            if not done:
                self._woken.set()

    def scrub(self) -> bool:
        """Do what is to be done; whether nothing is left."""
        while rows := all_rows(
            self._connection,
            "SELECT n, body, blob, manifest FROM scrub ORDER BY n LIMIT ?",
            (ROWS_A_TURN,),
        ):
            if not self._finish(rows):
                return False
        return True

    def _finish(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        if any(row[1:] != (None, None, None) for row in rows):
            self._drop_contents(rows)
        files = all_rows(
            self._connection, "SELECT n, file FROM scrub WHERE file IS NOT NULL ORDER BY n"
        )
        self._blobs.remove_durably(file for _, file in files)
        if not self._truncate_log():
            return False
        done = [(n,) for n in {*(n for n, _ in files), *(row[0] for row in rows)}]
        self._writer.run_from_thread(
            lambda tx: tx.connection.executemany("DELETE FROM scrub WHERE n=?", done)
        )
        return True

    def _truncate_log(self) -> bool:
        """Take the old pages away; False where a reader is in the way."""
        try:
            (busy, _, _) = first_row(self._connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        except apsw.BusyError:
            return False
        return not busy

    def _drop_contents(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Drop the rows of contents that nobody else has; their files are then to be removed."""
        last = rows[-1][0]
        wanted = {kind: {row[at] for row in rows} - {None} for at, kind in enumerate(KINDS, 1)}
        commit, manifest = self._newest()
        if wanted["manifest"]:
            wanted["manifest"] -= self._used_by_changes(wanted)["manifest"]
            parts = _parts(self._connection, wanted["manifest"])
            wanted = {kind: wanted[kind] | parts[kind] for kind in KINDS}
        unused = _without(wanted, self._used_by_changes(wanted))
        unused = _without(unused, _used_by_manifests(self._connection, unused, above=0))

        def work(tx: Transaction[Batch]) -> None:
            # Whoever came since the search has them too.
            late = _used_since(tx.connection, unused, commit)
            left = _without(unused, late)
            left = _without(left, _parts(tx.connection, late["manifest"]))
            _drop(tx, _without(left, _used_by_manifests(tx.connection, left, above=manifest)))
            tx.connection.execute(
                "UPDATE scrub SET body=NULL, blob=NULL, manifest=NULL WHERE n<=?", (last,)
            )

        self._writer.run_from_thread(work)

    def _used_by_changes(self, contents: Contents) -> Contents:
        """Those that a change has. Cost: all changes, some thousand a query: none stays long.

        Raises Unavailable once the store is being closed.
        """
        found: dict[str, set[int]] = {kind: set() for kind in KINDS}
        for line, tip in all_rows(self._connection, "SELECT line, tip FROM line"):
            for above in range(0, tip, SEQS_A_QUERY):
                if self._closing.is_set():
                    raise Unavailable("the store is closed")
                rows = all_rows(
                    self._connection,
                    "SELECT body, blob, manifest FROM change WHERE line=? AND seq>? AND seq<=? "
                    "AND (body IN (SELECT value FROM json_each(?)) "
                    "OR blob IN (SELECT value FROM json_each(?)) "
                    "OR manifest IN (SELECT value FROM json_each(?)))",
                    (line, above, above + SEQS_A_QUERY, *_lists(contents)),
                )
                _collect(found, rows)
        return {kind: found[kind] & contents[kind] for kind in KINDS}

    def _newest(self) -> tuple[int, int]:
        """The newest commit and the newest manifest."""
        (commit,) = first_row(self._connection, "SELECT coalesce(max(n), 0) FROM commits")
        return commit, last_number(Reader(self._connection), "manifest")


def _drop(tx: Transaction[Batch], contents: Contents) -> None:
    for kind in KINDS:
        # Its number is not given out again: see last_number.
        last = last_number(tx.reader, kind)
        tx.connection.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (f"last_{kind}", last))
    blobs = [(number,) for number in contents["blob"]]
    many = tx.connection.executemany
    many("INSERT INTO scrub(file) SELECT file FROM blob WHERE id=?", blobs)
    many("DELETE FROM blob WHERE id=?", blobs)
    many("DELETE FROM body WHERE id=?", [(number,) for number in contents["body"]])
    many("DELETE FROM manifest WHERE id=?", [(number,) for number in contents["manifest"]])


def _parts(connection: apsw.Connection, manifests: Iterable[int]) -> Contents:
    """The contents that these manifests list."""
    rows = all_rows(
        connection,
        "SELECT body, blob FROM manifest WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps([*manifests]),),
    )
    bodies, blobs = {row[0] for row in rows}, {row[1] for row in rows}
    return {"body": bodies - {None}, "blob": blobs - {None}, "manifest": set()}


def _used_since(connection: apsw.Connection, contents: Contents, commit: int) -> Contents:
    """Those that a change of a newer commit has."""
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    rows = all_rows(
        connection,
        "SELECT body, blob, manifest FROM commits m JOIN change c ON c.line=m.line AND c.seq=m.seq "
        "WHERE m.n>? AND (body IN (SELECT value FROM json_each(?)) "
        "OR blob IN (SELECT value FROM json_each(?)) "
        "OR manifest IN (SELECT value FROM json_each(?)))",
        (commit, *_lists(contents)),
    )
    _collect(found, rows)
    return {kind: found[kind] & contents[kind] for kind in KINDS}


def _used_by_manifests(connection: apsw.Connection, contents: Contents, *, above: int) -> Contents:
    """Those that a manifest lists which is not among them; above: only those with such a number."""
    bodies, blobs, manifests = _lists(contents)
    rows = all_rows(
        connection,
        "SELECT body, blob, NULL FROM manifest WHERE id>? "
        "AND id NOT IN (SELECT value FROM json_each(?)) "
        "AND (body IN (SELECT value FROM json_each(?)) "
        "OR blob IN (SELECT value FROM json_each(?)))",
        (above, manifests, bodies, blobs),
    )
    found: dict[str, set[int]] = {kind: set() for kind in KINDS}
    _collect(found, rows)
    return {kind: found[kind] & contents[kind] for kind in KINDS}


def _without(contents: Contents, used: Contents) -> Contents:
    return {kind: contents[kind] - used[kind] for kind in KINDS}


def _lists(contents: Contents) -> tuple[str, ...]:
    return tuple(json.dumps([*contents[kind]]) for kind in KINDS)


def _collect(found: dict[str, set[int]], rows: Iterable[Sequence[int | None]]) -> None:
    for row in rows:
        for kind, number in zip(KINDS, row, strict=True):
            if number is not None:
                found[kind].add(number)

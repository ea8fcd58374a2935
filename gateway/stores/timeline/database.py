"""Connections to the SQLite file, and the lock between processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from gateway.stores.timeline.schema import WAL_PAGES

BUSY_MS_MAX = 10_000
CACHE_KIB = 32 * 1024


def connect(file: Path, *, read_only: bool = False, durable: bool = True) -> apsw.Connection:
    """A connection with the settings every one of ours has; WAL stays on once it was set.

    One may be used by several threads, one after the other. durable: what was committed survives a
    power cut; without, the newest may be lost, which is for what can be had again elsewhere.
    """
    flags = (
        apsw.SQLITE_OPEN_READONLY
        if read_only
        else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    )
    connection = apsw.Connection(str(file), flags=flags, statementcachesize=200)
    connection.set_busy_timeout(BUSY_MS_MAX)
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    if durable:
        # What is deleted is zeroed where it was: an erased content must not stay in a free page.
        connection.execute("PRAGMA secure_delete=ON").fetchall()
    connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}").fetchall()
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def first_row(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> Any:
    """The first row of an answer, None where it is empty. The schema knows the types, mypy not."""
    return connection.execute(statement, values).fetchone()


def all_rows(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Every row of an answer; no statement stays open."""
    return connection.execute(statement, values).fetchall()


class ProcessLock:
    """The queue between processes: SQLite's own busy handler is none (waits of seconds)."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits for whoever has it. Released by the kernel when a process dies."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file. Safe to call again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class Presence:
    """Tells the processes that have a file open of each other."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def alone(self) -> bool:
        """Whether nobody else is there; a lock must keep others from coming meanwhile."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def stay(self) -> None:
        """Be there until closed, or until the process dies. Does not wait: see `alone`."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def close(self) -> None:
        """Be gone. Safe to call again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def sync_directory(folder: Path) -> None:
    """Make names in `folder` durable: a file's own sync does not reach its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

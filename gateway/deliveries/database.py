"""Opens the small SQLite files in which deliveries remember how far they are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import apsw

_BUSY_MS_MAX = 10_000


def open_database(
    file: Path, tables: str, *, synchronous: Literal["NORMAL", "FULL"]
) -> apsw.Connection:
    """The file with its tables, made where it is missing; several processes may have it open.

    synchronous: NORMAL: what was written last may be lost in a power cut; FULL: nothing is.
    """
    file.touch(mode=0o600)
    connection = apsw.Connection(str(file))
    connection.set_busy_timeout(_BUSY_MS_MAX)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute(f"PRAGMA synchronous={synchronous}")
    with connection:
        connection.execute(tables)
    return connection

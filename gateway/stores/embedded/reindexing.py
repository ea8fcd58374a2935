"""Makes anew, from what is the truth, the rows by which writes are found: by key and by lineage.

The materialised states are derived too, and judged by `verify`; no read needs them to be right.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw

from gateway.stores.embedded import refs
from gateway.stores.embedded.tables import FORMAT, TABLES, UPGRADES
from gateway.stores.embedded.verify import FILE
from gateway.stores.timeline import finding, schema
from gateway.stores.timeline.database import ProcessLock, connect, first_row
from gateway.stores.timeline.lines import Reader
from gateway.versioning.errors import Corrupt

Told = Callable[[str, int], None]


def reindex(folder: Path, told: Told) -> dict[str, int]:
    """Make the index of a store's directory anew; the commits of each repo it is of.

    A server that runs on it goes on reading, and its writes wait. told: what was made, and how many
    rows. One transaction. Cost: some 30 us a change. Raises Corrupt where it is no store.
    """
    if not (folder / FILE).exists():
        raise Corrupt(f"{folder} holds no store")
    lock = ProcessLock(folder / "store.lock")
    try:
        with lock.held():
            return _reindexed(folder / FILE, told)
    except apsw.Error as error:
        raise Corrupt(f"{folder / FILE} cannot be indexed: {error}") from error
    finally:
        lock.close()


def _reindexed(file: Path, told: Told) -> dict[str, int]:
    connection = connect(file)
    try:
        schema.prepare(connection, TABLES, FORMAT, UPGRADES)
        with connection:
            connection.execute("DELETE FROM entry")
            connection.execute(
                "INSERT INTO entry SELECT line, key, seq FROM change ORDER BY line, key, seq DESC"
            )
            told("keys", connection.changes())
            finding.fill(connection, lambda count: told("lineage", count))
        return {
            str(repo.name): _commits(connection, repo.name.project, repo.name.name)
            for repo in refs.repos(Reader(connection))
        }
    finally:
        connection.close()


def _commits(connection: apsw.Connection, project: str, name: str) -> int:
    (count,) = first_row(
        connection,
        "SELECT count(*) FROM repo p JOIN line l USING(repo) JOIN commits c USING(line) "
        "WHERE p.project=? AND p.name=? AND p.deleted IS NULL",
        (project, name),
    )
    return int(count)

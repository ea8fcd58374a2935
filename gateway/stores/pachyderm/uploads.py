"""Multipart uploads under way: a file of this replica's own, for nothing of them is in a commit.

Large parts are file sets in pachd, which forgets one that is not renewed; small ones lie here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.pfs import Pfs
from gateway.stores.pachyderm.renewals import TTL_S, Renewals, forget
from gateway.stores.pachyderm.words import Staged
from gateway.versioning.errors import InvalidPart, NoUpload
from gateway.versioning.model import Attributes, Json, Part, Repo, Upload
from gateway.versioning.names import CommitId, check_key

FILE = "uploads.db"
FRESH_MS = 60_000
BUSY_MS = 5_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS upload(
    id TEXT PRIMARY KEY, project TEXT, repo TEXT, made INTEGER, branch TEXT, key BLOB,
    account TEXT, started INTEGER, touched INTEGER, attrs TEXT, about TEXT,
    trying TEXT,  -- the head when a completion began whose outcome is not known yet
    done TEXT     -- the commit that completed it
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS upload_by_key ON upload(project, repo, made, branch, key, id);
CREATE TABLE IF NOT EXISTS part(
    upload TEXT, number INTEGER, size INTEGER, etag TEXT, modified INTEGER, checksums TEXT,
    digest BLOB, data BLOB, file_set TEXT, renewed INTEGER, PRIMARY KEY(upload, number)
) WITHOUT ROWID;
"""

_COLUMNS = "id, key, account, started, attrs, about"
_WHERE = "project=? AND repo=? AND made=? AND branch=?"


@dataclass(frozen=True, slots=True)
class Branch:
    """Whose uploads. repo: as it is now; one made later under its name has none of them."""

    repo: Repo
    name: str

    @property
    def values(self) -> tuple[str, str, int, str]:
        """As the columns have it."""
        return self.repo.name.project, self.repo.name.name, self.repo.created_ms, self.name


@dataclass(frozen=True, slots=True)
class Begun:
    """Parts that are about to become an object. trying: see `Uploads.begin`."""

    parts: tuple[Staged, ...]
    trying: CommitId | None


class Uploads:
    """The uploads of one replica; several processes may share the folder. clock: now, in ms."""

    def __init__(self, folder: Path, pfs: Pfs, clock: Callable[[], int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = apsw.Connection(str(folder / FILE))
        self._db.set_busy_timeout(BUSY_MS)
        # A statement is run as its rows are taken.
        list(self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA))
        self._pfs = pfs
        self._clock = clock
        self.renewals = Renewals(self._db, pfs, clock)

    async def close(self) -> None:
        """Stop renewing; what is opened again within minutes still has its parts."""
        await self.renewals.close()
        self._db.close()

    # ---- uploads

    def create(
        self, branch: Branch, key: str, given: Attributes, *, account: str, about: Json
    ) -> Upload:
        """Open an upload. Raises InvalidKey."""
        check_key(key)
        started = self._clock()
        # Ids in the order of age: a listing goes on behind one though it is gone meanwhile.
        upload_id = f"{started:012x}{secrets.token_hex(10)}"
        self._db.execute(
            "INSERT INTO upload VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                upload_id, *branch.values, key.encode(), account, started, started,
                json.dumps(given.to_json()), json.dumps(dict(about)),
            ),
        )  # fmt: skip
        return Upload(upload_id, key, account, started, given, about)

    def find(self, branch: Branch, key: str, upload_id: str) -> Upload:
        """An upload under way. Raises NoUpload."""
        row = self._row(
            f"SELECT {_COLUMNS} FROM upload WHERE id=? AND {_WHERE} AND key=? "  # noqa: S608
            "AND done IS NULL",
            (upload_id, *branch.values, _raw(key)),
        )
        if row is None:
            raise NoUpload(upload_id)
        return _upload(row)

    def completed(self, branch: Branch, key: str, upload_id: str) -> CommitId | None:
        """The commit that made an upload an object; None where it is not complete."""
        row = self._row(
            f"SELECT done FROM upload WHERE id=? AND {_WHERE} AND key=?",  # noqa: S608
            (upload_id, *branch.values, _raw(key)),
        )
        return None if row is None or row[0] is None else CommitId(row[0])

    def under_way(
        self,
        branch: Branch,
        *,
        prefix: str,
        start: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Upload]:
        """Uploads by key, then by age (uploadpage.UnderWay)."""
        low = _raw(prefix)
        key, upload_id = after or (start, "")
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM upload WHERE {_WHERE} AND done IS NULL "  # noqa: S608
            "AND key >= ? AND substr(key, 1, ?) = ? AND (key, id) > (?, ?) "
            "ORDER BY key, id LIMIT ?",
            (
                *branch.values, low, len(low), low, _raw(key), upload_id, limit,
            ),
        )  # fmt: skip
        return [_upload(row) for row in rows]

    def abort(self, upload: Upload) -> None:
        """Forget an upload and its parts. Raises NoUpload."""
        with self._db:
            self._demand(upload)
            forget(self._db, [upload.id])

    def forget_branch(self, branch: Branch) -> None:
        """Drop every upload of a branch, so that a new one of the name starts without them."""
        with self._db:
            rows = self._db.execute(
                f"SELECT id FROM upload WHERE {_WHERE}",  # noqa: S608
                branch.values,
            )
            forget(self._db, [row[0] for row in rows])

    # ---- parts

    async def put_part(self, upload: Upload, part: Part) -> None:
        """Add or replace a part. Raises NoUpload, InvalidPart (pachd has lost it already)."""
        staged: Staged = part.content
        if staged.file_set is not None:
            try:
                await self._pfs.renew_file_set(staged.file_set, TTL_S)
            except faults.NotFound as error:
                raise InvalidPart(part.number) from error
        now = self._clock()
        with self._db:
            self._demand(upload)
            self._db.execute("UPDATE upload SET touched=? WHERE id=?", (now, upload.id))
            self._db.execute(
                "INSERT OR REPLACE INTO part VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.id, part.number, part.size, part.etag, part.modified_ms,
                    json.dumps(dict(part.checksums)), staged.digest, staged.data,
                    staged.file_set, now,
                ),
            )  # fmt: skip
        self.keep_renewing()

    def parts(self, upload: Upload, after: int, limit: int) -> list[Part]:
        """Parts by number, without their bytes. Raises NoUpload."""
        rows: list[tuple[Any, ...]] = self._db.execute(
            "SELECT number, size, etag, modified, checksums, digest, file_set FROM part "
            "WHERE upload=? AND number>? ORDER BY number LIMIT ?",
            (upload.id, after, limit),
        ).fetchall()
        # Asked afterwards: a completion that landed meanwhile took the parts, which then were none.
        self._demand(upload)
        return [
            Part(number, size, etag, modified, json.loads(sums), _staged(size, *handle))
            for number, size, etag, modified, sums, *handle in rows
        ]

    # ---- completion

    async def begin(self, upload: Upload, chosen: Sequence[Part], head: CommitId) -> Begun:
        """The parts that were named, safe in pachd for as long as a commit takes.

        It is noted that a completion began at `head`; where one did before and nobody knows what
        became of it, `trying` is the head of then. Raises NoUpload, InvalidPart.
        """
        rows = {
            row[0]: row
            for row in self._db.execute(
                "SELECT number, etag, size, digest, file_set, renewed FROM part WHERE upload=?",
                (upload.id,),
            )
        }
        for part in chosen:
            if part.number not in rows or rows[part.number][1] != part.etag:
                self._demand(upload)
                raise InvalidPart(part.number)
        stale_ms = self._clock() - FRESH_MS
        await self.renewals.renew(
            (upload.id, number, file_set)
            for number, _, _, _, file_set, renewed in rows.values()
            if file_set is not None and renewed < stale_ms
        )
        with self._db:
            self._demand(upload)
            trying = self._row("SELECT trying FROM upload WHERE id=?", (upload.id,))
            parts = [self._part(upload, part) for part in chosen]
            self._db.execute(
                "UPDATE upload SET trying=coalesce(trying, ?) WHERE id=?", (head, upload.id)
            )
        return Begun(tuple(parts), None if trying is None else trying[0])

    def _part(self, upload: Upload, part: Part) -> Staged:
        row = self._row(
            "SELECT etag, size, digest, file_set, data FROM part WHERE upload=? AND number=?",
            (upload.id, part.number),
        )
        if row is None or row[0] != part.etag:
            raise InvalidPart(part.number)
        return _staged(*row[1:])

    def give_up(self, upload: Upload) -> None:
        """A completion that is known to have come to nothing."""
        self._db.execute("UPDATE upload SET trying=NULL WHERE id=?", (upload.id,))

    def finish(self, upload: Upload, commit: CommitId) -> None:
        """The commit made it an object: remember that, and forget the parts."""
        with self._db:
            self._db.execute(
                "UPDATE upload SET done=?, trying=NULL, touched=? WHERE id=?",
                (commit, self._clock(), upload.id),
            )
            self._db.execute("DELETE FROM part WHERE upload=?", (upload.id,))

    def keep_renewing(self) -> None:
        """Renew parts in the background from now on, also those of an earlier run."""
        self.renewals.begin()

    # ---- rows

    def _demand(self, upload: Upload) -> None:
        if self._row("SELECT 1 FROM upload WHERE id=? AND done IS NULL", (upload.id,)) is None:
            raise NoUpload(upload.id)

    def _row(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        rows: list[tuple[Any, ...]] = self._db.execute(sql, values).fetchall()
        return rows[0] if rows else None


def _raw(text: str) -> bytes:
    """Also of what is no text: it is the key of nothing."""
    return text.encode("utf-8", "surrogatepass")


def _staged(size: int, digest: bytes, file_set: str | None, data: bytes | None = None) -> Staged:
    return Staged(size, digest, data, file_set)


def _upload(row: tuple[Any, ...]) -> Upload:
    upload_id, key, account, started, attrs, about = row
    return Upload(
        upload_id,
        key.decode(),
        account,
        started,
        Attributes.from_json(json.loads(attrs)),
        json.loads(about),
    )

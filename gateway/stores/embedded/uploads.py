"""Multipart uploads: parts that are nobody's until their completion makes an object of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.stores.embedded.blobs import Staged
from gateway.stores.embedded.commits import Transaction
from gateway.stores.embedded.contents import Content, object_info
from gateway.stores.embedded.plan import Branch, last_number
from gateway.stores.timeline import lookup, records
from gateway.stores.timeline.database import all_rows, first_row
from gateway.stores.timeline.history import commit_info
from gateway.stores.timeline.lines import Point, Reader
from gateway.stores.timeline.listing import BEHIND_ALL, raw, successor
from gateway.stores.timeline.rows import attributes, attributes_form, json_or_nothing
from gateway.versioning.errors import InvalidPart, NoUpload
from gateway.versioning.model import (
    About,
    Attributes,
    Committed,
    Json,
    ObjectInfo,
    Outcome,
    Part,
    Put,
    Upload,
)
from gateway.versioning.names import check_key

_COLUMNS = "id, key, account, started, attrs, about"
_PART_COLUMNS = "number, size, etag, modified, checksums, data, file, digest"


def create(
    tx: Transaction, branch: Branch, key: str, *, given: Attributes, account: str, about: Json
) -> Upload:
    """Open an upload. Raises NoRef, InvalidKey."""
    check_key(key)
    tx.batch.head(branch)  # the branch may have been deleted meanwhile
    started = tx.batch.clock()
    # Ids in the order of age: a listing goes on behind one though it is gone meanwhile.
    upload_id = f"{started:012x}{secrets.token_hex(10)}"
    upload = Upload(upload_id, key, account, started, given, about)
    tx.connection.execute(
        "INSERT INTO upload(id, repo, branch, key, account, started, attrs, about) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        (
            upload.id, branch.repo, branch.name, key.encode(), account, upload.started_ms,
            attributes_form(given), json.dumps(dict(about)),
        ),
    )  # fmt: skip
    return upload


def find(reader: Reader, branch: Branch, key: str, upload_id: str) -> Upload:
    """An upload under way. Raises NoUpload."""
    row = first_row(
        reader.connection,
        f"SELECT {_COLUMNS} FROM upload "  # noqa: S608
        "WHERE id=? AND repo=? AND branch=? AND key=? AND done_line IS NULL",
        (upload_id, branch.repo, branch.name, raw(key)),
    )
    if row is None:
        raise NoUpload(upload_id)
    return _upload(row)


def completed(reader: Reader, branch: Branch, key: str, upload_id: str) -> ObjectInfo | None:
    """What an upload that is complete made; None where it is not so."""
    row = first_row(
        reader.connection,
        "SELECT done_line, done_seq FROM upload "
        "WHERE id=? AND repo=? AND branch=? AND key=? AND done_line IS NOT NULL",
        (upload_id, branch.repo, branch.name, raw(key)),
    )
    if row is None:
        return None
    point = Point(*row)
    change = reader.change(point, raw(key))
    if change is None or not change.live:
        return None
    return object_info(change, reader.commit_at(point), lookup.side(reader, change))


def put_part(tx: Transaction, upload: Upload, part: Part) -> list[str]:
    """Add or replace a part; the file of the one it replaced. Raises NoUpload."""
    _demand(tx.reader, upload)
    staged: Staged = part.content
    old = all_rows(
        tx.connection,
        "SELECT file FROM upload_part WHERE upload=? AND number=? AND file IS NOT NULL",
        (upload.id, part.number),
    )
    tx.connection.execute(
        f"INSERT OR REPLACE INTO upload_part(upload, {_PART_COLUMNS}) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            upload.id, part.number, part.size, part.etag, part.modified_ms,
            json.dumps(dict(part.checksums)), staged.data, staged.file, staged.digest,
        ),
    )  # fmt: skip
    return [file for (file,) in old]


def parts(reader: Reader, upload: Upload, after: int, limit: int) -> list[Part]:
    """Parts by number. Their bytes are not read. Raises NoUpload."""
    rows = all_rows(
        reader.connection,
        "SELECT number, size, etag, modified, checksums, NULL, file, digest FROM upload_part "
        "WHERE upload=? AND number>? ORDER BY number LIMIT ?",
        (upload.id, after, limit),
    )
    # Asked afterwards: a completion that landed meanwhile took the parts, which then were none.
    _demand(reader, upload)
    return [_part(row) for row in rows]


def under_way(
    reader: Reader,
    branch: Branch,
    *,
    prefix: str,
    start: str,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Upload]:
    """Uploads by key, then by age (uploadpage.UnderWay)."""
    end = successor(prefix)
    key, upload_id = after or (start, "")
    rows = all_rows(
        reader.connection,
        f"SELECT {_COLUMNS} FROM upload WHERE repo=? AND branch=? AND done_line IS NULL "  # noqa: S608
        "AND key >= ? AND key < ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?",
        (
            branch.repo,
            branch.name,
            raw(prefix),
            raw(end) if end else BEHIND_ALL,
            raw(key),
            upload_id,
            limit,
        ),
    )
    return [_upload(row) for row in rows]


def complete(
    tx: Transaction,
    branch: Branch,
    upload: Upload,
    *,
    chosen: Sequence[Part],
    put: Put,
    about: About,
) -> tuple[Committed, list[str]]:
    """Make the object and end the upload; the files that are not needed any more."""
    done = completed(tx.reader, branch, put.key, upload.id)
    if done is not None:
        return _committed_before(tx.reader, done), []
    find(tx.reader, branch, put.key, upload.id)
    manifest, surplus = _manifest(tx, upload, chosen)
    # Whatever it is the same as: an upload that ends makes an object.
    committed = tx.batch.commit(branch, [replace(put, content=manifest, same_as=None)], about)
    tx.settle()
    point = tx.batch.head(branch).point
    tx.connection.execute(
        "UPDATE upload SET done_line=?, done_seq=? WHERE id=?", (*point, upload.id)
    )
    tx.connection.execute("DELETE FROM upload_part WHERE upload=?", (upload.id,))
    return committed, surplus


def abort(tx: Transaction, upload: Upload) -> list[str]:
    """Forget an upload; the files of its parts. Raises NoUpload."""
    _demand(tx.reader, upload)
    return forget(tx, upload.id)


def forget(tx: Transaction, upload_id: str) -> list[str]:
    """Drop an upload's rows, whatever its state; the files of its parts."""
    files = all_rows(
        tx.connection,
        "SELECT file FROM upload_part WHERE upload=? AND file IS NOT NULL",
        (upload_id,),
    )
    tx.connection.execute("DELETE FROM upload_part WHERE upload=?", (upload_id,))
    tx.connection.execute("DELETE FROM upload WHERE id=?", (upload_id,))
    return [file for (file,) in files]


def forget_branch(tx: Transaction, branch: Branch) -> list[str]:
    """Drop every upload of a branch, so that a new branch of the name starts without them."""
    rows = all_rows(
        tx.connection, "SELECT id FROM upload WHERE repo=? AND branch=?", (branch.repo, branch.name)
    )
    return [file for (upload_id,) in rows for file in forget(tx, upload_id)]


def _manifest(tx: Transaction, upload: Upload, chosen: Sequence[Part]) -> tuple[Content, list[str]]:
    """The parts as one content: rows that name them in order. Nothing is copied."""
    rows = all_rows(
        tx.connection,
        f"SELECT {_PART_COLUMNS} FROM upload_part WHERE upload=?",  # noqa: S608
        (upload.id,),
    )
    present = {row[0]: row for row in rows}
    manifest = last_number(tx.reader, "manifest") + 1
    used: set[str] = set()
    listed: list[tuple[Any, ...]] = []
    for position, part in enumerate(chosen):
        row = present.get(part.number)
        if row is None or row[2] != part.etag:
            raise InvalidPart(part.number)
        _, size, _, _, _, data, file, digest = row
        body = blob = None
        if file is None:
            body = tx.batch.plan.body(data)
        else:
            blob, ours = tx.batch.plan.blob(Staged(digest, size, file=file))
            if ours:
                used.add(file)
        listed.append((manifest, position, body, blob, size, digest))
    tx.connection.executemany(
        "INSERT INTO manifest(id, ord, body, blob, size, digest) VALUES(?, ?, ?, ?, ?, ?)", listed
    )
    digest = records.manifest_digest((row[4], bytes(row[5])) for row in listed)
    surplus = [row[6] for row in rows if row[6] is not None and row[6] not in used]
    return Content(digest, manifest=manifest), surplus


def _committed_before(reader: Reader, made: ObjectInfo) -> Committed:
    found = reader.point_of(bytes.fromhex(made.version))
    assert found is not None
    return Committed(commit_info(reader, found[0]), (Outcome(made.version, info=made),))


def _demand(reader: Reader, upload: Upload) -> None:
    row = first_row(
        reader.connection, "SELECT 1 FROM upload WHERE id=? AND done_line IS NULL", (upload.id,)
    )
    if row is None:
        raise NoUpload(upload.id)


def _upload(row: tuple[Any, ...]) -> Upload:
    upload_id, key, account, started, attrs, about = row
    return Upload(
        upload_id, key.decode(), account, started, attributes(attrs), json_or_nothing(about)
    )


def _part(row: tuple[Any, ...]) -> Part:
    number, size, etag, modified, checksums, _, file, digest = row
    return Part(
        number, size, etag, modified, json_or_nothing(checksums), Staged(digest, size, file=file)
    )

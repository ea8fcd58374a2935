"""The commit record: what is hashed, what it commits to, and the ids that follow. Pure.

The record holds parents by their full hash, so history is a chain, and only salted commitments to
what may have to be erased: with the salt gone, a short label cannot be guessed from its hash.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SALT_BYTES = 32
_ID_TIME_BYTES = 6
_ID_HASH_BYTES = 10
NO_HASH = b"\0" * 32


@dataclass(frozen=True, slots=True)
class ChangeParts:
    """What one change commits to. digest: of the content, b"" where there is none."""

    kind: int
    nul: bool
    key: bytes
    digest: bytes
    attributes: bytes
    lineage: bytes


@dataclass(frozen=True, slots=True)
class Commitments:
    """The commitments of one change: they outlive the parts that were erased."""

    key: bytes
    content: bytes
    attributes: bytes
    lineage: bytes

    def change_digest(self, kind: int, nul: bool) -> bytes:
        """What the record's digest is made of."""
        shape = bytes((kind, nul))
        return _sha(shape, self.key, self.content, self.attributes, self.lineage)


def packed(made: Commitments) -> bytes:
    """Commitments as they are kept where their parts are gone."""
    return made.key + made.content + made.attributes + made.lineage


def unpacked(data: bytes) -> Commitments:
    """The inverse of packed."""
    return Commitments(data[:32], data[32:64], data[64:96], data[96:])


def new_salt() -> bytes:
    """A salt for one change or part."""
    return secrets.token_bytes(SALT_BYTES)


def commitments(salt: bytes, parts: ChangeParts) -> Commitments:
    """Commit to the parts of a change; each under a salt of its own that follows from `salt`."""
    return Commitments(
        key=_sha(_sha(salt, b"key"), parts.key),
        content=_sha(_sha(salt, b"content"), parts.digest),
        attributes=_sha(_sha(salt, b"attributes"), parts.attributes),
        lineage=_sha(_sha(salt, b"lineage"), parts.lineage),
    )


def commitment(salt: bytes, data: bytes) -> bytes:
    """Commit to one part under its own salt."""
    return _sha(salt, data)


def attribute_bytes(
    *, size: int, mtime: int, etag: str, attrs: str, same_as: str | None, origin: bytes | None,
    to: bytes | None,
) -> bytes:  # fmt: skip
    """The form in which what stands beside the content is committed to.

    to: hash of the commit that a `point` points to.
    """
    return canonical([size, mtime, etag, attrs, same_as, origin and origin.hex(), to and to.hex()])


def encode(
    *,
    repo: str,
    branch: str,
    time_ms: int,
    kind: str,
    author: str,
    parents: Sequence[bytes],
    about: bytes,
    changes: Iterable[bytes],
    count: int,
) -> bytes:
    """The bytes of a record. about: commitment to message and metadata; changes: their digests."""
    return canonical(
        {
            "v": 1,
            "repo": repo,
            "branch": branch,
            "time": time_ms,
            "kind": kind,
            "author": author,
            "nonce": secrets.token_hex(8),
            "parents": [parent.hex() for parent in parents],
            "about": about.hex(),
            "changes": {"count": count, "digest": _sha(*changes).hex()},
        }
    )


def changes_digest(digests: Iterable[bytes]) -> str:
    """The digest over all changes of a commit, in key order, as it stands in the record."""
    return _sha(*digests).hex()


def decode(record: bytes) -> dict[str, Any]:
    """The inverse of encode."""
    form: dict[str, Any] = json.loads(record)
    return form


def record_hash(record: bytes) -> bytes:
    """The full hash, by which children name their parents."""
    return hashlib.sha256(record).digest()


def commit_id(time_ms: int, full_hash: bytes) -> bytes:
    """16 bytes: milliseconds since 1970, then the beginning of the hash."""
    return time_ms.to_bytes(_ID_TIME_BYTES, "big") + full_hash[:_ID_HASH_BYTES]


def id_time(commit: bytes) -> int:
    """The time in a commit id, ms."""
    return int.from_bytes(commit[:_ID_TIME_BYTES], "big")


def reflog_hash(previous: bytes, move: Mapping[str, Any]) -> bytes:
    """A move of a ref, chained to the move before it."""
    return _sha(previous, canonical(dict(move)))


def manifest_digest(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """The digest of an object made of parts: of their sizes and digests, not of the bytes."""
    return _sha(b"manifest", *(size.to_bytes(8, "big") + digest for size, digest in parts))


def canonical(value: Any) -> bytes:
    """JSON in the one form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sha(*pieces: bytes) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()

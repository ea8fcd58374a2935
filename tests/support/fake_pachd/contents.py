"""The bytes of files, and what a file set changes: deletes, then adds, by path and datum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

DATUM = "default"
"""What a file belongs to unless its writer says otherwise. One path of two datums is an error."""

CHUNK_BYTES = 8 * 1024 * 1024
"""pachd cuts at content-defined places between 1 and 20 MB; only files of one chunk can be told."""

Key = tuple[str, str]
"""Path and datum: what a file is known by, and their order."""


def digest(data: bytes) -> bytes:
    """Pachyderm's hash."""
    return blake2b(data, digest_size=32).digest()


class Content:
    """Immutable bytes, in the pieces they came in."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self._pieces = tuple(piece for piece in pieces if piece)
        self.size = sum(map(len, self._pieces))

    def __add__(self, more: Content) -> Content:
        return Content((*self._pieces, *more._pieces))

    def __deepcopy__(self, memo: object) -> Content:
        return self

    @property
    def data(self) -> bytes:
        """All of it."""
        if len(self._pieces) > 1:
            self._pieces = (b"".join(self._pieces),)
        return self._pieces[0] if self._pieces else b""

    @cached_property
    def hash(self) -> bytes:
        """The hash over the hashes of its chunks: blake2b twice for a small file."""
        data = self.data
        cuts = range(0, len(data), CHUNK_BYTES)
        return digest(b"".join(digest(data[at : at + CHUNK_BYTES]) for at in cuts))


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file set does to the files below it. Deletes come before adds; adds append."""

    deletes: frozenset[Key] = frozenset()
    adds: Mapping[Key, Content] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes it adds."""
        return sum(content.size for content in self.adds.values())

    def touches(self, path: str) -> bool:
        """Whether it says anything about this very path."""
        return any(key[0] == path for key in (*self.deletes, *self.adds))


class Tree:
    """The files that layers make, one upon the other."""

    def __init__(self, files: Mapping[Key, Content] | None = None) -> None:
        self.files: Mapping[Key, Content] = files or {}

    def with_layers(self, layers: Iterable[Layer]) -> Tree:
        """The files after those changes."""
        files = dict(self.files)
        for layer in layers:
            for key in layer.deletes:
                files.pop(key, None)
            for key, content in layer.adds.items():
                files[key] = files[key] + content if key in files else content
        return Tree(files)

    @cached_property
    def keys(self) -> list[Key]:
        """In bytewise order of the paths (for ASCII and UTF-8 that is the order of characters)."""
        return sorted(self.files)

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(content.size for content in self.files.values())

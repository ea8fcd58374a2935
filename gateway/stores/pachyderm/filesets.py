"""One file set for all that a commit does: what it deletes, and its files from wherever they are.

Each path begins with its delete, so adding the set to a commit twice comes to the same as once.
pachd tells nobody when the source of a copy is not there, so what was copied is looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

import grpc

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.pfs import Pfs, Place, add_file, copy_file, delete_file
from gateway.stores.pachyderm.pfs_pb2 import ModifyFileRequest
from gateway.stores.pachyderm.words import BODY_PATH, PIECE_BYTES, Content, Staged
from gateway.versioning.names import CommitId

TTL_S = 1800
"""The longest life pachd gives a file set before it is renewed."""


class Missing(Exception):
    """The bytes of some files are not where they should be: they went meanwhile."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__(f"not there: {', '.join(sorted(paths))}")
        self.paths = paths


@dataclass(frozen=True, slots=True)
class File:
    """A file to be made. data: its bytes; else they are copied from `source` at `place`."""

    path: str
    size: int
    data: bytes | None = None
    place: Place | None = None
    source: str = ""


async def file_of(
    pfs: Pfs, path: str, content: Staged | Content, file_set_of: Callable[[CommitId], str | None]
) -> File:
    """The file that a content makes.

    file_set_of: where a commit can be read that pachd would let us wait for.
    """
    size = content.size
    if isinstance(content, Content):
        file_set = file_set_of(content.commit)
        place = Place(content.repo, content.commit)
        if file_set is not None:
            place = Place.of_file_set(file_set)
        return File(path, size, place=place, source=content.path)
    data = inline(content)
    if data is not None:
        return File(path, size, data=data)
    whole = await _whole(pfs, content)
    return File(path, size, place=Place.of_file_set(whole), source=BODY_PATH)


def inline(content: Staged) -> bytes | None:
    """The bytes of a body that is in memory with all its parts."""
    if content.data is not None:
        return content.data
    if content.file_set is not None:
        return None
    parts = [inline(part) for part in content.parts]
    whole = [part for part in parts if part is not None]
    return b"".join(whole) if len(whole) == len(parts) else None


async def create(pfs: Pfs, deletes: Iterable[str], files: Sequence[File]) -> str:
    """The id of a file set with all this. Raises Missing."""
    try:
        made = await pfs.create_file_set(_messages(dict.fromkeys(deletes), files))
    except faults.PfsError as error:
        # With INTERNAL it answered, and what it said was lost on the way.
        if isinstance(error, faults.Unreachable) and error.code is not grpc.StatusCode.INTERNAL:
            raise
        gone = await _without_source(pfs, files)
        if gone:
            raise Missing(gone) from error
        raise
    copied = {file.path: file.size for file in files if file.place is not None and file.size}
    if copied:
        async for info in pfs.walk_files(Place.of_file_set(made)):
            if not info.is_dir and copied.get(info.path) == info.size:
                del copied[info.path]
    if copied:
        raise Missing(frozenset(copied))
    return made


async def _without_source(pfs: Pfs, files: Sequence[File]) -> frozenset[str]:
    """The files whose source is gone, as pachd refused them all for the sake of one."""
    places = dict.fromkeys(file.place for file in files if file.place is not None)
    gone = {place for place in places if not await _is_there(pfs, place)}
    return frozenset(file.path for file in files if file.place in gone)


async def _is_there(pfs: Pfs, place: Place) -> bool:
    try:
        if place == Place.of_file_set(place.commit):
            await pfs.renew_file_set(place.commit, TTL_S)
        else:
            await pfs.inspect_commit(place.repo, CommitId(place.commit))
    except faults.NotFound:
        return False
    return True


async def _messages(
    deletes: Iterable[str], files: Sequence[File]
) -> AsyncIterator[ModifyFileRequest]:
    made = {file.path for file in files}
    for path in deletes:
        if path not in made:
            yield delete_file(path)
    for file in files:
        yield delete_file(file.path)
        if file.place is not None and file.size:
            # One copy a file: of several that follow each other pachd makes several files.
            yield copy_file(file.path, file.place, file.source, append=False)
            continue
        data = file.data or b""
        for start in range(0, len(data) or 1, PIECE_BYTES):
            yield add_file(file.path, data[start : start + PIECE_BYTES])


async def _whole(pfs: Pfs, content: Staged) -> str:
    """A file set whose body is that of all parts in order: file sets laid over each other append.

    Cost: some 4 ms a part.
    """
    sets: list[str] = []
    waiting: list[bytes] = []

    async def settle() -> None:
        if any(waiting):
            sets.append(await pfs.create_file_set(_body(b"".join(waiting))))
        waiting.clear()

    for part in _flat(content):
        if part.file_set is None:
            waiting.append(part.data or b"")
        else:
            await settle()
            sets.append(part.file_set)
    await settle()
    return sets[0] if len(sets) == 1 else await pfs.compose_file_sets(sets, TTL_S)


def _flat(content: Staged) -> Iterable[Staged]:
    if not content.parts:
        return (content,)
    return (one for part in content.parts for one in _flat(part))


async def _body(data: bytes) -> AsyncIterator[ModifyFileRequest]:
    for start in range(0, len(data), PIECE_BYTES):
        yield add_file(BODY_PATH, data[start : start + PIECE_BYTES])

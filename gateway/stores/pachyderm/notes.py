"""What we remember beside the content of a repo: a note is a name and a JSON object.

Notes live on the repo in PFS itself, so that every replica reads the same: in its metadata where
pachd has that (2.10), below it in the last line of its description. A repo may also be made with
notes: those are in its description from the first moment, whatever the release.

    repo        {account, created}: whose repo it is
    ref.<name>  of a branch {kind, account, created, properties}, of a tag also {commit}. One
                namespace: who adds the note first has the name
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import grpc

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.pfs import Pfs, RepoInfo
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.model import Json
from gateway.versioning.names import RepoName

PREFIX = "labelgate."
"""Of our keys in the metadata: the others are somebody else's."""

LINE = "labelgate: "
"""How the line of a description begins that holds notes; what stands above it is the users'."""


def notes_of(info: RepoInfo) -> dict[str, Json]:
    """The notes on a repo. What is not in our form is passed over."""
    notes = _split(info.description)[1]
    for key, text in info.metadata.items():
        note = _parsed(text) if key.startswith(PREFIX) else None
        if note is not None:
            notes[key.removeprefix(PREFIX)] = note
    return notes


def opening(notes: Mapping[str, Json]) -> str:
    """The description of a repo that is made with these notes."""
    return _joined("", notes)


class Notes:
    """Adds, replaces and removes notes."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._in_metadata = True
        self._locks: defaultdict[RepoName, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def add(self, repo: RepoName, name: str, note: Json, *, instead: bool = False) -> None:
        """A new note. Raises AlreadyExists: of several who add it at once one succeeds.

        instead: in the place of an old one, if there is one. Below pachd 2.10 only one process's
        callers are kept apart.
        """
        await self._edit(
            repo, add={} if instead else {name: note}, edit={name: note} if instead else {}
        )

    async def remove(self, repo: RepoName, names: Iterable[str]) -> None:
        """Take notes away; those that are not there are no error."""
        await self._edit(repo, delete=tuple(names))

    async def _edit(
        self,
        repo: RepoName,
        *,
        add: Mapping[str, Json] | None = None,
        edit: Mapping[str, Json] | None = None,
        delete: tuple[str, ...] = (),
    ) -> None:
        add, edit = add or {}, edit or {}
        if self._in_metadata:
            try:
                await self._pfs.edit_repo_metadata(
                    repo,
                    add={PREFIX + name: _form(note) for name, note in add.items()},
                    edit={PREFIX + name: _form(note) for name, note in edit.items()},
                    delete=tuple(PREFIX + name for name in delete),
                )
            except faults.AlreadyExists as error:
                raise AlreadyExists(f"repo {repo} has a note {', '.join(add)} already") from error
            except faults.PfsError as error:
                if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                self._in_metadata = False  # an older release, for as long as this runs
            else:
                return
        await self._edit_description(repo, add, edit, delete)

    async def _edit_description(
        self,
        repo: RepoName,
        add: Mapping[str, Json],
        edit: Mapping[str, Json],
        delete: tuple[str, ...],
    ) -> None:
        async with self._locks[repo]:
            info = await self._pfs.inspect_repo(repo)
            text, notes = _split(info.description)
            for name in add:
                if name in notes:
                    raise AlreadyExists(f"repo {repo} has a note {name} already")
            kept = {name: note for name, note in notes.items() if name not in delete}
            made = _joined(text, {**kept, **add, **edit})
            if made != info.description:
                await self._pfs.create_repo(repo, made, update=True)


def _split(description: str) -> tuple[str, dict[str, Json]]:
    """The users' text and the notes below it."""
    text, _, line = description.rpartition("\n")
    if not line.startswith(LINE):
        return description, {}
    document = _parsed(line.removeprefix(LINE)) or {}
    notes: dict[str, Json] = {
        name: note for name, note in document.items() if isinstance(note, dict)
    }
    return text, notes


def _joined(text: str, notes: Mapping[str, Json]) -> str:
    if not notes:
        return text
    document = {name: dict(note) for name, note in notes.items()}
    return f"{text}\n{LINE}{_form(document)}" if text else LINE + _form(document)


def _form(note: Json) -> str:
    return json.dumps(dict(note), separators=(",", ":"), sort_keys=True)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

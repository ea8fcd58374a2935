"""What we remember beside the content of a repo: a note is a name and a JSON object.

Notes live in PFS itself, so that every replica reads the same: in the metadata of branches of the
companion repo where pachd has metadata (2.10); below it in the last line of the repo's description.
A repo may also be made with notes: those are in its description from the first moment, whatever the
release.

The branches are few, and each serves many repos: to make one costs pachd about 7 ms for each that
the companion has already.

Never in the metadata of the repo itself: pachd takes each change of a repo for a new one and
finishes its commits once more from then on, until it is started again.

    repo        {account, created}: whose repo it is
    ref.<name>  of a branch {kind, account, created, properties}, of a tag also {commit}. One
                namespace: who adds the note first has the name
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import grpc

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.companion import ABOUT_REPO
from gateway.stores.pachyderm.pfs import Pfs, RepoInfo
from gateway.stores.pachyderm.words import COMPANION_REPO
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.model import Json
from gateway.versioning.names import RepoName

PREFIX = "labelgate"
"""Of our keys in the metadata: the others are somebody else's."""

BRANCHES = 64
"""How many branches share the notes. Never to be changed: a repo's name says which one is its."""

LINE = "labelgate: "
"""How the line of a description begins that holds notes; what stands above it is the users'."""

TRIES_MAX = 8

_Found = dict[tuple[str, str], dict[str, Json]]
"""Notes by repo: its name and, in hexadecimal, when it was made (ms since 1970)."""


def opening(notes: Mapping[str, Json]) -> str:
    """The description of a repo that is made with these notes."""
    return _joined("", notes)


class Notes:
    """Reads, adds, replaces and removes notes."""

    def __init__(self, pfs: Pfs) -> None:
        self._pfs = pfs
        self._in_metadata = True
        self._locks: defaultdict[RepoName, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, repo: RepoInfo) -> dict[str, Json]:
        """The notes on a repo. What is not in our form is passed over."""
        found = _gathered((await self._metadata(repo)).items())
        return _notes(repo, found)

    async def of_all(self, repos: Iterable[RepoInfo]) -> list[tuple[RepoInfo, dict[str, Json]]]:
        """The same of many: one question a project."""
        listed = list(repos)
        found: dict[str, _Found] = {}
        for project in {repo.name.project for repo in listed}:
            with suppress(faults.NotFound):
                branches = await self._pfs.list_branches(RepoName(COMPANION_REPO, project))
                found[project] = _gathered(
                    item for branch in branches for item in branch.metadata.items()
                )
        return [(repo, _notes(repo, found.get(repo.name.project, {}))) for repo in listed]

    async def add(self, repo: RepoInfo, name: str, note: Json, *, instead: bool = False) -> None:
        """A new note. Raises AlreadyExists: of several who add it at once one succeeds.

        instead: in the place of an old one, if there is one. Below pachd 2.10 only one process's
        callers are kept apart.
        """
        await self._edit(
            repo, add={} if instead else {name: note}, edit={name: note} if instead else {}
        )

    async def remove(self, repo: RepoInfo, names: Iterable[str]) -> None:
        """Take notes away; those that are not there are no error."""
        await self._edit(repo, delete=tuple(names))

    async def forget(self, repo: RepoInfo) -> None:
        """The repo is gone: so go its notes. What is left of one is never taken for another's."""
        with suppress(faults.PfsError):
            start = _key(repo, "")
            names = (
                key.removeprefix(start)
                for key in await self._metadata(repo)
                if key.startswith(start)
            )
            await self.remove(repo, names)

    async def _metadata(self, repo: RepoInfo) -> Mapping[str, str]:
        """What stands where the repo's notes are, other repos' among it."""
        try:
            return (await self._pfs.inspect_branch(*_place(repo.name))).metadata
        except faults.NotFound:
            return {}

    async def _edit(
        self,
        repo: RepoInfo,
        *,
        add: Mapping[str, Json] | None = None,
        edit: Mapping[str, Json] | None = None,
        delete: tuple[str, ...] = (),
    ) -> None:
        add, edit = add or {}, edit or {}
        if self._in_metadata:
            try:
                await self._edit_metadata(repo, add, edit, delete)
            except faults.AlreadyExists as error:
                name = repo.name
                raise AlreadyExists(f"repo {name} has a note {', '.join(add)} already") from error
            except faults.PfsError as error:
                if error.code is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
                self._in_metadata = False  # an older release, for as long as this runs
            else:
                return
        await self._edit_description(repo.name, add, edit, delete)

    async def _edit_metadata(
        self,
        repo: RepoInfo,
        add: Mapping[str, Json],
        edit: Mapping[str, Json],
        delete: tuple[str, ...],
    ) -> None:
        companion, branch = _place(repo.name)
        tries = 0
        while True:
            tries += 1
            try:
                return await self._pfs.edit_branch_metadata(
                    companion,
                    branch,
                    add={_key(repo, name): _form(note) for name, note in add.items()},
                    edit={_key(repo, name): _form(note) for name, note in edit.items()},
                    delete=tuple(_key(repo, name) for name in delete),
                )
            except faults.NotFound:
                if not add and not edit:
                    return None
                if tries > TRIES_MAX:
                    raise
                with suppress(faults.RolledBack):  # it is made the next time
                    await self._make(companion, branch)
            except faults.RolledBack:
                if tries > TRIES_MAX:
                    raise

    async def _make(self, companion: RepoName, branch: str) -> None:
        """Make the place of notes. A branch that another replica made keeps what it holds."""
        try:
            await self._pfs.create_branch(companion, branch)
        except faults.NotFound:
            with suppress(faults.AlreadyExists):  # another replica made it
                await self._pfs.create_repo(companion, ABOUT_REPO)
            await self._pfs.create_branch(companion, branch)

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


def _place(repo: RepoName) -> tuple[RepoName, str]:
    """The companion repo and its branch whose metadata holds the notes."""
    shard = zlib.crc32(repo.name.encode()) % BRANCHES
    return RepoName(COMPANION_REPO, repo.project), f"notes-{shard:02}"


def _key(repo: RepoInfo, name: str) -> str:
    """Of a note in the metadata, with the time at which its repo was made.

    Of the repo's name there may be another one later.
    """
    return f"{PREFIX}.{repo.created_ms:x}.{repo.name.name}.{name}"


def _gathered(metadata: Iterable[tuple[str, str]]) -> _Found:
    """The notes in metadata, by the name of their repo and when it was made (no name has a dot)."""
    found: _Found = defaultdict(dict)
    for key, text in metadata:
        match key.split(".", 3):
            case [prefix, created, repo, name] if prefix == PREFIX:
                note = _parsed(text)
                if note is not None:
                    found[repo, created][name] = note
    return found


def _notes(repo: RepoInfo, found: _Found) -> dict[str, Json]:
    in_metadata = found.get((repo.name.name, f"{repo.created_ms:x}"), {})
    return _split(repo.description)[1] | in_metadata


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

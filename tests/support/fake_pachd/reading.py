"""Calls that read files: of commits, and of file sets before any commit has them."""

from __future__ import annotations

import io
import tarfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from fake_pachd import infos, trees
from fake_pachd.contents import Tree
from fake_pachd.core import Caller, Core, method
from fake_pachd.file_sets import FileSets
from fake_pachd.globs import literal_prefix, matcher
from fake_pachd.model import RepoKey
from fake_pachd.names import as_dir, clean
from fake_pachd.picking import check_commit, is_file_set, pick
from fake_pachd.refusals import Refusal, missing, plain
from fake_pachd.trees import Entry, Selection
from fake_pachd.wire import BytesValue, more, pfs

_API = "/pfs_v2.API/"
MESSAGE_BYTES = 19 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """Files that can be read. finishing_ns: the time of their commit."""

    commit: pfs.Commit
    tree: Tree
    finishing_ns: int | None

    def info(self, entry: Entry) -> pfs.FileInfo:
        """One of them as a message."""
        return infos.file_info(self.commit, entry, self.finishing_ns)


class Crash(BaseException):
    """The whole process ends."""


class Reading:
    """Files."""

    def __init__(self, core: Core, file_sets: FileSets) -> None:
        self._core = core
        self._file_sets = file_sets

    async def open(self, handle: pfs.Commit, caller: Caller) -> Opened:
        """The files of a commit or file set. Waits while the commit is FINISHING."""
        key = check_commit(handle)
        if is_file_set(handle):
            tree = Tree().with_layers(self._file_sets.layers(handle.id))
            return Opened(infos.commit_message(key, handle.id), tree, None)
        caller.need_repo(key, "REPO_READ")
        commit = pick(self._core.world, handle)
        tree = await self._core.readable(commit)
        return Opened(infos.commit_message(commit.repo, commit.id), tree, commit.finishing_ns)

    @method(_API + "InspectFile", "unary", pfs.InspectFileRequest)
    async def inspect_file(self, request: pfs.InspectFileRequest, caller: Caller) -> pfs.FileInfo:
        caller.need_repo(_check_file(request), "REPO_INSPECT_FILE")
        opened = await self.open(request.file.commit, caller)
        path = clean(request.file.path).rstrip("/")
        found = None
        chosen = Selection(path, trees.below(path), datum=request.file.datum)
        for entry in trees.entries(opened.tree, chosen):
            if entry.path in {path, path + "/"}:
                found = entry
        if found is None:
            raise _no_file(request.file)
        return opened.info(found)

    @method(_API + "ListFile", "stream", pfs.ListFileRequest)
    async def list_file(
        self, request: pfs.ListFileRequest, caller: Caller
    ) -> AsyncIterator[pfs.FileInfo]:
        caller.need_repo(_check_file(request), "REPO_LIST_FILE")
        name = clean(request.file.path)
        folder = as_dir(name)
        _check_page(request)
        opened = await self.open(request.file.commit, caller)

        def child(path: str) -> bool:
            return "/" not in clean(path)[len(name) :].strip("/")

        chosen = _paged(
            request,
            Selection(
                name,
                lambda one: one != folder and (one == name or one.startswith(folder)),
                datum=request.file.datum,
            ),
        )
        rows = (one for one in trees.entries(opened.tree, chosen) if child(one.path))
        for entry in _page(request, rows):
            yield opened.info(entry)

    @method(_API + "WalkFile", "stream", pfs.WalkFileRequest)
    async def walk_file(
        self, request: pfs.WalkFileRequest, caller: Caller
    ) -> AsyncIterator[pfs.FileInfo]:
        caller.need_repo(_check_file(request), "REPO_READ", "REPO_LIST_FILE")
        _check_page(request)
        opened = await self.open(request.file.commit, caller)
        path = clean(request.file.path).rstrip("/")
        chosen = _paged(request, Selection(path, trees.below(path), datum=request.file.datum))
        rows = list(trees.entries(opened.tree, chosen))
        if not rows and path:
            raise missing(f"commit/{opened.commit.id} does not contain item: ({path})")
        for entry in _page(request, iter(rows)):
            yield opened.info(entry)

    @method(_API + "GlobFile", "stream", more.GlobFileRequest)
    async def glob_file(self, request: Any, caller: Caller) -> AsyncIterator[pfs.FileInfo]:
        handle = request.commit if request.HasField("commit") else None
        caller.need_repo(check_commit(handle), "REPO_READ", "REPO_LIST_FILE")
        opened = await self.open(request.commit, caller)
        pattern = clean(request.pattern)
        matches = matcher(pattern)
        chosen = Selection(
            literal_prefix(pattern),
            matches,
            whole=True,
            lower=request.path_range.lower,
            upper=request.path_range.upper,
        )
        for entry in trees.entries(opened.tree, chosen):
            if matches(entry.path):
                yield opened.info(entry)

    @method(_API + "GetFile", "stream", pfs.GetFileRequest)
    async def get_file(
        self, request: pfs.GetFileRequest, caller: Caller
    ) -> AsyncIterator[BytesValue]:
        _check_file(request)
        try:
            rows = await self._matching(request.file, caller)
        except Refusal as refusal:
            raise refusal.within("get file") from None
        found = None
        for entry in rows:
            if entry.content is None:
                raise plain("cannot get directory or non-regular file. Use GetFileTAR instead")
            if found is not None:
                raise plain("matched multiple files. Use GetFileTAR instead")
            found = entry.content
        if found is None:
            raise _no_file(request.file)
        if request.offset < 0:
            raise Crash
        for start in range(request.offset, found.size, MESSAGE_BYTES):
            yield BytesValue(value=found.data[start : start + MESSAGE_BYTES])

    @method(_API + "GetFileTAR", "stream", pfs.GetFileRequest)
    async def get_file_tar(
        self, request: pfs.GetFileRequest, caller: Caller
    ) -> AsyncIterator[BytesValue]:
        _check_file(request)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for entry in await self._matching(request.file, caller):
                header = tarfile.TarInfo(entry.path)
                header.mode = 0
                if entry.content is None:
                    header.type = tarfile.DIRTYPE
                    archive.addfile(header)
                else:
                    header.size = entry.size
                    archive.addfile(header, io.BytesIO(entry.content.data))
            if not archive.offset:
                raise _no_file(request.file)
        data = packed.getvalue()
        for start in range(0, len(data), MESSAGE_BYTES):
            yield BytesValue(value=data[start : start + MESSAGE_BYTES])

    async def _matching(self, file: pfs.File, caller: Caller) -> Iterator[Entry]:
        """What a path matches as a pattern, and all beneath that."""
        opened = await self.open(file.commit, caller)
        pattern = clean(file.path)
        chosen = Selection(literal_prefix(pattern), matcher(pattern), whole=True, datum=file.datum)
        return trees.entries(opened.tree, chosen)

    @method(_API + "DiffFile", "stream", pfs.DiffFileRequest)
    async def diff_file(
        self, request: pfs.DiffFileRequest, caller: Caller
    ) -> AsyncIterator[pfs.DiffFileResponse]:
        if not request.HasField("new_file"):
            raise plain("file cannot be nil")
        for file in (request.old_file, request.new_file):
            if file.HasField("commit"):
                caller.need_repo(check_commit(file.commit), "REPO_READ")
        new = await self._side(request.new_file, caller)
        if request.HasField("old_file"):
            old = await self._side(request.old_file, caller)
        else:
            old = await self._parent_side(request.new_file, caller)
        for path in sorted(old.keys() | new.keys()):
            was, now = old.get(path), new.get(path)
            if was is None or now is None or was.hash != now.hash:
                yield pfs.DiffFileResponse(old_file=was, new_file=now)

    async def _side(self, file: pfs.File, caller: Caller) -> dict[str, pfs.FileInfo]:
        opened = await self.open(file.commit, caller)
        path = clean(file.path).rstrip("/")
        chosen = Selection(path, trees.below(path), datum=file.datum)
        return {one.path: opened.info(one) for one in trees.entries(opened.tree, chosen)}

    async def _parent_side(self, file: pfs.File, caller: Caller) -> dict[str, pfs.FileInfo]:
        commit = pick(self._core.world, file.commit)
        if commit.parent is None:
            return {}
        handle = infos.commit_message(commit.repo, commit.parent)
        return await self._side(pfs.File(commit=handle, path=file.path), caller)


def _check_file(request: Any) -> RepoKey:
    """The repo of the file."""
    if not request.HasField("file"):
        raise plain("file cannot be nil")
    return check_commit(request.file.commit if request.file.HasField("commit") else None)


def _no_file(file: pfs.File) -> Refusal:
    return missing(
        f"file {file.path} not found in repo {check_commit(file.commit)} at commit {file.commit.id}"
    )


def _check_page(request: pfs.ListFileRequest | pfs.WalkFileRequest) -> None:
    if request.number == 0 and request.reverse:
        raise plain("number must be > 0 when reverse is true")
    if request.number > trees.PAGE_MAX:
        raise plain(f"cannot return more than {trees.PAGE_MAX} files at a time")


def _paged(request: pfs.ListFileRequest | pfs.WalkFileRequest, chosen: Selection) -> Selection:
    """From the marker on, or up to it."""
    marker = request.paginationMarker.path
    return Selection(
        chosen.prefix,
        chosen.keep,
        lower="" if request.reverse else marker,
        upper=marker if request.reverse else "",
        datum=chosen.datum,
    )


def _page(
    request: pfs.ListFileRequest | pfs.WalkFileRequest, rows: Iterator[Entry]
) -> Iterator[Entry]:
    """As many as asked for, without the marker itself."""
    marked = request.HasField("paginationMarker")
    marker = clean(request.paginationMarker.path)
    left = (one for one in rows if not (marked and clean(one.path) == marker))
    if request.reverse:
        yield from reversed(deque(left, maxlen=request.number))
        return
    for count, entry in enumerate(left, 1):
        yield entry
        if count == request.number:
            return

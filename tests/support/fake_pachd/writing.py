"""Calls that write files: streams of adds, deletes and copies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from fake_pachd.commits import Commits
from fake_pachd.contents import DATUM, Content, Key, Layer, Tree
from fake_pachd.core import Caller, Core, method
from fake_pachd.file_sets import FileSets
from fake_pachd.model import Commit, RepoKey
from fake_pachd.names import as_dir, check_path, clean, is_commit_id, is_dir
from fake_pachd.picking import check_commit, pick
from fake_pachd.reading import Reading
from fake_pachd.refusals import Code, Refusal, plain
from fake_pachd.wire import Empty, pfs

_API = "/pfs_v2.API/"


class Questions(Protocol):
    """The messages of an upload, one by one."""

    def __aiter__(self) -> AsyncIterator[pfs.ModifyFileRequest]: ...


class Draft:
    """A layer while it is written. below: the files it is written upon, for deletes of folders."""

    def __init__(self, below: Callable[[], Tree] = Tree) -> None:
        self._below = below
        self._deletes: set[Key] = set()
        self._adds: dict[Key, list[bytes]] = {}

    def add(self, path: str, datum: str, *data: bytes) -> None:
        """Append."""
        self._adds.setdefault((path, datum), []).extend(data)

    def delete(self, path: str, datum: str) -> None:
        """A file, or with a slash at its end a directory: what is there, and what was added."""
        if not is_dir(path):
            self._adds.pop((clean(path), datum), None)
            self._deletes.add((clean(path), datum))
            return
        folder = as_dir(clean(path))
        for key in [key for key in self._adds if key[0].startswith(folder)]:
            del self._adds[key]
        for found, _ in self._below().files:
            if found.startswith(folder):
                self.delete(found, datum)

    def done(self) -> Layer:
        """What came of it."""
        adds = {key: Content(pieces) for key, pieces in self._adds.items()}
        return Layer(frozenset(self._deletes), adds)


class Writing:
    """Files into commits and file sets."""

    def __init__(self, core: Core, commits: Commits, file_sets: FileSets, reading: Reading) -> None:
        self._core = core
        self._commits = commits
        self._file_sets = file_sets
        self._reading = reading

    @method(_API + "CreateFileSet", "upload", pfs.ModifyFileRequest)
    async def create_file_set(
        self, questions: Questions, caller: Caller
    ) -> pfs.CreateFileSetResponse:
        layer = await self._draft(aiter(questions), caller, Tree)
        return pfs.CreateFileSetResponse(file_set_id=self._file_sets.add([layer]))

    @method(_API + "ModifyFile", "upload", pfs.ModifyFileRequest)
    async def modify_file(self, questions: Questions, caller: Caller) -> Empty:
        coming = aiter(questions)
        first = await anext(coming, None)
        if first is None:
            raise plain("EOF")
        if not first.HasField("set_commit"):
            raise plain("first message must be a commit")

        async def draft(below: Callable[[], Tree]) -> Layer:
            return await self._draft(coming, caller, below)

        await self.modify(first.set_commit, caller, draft)
        return Empty()

    async def modify(
        self,
        handle: pfs.Commit,
        caller: Caller,
        draft: Callable[[Callable[[], Tree]], Awaitable[Layer]],
    ) -> None:
        """Into the open commit that is meant, or as a commit of its own on the branch."""
        key = check_commit(handle)
        branch, commit_id = handle.branch.name, handle.id
        if handle.HasField("branch") and not branch and not is_commit_id(commit_id):
            branch, commit_id = commit_id, ""
        try:
            commit = pick(self._core.world, handle)
        except Refusal as refusal:
            if refusal.code is not Code.NOT_FOUND or not branch:
                raise
            self.one_shot(key, branch, caller, await draft(Tree))
            return

        def files() -> Tree:
            return self._core.tree(commit)

        if commit.open:
            layer = await draft(files)
            self._commits.check_open(commit)
            commit.layers.append(layer)
        elif commit_id:
            self._commits.check_open(commit)
        else:
            self.one_shot(key, branch, caller, await draft(files))

    def one_shot(self, key: RepoKey, branch: str, caller: Caller, layer: Layer) -> Commit:
        """A commit of its own."""
        commit = self._commits.start(key, branch, caller)
        commit.layers.append(layer)
        self._commits.finish(commit)
        return commit

    async def _draft(
        self,
        coming: AsyncIterator[pfs.ModifyFileRequest],
        caller: Caller,
        below: Callable[[], Tree],
    ) -> Layer:
        draft = Draft(below)
        async for question in coming:
            match question.WhichOneof("body"):
                case "add_file":
                    add = question.add_file
                    check_path(add.path)
                    draft.add(clean(add.path), add.datum or DATUM, add.raw.value)
                case "delete_file":
                    delete = question.delete_file
                    check_path(delete.path)
                    draft.delete(delete.path, delete.datum or DATUM)
                case "copy_file":
                    await self._copy(draft, question.copy_file, caller)
                case "set_commit":
                    raise plain("cannot set commit")
                case _:
                    raise plain("unrecognized message type")
        return draft.done()

    async def _copy(self, draft: Draft, copy: pfs.CopyFile, caller: Caller) -> None:
        """A file or a directory; of the destination nothing is checked."""
        opened = await self._reading.open(copy.src.commit, caller)
        source, target = clean(copy.src.path), clean(copy.dst)
        for path, datum in opened.tree.keys:
            if copy.src.datum and datum != copy.src.datum:
                continue
            if path == source or path.startswith(as_dir(source)):
                put = clean(target + "/" + path[len(source) :])
                if not copy.append:
                    draft.delete(put, copy.datum or DATUM)
                draft.add(put, copy.datum or DATUM, opened.tree.files[path, datum].data)

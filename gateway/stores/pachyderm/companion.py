"""The repo of each project that holds what is ours and not the users'.

A hidden path in a user's repo would be a pipeline's input; a repo of our own is nobody's. Several
replicas write to it, each write a commit of its own by the simple route.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.pfs import Pfs, Place, State, add_file, delete_file
from gateway.stores.pachyderm.pfs_pb2 import ModifyFileRequest
from gateway.stores.pachyderm.words import COMPANION_REPO, PIECE_BYTES
from gateway.versioning.errors import Unavailable
from gateway.versioning.names import DEFAULT_BRANCH, CommitId, RepoName

ABOUT_REPO = "labelgate keeps what belongs to the repos of this project here. Do not delete it."
ABOUT_COMMIT = "labelgate: "

TRIES = 12
WAIT_S, WAIT_S_MAX = 0.05, 2.0

ABANDONED_MS = 120_000
"""An open commit of ours that is older was left by a replica that is gone."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Companion:
    """Reads and writes the companion repos. now_ms: by the clock of the wall."""

    def __init__(self, pfs: Pfs, now_ms: Callable[[], int] = _now_ms) -> None:
        self._pfs = pfs
        self._now_ms = now_ms

    async def place(self, project: str) -> Place | None:
        """Where to read from: the newest commit that stands; None where nothing was ever written.

        Waits until it is FINISHED.
        """
        repo = RepoName(COMPANION_REPO, project)
        commit: CommitId | None
        try:
            commit = (await self._pfs.inspect_branch(repo, DEFAULT_BRANCH)).head
            while commit is not None:
                info = await self._pfs.inspect_commit(repo, commit)
                if info.state is not State.STARTED:
                    info = await self._pfs.inspect_commit(repo, commit, wait=State.FINISHED)
                    if not info.error:
                        return Place(repo, commit)
                commit = info.parent
        except faults.NotFound:
            pass
        return None

    async def names(self, place: Place, folder: str) -> list[str]:
        """The paths of the files of a folder, in order."""
        return [info.path async for info in self._pfs.list_files(place, folder) if not info.is_dir]

    async def read(self, place: Place, path: str) -> bytes:
        """A file, whole. Raises faults.NotFound."""
        return await self._pfs.read_file(place, path)

    async def write(
        self, project: str, files: dict[str, bytes], why: str, remove: Iterable[str] = ()
    ) -> CommitId:
        """Write and remove files in one commit, once or not at all as far as anybody sees.

        Raises Unavailable where others keep the repo busy.
        """
        repo = RepoName(COMPANION_REPO, project)
        file_set = await self._pfs.create_file_set(_messages(files, remove))
        commit = await self._started(repo, ABOUT_COMMIT + why)
        try:
            await self._pfs.add_file_set(repo, commit, file_set)
            await self._pfs.finish_commit(repo, commit)
        except BaseException:
            await asyncio.shield(self._dropped(repo, commit))
            raise
        return commit

    async def _started(self, repo: RepoName, description: str) -> CommitId:
        wait_s = WAIT_S
        for _ in range(TRIES):
            try:
                return await self._pfs.start_commit(repo, DEFAULT_BRANCH, description)
            except faults.NotFound:
                await self._made(repo)
            except faults.RolledBack:
                pass
            except faults.Busy:
                await self._drop_abandoned(repo)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311
                wait_s = min(wait_s * 2, WAIT_S_MAX)
        raise Unavailable(f"repo {repo} is kept busy by others")

    async def _made(self, repo: RepoName) -> None:
        with contextlib.suppress(faults.AlreadyExists):  # another replica made it
            await self._pfs.create_repo(repo, ABOUT_REPO)

    async def _drop_abandoned(self, repo: RepoName) -> None:
        head = await self._pfs.inspect_branch(repo, DEFAULT_BRANCH)
        info = await self._pfs.inspect_commit(repo, head.head)
        if (
            info.state is State.STARTED
            and info.description.startswith(ABOUT_COMMIT)
            and self._now_ms() - info.started_ms > ABANDONED_MS
        ):
            await self._dropped(repo, info.id)

    async def _dropped(self, repo: RepoName, commit: CommitId) -> None:
        # It may be finished after all, or dropped by another; else it is abandoned for a while.
        with contextlib.suppress(faults.PfsError):
            await self._pfs.drop_commit(repo, commit)


async def _messages(
    files: dict[str, bytes], remove: Iterable[str]
) -> AsyncIterator[ModifyFileRequest]:
    """Deletes first: done twice, it comes to the same."""
    for path in (*remove, *files):
        yield delete_file(path)
    for path, data in files.items():
        for start in range(0, len(data) or 1, PIECE_BYTES):
            yield add_file(path, data[start : start + PIECE_BYTES])

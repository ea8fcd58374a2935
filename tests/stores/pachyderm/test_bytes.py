"""Bytes on their whole way: staged, read before any commit has them, committed, and read again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sending import BIG, PLENTY, get

from gateway.stores.pachyderm.contents import Contents
from gateway.stores.pachyderm.paths import escape
from gateway.stores.pachyderm.pfs import Pfs, Place, State, add_file, copy_file
from gateway.stores.pachyderm.pfs_pb2 import ModifyFileRequest
from gateway.stores.pachyderm.staging import PfsStaging
from gateway.stores.pachyderm.words import BODY_PATH, Content, Staged
from gateway.versioning.errors import Corrupt
from gateway.versioning.names import CommitId, RepoName

REPO = RepoName("bytes")
KEYS = ["a b~c", "photo (1).jpg", "50%", "Grüße/日.txt", "a\\b", "n\nl", "folder/", "//x", "./../y"]


async def staged(pfs: Pfs) -> Staged:
    staging = PfsStaging(pfs)
    for start in range(0, len(BIG), 400_000):
        await staging.write(BIG[start : start + 400_000])
    return await staging.finish()


async def committed(pfs: Pfs, body: Staged) -> CommitId:
    """A commit of that body as `big`, and of a small object for each key."""
    source = Place.of_file_set(body.file_set or "")

    async def messages() -> AsyncIterator[ModifyFileRequest]:
        for key in KEYS:
            yield add_file(escape(key), key.encode())
        yield copy_file("/big", source, BODY_PATH, append=False)

    await pfs.create_repo(REPO)
    file_set = await pfs.create_file_set(messages())
    commit = await pfs.start_commit(REPO, "master", "")
    await pfs.add_file_set(REPO, commit, file_set)
    await pfs.finish_commit(REPO, commit)
    await pfs.inspect_commit(REPO, commit, wait=State.FINISHED)
    return commit


@pytest.mark.parametrize("bytes_max", [0, PLENTY])
async def test_bytes_come_back_from_file_set_and_commit(
    pfs: Pfs, tmp_path: Path, bytes_max: int
) -> None:
    body = await staged(pfs)
    contents = Contents(pfs, tmp_path, bytes_max)
    early = Content(REPO, CommitId("0" * 32), BODY_PATH, body.size, body.digest)
    assert await get(contents, early, file_set=body.file_set) == BIG
    await contents.close()

    commit = await committed(pfs, body)
    contents = Contents(pfs, tmp_path / "other", bytes_max)
    big = Content(REPO, commit, "/big", body.size, body.digest)
    for file_set in (None, "0" * 32 + "." + "0" * 64):  # one that pachd has forgotten
        assert await get(contents, big, 70_000, 80_000, file_set=file_set) == BIG[70_000:80_000]
        assert await get(contents, big, file_set=file_set) == BIG
    for key in KEYS:
        digest = hashlib.sha256(key.encode()).digest()
        small = Content(REPO, commit, escape(key), len(key.encode()), digest)
        assert await get(contents, small) == key.encode()
    await contents.close()


async def test_bytes_whose_repo_was_deleted_in_pachyderm_are_gone_but_for_the_cache(
    pfs: Pfs, tmp_path: Path
) -> None:
    body = await staged(pfs)
    commit = await committed(pfs, body)
    contents = Contents(pfs, tmp_path, PLENTY)
    big = Content(REPO, commit, "/big", body.size, body.digest)
    assert await get(contents, big) == BIG
    unknown = replace(big, commit=CommitId("f" * 12 + "4" + "f" * 19), digest=b"unknown")
    with pytest.raises(Corrupt, match="removed in Pachyderm"):
        await get(contents, unknown)
    await pfs.delete_repo(REPO, force=True)
    assert await get(contents, big) == BIG
    with pytest.raises(Corrupt, match="removed in Pachyderm"):
        await get(contents, replace(big, digest=b"not cached"))
    await contents.close()

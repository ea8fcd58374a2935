"""What a commit is made of: bodies from memory, from pachd, from parts of either, and copies."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from fake_pachd import FakePachd

from gateway.stores.pachyderm import filesets
from gateway.stores.pachyderm.pfs import Pfs, Place, add_file
from gateway.stores.pachyderm.pfs_pb2 import ModifyFileRequest
from gateway.stores.pachyderm.staging import staged_parts
from gateway.stores.pachyderm.words import BODY_PATH, Content, Staged
from gateway.versioning.names import CommitId, RepoName

LABELS = RepoName("labels")


def small(data: bytes) -> Staged:
    return Staged(len(data), hashlib.sha256(data).digest(), data=data)


async def ahead(pfs: Pfs, data: bytes) -> Staged:
    """A body that was sent to pachd as it came in."""

    async def messages() -> AsyncIterator[ModifyFileRequest]:
        yield add_file(BODY_PATH, data)

    file_set = await pfs.create_file_set(messages())
    return Staged(len(data), hashlib.sha256(data).digest(), file_set=file_set)


async def made(pfs: Pfs, content: Staged | Content) -> bytes:
    """What becomes of a content, read from the file set."""
    file = await filesets.file_of(pfs, "/a", content, lambda _: None)
    file_set = await filesets.create(pfs, [], [file])
    place = Place.of_file_set(file_set)
    return b"".join([piece async for piece in pfs.get_file(place, "/a")])


@pytest.mark.parametrize(
    "kinds", ["s", "l", "ss", "sl", "ls", "lsl", "llssl", "e", "ee", "el", "le"]
)
async def test_parts_from_anywhere_become_one_file_in_their_order(pfs: Pfs, kinds: str):
    parts = []
    for number, kind in enumerate(kinds):
        data = b"" if kind == "e" else b"%d" % number * 1000
        parts.append(await ahead(pfs, data) if kind == "l" else small(data))
    content = staged_parts(parts)
    expected = b"".join(
        b"" if kind == "e" else b"%d" % number * 1000 for number, kind in enumerate(kinds)
    )
    assert await made(pfs, content) == expected
    memory = filesets.inline(content)
    assert memory == (None if "l" in kinds else expected)


async def test_a_path_is_never_copied_to_twice(pfs: Pfs, fake: FakePachd):
    """pachd makes two files of that."""
    messages = []
    create = pfs.create_file_set

    async def seen(given: AsyncIterator[ModifyFileRequest]) -> str:
        async def passed() -> AsyncIterator[ModifyFileRequest]:
            async for message in given:
                messages.append(message)
                yield message

        return await create(passed())

    pfs.create_file_set = seen  # type: ignore[method-assign]
    parts = [await ahead(pfs, b"1"), small(b"2"), await ahead(pfs, b"3")]
    await made(pfs, staged_parts(parts))
    written = [one.WhichOneof("body") for one in messages]
    assert ("copy_file", "copy_file") not in pairwise(written)
    assert ("add_file", "copy_file") not in pairwise(written)


async def test_a_copy_whose_source_is_not_there_is_noticed(pfs: Pfs, fake: FakePachd):
    """pachd says nothing."""
    fake.create_repo("labels")
    commit = CommitId(fake.write("labels", "master", {"/there": b"1"}))
    there = Content(LABELS, commit, "/there", 1, b"")
    gone = Content(LABELS, commit, "/gone", 1, b"")
    assert await made(pfs, there) == b"1"
    with pytest.raises(filesets.Missing) as missing:
        await made(pfs, gone)
    assert missing.value.paths == {"/a"}
    with pytest.raises(filesets.Missing):
        await made(pfs, Content(LABELS, commit, "/there", 2, b""))


async def test_what_is_not_there_at_all_is_named_and_nothing_else(pfs: Pfs, fake: FakePachd):
    fake.create_repo("labels")
    commit = CommitId(fake.write("labels", "master", {"/there": b"1"}))
    expired = await ahead(pfs, b"1" * 10)
    fake.drop_file_sets()
    lives = await ahead(pfs, b"2" * 10)
    contents = [
        expired,
        lives,
        Content(LABELS, commit, "/there", 1, b""),
        Content(LABELS, CommitId("0" * 12 + "4" + "0" * 19), "/x", 1, b""),
    ]
    files = [
        await filesets.file_of(pfs, f"/{number}", content, lambda _: None)
        for number, content in enumerate(contents)
    ]
    gone: set[str] = set()
    while True:
        try:
            await filesets.create(pfs, [], [file for file in files if file.path not in gone])
        except filesets.Missing as missing:
            assert missing.paths
            gone |= missing.paths
        else:
            break
    assert gone == {"/0", "/3"}


async def test_an_empty_copy_is_an_empty_file(pfs: Pfs):
    assert await made(pfs, Content(LABELS, CommitId("0" * 32), "/e", 0, b"")) == b""


async def test_adding_a_file_set_twice_is_the_same_as_once(pfs: Pfs, fake: FakePachd):
    fake.create_repo("labels")
    fake.write("labels", "master", {"/a": b"old", "/gone": b"old"})
    files = [filesets.File("/a", 1, data=b"1"), filesets.File("/b", 0, data=b"")]
    file_set = await filesets.create(pfs, ["/gone", "/a"], files)
    commit = await pfs.start_commit(LABELS, "master", "")
    for _ in range(2):
        await pfs.add_file_set(LABELS, commit, file_set)
    await pfs.finish_commit(LABELS, commit)
    await pfs.inspect_commit(LABELS, commit, wait=None)
    await fake._core.until(lambda: fake.commit("labels", commit).finished_ns is not None)
    assert fake.files("labels", "master") == {"/a": b"1", "/b": b""}

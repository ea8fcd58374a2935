"""Every call of Pfs, on the in-repo fake or on the real pachd that LABELGATE_TEST_PACHD names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterator

import grpc
import pytest
from pachds import REAL

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm import pfs_pb2 as wire
from gateway.stores.pachyderm.channel import Pachd
from gateway.stores.pachyderm.pfs import (
    FileInfo,
    Pfs,
    Place,
    State,
    add_file,
    check_version,
    copy_file,
    delete_file,
)
from gateway.stores.pachyderm.target import Target
from gateway.versioning.errors import Unsupported
from gateway.versioning.names import CommitId, RepoName

UNKNOWN_ID = CommitId("0123456789ab4def8123456789abcdef")
UNKNOWN_FILE_SET = f"{'0' * 32}.{'0' * 64}"
EMPTY_HASH = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"


@pytest.fixture
def pfs(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[Pfs]:
    address = os.environ.get(REAL) or request.getfixturevalue("fake").address
    pachd = Pachd(Target(address))
    yield Pfs(pachd)
    runner.run(pachd.close())


def name(prefix: str = "t") -> RepoName:
    """That nobody has; names must not collide on a real pachd, either."""
    return RepoName(f"{prefix}-{secrets.token_hex(6)}")


@pytest.fixture
def repo(pfs: Pfs, runner: asyncio.Runner) -> Iterator[RepoName]:
    made = name()
    runner.run(pfs.create_repo(made))
    yield made
    runner.run(pfs.delete_repo(made, force=True))


async def given(*messages: wire.ModifyFileRequest) -> AsyncIterator[wire.ModifyFileRequest]:
    for message in messages:
        yield message


async def started(pfs: Pfs, repo: RepoName, branch: str, description: str) -> CommitId:
    """An open commit: a real pachd rolls one in a hundred back while others are finishing."""
    while True:
        with contextlib.suppress(faults.RolledBack):
            return await pfs.start_commit(repo, branch, description)


async def written(
    pfs: Pfs, repo: RepoName, *messages: wire.ModifyFileRequest, branch: str = "master"
) -> CommitId:
    """A FINISHED commit that does this."""
    file_set = await pfs.create_file_set(given(*messages))
    commit = await started(pfs, repo, branch, "written by a test")
    await pfs.add_file_set(repo, commit, file_set)
    await pfs.finish_commit(repo, commit)
    await pfs.inspect_commit(repo, commit, wait=State.FINISHED)
    return commit


async def paths(infos: AsyncIterable[FileInfo]) -> list[str]:
    return [info.path async for info in infos]


async def content(pfs: Pfs, at: Place, path: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in pfs.get_file(at, path, offset)])


# What it is


async def test_a_release_that_is_known_is_accepted(pfs: Pfs):
    version = await check_version(pfs)
    assert version == await pfs.version()
    assert version == (0, 0, 0) or version >= (2, 6)


class Stub:
    """Stands in for the line to a pachd: gives prepared answers."""

    target = Target("pachd.example:30650", token="hush")

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.methods: list[str] = []

    async def unary(self, method: str, *_: object, **__: object) -> object:
        self.methods.append(method.rpartition("/")[2])
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    upload = unary


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ((2, 12, 0), True),
        ((2, 6, 0), True),
        ((3, 0, 0), True),
        ((0, 0, 0), True),
        ((2, 5, 9), False),
        ((1, 13, 3), False),
    ],
)
async def test_a_release_that_is_too_old_is_refused(version: tuple[int, int, int], accepted: bool):
    major, minor, micro = version
    pfs = Pfs(Stub(wire.Version(major=major, minor=minor, micro=micro)))
    if accepted:
        assert await check_version(pfs) == version
    else:
        with pytest.raises(Unsupported, match=rf"{major}\.{minor}\.{micro}.*2\.6 or newer") as no:
            await check_version(pfs)
        assert "hush" not in str(no.value)


# Projects and repos


async def test_projects(pfs: Pfs):
    project = "p" + secrets.token_hex(4)
    inside = RepoName("labels", project)
    with pytest.raises(faults.NotFound) as missing:
        await pfs.create_repo(inside)
    assert missing.value.what == "project"
    await pfs.create_project(project)
    with pytest.raises(faults.AlreadyExists):
        await pfs.create_project(project)
    assert {"default", project} <= set(await pfs.list_projects())
    await pfs.create_repo(inside)
    assert (await pfs.inspect_repo(inside)).name == inside
    assert inside in [info.name for info in await pfs.list_repos()]
    assert await pfs.delete_repo(inside)


async def test_a_repo_is_made_described_and_deleted(pfs: Pfs):
    repo = name()
    with pytest.raises(faults.NotFound) as missing:
        await pfs.inspect_repo(repo)
    assert missing.value.what == "repo"
    await pfs.create_repo(repo, "first")
    with pytest.raises(faults.AlreadyExists):
        await pfs.create_repo(repo)
    made = await pfs.inspect_repo(repo)
    assert (made.name, made.description, made.branches) == (repo, "first", ())
    assert made.created_ms > 1_600_000_000_000
    await pfs.create_repo(repo, "zweitens\nü", update=True)
    again = await pfs.inspect_repo(repo)
    assert (again.description, again.created_ms) == ("zweitens\nü", made.created_ms)
    await pfs.create_branch(repo, "b")
    assert (await pfs.inspect_repo(repo)).branches == ("b",)
    assert await pfs.delete_repo(repo) is True
    assert await pfs.delete_repo(repo) is False


async def test_deleting_a_repo_of_a_release_that_does_not_say_so():
    gone = faults.kind_of(grpc.StatusCode.NOT_FOUND, "repo default/x not found")
    silent, old = wire.DeleteRepoResponse(), wire.Version(major=2, minor=7)
    assert await Pfs(Stub(silent, old, gone)).delete_repo(RepoName("x")) is True
    assert await Pfs(Stub(silent, old, wire.RepoInfo())).delete_repo(RepoName("x")) is False
    new = Stub(silent, wire.Version(major=2, minor=8))
    assert await Pfs(new).delete_repo(RepoName("x")) is False
    assert new.methods == ["DeleteRepo", "GetVersion"]


async def test_metadata_is_added_once_edited_and_deleted_together(pfs: Pfs, repo: RepoName):
    with pytest.raises(faults.NotFound) as missing:
        await pfs.edit_branch_metadata(repo, "b", add={"a": "1"})
    assert missing.value.what == "branch"
    await pfs.create_branch(repo, "b")
    await pfs.edit_branch_metadata(repo, "b", add={"a": "1", "b": "ü\n"}, edit={"c": "3"})
    assert (await pfs.inspect_branch(repo, "b")).metadata == {"a": "1", "b": "ü\n", "c": "3"}
    with pytest.raises(faults.AlreadyExists):
        await pfs.edit_branch_metadata(repo, "b", add={"d": "4", "a": "2"})
    await pfs.edit_branch_metadata(repo, "b", edit={"a": "5"}, delete=("b", "never"))
    await pfs.edit_branch_metadata(repo, "b")
    assert [one.metadata for one in await pfs.list_branches(repo)] == [{"a": "5", "c": "3"}]
    with pytest.raises(faults.NotFound) as missing:
        await pfs.edit_branch_metadata(name(), "b", add={"a": "1"})
    assert missing.value.what == "repo"


async def test_a_new_branch_has_an_empty_finished_head(pfs: Pfs, repo: RepoName):
    await pfs.create_branch(repo, "b")
    branch = await pfs.inspect_branch(repo, "b")
    assert (branch.repo, branch.name, branch.output) == (repo, "b", False)
    head = await pfs.inspect_commit(repo, branch.head)
    assert (head.parent, head.origin, head.state) == (None, "auto", State.FINISHED)
    assert not head.size
    assert await paths(pfs.list_files(Place(repo, head.id))) == []
    assert [pair async for pair in pfs.diff_files(repo, head.id, None)] == []


async def test_a_branch_moves_both_ways_and_goes(pfs: Pfs, repo: RepoName):
    first = await written(pfs, repo, add_file("/a", b"1"))
    second = await written(pfs, repo, add_file("/b", b"2"))
    for head in (first, second, first):
        await pfs.create_branch(repo, "release", head)
        assert (await pfs.inspect_branch(repo, "release")).head == head
    assert {branch.name for branch in await pfs.list_branches(repo)} == {"master", "release"}
    third = await written(pfs, repo, add_file("/c", b"3"), branch="release")
    assert (await pfs.inspect_commit(repo, third)).parent == first
    await pfs.delete_branch(repo, "release")
    assert (await pfs.inspect_commit(repo, third)).id == third
    with pytest.raises(faults.NotFound) as missing:
        await pfs.create_branch(repo, "release", UNKNOWN_ID)
    assert missing.value.what == "commit"


async def test_missing_branches_and_repos_are_told_apart(pfs: Pfs, repo: RepoName):
    for what, where in (("branch", repo), ("repo", name())):
        for call in (pfs.inspect_branch, pfs.delete_branch):
            with pytest.raises(faults.NotFound) as missing:
                await call(where, "none")
            assert missing.value.what == what
    for nowhere in (pfs.list_branches(name()), pfs.create_branch(name(), "b")):
        with pytest.raises(faults.NotFound) as missing:
            await nowhere
        assert missing.value.what == "repo"


# Commits


async def test_a_commit_goes_from_open_to_finished(pfs: Pfs, repo: RepoName):
    file_set = await pfs.create_file_set(given(delete_file("/a/b"), add_file("/a/b", b"xyz")))
    commit = await started(pfs, repo, "master", "a record\nü")
    assert (await pfs.inspect_branch(repo, "master")).head == commit
    with pytest.raises(faults.Busy):
        await started(pfs, repo, "master", "another")
    opened = await pfs.inspect_commit(repo, commit)
    assert (opened.state, opened.finishing_ms, opened.size) == (State.STARTED, None, None)
    assert (opened.repo, opened.id, opened.parent) == (repo, commit, None)
    assert (opened.description, opened.origin, opened.error) == ("a record\nü", "user", "")
    with pytest.raises(faults.Unreachable) as late:
        await pfs.inspect_commit(repo, commit, wait=State.FINISHED, timeout_s=0.2)
    assert late.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await pfs.add_file_set(repo, commit, file_set)
    await pfs.finish_commit(repo, commit)
    assert (await pfs.inspect_commit(repo, commit)).state >= State.FINISHING
    done = await pfs.inspect_commit(repo, commit, wait=State.FINISHED)
    assert (done.state, done.size, done.error) == (State.FINISHED, 3, "")
    assert done.started_ms <= (done.finishing_ms or 0) <= (done.finished_ms or 0)
    for again in (pfs.finish_commit(repo, commit), pfs.add_file_set(repo, commit, file_set)):
        with pytest.raises(faults.AlreadyFinished):
            await again
    second = await started(pfs, repo, "master", "")
    assert (await pfs.inspect_commit(repo, second)).parent == commit
    assert [info.id for info in await pfs.commit_set(second)] == [second]


async def test_missing_commits_and_repos_are_told_apart(pfs: Pfs, repo: RepoName):
    for what, where, commit in (
        ("commit", repo, UNKNOWN_ID),
        ("commit", repo, CommitId("ab" * 16)),
        ("repo", name(), UNKNOWN_ID),
    ):
        for call in (
            pfs.inspect_commit(where, commit),
            pfs.finish_commit(where, commit),
            pfs.inspect_file(Place(where, commit), "/a"),
            paths(pfs.list_files(Place(where, commit))),
            content(pfs, Place(where, commit), "/a"),
            anext(pfs.list_commits(where, to=commit, number=1)),
        ):
            with pytest.raises(faults.NotFound) as missing:
                await call
            assert missing.value.what == what
    with pytest.raises(faults.NotFound) as missing:
        await pfs.start_commit(name(), "master", "")
    assert missing.value.what == "repo"
    with pytest.raises(faults.NotFound) as missing:
        await pfs.commit_set(UNKNOWN_ID)
    assert missing.value.what == "commit"


async def test_a_dropped_commit_is_gone_and_the_branch_is_back(pfs: Pfs, repo: RepoName):
    first = await written(pfs, repo, add_file("/a", b"1"))
    opened = await started(pfs, repo, "master", "")
    await pfs.drop_commit(repo, opened)
    assert (await pfs.inspect_branch(repo, "master")).head == first
    with pytest.raises(faults.NotFound):
        await pfs.inspect_commit(repo, opened)


async def test_dropping_where_only_whole_sets_can_be():
    unknown = faults.kind_of(grpc.StatusCode.UNIMPLEMENTED, "unknown method DropCommit")
    stub = Stub(unknown, None)
    await Pfs(stub).drop_commit(RepoName("x"), UNKNOWN_ID)
    assert stub.methods == ["DropCommit", "DropCommitSet"]
    with pytest.raises(faults.PfsError):
        await Pfs(Stub(faults.kind_of(grpc.StatusCode.UNKNOWN, "no"))).drop_commit(
            RepoName("x"), UNKNOWN_ID
        )


async def test_commits_are_listed_along_parents(pfs: Pfs, repo: RepoName):
    commits = [await written(pfs, repo, add_file(f"/{n}", b"")) for n in range(4)]
    await pfs.create_branch(repo, "aside", commits[1])
    aside = await written(pfs, repo, add_file("/aside", b""), branch="aside")

    async def listed(to: CommitId, number: int) -> list[CommitId]:
        return [info.id async for info in pfs.list_commits(repo, to=to, number=number)]

    assert await listed(commits[3], 10) == commits[::-1]
    assert await listed(commits[2], 2) == [commits[2], commits[1]]
    assert await listed(aside, 0) == [aside, commits[1], commits[0]]
    async for info in pfs.list_commits(repo, to=aside, number=0):
        assert info.parent == commits[1]
        break


async def test_a_collision_is_told_by_the_finished_commit(pfs: Pfs, repo: RepoName):
    before = await written(pfs, repo, add_file("/a", b"1"))
    spoiled = await written(pfs, repo, add_file("/a/b", b"2"), add_file("/good", b"3"))
    info = await pfs.inspect_commit(repo, spoiled)
    assert "path collision" in info.error
    with pytest.raises(faults.Collision):
        await paths(pfs.list_files(Place(repo, spoiled)))
    after = await written(pfs, repo, add_file("/c", b"4"))
    assert await paths(pfs.list_files(Place(repo, after))) == ["/a", "/c"]
    assert await paths(pfs.list_files(Place(repo, before))) == ["/a"]


# Files


async def test_files_are_read_whole_and_from_an_offset(pfs: Pfs, repo: RepoName):
    commit = await written(
        pfs, repo, add_file("/f", b"0123"), add_file("/f", b"456789"), add_file("/empty", b"")
    )
    at = Place(repo, commit)
    assert await content(pfs, at, "/f") == b"0123456789"
    assert await content(pfs, at, "/f", 7) == b"789"
    assert await content(pfs, at, "/f", 10) == b""
    assert await content(pfs, at, "/f", 11) == b""
    assert await content(pfs, at, "/empty") == b""
    info = await pfs.inspect_file(at, "/f")
    assert (info.path, info.is_dir, info.size, len(info.hash)) == ("/f", False, 10, 32)
    assert info.committed_ms == (await pfs.inspect_commit(repo, commit)).finishing_ms
    assert (await pfs.inspect_file(at, "/empty")).hash.hex() == EMPTY_HASH
    for call in (pfs.inspect_file(at, "/none"), content(pfs, at, "/none")):
        with pytest.raises(faults.NotFound) as missing:
            await call
        assert missing.value.what == "file"


async def test_an_offset_that_would_end_pachd_is_never_sent():
    stub = Stub()
    for offset in (-1, -(2**63), 2**63, 2**80):
        with pytest.raises(ValueError, match="offset"):
            await content(Pfs(stub), Place(RepoName("x"), UNKNOWN_ID), "/f", offset)
    assert stub.methods == []


async def test_large_files_come_in_pieces_and_may_be_left_early(pfs: Pfs, repo: RepoName):
    piece = os.urandom(1024 * 1024)
    file_set = await pfs.create_file_set(given(*[add_file("/body", piece)] * 24))
    at = Place.of_file_set(file_set)
    assert (await pfs.inspect_file(at, "/body")).size == 24 * len(piece)
    assert await content(pfs, at, "/body", 22 * len(piece)) == piece * 2
    pieces = pfs.get_file(at, "/body")
    assert (await anext(pieces)).startswith(piece)
    await pieces.aclose()
    assert await content(pfs, at, "/body") == piece * 24


async def test_directories_are_listed_in_pages_and_walked(pfs: Pfs, repo: RepoName):
    names = ["/d/a", "/d/sub-a", "/d/sub.txt", "/d/sub/x", "/d/sub/y", "/d/z", "/e"]
    commit = await written(pfs, repo, *(add_file(path, b"1") for path in names))
    at = Place(repo, commit)
    entries = ["/d/a", "/d/sub-a", "/d/sub.txt", "/d/sub/", "/d/z"]
    assert await paths(pfs.list_files(at, "/d")) == entries
    assert await paths(pfs.list_files(at)) == ["/d/", "/e"]
    assert await paths(pfs.list_files(at, "/d", after="/d/sub.txt", number=1)) == ["/d/sub/"]
    assert await paths(pfs.list_files(at, "/d", after="/d/sub/")) == ["/d/z"]
    assert await paths(pfs.list_files(at, "/none")) == []
    walked = ["/d/", "/d/a", "/d/sub-a", "/d/sub.txt", "/d/sub/", "/d/sub/x", "/d/sub/y", "/d/z"]
    assert await paths(pfs.walk_files(at, "/d")) == walked
    assert await paths(pfs.walk_files(at, "/d", after="/d/sub/x", number=2)) == walked[-2:]
    assert await paths(pfs.walk_files(at)) == ["/", *walked, "/e"]
    with pytest.raises(faults.NotFound) as missing:
        await paths(pfs.walk_files(at, "/none"))
    assert missing.value.what == "file"
    directory = await pfs.inspect_file(at, "/d/sub")
    assert (directory.path, directory.is_dir, directory.size) == ("/d/sub/", True, 2)


async def test_what_two_commits_differ_in(pfs: Pfs, repo: RepoName):
    old = await written(pfs, repo, *(add_file(f"/{n}", b"1") for n in ("same", "gone", "other")))
    new = await written(
        pfs, repo, delete_file("/gone"), delete_file("/other"), add_file("/other", b"22"),
        add_file("/d/new", b"333"),
    )  # fmt: skip

    async def differences(old: CommitId | None) -> dict[str, tuple[int | None, int | None]]:
        return {
            (new or old).path: (new and new.size, old and old.size)
            async for new, old in pfs.diff_files(repo, commit, old)
            if not (new or old).is_dir
        }

    commit = new
    changed = {"/gone": (None, 1), "/other": (2, 1), "/d/new": (3, None)}
    assert await differences(old) == changed
    assert await differences(None) == {
        "/same": (1, None), "/other": (2, None), "/d/new": (3, None)
    }  # fmt: skip
    commit = old
    assert await differences(new) == {path: pair[::-1] for path, pair in changed.items()}


async def test_every_path_is_read_by_its_own_name(pfs: Pfs, repo: RepoName):
    """Others may have written what our own escaping avoids: nothing of it is a pattern."""
    odd = [
        "a*b", "c?d", "[e]", "{f}", "(g)", "h)i", "!j", "@k", "+l", "^m", "n\\o", "p]q", "r}s",
        "!(t)", "+(u)", "v[w", "b^", "[!x]", "[^y]", "**", "é", "sp ace", "100%", "[\\]", "a-z",
    ]  # fmt: skip
    source = await written(pfs, repo, add_file("/source", b"xxxx"))
    copies = [copy_file(f"/o/{one}", Place(repo, source), "/source", False) for one in odd]
    at = Place(repo, await written(pfs, repo, *copies, add_file("/o/plain", b"yyyy")))
    assert set(await paths(pfs.list_files(at, "/o"))) == {f"/o/{one}" for one in [*odd, "plain"]}
    for one in odd:
        assert await content(pfs, at, f"/o/{one}") == b"xxxx", one


# File sets


async def test_a_file_set_is_read_before_any_commit_has_it(pfs: Pfs):
    messages = [delete_file("/a"), add_file("/a", b"1"), add_file("/d/b", b"2")]
    file_set = await pfs.create_file_set(given(*messages))
    at = Place.of_file_set(file_set)
    assert await content(pfs, at, "/a") == b"1"
    assert await paths(pfs.walk_files(at)) == ["/", "/a", "/d/", "/d/b"]
    info = await pfs.inspect_file(at, "/a")
    assert (info.size, info.committed_ms) == (1, None)
    with pytest.raises(faults.NotFound) as missing:
        await pfs.inspect_file(at, "/none")
    assert missing.value.what == "file"


async def test_a_file_set_with_deletes_first_may_be_added_twice(pfs: Pfs, repo: RepoName):
    file_set = await pfs.create_file_set(given(delete_file("/a"), add_file("/a", b"1")))
    commit = await started(pfs, repo, "master", "")
    await pfs.add_file_set(repo, commit, file_set)
    await pfs.add_file_set(repo, commit, file_set)
    await pfs.finish_commit(repo, commit)
    await pfs.inspect_commit(repo, commit, wait=State.FINISHED)
    assert await content(pfs, Place(repo, commit), "/a") == b"1"


async def test_a_copy_replaces_and_of_nothing_is_nothing(pfs: Pfs, repo: RepoName):
    staged = Place.of_file_set(await pfs.create_file_set(given(add_file("/body", b"12"))))
    await written(pfs, repo, add_file("/f", b"before"))
    copies = [copy_file(path, staged, source, False) for path, source in (
        ("/f", "/body"), ("/g", "/body"), ("/none", "/absent")
    )]  # fmt: skip
    at = Place(repo, await written(pfs, repo, *copies))
    assert await content(pfs, at, "/f") == await content(pfs, at, "/g") == b"12"
    assert await paths(pfs.list_files(at)) == ["/f", "/g"]


async def test_copies_are_put_together_by_composing(pfs: Pfs, repo: RepoName):
    parts = []
    for data in (b"12", b"345"):
        staged = Place.of_file_set(await pfs.create_file_set(given(add_file("/body", data))))
        parts.append(await pfs.create_file_set(given(copy_file("/f", staged, "/body", True))))
    commit = await started(pfs, repo, "master", "")
    await pfs.add_file_set(repo, commit, await pfs.compose_file_sets(parts, 60))
    await pfs.finish_commit(repo, commit)
    assert not (await pfs.inspect_commit(repo, commit, wait=State.FINISHED)).error
    assert await content(pfs, Place(repo, commit), "/f") == b"12345"


async def test_file_sets_are_composed_in_order(pfs: Pfs):
    first = await pfs.create_file_set(given(add_file("/a", b"1"), add_file("/b", b"1")))
    second = await pfs.create_file_set(given(delete_file("/b"), add_file("/b", b"2")))
    both = Place.of_file_set(await pfs.compose_file_sets([first, second], 60))
    assert (await content(pfs, both, "/a"), await content(pfs, both, "/b")) == (b"1", b"2")
    with pytest.raises(ValueError, match="time to live"):
        await pfs.compose_file_sets([first], 0)


async def test_a_file_set_that_is_gone_is_told_by_every_call(pfs: Pfs, repo: RepoName):
    kept = await pfs.create_file_set(given())
    await pfs.renew_file_set(kept, 60)
    commit = await started(pfs, repo, "master", "")
    gone = Place.of_file_set(UNKNOWN_FILE_SET)
    for call in (
        pfs.renew_file_set(UNKNOWN_FILE_SET, 60),
        pfs.add_file_set(repo, commit, UNKNOWN_FILE_SET),
        pfs.compose_file_sets([kept, UNKNOWN_FILE_SET], 60),
        pfs.inspect_file(gone, "/a"),
        content(pfs, gone, "/a"),
        pfs.add_file_set(repo, commit, "none"),
    ):
        with pytest.raises(faults.NotFound) as missing:
            await call
        assert missing.value.what == "file_set"
    with pytest.raises(faults.NotFound) as missing:
        await pfs.add_file_set(repo, UNKNOWN_ID, kept)
    assert missing.value.what == "commit"


async def test_a_file_set_that_breaks_or_is_refused_is_none(pfs: Pfs):
    async def breaking() -> AsyncIterator[wire.ModifyFileRequest]:
        yield add_file("/a", b"1")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await pfs.create_file_set(breaking())
    with pytest.raises(faults.PfsError, match="not allowed in path"):
        await pfs.create_file_set(given(add_file("/a*", b"1")))


async def test_a_reason_that_the_upload_lost_is_asked_for_again():
    lost = faults.kind_of(grpc.StatusCode.INTERNAL, "Internal error from Core")
    why = faults.kind_of(grpc.StatusCode.UNAUTHENTICATED, "no authentication token")
    with pytest.raises(faults.Unauthenticated):
        await Pfs(Stub(lost, why)).create_file_set(given())
    silent = Stub(lost, wire.CreateFileSetResponse(file_set_id="1"))
    with pytest.raises(faults.Unreachable):
        await Pfs(silent).create_file_set(given())
    assert silent.methods == ["CreateFileSet"] * 2


# Rights


async def test_without_auth_tokens_mean_nothing(pfs: Pfs, repo: RepoName):
    assert await pfs.auth_is_on() is False
    for call in (pfs.who_am_i("x"), pfs.authorized("x", repo, ["REPO_READ"])):
        with pytest.raises(faults.PfsError) as off:
            await call
        assert off.value.code is grpc.StatusCode.UNIMPLEMENTED


async def test_auth_is_on_where_a_missing_token_matters():
    nobody = faults.kind_of(grpc.StatusCode.UNAUTHENTICATED, "no authentication token")
    assert await Pfs(Stub(nobody)).auth_is_on() is True
    assert await Pfs(Stub(wire.WhoAmIResponse(username="x"))).auth_is_on() is True
    with pytest.raises(faults.Unreachable):
        await Pfs(Stub(faults.kind_of(grpc.StatusCode.UNAVAILABLE, "gone"))).auth_is_on()


async def test_a_right_that_there_is_not_is_our_mistake(pfs: Pfs, repo: RepoName):
    with pytest.raises(ValueError, match="REPO_REED"):
        await pfs.authorized("x", repo, ["REPO_REED"])

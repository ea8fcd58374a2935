"""What tests make the fake do: fail, wait, die, turn old, and be used by others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from fake_pachd import FakePachd
from fake_pachd.wire import pfs
from pachd_calls import PachdCalls, add, delete

Code = grpc.StatusCode
GONE = (Code.UNAVAILABLE, "Stream removed (Socket closed)")


@pytest.fixture
def fake(runner: asyncio.Runner) -> Iterator[FakePachd]:
    """A fake that serves."""
    fake = FakePachd()
    runner.run(fake.start())
    yield fake
    runner.run(fake.stop())


@pytest.fixture
def pachd(fake: FakePachd, runner: asyncio.Runner) -> Iterator[PachdCalls]:
    """Calls to it; it has a repo `r`."""

    async def opened() -> PachdCalls:
        fake.create_repo("r")
        return PachdCalls(fake.address)

    calls = runner.run(opened())
    yield calls
    runner.run(calls.close())


async def code_of(asked) -> Code:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asked
    return error.value.code()


async def commit(pachd: PachdCalls, path: str) -> pfs.Commit:
    """A commit that is finishing."""
    at = pachd.at("r", await pachd.start("r"))
    await pachd.modify(at, add(path, b"x"))
    await pachd.finish(at)
    return at


# Finishing


async def test_commits_of_a_repo_finish_one_after_the_other(fake: FakePachd, pachd: PachdCalls):
    fake.finish_delay_s = 0.1
    made = [await commit(pachd, f"/{number}") for number in range(3)]
    assert [fake.commit("r", one.id).finishing for one in made] == [True] * 3
    began = time.monotonic()
    # A read of the head waits for all before it.
    assert len(await pachd.ls(made[2])) == 3
    assert time.monotonic() - began > 0.25
    ends = [fake.commit("r", one.id).finished_ns for one in made]
    assert ends == sorted(ends)


async def test_finishing_pauses_and_resumes(fake: FakePachd, pachd: PachdCalls):
    fake.pause_finishing()
    at = await commit(pachd, "/a")
    reading = asyncio.ensure_future(pachd.get(at, "/a"))
    await asyncio.sleep(0.05)
    assert not reading.done()
    fake.resume_finishing()
    assert await reading == b"x"


async def test_after_a_restart_commits_finish(fake: FakePachd, pachd: PachdCalls):
    fake.finish_delay_s = 60
    at = await commit(pachd, "/a")
    await fake.kill()
    fake.finish_delay_s = 0
    await fake.restart()
    assert (await again(lambda: pachd.finished(at))).HasField("finished")


async def again(ask) -> object:
    """Until the line is there again."""
    for _ in range(100):
        try:
            return await ask()
        except grpc.aio.AioRpcError as error:
            if error.code() is not Code.UNAVAILABLE:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError("it does not come back")


# Failures


async def test_the_next_calls_fail_before_or_after_they_are_done(
    fake: FakePachd, pachd: PachdCalls
):
    fake.fail_next("StartCommit", Code.UNKNOWN, "rollback", times=2)
    for _ in range(2):
        assert await code_of(pachd.start("r")) is Code.UNKNOWN
    assert fake.repo("r").commits == {}
    fake.fail_next("StartCommit", *GONE, after=True)
    assert await code_of(pachd.start("r")) is Code.UNAVAILABLE
    assert len(fake.repo("r").commits) == 1
    assert fake.calls["StartCommit"] == 3
    fake.fail_next("*", *GONE)
    assert await code_of(pachd.inspect_repo("r")) is Code.UNAVAILABLE
    await pachd.inspect_repo("r")


async def test_streams_and_uploads_lose_their_ends(fake: FakePachd, pachd: PachdCalls):
    await pachd.put("r", {"/a": b"1"})
    fake.fail_next("ListFile", *GONE, after=True)
    assert await code_of(pachd.ls(pachd.master("r"))) is Code.UNAVAILABLE
    fake.fail_next("ModifyFile", *GONE, after=True)
    assert await code_of(pachd.modify(pachd.master("r"), add("/b", b"2"))) is Code.UNAVAILABLE
    assert fake.files("r", "master") == {"/a": b"1", "/b": b"2"}
    fake.fail_next("CreateFileSet", *GONE)
    assert await code_of(pachd.create_file_set(add("/c"))) is Code.UNAVAILABLE
    assert fake.file_set_count == 0


async def test_everything_is_refused_until_it_recovers(fake: FakePachd, pachd: PachdCalls):
    fake.refuse_all(Code.RESOURCE_EXHAUSTED, "too busy")
    assert await code_of(pachd.inspect_repo("r")) is Code.RESOURCE_EXHAUSTED
    assert await code_of(pachd.ls(pachd.master("r"))) is Code.RESOURCE_EXHAUSTED
    fake.recover()
    await pachd.inspect_repo("r")


async def test_calls_are_slow_or_held(fake: FakePachd, pachd: PachdCalls):
    fake.slow("InspectRepo", 0.1)
    began = time.monotonic()
    await pachd.inspect_repo("r")
    assert time.monotonic() - began >= 0.1
    fake.hold("StartCommit")
    starting = asyncio.ensure_future(pachd.start("r"))
    await asyncio.sleep(0.05)
    assert fake.calls["StartCommit"] == 1
    assert fake.repo("r").commits == {}
    fake.release("StartCommit")
    assert await starting in fake.repo("r").commits


async def test_larger_messages_are_refused(fake: FakePachd, pachd: PachdCalls):
    fake.message_bytes_max = 1000
    assert await code_of(pachd.create_file_set(add("/a", b"x" * 1000))) is Code.RESOURCE_EXHAUSTED


# Death


async def test_a_killed_one_is_gone_and_comes_back_with_what_it_had(
    fake: FakePachd, pachd: PachdCalls
):
    await pachd.put("r", {"/a": b"1"})
    opened = await pachd.start("r")
    address = fake.address
    waiting = asyncio.ensure_future(code_of(pachd.finished(pachd.at("r", opened))))
    await asyncio.sleep(0.05)
    await fake.kill()
    assert await waiting is Code.UNAVAILABLE
    assert await code_of(pachd.inspect_repo("r")) is Code.UNAVAILABLE
    assert not fake.running
    await fake.restart()
    assert fake.address == address
    assert (await again(lambda: pachd.head("r"))) == opened


async def test_what_was_not_whole_when_it_died_is_not_there(fake: FakePachd, pachd: PachdCalls):
    going = asyncio.Event()

    async def half() -> AsyncIterator[pfs.ModifyFileRequest]:
        yield pfs.ModifyFileRequest(set_commit=pachd.master("r"))
        yield add("/a", b"1")
        going.set()
        await asyncio.Event().wait()

    call = pachd._line.stream_unary(
        "/pfs_v2.API/ModifyFile",
        request_serializer=pfs.ModifyFileRequest.SerializeToString,
    )(half())
    await going.wait()
    await asyncio.sleep(0.05)
    await fake.kill()
    assert await code_of(call) is Code.UNAVAILABLE
    assert fake.repo("r").commits == {}


async def test_a_negative_offset_ends_it(fake: FakePachd, pachd: PachdCalls):
    at = pachd.at("r", await pachd.put("r", {"/m1": b"1"}))
    assert await code_of(pachd.get(at, "/m1", -1)) is Code.UNAVAILABLE
    assert not fake.running
    await fake.restart()
    assert await again(lambda: pachd.get(at, "/m1")) == b"1"


# Age, time and others


async def test_an_old_release_knows_less(fake: FakePachd, pachd: PachdCalls):
    fake.version = (2, 7, 1)
    opened = await pachd.start("r")
    assert await code_of(pachd.drop(pachd.at("r", opened))) is Code.UNIMPLEMENTED
    await pachd.drop_set(opened)
    edit = pachd.unary("/metadata.API/EditMetadata", pfs.EditMetadataRequest())
    assert await code_of(edit) is Code.UNIMPLEMENTED


async def test_file_sets_end(fake: FakePachd, pachd: PachdCalls):
    at = pachd.at("r", await pachd.start("r"))
    first = await pachd.create_file_set(add("/a"))
    endless = await pachd.compose(first, ttl_s=0)
    fake.expire_file_sets()
    assert await code_of(pachd.add_file_set(at, first)) is Code.UNKNOWN
    assert await code_of(pachd.get(pachd.of_file_set(first), "/a")) is Code.UNKNOWN
    await pachd.add_file_set(at, endless)
    await pachd.add_file_set(at, await pachd.create_file_set(add("/b")))
    fake.drop_file_sets()
    assert await code_of(pachd.add_file_set(at, endless)) is Code.UNKNOWN


async def test_others_write(fake: FakePachd, pachd: PachdCalls):
    first = fake.write("r", "master", {"/a": b"1", "/d/x": b"2", "/d/y": b"3"})
    fake.write("r", "master", {"/a": b"4", "/d/": None})
    assert fake.files("r", "master") == {"/a": b"4"}
    assert fake.files("r", first)["/a"] == b"1"
    fake.write("r", "master", {"/a": b"5"}, append=True)
    opened = await pachd.start("r")
    assert fake.write("r", "master", {"/b": b"6"}) == opened
    assert await pachd.get(pachd.at("r", opened), "/a") == b"45"
    with pytest.raises(Exception, match="has not been finished"):
        fake.start_commit("r", "master")
    fake.finish_commit("r", opened)
    fake.drop_commit("r", fake.start_commit("r", "master", "theirs"))
    assert await pachd.head("r") == opened
    fake.create_output("out", "master", "r@master")
    assert await code_of(pachd.start("out")) is Code.UNKNOWN
    output = fake.write("out", "master", {"/o": b"7"})
    fake.finish_commit("out", output)
    assert await pachd.get(pachd.at("out", output), "/o") == b"7"
    fake.delete_repo("r")
    assert await code_of(pachd.inspect_repo("r")) is Code.NOT_FOUND


# Rights: seen on a real pachd with auth on, which these tests cannot have


async def test_what_a_robot_may_not(fake: FakePachd, pachd: PachdCalls):
    opened = pachd.at("r", await pachd.start("r"))
    fake.auth.activate("root")
    pachd.token = fake.auth.add_token("robot:gw")
    file_set = await pachd.create_file_set(add("/a", b"1"), delete("/b"))
    at = pachd.of_file_set(file_set)
    # Of file sets only the bytes; they are no repo that roles could be given on.
    assert await pachd.get(at, "/a") == b"1"
    assert await code_of(pachd.inspect_file(at, "/a")) is Code.UNKNOWN
    assert await code_of(pachd.ls(at)) is Code.UNKNOWN
    # Nobody asks who writes into an open commit.
    await pachd.add_file_set(opened, file_set)
    assert await code_of(pachd.finish(opened)) is Code.PERMISSION_DENIED
    assert await code_of(pachd.start("nope")) is Code.UNKNOWN
    fake.auth.grant("robot:gw", "repoOwner", repo="r")
    # Dropping takes a role on the whole cluster.
    assert await code_of(pachd.drop(opened)) is Code.PERMISSION_DENIED
    fake.auth.grant("robot:gw", "repoWriter")
    await pachd.drop(opened)
    assert (await pachd.inspect_file(at, "/a")).size_bytes == 1


async def test_authorize_tells_what_is_missing(fake: FakePachd, pachd: PachdCalls):
    fake.auth.activate()
    pachd.token = fake.auth.add_token("robot:gw")
    fake.auth.grant("robot:gw", "repoReader", repo="r")

    async def ask(kind: str, name: str, *rights: str) -> pfs.AuthorizeResponse:
        request = pfs.AuthorizeRequest(
            resource=pfs.Resource(type=kind, name=name), permissions=rights
        )
        return await pachd.unary("/auth_v2.API/Authorize", request, pfs.AuthorizeResponse)

    answer = await ask("REPO", "default/r", "REPO_READ", "REPO_WRITE")
    assert not answer.authorized
    assert list(answer.satisfied) == [pfs.Permission.REPO_READ]
    assert list(answer.missing) == [pfs.Permission.REPO_WRITE]
    assert (await ask("PROJECT", "default", "PROJECT_CREATE_REPO")).authorized
    assert await code_of(ask("REPO", "default/nope", "REPO_READ")) is Code.UNKNOWN

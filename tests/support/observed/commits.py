"""Cases 1 and 2: commits, from start to finish, and what is refused of them."""

from __future__ import annotations

import asyncio

import grpc
from fake_pachd.contents import digest
from fake_pachd.wire import Empty, pfs
from pachd_calls import PachdCalls, add

from observed.play import Steps, scenario

UNKNOWN_ID = "0123456789ab4def8123456789abcdef"
FINISHING, FINISHED = pfs.CommitState.FINISHING, pfs.CommitState.FINISHED


@scenario("1.setup", "1.create", "1.flow", "1.open", "1.finishing", "1.finished", "1.hash")
async def one_commit(pachd: PachdCalls) -> Steps:  # noqa: PLR0915 - one story
    yield "1.setup", "GetVersion", version(pachd)
    yield "1.setup", "DeleteRepo missing", pachd.delete_repo("s1")
    await pachd.create_repo("s1")
    yield "1.create", "CreateRepo exists", pachd.create_repo("s1")
    yield "1.create", "CreateRepo update=true", pachd.create_repo("s1", update=True)
    call = "CreateRepo update=true new description"
    yield "1.create", call, pachd.create_repo("s1", update=True, description="d2")
    yield "1.create", "InspectRepo", pachd.inspect_repo("s1")
    yield "1.create", "InspectBranch master on fresh repo", pachd.inspect_branch("s1")
    yield "1.create", "CreateBranch master", pachd.create_branch("s1", "master")
    yield "1.create", "CreateBranch master again (no head)", pachd.create_branch("s1", "master")
    yield "1.create", "InspectBranch master", pachd.inspect_branch("s1")
    head = pachd.master("s1")
    yield "1.create", "InspectCommit master head of fresh branch", pachd.inspect(head)
    yield "1.create", "ListFile on empty head", counted(pachd.ls(head))
    yield "1.create", "InspectFile / on empty head", pachd.inspect_file(head, "/")

    file_set = await pachd.create_file_set(add("/a/f1", b"x" * 2048))
    yield "1.flow", "CreateFileSet 2KB", pachd.create_file_set(add("/a/f1", b"x" * 2048))
    commit = await pachd.start("s1", description="hello")
    at = pachd.at("s1", commit)
    yield "1.flow", "StartCommit description", given("")
    yield "1.open", "InspectCommit open", pachd.inspect(at)
    yield "1.open", "ListFile open (empty)", counted(pachd.ls(at))
    yield "1.flow", "AddFileSet", pachd.add_file_set(at, file_set)
    yield "1.open", "GetFile open commit", size(pachd.get(at, "/a/f1"))
    yield "1.open", "InspectFile open commit", pachd.inspect_file(at, "/a/f1")
    yield "1.open", "ListFile open commit /a", pachd.ls(at, "/a")
    yield "1.open", "GetFile via branch name while head open", size(pachd.get(head, "/a/f1"))
    yield "1.flow", "FinishCommit", pachd.finish(at)
    yield "1.finishing", "InspectCommit right after Finish", pachd.inspect(at)
    yield "1.finishing", "InspectFile right after Finish", pachd.inspect_file(at, "/a/f1")
    yield "1.finishing", "InspectCommit wait=FINISHED", pachd.finished(at)
    yield "1.finished", "InspectFile", pachd.inspect_file(at, "/a/f1")
    yield "1.finished", "FinishCommit again", pachd.finish(at)
    yield "1.finished", "ModifyFile to finished commit id", pachd.modify(at, add("/x"))
    both = pachd.at("s1", commit, "master")
    yield "1.finished", "ModifyFile to finished commit id + branch name", pachd.modify(both)
    unknown = pachd.at("s1", UNKNOWN_ID, "master")
    yield "1.finished", "ModifyFile unknown id + branch name", pachd.modify(unknown, add("/y"))
    unknown = pachd.at("s1", UNKNOWN_ID)
    yield "1.finished", "ModifyFile unknown id no branch", pachd.modify(unknown, add("/y"))
    call = "ModifyFile empty stream (only set_commit branch)"
    yield "1.finished", call, pachd.modify(head)
    call = "ModifyFile no set_commit first"
    yield "1.finished", call, pachd.upload("ModifyFile", [add("/z")])
    second = pfs.ModifyFileRequest(set_commit=head)
    yield "1.finished", "ModifyFile second set_commit", pachd.modify(head, second)
    yield "1.finished", "ModifyFile zero messages", pachd.upload("ModifyFile", [])
    origins = [one.origin.kind for one in await pachd.commits("s1")]
    assert origins == [1, 1, 1, 2]
    yield "1.finished", "ListCommit repo", given("")

    body = b"the same content"
    changes = [add("/h/a", body), add("/h/b", body), add("/h/c", b"another")]
    yield "1.hash", "put same content two paths", pachd.modify(head, *changes)
    hashes = [one.hash for one in await pachd.ls(head, "/h")]
    assert hashes[0] == hashes[1] != hashes[2]
    yield "1.hash", "ListFile hashes", given("")
    assert hashes[0] == digest(digest(body))
    yield "1.hash", "blake2b256(blake2b256(content))", given("")
    at = pachd.at("s1", await pachd.start("s1"))
    await pachd.modify(at, add("/h/d", body))
    info = await pachd.inspect_file(at, "/h/d")
    assert info.hash == hashes[0]
    assert not info.HasField("committed")
    yield "1.hash", "InspectFile hash in open commit", given("")
    await pachd.finish(at)
    await pachd.finished(at)
    yield "1.finishing", "poll InspectCommit until finished", given("")


@scenario("2.concurrent", "2.open", "2.finishing", "2.finish", "2.finished")
async def concurrent_commits(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s2")
    # The winner gives its turn to the others: the rows have it last.
    starts = [asyncio.ensure_future(pachd.start("s2")) for _ in range(4)]
    await asyncio.wait(starts)
    starts.sort(key=lambda one: one.exception() is None)
    for start in starts:
        yield "2.concurrent", "4 StartCommits at once on one branch", start
    commit = starts[-1].result()
    at, head = pachd.at("s2", commit), pachd.master("s2")
    yield "2.open", "StartCommit while head open", pachd.start("s2")
    call = "ModifyFile to branch while head open (joins)"
    yield "2.open", call, pachd.modify(head, add("/joined", b"j"))
    assert (await pachd.inspect(head)).commit.id == commit
    yield "2.open", "InspectCommit of head", given("")
    request = pfs.StartCommitRequest(parent=at, branch=pachd.branch("s2", "b2"))
    call = "StartCommit new branch with parent=open commit"
    yield "2.open", call, pachd.unary("StartCommit", request, pfs.Commit)
    yield "2.open", "CreateBranch b3 head=open commit", pachd.create_branch("s2", "b3", at)
    yield "2.open", "DeleteBranch with open head b3", pachd.delete_branch("s2", "b3")
    yield "2.open", "GetFile joined in open", written(pachd.get(at, "/joined"))
    call = "InspectCommit wait=FINISHING with 1s deadline on open commit"
    yield "2.open", call, impatient(pachd, at)
    yield "2.open", "ClearCommit open", pachd.clear(at)
    yield "2.open", "InspectFile joined after Clear", pachd.inspect_file(at, "/joined")
    await pachd.finish(at)
    call = "StartCommit right after finish (head FINISHING)"
    yield "2.finishing", call, pachd.start("s2")
    yield "2.finish", "FinishCommit by branch name (no id)", pachd.finish(head)
    yield "2.finished", "ClearCommit finished", pachd.clear(head)


async def version(pachd: PachdCalls) -> str:
    answer = await pachd.unary("/versionpb_v2.API/GetVersion", Empty(), pfs.Version)
    return f"{answer.major}.{answer.minor}.{answer.micro}"


async def impatient(pachd: PachdCalls, at: pfs.Commit) -> None:
    """Waits a little for something that does not come."""
    request = pfs.InspectCommitRequest(commit=at, wait="FINISHING")
    for _ in range(10):
        try:
            await pachd.unary("InspectCommit", request, pfs.CommitInfo, timeout_s=0.2)
        except grpc.aio.AioRpcError as error:
            # Now and then the server's own clock is the first to say so, in words of its own.
            if "context deadline exceeded" not in (error.details() or ""):
                raise


async def given(value: str) -> str:
    return value


async def counted(asked) -> str:
    return str(len(await asked))


async def size(asked) -> str:
    return str(len(await asked))


async def written(asked) -> str:
    """Bytes as Python writes them."""
    return repr(await asked)

"""The fake answers as a real pachd was observed to.

With LABELGATE_TEST_PACHD set the same tests ask the pachd there: it still does.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator

import grpc
import pytest
from fake_pachd import FakePachd
from fake_pachd.contents import digest
from observed import SCENARIOS, Row, play, rows
from pachd_calls import PachdCalls, add, delete
from pachds import REAL

WHERE = ["fake", "real"] if os.environ.get(REAL) else ["fake"]
MIB = 1024 * 1024

NOT_ASKED = {
    ("4.ascii-write", "refused characters: *"): "4.char-exact has each of them",
    ("6.list", "FileInfo of a directory in ListFile /"): "what was in its files is not known",
    ("6.history", "ListCommit started_time"): "a field that labelgate's messages do not have",
    ("6.find", "FindCommits start=FINISHING commit"): "no time to meet one; open is asked",
    ("6.squash", "SquashCommit single sid[0]"): "a call that labelgate does not make",
    ("6.subscribe2", "from=P.Commit(repo,id) head, no branch msg"): "the same as without",
    ("6.subscribe2", "from=id[3] with branch master"): "the same as without",
    ("6.subscribe2", "delay *"): "times",
    ("7.crash", "*"): "in test_fake_pachd_knobs.py: it would end the real one",
    ("7.read", "GetFile offset < 0"): "in test_fake_pachd_knobs.py: it would end the real one",
    ("7.read", "GetFileTAR offset 10"): "labelgate reads no archives",
    ("11.roles", "*"): "a call that labelgate does not make",
}
"""(case, call) -> why no scenario asks it. A call may end in *: all that begin so."""


def excused(row: Row) -> bool:
    begins = (call[:-1] for case, call in NOT_ASKED if case == row.case and call.endswith("*"))
    return (row.case, row.call) in NOT_ASKED or row.call.startswith(tuple(begins))


@pytest.fixture(params=WHERE)
def pachd(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Iterator[PachdCalls]:
    """A fake of its own, or a corner of a real one."""
    fake = FakePachd()
    real = request.param == "real"
    address = os.environ[REAL] if real else runner.run(fake.start())
    calls = runner.run(_calls(address, f"fake-{secrets.token_hex(4)}-" if real else ""))
    calls.fake = fake
    yield calls
    runner.run(calls.close())
    runner.run(fake.stop())


async def _calls(address: str, prefix: str) -> PachdCalls:
    return PachdCalls(address, prefix)


@pytest.mark.timeout(900)  # a real one that is busy
@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_answers_as_observed(name: str, pachd: PachdCalls):
    one = SCENARIOS[name]
    if one.only_fake and pachd.prefix:
        return
    differences, left = await play(one, pachd)
    assert differences == []
    assert [row for row in left if not excused(row)] == []


def test_every_row_is_asked_or_excused():
    asked = {case for one in SCENARIOS.values() for case in one.cases}
    assert [row for row in rows() if row.case not in asked and not excused(row)] == []


async def refused(asked) -> tuple[str, str]:
    """The status and text of a refusal."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asked
    return error.value.code().name, error.value.details() or ""


async def test_a_commit_upon_one_that_is_finishing_cannot_be_read_yet(pachd: PachdCalls):
    pachd.fake.pause_finishing()
    await pachd.create_repo("r")
    for _ in range(2):
        at = pachd.at("r", await pachd.start("r"))
        await pachd.modify(at, add("/a", b"1"))
        await pachd.finish(at)
    at = pachd.at("r", await pachd.start("r"))
    code, text = await refused(pachd.inspect_file(at, "/a"))
    assert code == "UNKNOWN"
    assert text.startswith("base commit ")
    assert text.endswith(" unfinished")
    pachd.fake.resume_finishing()
    parent = (await pachd.inspect(at)).parent_commit.id
    await pachd.finished(pachd.at("r", parent))
    assert await pachd.get(at, "/a") == b"11"


async def test_a_path_that_sorts_between_hides_a_collision(pachd: PachdCalls):
    await pachd.create_repo("r")
    files = {"/a": b"file", "/a-b": b"between", "/a/b": b"child"}
    at = pachd.at("r", await pachd.put("r", files))
    info = await pachd.finished(at)
    assert (info.error, info.details.size_bytes) == ("", 16)
    assert [one.file.path for one in await pachd.ls(at)] == ["/a", "/a-b", "/a/"]
    assert (await pachd.inspect_file(at, "/a")).file.path == "/a/"
    assert (await refused(pachd.get(at, "/a")))[1].startswith("cannot get directory")


async def test_a_directory_has_the_hash_of_the_hashes_in_it(pachd: PachdCalls):
    await pachd.create_repo("r")
    at = pachd.at("r", await pachd.put("r", {"/d/a": b"1", "/d/s/b": b"2", "/d/s/c": b"3"}))
    one, two, three = (digest(digest(data)) for data in (b"1", b"2", b"3"))
    below = await pachd.inspect_file(at, "/d/s")
    assert (below.size_bytes, below.hash) == (2, digest(two + three))
    above = await pachd.inspect_file(at, "/d")
    assert (above.size_bytes, above.hash) == (3, digest(one + below.hash))


async def test_bytes_come_in_messages_of_19_mib(pachd: PachdCalls):
    await pachd.create_repo("r")
    body = secrets.token_bytes(MIB) * 40
    pieces = [body[at : at + 8 * MIB] for at in range(0, len(body), 8 * MIB)]
    file_set = await pachd.create_file_set(*(add("/big", piece) for piece in pieces))
    at = pachd.of_file_set(file_set)
    came = await pachd.pieces(at, "/big")
    assert [len(piece) for piece in came] == [19 * MIB, 19 * MIB, 2 * MIB]
    assert b"".join(came) == body
    came = await pachd.pieces(at, "/big", 30 * MIB)
    assert b"".join(came) == body[30 * MIB :]
    info = await pachd.inspect_file(at, "/big")
    assert info.size_bytes == len(body)
    assert info.hash != digest(digest(body))


async def test_a_dropped_head_leaves_its_branches_at_its_parent(pachd: PachdCalls):
    await pachd.create_repo("r")
    first = await pachd.put("r", {"/a": b"1"})
    opened = await pachd.start("r")
    await pachd.create_branch("r", "other", pachd.at("r", opened))
    await pachd.drop(pachd.at("r", opened))
    assert await pachd.head("r") == await pachd.head("r", "other") == first
    assert (await pachd.inspect(pachd.at("r", first))).child_commits == []
    # Without a parent the branch gets an empty commit.
    await pachd.drop(pachd.at("r", first))
    info = await pachd.inspect(pachd.master("r"))
    assert info.commit.id != first
    assert (info.origin.kind, info.HasField("finished")) == (2, True)
    assert await pachd.ls(pachd.master("r")) == []


async def test_whoever_waits_for_a_dropped_commit_hears_of_it(pachd: PachdCalls):
    await pachd.create_repo("r")
    opened = pachd.at("r", await pachd.start("r"))
    waiting = asyncio.ensure_future(refused(pachd.finished(opened)))
    await asyncio.sleep(0.2)
    await pachd.drop(opened)
    code, text = await waiting
    assert code == "UNKNOWN"
    assert text.endswith(" was deleted")


async def test_an_output_branch_follows_with_the_ids_of_its_source(pachd: PachdCalls):
    for name in ("up", "out"):
        await pachd.create_repo(name)
    await pachd.put("up", {"/a": b"1"})
    await pachd.create_branch("out", "master", None, [pachd.branch("up")])
    await pachd.finish(pachd.master("out"))
    made = await pachd.put("up", {"/b": b"2"})
    output = pachd.at("out", made)
    info = await pachd.inspect(output)
    sources = [(one.repo.name, one.id) for one in info.direct_provenance]
    assert (info.origin.kind, sources) == (2, [(pachd.prefix + "up", made)])
    await pachd.modify(output, add("/o", b"3"))
    await pachd.finish(output)
    found = [one.commit.repo.name for one in await pachd.commit_set(made)]
    assert found == [pachd.prefix + "up", pachd.prefix + "out"]
    info = await pachd.inspect_branch("out")
    assert [one.name for one in info.direct_provenance] == ["master"]
    assert await pachd.get(output, "/o") == b"3"


async def test_a_folder_is_deleted_with_what_is_below_in_the_parent_and_the_stream(
    pachd: PachdCalls,
):
    await pachd.create_repo("r")
    await pachd.put("r", {"/d/a": b"1", "/d/s/b": b"2", "/dd": b"3"})
    head = pachd.master("r")
    await pachd.modify(head, add("/d/c", b"4"), delete("/d/"), add("/d/e", b"5"))
    assert [one.file.path for one in await pachd.walk(head)] == ["/", "/d/", "/d/e", "/dd"]


async def test_metadata_is_edited_all_or_nothing(pachd: PachdCalls):
    from fake_pachd.wire import pfs

    await pachd.create_repo("r")
    name = {"project": {"name": "default"}, "name": pachd.prefix + "r", "type": "user"}

    def edit(*ops: dict) -> object:
        request = pfs.EditMetadataRequest(edits=[{"repo": {"name": name}, **op} for op in ops])
        return pachd.unary("/metadata.API/EditMetadata", request, pfs.EditMetadataResponse)

    a, b = {"key": "a", "value": "1"}, {"key": "b", "value": "2"}
    await edit({"add_key": a})
    code, text = await refused(edit({"add_key": b}, {"add_key": a}))
    assert code == "FAILED_PRECONDITION"
    assert "edit #1" in text
    assert "already exists" in text
    assert dict((await pachd.inspect_repo("r")).metadata) == {"a": "1"}
    await edit({"add_key": b}, {"delete_key": {"key": "a"}}, {"edit_key": {**b, "value": "3"}})
    assert dict((await pachd.inspect_repo("r")).metadata) == {"b": "3"}
    code, _ = await refused(edit({"edit_key": {"key": "", "value": "x"}}))
    assert code == "INVALID_ARGUMENT"

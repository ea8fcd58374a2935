"""Case 3: what makes a commit useless, and what the next one sees."""

from __future__ import annotations

from fake_pachd.wire import pfs
from pachd_calls import PachdCalls, add, delete

from observed.commits import given, written
from observed.file_sets import found
from observed.play import Steps, scenario


async def outcome(pachd: PachdCalls) -> str:
    """How the head ended."""
    info = await pachd.finished(pachd.master("s3"))
    details = (
        f"size_bytes: {info.details.size_bytes}\\ncompacting_time {{\\n}}\\nvalidating_time {{\\n}}"
    )
    details = details if info.details.size_bytes else ""
    return f"error={info.error!r} finished={info.HasField('finished')} details='{details}'"


async def looks(pachd: PachdCalls, case: str, *paths: str) -> Steps:
    """The reads that follow each write, as far as the case has them."""
    head = pachd.master("s3")
    yield case, "InspectCommit wait FINISHED", outcome(pachd)
    for path in paths:
        yield case, f"InspectFile {path}", kind(pachd, head, path)
        yield case, f"GetFile {path}", written(pachd.get(head, path))
    yield case, "ListFile /", found(pachd.ls(head))


async def kind(pachd: PachdCalls, at: pfs.Commit, path: str) -> str:
    info = await pachd.inspect_file(at, path)
    return f"type={info.file_type} size={info.size_bytes}"


@scenario(
    "3.error",
    "3.collision-same",
    "3.collision-child",
    "3.collision-across",
    "3.collision-across2",
    "3.collision-fix",
    "3.batch",
    "3.batch-next",
    "3.replace",
    "3.replace2",
    "3.finish-error",
    "3.finish-error-child",
    "3.dirmarker",
    "3.datum",
    "3.delete",
)
async def collisions(pachd: PachdCalls) -> Steps:  # noqa: C901, PLR0912, PLR0915 - one story
    await pachd.create_repo("s3")
    await pachd.create_repo("s2")
    at = pachd.at("s2", await pachd.start("s2"))
    await pachd.finish(at, error="client says no")
    assert (await pachd.finished(at)).error == "client says no"
    yield "3.error", "InspectCommit after FinishCommit(error)", given("")
    head = pachd.master("s3")

    def write(*changes: pfs.ModifyFileRequest):
        return pachd.modify(head, *changes)

    case = "3.collision-same"
    call = "ModifyFile a and a/b in one stream"
    yield case, call, write(add("/a", b"file"), add("/a/b", b"child"))
    async for step in looks(pachd, case, "/a", "/a/b", "/a/"):
        yield step
    case = "3.collision-child"
    yield case, "put /ok after the errored commit", write(add("/ok", b"ok"))
    async for step in looks(pachd, case, "/a", "/a/b", "/ok"):
        yield step
    yield case, "InspectBranch head", pachd.inspect_branch("s3")

    case = "3.collision-across"
    yield case, "put /d/x", write(add("/d/x", b"1"))
    yield case, "put /d (file) later", write(add("/d", b"12345"))
    async for step in looks(pachd, case, "/d", "/d/x"):
        yield step
    case = "3.collision-across2"
    yield case, "put /e", write(add("/e", b"1"))
    yield case, "put /e/x later", write(add("/e/x", b"child"))
    async for step in looks(pachd, case, "/e", "/e/x"):
        yield step
    case = "3.collision-fix"
    call = "delete /d and add nothing on child of errored commit"
    yield case, call, write(delete("/d"), add("/after", b"after"))
    async for step in looks(pachd, case, "/e", "/e/x", "/after", "/d", "/d/x"):
        yield step

    case = "3.batch"
    call = "one commit with good file and a collision"
    yield case, call, write(add("/good", b"g"), add("/e/y", b"bad"))
    async for step in looks(pachd, case, "/good", "/e/y"):
        yield step
    yield case, "next commit: is /good visible", write(add("/next", b"n"))
    async for step in looks(pachd, "3.batch-next", "/good", "/next"):
        yield step

    case = "3.replace"
    call = "delete /e + add /e/x in one stream"
    yield case, call, write(delete("/e"), add("/e/x", b"child"))
    async for step in looks(pachd, case, "/e", "/e/x"):
        yield step
    case = "3.replace2"
    yield case, "delete dir /e/ + add file /e", write(delete("/e/"), add("/e", b"f"))
    async for step in looks(pachd, case, "/e", "/e/x"):
        yield step

    at = pachd.at("s3", await pachd.start("s3"))
    await pachd.modify(at, add("/fe", b"1"))
    await pachd.finish(at, error="client says no")
    async for step in looks(pachd, "3.finish-error", "/fe"):
        yield step
    yield "3.finish-error", "put after errored", write(add("/post", b"p"))
    async for step in looks(pachd, "3.finish-error-child", "/fe", "/post"):
        yield step

    case = "3.dirmarker"
    yield case, "AddFile path with trailing slash /dirm/", write(add("/dirm/"))
    async for step in looks(pachd, case, "/dirm", "/dirm/"):
        yield step
    case = "3.datum"
    yield case, "two datums same path", write(add("/dd", b"1", "x"), add("/dd", b"2", "y"))
    async for step in looks(pachd, case, "/dd"):
        yield step

    case = "3.delete"
    yield case, "delete missing file", write(delete("/nope"))
    async for step in looks(pachd, case):
        yield step
    yield case, "delete missing dir", write(delete("/nope/"))
    await write(add("/dz/1", b"1"))
    yield case, "delete of a directory path without slash", given("")
    yield case, "... delete /dz", write(delete("/dz"))
    await pachd.inspect_file(head, "/dz/1")
    yield case, "InspectFile /dz/1", given("still there")
    yield case, "... delete /dz/", write(delete("/dz/"))
    yield case, "InspectFile /dz/1", pachd.inspect_file(head, "/dz/1")
    yield case, "... delete / (all)", write(delete("/"))
    yield case, "ListFile /", found(pachd.ls(head))

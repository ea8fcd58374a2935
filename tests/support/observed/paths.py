"""Case 4: which paths are taken, and how they are read again."""

from __future__ import annotations

import ast
import json
import re

import grpc
from fake_pachd.wire import pfs
from pachd_calls import PachdCalls, add, copy, delete

from observed.commits import given, written
from observed.file_sets import listed
from observed.play import Row, Steps, rows, scenario

ODD = (
    *("q/r", "/q//s", "//q2", "/q3/", "/.hidden", "/...", "/name.", "/ lead", "/trail "),
    *("/a%20b%2Fc", "/a\\b", "/~home", "/a#b", '/a"b', "/a'b", "/a|b", "/a$b", "/a&b", "/a,b"),
    *("/a:b", "/a;b", "/a<b>", "/a=b", "/a`b"),
)
NAMED = {
    "unicode é": "/p/é",
    "unicode 漢": "/p/漢",
    "emoji": "/p/😀",
    "no leading slash": "p/x",
    "//inside": "/p//x",
    "leading //": "//p/x",
    "trailing slash": "/p/x/",
    ". element": "/q/./t",
    ".. element": "/q/../u",
    ".. at front": "../v",
    ". only": ".",
    "..only": "..",
    "empty": "",
    "slash only": "/",
    "dotfile": "/.hidden",
    "dots name": "/...",
    "trailing dot": "/name.",
    "leading space": "/ lead",
    "trailing space": "/trail ",
    "percent": "/a%20b",
    "backslash": "/a\\b",
    "tilde": "/~x",
    "1024 bytes": "/" + "x" * 1023,
    "1025 bytes": "/" + "x" * 1024,
    "2048 bytes": "/" + "x" * 2047,
    "10000 bytes": "/" + "x" * 9999,
    "100000 bytes": "/" + "x" * 99999,
    "1 MB path": "/" + "x" * 999_999,
    "300 levels": "/d" * 300,
}


@scenario("4.char-exact", "4.path", "4.delete-path", "4.copy-path", "4.ascii-write")
async def names(pachd: PachdCalls) -> Steps:
    for row in rows("4.char-exact"):
        path = ast.literal_eval(row.call.removeprefix("CreateFileSet add "))
        yield row.case, row.call, accepted(pachd.create_file_set(add(path)))
    for row in rows("4.path"):
        path = NAMED[row.call.removeprefix("CreateFileSet add ")]
        yield row.case, row.call, accepted(pachd.create_file_set(add(path)))
    for row in rows("4.delete-path"):
        path = ast.literal_eval(row.call.removeprefix("CreateFileSet delete "))
        yield row.case, row.call, accepted(pachd.create_file_set(delete(path)))
    await pachd.create_repo("s4")
    at = pachd.at("s4", await pachd.put("s4", {"/x": b"1"}))
    for row in rows("4.copy-path"):
        path = ast.literal_eval(row.call.removeprefix("CreateFileSet copy dst "))
        yield row.case, row.call, accepted(pachd.create_file_set(copy(path, at, "/x")))
    taken = [c for c in map(chr, range(32, 127)) if await takes(pachd, f"/p/x{c}y")]
    row = rows("4.ascii-write")[0]
    # The row has no slash among the separators.
    yield row.case, row.call, given("".join(taken))


async def takes(pachd: PachdCalls, path: str) -> bool:
    try:
        await pachd.create_file_set(add(path))
    except grpc.aio.AioRpcError:
        return False
    return True


@scenario("4.stored", "4.read-literal", "4.read-meta", "4.atomic")
async def stored(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s4")
    head = pachd.master("s4")
    changes = [add(path, b"c:" + path.encode()) for path in ODD]
    yield "4.stored", "ModifyFile many odd paths", pachd.modify(head, *changes)
    at = pachd.at("s4", (await pachd.finished(head)).commit.id)
    yield "4.stored", "WalkFile /", listed(pachd.walk(at))
    for row in rows("4.read-literal"):
        yield row.case, row.call, reading(pachd, at, row)
    files = {"/g/a1": b"1", "/g/a2": b"2", "/g/b1": b"3", "/g/sub/c1": b"4"}
    at = pachd.at("s4", await pachd.put("s4", files))
    for row in rows("4.read-meta"):
        yield row.case, row.call, reading(pachd, at, row)

    case, before = "4.atomic", await pachd.head("s4")
    call = "ModifyFile good then bad path to branch"
    yield case, call, pachd.modify(head, add("/good", b"1"), add("/bad*", b"2"))
    yield case, "head unchanged after refused stream", same(pachd.head("s4"), before)
    at = pachd.at("s4", await pachd.start("s4"))
    yield case, "into an OPEN commit: ModifyFile good then bad path", given("")
    call = "ModifyFile(open id) good then bad path"
    yield case, call, pachd.modify(at, add("/good2", b"1"), add("/bad*", b"2"))
    yield case, "InspectFile /good2 in open commit", pachd.inspect_file(at, "/good2")


@scenario("4.backslash")
async def backslashes(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s4b")
    files = {"/a\\b": b"bs", "/plain": b"p", "/d\\x/f": b"q"}
    at = pachd.at("s4b", await pachd.put("s4b", files))
    for row in rows("4.backslash"):
        method, _, path = row.call.partition(" ")
        match method:
            case "GetFile":
                yield row.case, row.call, written(pachd.get(at, path))
            case "GetFileTAR":
                # Its padding is its own affair.
                yield row.case, row.call, silent(pachd.tar(at, path))
            case "GlobFile":
                yield row.case, row.call, paths(pachd.glob(at, path))


@scenario("4.copydst", "4.copydst-read", "4.copydst-del")
async def unchecked_copies(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s4b")
    files = {"/a\\b": b"bs", "/plain": b"p", "/d\\x/f": b"q"}
    at = pachd.at("s4b", await pachd.put("s4b", files))
    head = pachd.master("s4b")
    for row in rows("4.copydst"):
        if row.call.startswith("ModifyFile"):
            path = ast.literal_eval(row.call.removeprefix("ModifyFile CopyFile dst "))
            yield row.case, row.call, accepted(pachd.modify(head, copy(path, at, "/plain")))
    error = (await pachd.finished(head)).error
    yield "4.copydst", "commit after CopyFile with odd dst", given(f"error={error!r}")
    yield "4.copydst", "ListFile /", listed(pachd.ls(head))
    for row in rows("4.copydst-read", "4.copydst-del"):
        method, _, path = row.call.partition(" ")
        match method:
            case "InspectFile":
                yield row.case, row.call, silent(pachd.inspect_file(head, path))
            case "GetFile":
                yield row.case, row.call, written(pachd.get(head, path))
            case "delete":
                yield row.case, row.call, pachd.modify(head, delete(path))


async def reading(pachd: PachdCalls, at: pfs.Commit, row: Row) -> str:
    """InspectFile, GetFile, ListFile or GlobFile of a path, as the rows tell of it."""
    method, _, quoted = row.call.partition(" ")
    path = ast.literal_eval(quoted)
    if method == "GetFile":
        return repr(await pachd.get(at, path))
    if method == "InspectFile":
        info = await pachd.inspect_file(at, path)
        return f"{info.file.path} type={info.file_type}"
    found = await (pachd.ls if method == "ListFile" else pachd.glob)(at, path)
    names = [info.file.path for info in found]
    # Of long lists the rows have the beginning only.
    shown = len(json.loads(re.sub(r" n=\d+$", "", row.message))) if row.ok else 0
    return f"{json.dumps(names[:shown])} n={len(names)}"


async def accepted(asked) -> str:
    await asked
    return "accepted"


async def silent(asked) -> None:
    await asked


async def same(asked, value: object) -> str:
    return str(await asked == value)


async def paths(asked) -> str:
    return str([one.file.path for one in await asked])

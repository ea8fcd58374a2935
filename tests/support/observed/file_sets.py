"""Case 2: file sets and copies."""

from __future__ import annotations

import json

from fake_pachd.wire import pfs
from pachd_calls import PachdCalls, add, copy, delete

from observed.commits import given, written
from observed.play import Steps, scenario

UNKNOWN = "0123456789ab4def8123456789abcdef"


@scenario("2.fileset", "2.copy")
async def file_sets(pachd: PachdCalls) -> Steps:  # noqa: PLR0915 - one story
    case = "2.fileset"
    await pachd.create_repo("s2")
    done = pachd.at("s2", await pachd.put("s2", {"/first": b"1"}))
    one = await pachd.create_file_set(add("/t", b"x"))
    yield case, "AddFileSet to finished commit", pachd.add_file_set(done, one)
    at = pachd.at("s2", await pachd.start("s2"))
    yield case, "AddFileSet bogus id (text)", pachd.add_file_set(at, "bogus")
    yield case, "AddFileSet bogus id (hex32)", pachd.add_file_set(at, UNKNOWN)
    yield case, "AddFileSet empty id", pachd.add_file_set(at, "")
    yield case, "AddFileSet same id twice (1)", pachd.add_file_set(at, one)
    yield case, "AddFileSet same id twice (2)", pachd.add_file_set(at, one)
    yield case, "GetFile after adding twice", written(pachd.get(at, "/t"))
    head = pachd.master("s2")
    yield case, "AddFileSet by branch name", pachd.add_file_set(head, one)
    for ttl_s in (0, 1, 600, 1800, 1801, 3600, -1):
        yield case, f"RenewFileSet ttl={ttl_s}", pachd.renew(one, ttl_s)
    yield case, "RenewFileSet bogus hex", pachd.renew(UNKNOWN, 600)
    yield case, "RenewFileSet bogus text", pachd.renew("xx", 600)
    f1 = await pachd.create_file_set(add("/p1", b"1"))
    f2 = await pachd.create_file_set(add("/p1", b"-two"), add("/p2", b"2"))
    both = await pachd.compose(f1, f2)
    yield case, "ComposeFileSet [f1,f2] ttl 600", pachd.compose(f1, f2)
    yield case, "ComposeFileSet compact", pachd.compose(f1, f2, compact=True)
    yield case, "ComposeFileSet []", pachd.compose()
    yield case, "ComposeFileSet ttl 0", pachd.compose(f1, f2, ttl_s=0)
    yield case, "ComposeFileSet bogus", pachd.compose(UNKNOWN)
    yield case, "AddFileSet composed", pachd.add_file_set(at, both)
    call = "GetFile p1 after composed add (append across filesets)"
    yield case, call, written(pachd.get(at, "/p1"))
    virtual = pachd.of_file_set(both)
    names = [info.file.path for info in await pachd.ls(virtual)]
    yield case, "read file set as commit: ListFile __filesets__", given(str(names))
    yield case, "read file set as commit: GetFile", written(pachd.get(virtual, "/p1"))
    info = await pachd.inspect_file(virtual, "/p1")
    assert (info.file.datum, info.size_bytes) == ("default", 5)
    assert not info.HasField("committed")
    yield case, "read file set as commit: InspectFile", pachd.inspect_file(virtual, "/p1")
    yield case, "CreateFileSet empty stream", pachd.create_file_set()
    first = pfs.ModifyFileRequest(set_commit=at)
    yield case, "CreateFileSet with set_commit", pachd.create_file_set(first)
    gone = await pachd.create_file_set(delete("/p1"))
    yield case, "CreateFileSet delete-only then Add", pachd.add_file_set(at, gone)
    yield case, "InspectFile p1 after delete fileset", pachd.inspect_file(at, "/p1")
    yield case, "CreateFileSet with dir delete /x/", pachd.create_file_set(delete("/x/"))
    await pachd.modify(at, add("/o", b"old"))
    call = "delete then add in one stream"
    yield case, call, pachd.modify(at, delete("/o"), add("/o", b"new"))
    yield case, "GetFile /o", written(pachd.get(at, "/o"))
    call = "add then delete in one stream"
    yield case, call, pachd.modify(at, add("/o2", b"x"), delete("/o2"))
    yield case, "InspectFile /o2", pachd.inspect_file(at, "/o2")
    call = "add twice (append)"
    yield case, call, pachd.modify(at, add("/o3", b"A"), add("/o3", b"B"))
    yield case, "GetFile /o3", written(pachd.get(at, "/o3"))
    await pachd.finish(at)

    case = "2.copy"
    yield case, "CopyFile server side /o3->/copy", pachd.modify(head, copy("/copy", at, "/o3"))
    yield case, "GetFile /copy", written(pachd.get(head, "/copy"))
    call = "CopyFile over existing without append"
    yield case, call, pachd.modify(head, copy("/copy", at, "/o"))
    yield case, "GetFile /copy", written(pachd.get(head, "/copy"))
    call = "CopyFile missing source"
    yield case, call, pachd.modify(head, copy("/copy2", at, "/nope"))
    yield case, "InspectFile /copy2", pachd.inspect_file(head, "/copy2")
    call = "CopyFile from fileset commit"
    yield case, call, pachd.modify(head, copy("/copy3", virtual, "/p1"))
    yield case, "GetFile /copy3", written(pachd.get(head, "/copy3"))
    made = copy("/c", at, "/o3")
    yield case, "CreateFileSet with CopyFile", pachd.create_file_set(made)


@scenario("2.expiry", only_fake=True)
async def expiry(pachd: PachdCalls) -> Steps:
    """As time goes by, of which the fake has plenty."""
    case = "2.expiry"
    await pachd.create_repo("s6e")
    early = await pachd.create_file_set(add("/x", b"hello world"))
    kept = pachd.at("s6e", await pachd.start("s6e", "kept"))
    await pachd.add_file_set(kept, early)
    await pachd.finish(kept)
    at = pachd.at("s6e", await pachd.start("s6e"))
    short = await pachd.create_file_set(add("/exp", b"x"))
    folder = await pachd.create_file_set(delete("/x/"))
    composed, endless = await pachd.compose(short), await pachd.compose(short, ttl_s=0)
    yield case, "RenewFileSet ttl=1 on fresh fileset", pachd.renew(short, 1)
    pachd.fake.advance(390)
    call = "AddFileSet of a fileset whose ttl was set to 1 s, 390 s ago"
    yield case, call, pachd.add_file_set(at, short)
    yield case, "GetFile of it", pachd.get(at, "/exp")
    yield case, "RenewFileSet of it", pachd.renew(short, 600)
    yield case, "AddFileSet of default-life fileset 390 s old", pachd.add_file_set(at, early)
    pachd.fake.advance(79)
    call = "AddFileSet default-life fileset never renewed, 469 s old"
    yield case, call, pachd.add_file_set(at, early)
    pachd.fake.advance(211)
    yield case, "RenewFileSet, default life, 680 s old", pachd.renew(early, 600)
    yield case, "AddFileSet, default life, 680 s old", pachd.add_file_set(at, early)
    pachd.fake.advance(2500)
    call = "RenewFileSet, never renewed, ~53 min old, made by "
    yield case, call + "ComposeFileSet [f1,f2] ttl 600", pachd.renew(composed, 600)
    yield case, call + "ComposeFileSet ttl 0", pachd.renew(endless, 600)
    yield case, call + "CreateFileSet with dir delete /x/", pachd.renew(folder, 600)
    call = "GetFile from a commit whose file set handle has expired long ago (s1 data)"
    yield case, call, written(pachd.get(kept, "/x"))


async def found(asked) -> str:
    """Paths and what they are."""
    return str([(one.file.path, one.file_type) for one in await asked])


async def listed(asked) -> str:
    """Paths as JSON."""
    return json.dumps([one.file.path for one in await asked])

"""Cases 6 and 7: listings, history, and reading in pieces."""

from __future__ import annotations

import json

from fake_pachd.wire import pfs
from pachd_calls import PachdCalls, add, delete

from observed.commits import given
from observed.file_sets import listed
from observed.paths import same
from observed.play import Steps, scenario

NUMBERED = [f"/d/{number:04}" for number in range(25)]
OTHERS = ["/d/Z", "/d/a b", "/d/sub-a", "/d/sub.txt", "/d/sub/x1", "/d/sub/x2", "/e/1", "/top"]


@scenario("6.list", "6.walk", "6.glob")
async def listings(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s6")
    files = {path: path.encode() for path in (*NUMBERED, *OTHERS)}
    at = pachd.at("s6", await pachd.put("s6", files))
    case = "6.list"
    yield case, "ListFile /", listed(pachd.ls(at))
    asked = {
        "ListFile /d order": {},
        "ListFile /d number=5": {"number": 5},
        "ListFile /d number=5 marker=/d/0004": {"number": 5, "marker": "/d/0004"},
        "ListFile /d number=5 marker=/d/00045 (absent)": {"number": 5, "marker": "/d/00045"},
        "ListFile /d marker=/d/sub (dir, no slash)": {"marker": "/d/sub"},
        "ListFile /d marker=/d/sub/ (dir)": {"marker": "/d/sub/"},
        "ListFile /d marker=/d/sub-a": {"marker": "/d/sub-a"},
        "ListFile /d marker=/d/sub.txt": {"marker": "/d/sub.txt"},
        "ListFile /d marker past end": {"marker": "/d/zzz"},
        "ListFile /d marker before (other dir /a)": {"marker": "/a", "number": 5},
        "ListFile /d marker /e (after dir)": {"marker": "/e"},
        "ListFile /d reverse number=5": {"number": 5, "reverse": True},
        "ListFile /d reverse number=5 marker=/d/0010": {
            "number": 5,
            "reverse": True,
            "marker": "/d/0010",
        },
        "ListFile /d reverse number=0": {"reverse": True},
        "ListFile /d number=100001": {"number": 100_001},
        "ListFile marker without commit (path only)": {"marker": "/d/0004", "number": 3},
    }
    for call, how in asked.items():
        yield case, call, listed(pachd.ls(at, "/d", **how))
    for number in (100_000, -1):
        yield case, f"ListFile /d number={number}", length(pachd.ls(at, "/d", number=number))
    yield case, "ListFile /d/sub as dir info", listed(pachd.ls(at, "/d/sub"))
    yield case, "ListFile of a prefix /d/00 (not dir)", listed(pachd.ls(at, "/d/00"))

    case = "6.walk"
    yield case, "WalkFile /d number=8", listed(pachd.walk(at, "/d", number=8))
    yield case, "WalkFile /d marker /d/0022", listed(pachd.walk(at, "/d", marker="/d/0022"))
    call = "WalkFile /d reverse number 4"
    yield case, call, listed(pachd.walk(at, "/d", number=4, reverse=True))
    yield case, "WalkFile / on commit", listed(pachd.walk(at))

    case = "6.glob"
    yield case, "GlobFile /d/000*", listed(pachd.glob(at, "/d/000*"))
    call = "GlobFile ** range [/d/0020,/d/a)"
    yield case, call, listed(pachd.glob(at, "**", "/d/0020", "/d/a"))
    call = "GlobFile /** range lower only /d/sub"
    yield case, call, listed(pachd.glob(at, "/**", "/d/sub"))
    yield case, "GlobFile /d/su**", listed(pachd.glob(at, "/d/su**"))
    yield case, "GlobFile d/su* (no slash)", listed(pachd.glob(at, "d/su*"))
    yield case, "GlobFile empty pattern", listed(pachd.glob(at, ""))


@scenario("6.diff", "6.history", "6.find")
async def histories(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s6")
    head = pachd.master("s6")
    files = {path: path.encode() for path in (*NUMBERED, *OTHERS)}
    ids = [await pachd.put("s6", files)]
    changes = [delete("/d/0000"), delete("/d/0001"), add("/d/0001", b"2"), add("/d/new", b"3")]
    await pachd.modify(head, *changes)
    ids.append((await pachd.finished(head)).commit.id)
    at, before = pachd.at("s6", ids[1]), pachd.at("s6", ids[0])
    case = "6.diff"
    yield case, "DiffFile / vs parent", pairs(pachd.diff(at))
    yield case, "DiffFile / vs parent shallow", pairs(pachd.diff(at))
    yield case, "DiffFile /d/0001 vs parent", pairs(pachd.diff(at, "/d/0001"))
    yield case, "DiffFile explicit old", pairs(pachd.diff(at, "/", before))
    yield case, "DiffFile empty paths", pairs(pachd.diff(at, ""))

    ids += [await pachd.put("s6", {f"/h/{n % 3}": b"%d" % n}) for n in range(2, 7)]
    case = "6.history"

    def handle(number: int) -> pfs.Commit:
        return pachd.at("s6", ids[number])

    async def numbers(**how) -> str:
        found = await pachd.commits("s6", **how)
        return str([ids.index(info.commit.id) for info in found])

    yield case, "ListCommit repo (index in creation order)", numbers()
    yield case, "ListCommit to=branch master", numbers(to=head)
    yield case, "ListCommit to=id[4]", numbers(to=handle(4))
    how = {"to": handle(5), "from": handle(2)}
    yield case, "ListCommit to=id[5] from=id[2]", numbers(**how)
    yield case, "ListCommit from=id[2] only", numbers(**{"from": handle(2)})
    yield case, "ListCommit number=2", numbers(number=2)
    yield case, "ListCommit to=master number=2", numbers(to=head, number=2)
    yield case, "ListCommit reverse", numbers(reverse=True)
    yield case, "ListCommit reverse to=master", numbers(to=head, reverse=True)
    how = {"to": handle(2), "from": handle(5)}
    yield case, "ListCommit from=id[5] to=id[2] (wrong order)", numbers(**how)

    # The rows have the commits of /h/2 as 4, 7 and 8, the deletion among them, of nine.
    ids.append(await pachd.put("s6", {"/h/2": b"7"}))
    await pachd.modify(head, delete("/h/2"))
    ids.append((await pachd.finished(head)).commit.id)
    assert len(ids) == 9

    async def search(path: str, limit: int = 0) -> list[tuple[str, int, int]]:
        found = await pachd.find(head, path, limit)
        kinds = [
            ("found_commit", "last_searched_commit")[one.found_commit.id == ""] for one in found
        ]
        return [
            (kind, ids.index(getattr(one, kind).id), one.commits_searched)
            for kind, one in zip(kinds, found, strict=True)
        ]

    case = "6.find"
    found = await search("/h/2")
    assert found[:2] == [("found_commit", 8, 0), ("found_commit", 7, 1)]
    assert found[-1] == ("last_searched_commit", 0, 9)
    yield case, "FindCommits /h/2", given("")
    for path in ("h/2", "/h", "/h/", "/h/*", "/nope", "/d/0001", "/d/0000"):
        yield case, f"FindCommits {path}", text(search(path))
    yield case, "FindCommits /h/2 limit 1", text(search("/h/2", 1))
    at = pachd.at("s6", await pachd.start("s6"))
    yield case, "FindCommits start=open commit", pachd.find(at, "/h/2")


@scenario("7.read")
async def pieces(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s7")
    body = bytes(range(256)) * 4096
    at = pachd.at("s7", await pachd.put("s7", {"/m1": body}))
    case = "7.read"
    yield case, "GetFile offset = size", length(pachd.get(at, "/m1", len(body)))
    yield case, "GetFile offset > size", length(pachd.get(at, "/m1", len(body) + 1))
    yield case, "GetFile content equal", same(pachd.get(at, "/m1"), body)
    call = "GetFile at offset content equal"
    yield case, call, same(pachd.get(at, "/m1", 1000), body[1000:])


@scenario("6.subscribe2")
async def subscriptions(pachd: PachdCalls) -> Steps:
    case = "6.subscribe2"
    await pachd.create_repo("s6s")
    ids = [await pachd.put("s6s", {f"/{number}": b"x"}) for number in range(4)]

    async def told(branch: str, start: int | None) -> list[int]:
        found = await pachd.subscribed(
            "s6s",
            branch,
            None if start is None else ids[start],
            for_s=1.5 if pachd.prefix else 0.2,
        )
        return [ids.index(one.commit.id) for one in found]

    assert await told("master", None) == [0, 1, 2, 3]
    yield case, "no from", given("")
    assert await told("master", 1) == [0, 2, 3]
    yield case, "from=id[1]", given("")
    assert await told("master", 3) == [0, 1, 2]
    yield case, "from=id[3] (head)", given("")
    assert await told("", None) == [0, 1, 2, 3]
    yield case, "branch empty", given("")
    assert await told("nope", None) == []
    yield case, "branch missing", given("")


async def pairs(asked) -> str:
    """New and old paths of a DiffFile."""
    found = [
        [one.new_file.file.path or None, one.old_file.file.path or None] for one in await asked
    ]
    return json.dumps(found)


async def length(asked) -> str:
    return str(len(await asked))


async def text(asked) -> str:
    return str(await asked)

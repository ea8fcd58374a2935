"""Case 11: with auth on. Played on the fake, which is told to turn it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fake_pachd import FakePachd
from fake_pachd.wire import Empty, pfs
from pachd_calls import PachdCalls, add

from observed.commits import given
from observed.play import Steps, rows, scenario


@scenario(
    "11.auth",
    "11.no token",
    "11.bad token",
    "11.robot without roles",
    "11.repoReader",
    "11.repoWriter",
    only_fake=True,
)
async def rights(pachd: PachdCalls) -> Steps:
    fake: FakePachd = pachd.fake
    root, robot = fake.auth.activate(), fake.auth.add_token("robot:gw")
    case, pachd.token = "11.auth", root
    yield case, "WhoAmI root", who(pachd)
    pachd.token = "nonsense"
    yield case, "WhoAmI bad token", who(pachd)
    pachd.token = None
    yield case, "WhoAmI no token", who(pachd)
    pachd.token = root
    yield case, "CreateRepo as root", pachd.create_repo("a1")
    yield case, "put as root", pachd.modify(pachd.master("a1"), add("/f", b"1"))

    pachd.token = None
    async for step in all_calls(pachd, "11.no token"):
        yield step
    pachd.token = "nonsense"
    async for step in all_calls(pachd, "11.bad token"):
        yield step
    pachd.token = robot
    async for step in all_calls(pachd, "11.robot without roles"):
        yield step
    fake.auth.grant("robot:gw", "repoReader", repo="a1")
    async for step in all_calls(pachd, "11.repoReader"):
        yield step
    fake.auth.grant("robot:gw", "repoWriter", repo="a1")
    async for step in all_calls(pachd, "11.repoWriter"):
        yield step
    info = await pachd.inspect(pachd.master("a1"))
    yield case, "commit created_by", given(info.created_by)
    pachd.token = fake.auth.add_token("robot:short", expires_s=-1)
    yield case, "WhoAmI expired token", who(pachd)


async def all_calls(pachd: PachdCalls, case: str) -> Steps:
    head = pachd.master("a1")
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "InspectRepo": lambda: pachd.inspect_repo("a1"),
        "InspectRepo missing": lambda: pachd.inspect_repo("nope"),
        "ListRepo": lambda: repos(pachd),
        "InspectFile": lambda: pachd.inspect_file(head, "/f"),
        "GetFile": lambda: pachd.get(head, "/f"),
        "ListFile": lambda: pachd.ls(head),
        "ModifyFile": lambda: pachd.modify(head, add("/g", b"2")),
        "CreateFileSet": lambda: pachd.create_file_set(add("/g", b"2")),
        "StartCommit": lambda: pachd.start("a1"),
        "CreateRepo": lambda: pachd.create_repo("a2"),
        "CreateProject": lambda: pachd.unary(
            "CreateProject", pfs.CreateProjectRequest(project=pfs.Project(name="robots"))
        ),
        "GetVersion": lambda: pachd.unary("/versionpb_v2.API/GetVersion", Empty(), pfs.Version),
        "ListCommit": lambda: pachd.commits("a1"),
        "DeleteRepo": lambda: pachd.delete_repo("a1"),
        "CreateBranch": lambda: pachd.create_branch("a1", "b2"),
    }
    for row in rows(case):
        yield case, row.call, told(asked[row.call]())


async def who(pachd: PachdCalls) -> str:
    answer = await pachd.unary("/auth_v2.API/WhoAmI", pfs.WhoAmIRequest(), pfs.WhoAmIResponse)
    return f'username: "{answer.username}"'


async def repos(pachd: PachdCalls) -> str:
    found = await pachd.stream("ListRepo", pfs.ListRepoRequest(type="user"), pfs.RepoInfo)
    return str(len(found))


async def told(asked: Awaitable[Any]) -> str:
    """Numbers as the rows have them; of the rest only that it was answered."""
    value = await asked
    return value if isinstance(value, str) and value.isdigit() else ""

"""Case 5: what is missing, malformed or badly named."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fake_pachd.wire import Empty, more, pfs
from pachd_calls import PachdCalls, add

from observed.commits import UNKNOWN_ID, given
from observed.paths import accepted, silent
from observed.play import Steps, rows, scenario


def calls(
    pachd: PachdCalls, at: pfs.Commit, path: str = "/f"
) -> dict[str, Callable[[], Awaitable]]:
    """The calls that name a commit."""
    return {
        "InspectCommit": lambda: pachd.inspect(at),
        "InspectFile": lambda: pachd.inspect_file(at, "/f"),
        "GetFile": lambda: pachd.get(at, "/f"),
        "ListFile": lambda: pachd.ls(at, "/"),
        "GlobFile": lambda: pachd.glob(at, "/*"),
        "WalkFile": lambda: pachd.walk(at, "/"),
        "ModifyFile": lambda: pachd.modify(at, add("/m", b"x")),
        "GetFileTAR": lambda: pachd.tar(at, "/f"),
        "FinishCommit": lambda: pachd.finish(at),
        "AddFileSet": lambda: added(pachd, at),
        "FindCommits": lambda: pachd.find(at, "/f"),
    }


async def added(pachd: PachdCalls, at: pfs.Commit) -> None:
    await pachd.add_file_set(at, await pachd.create_file_set(add("/f", b"x")))


@scenario(
    "5.missing repo",
    "5.missing repo by id",
    "5.missing branch",
    "5.missing commit id",
    "5.missing project",
    '5.malformed commit id "xyz"',
    "5.id=branch name",
    "5.ancestor master^",
    "5.ancestor branch=master^",
    "5.ancestor too far",
    "5.neither id nor branch",
)
async def missing_commits(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s5")
    await pachd.put("s5", {"/f": b"hello"})
    elsewhere = pachd.master("s5")
    elsewhere.repo.project.name = elsewhere.branch.repo.project.name = "noproj"
    handles = {
        "5.missing repo": pachd.master("norepo"),
        "5.missing repo by id": pachd.at("norepo", UNKNOWN_ID),
        "5.missing branch": pachd.at("s5", branch="nobranch"),
        "5.missing commit id": pachd.at("s5", UNKNOWN_ID),
        "5.missing project": elsewhere,
        '5.malformed commit id "xyz"': pachd.at("s5", "xyz"),
        "5.id=branch name": pachd.at("s5", "master"),
        "5.ancestor master^": pachd.at("s5", "master^"),
        "5.ancestor branch=master^": pachd.at("s5", branch="master^"),
        "5.ancestor too far": pachd.at("s5", "master^5"),
        "5.neither id nor branch": pachd.at("s5"),
    }
    own = {
        ("5.missing repo", "InspectRepo"): lambda: pachd.inspect_repo("norepo"),
        ("5.missing repo", "InspectBranch"): lambda: pachd.inspect_branch("norepo"),
        ("5.missing repo", "StartCommit"): lambda: pachd.start("norepo"),
        ("5.missing repo", "CreateBranch"): lambda: pachd.create_branch("norepo", "master"),
        ("5.missing repo", "ListCommit"): lambda: pachd.commits("norepo"),
        ("5.missing repo", "ListBranch"): lambda: pachd.branches("norepo"),
        ("5.missing repo", "DeleteBranch"): lambda: pachd.delete_branch("norepo", "master"),
        ("5.missing branch", "InspectBranch"): lambda: pachd.inspect_branch("s5", "nobranch"),
        ("5.missing branch", "DeleteBranch"): lambda: pachd.delete_branch("s5", "nobranch"),
    }
    for row in rows(*handles):
        if row.call == "ModifyFile creates branch":
            made = pachd.at("s5", branch="fresh")
            yield row.case, row.call, pachd.modify(made, add("/f", b"x"))
            continue
        ask = own.get((row.case, row.call))
        yield row.case, row.call, silent((ask or calls(pachd, handles[row.case])[row.call])())


@scenario("5.missing file", "5.branch")
async def missing_files(pachd: PachdCalls) -> Steps:
    case = "5.missing file"
    await pachd.create_repo("s5")
    head, at = pachd.master("s5"), pachd.at("s5", await pachd.put("s5", {"/f": b"hello"}))
    yield case, "InspectFile by branch", pachd.inspect_file(head, "/nope")
    yield case, "InspectFile by id", pachd.inspect_file(at, "/nope")
    yield case, "InspectFile no leading slash", pachd.inspect_file(at, "nope")
    yield case, "GetFile by id", pachd.get(at, "/nope")
    yield case, "GetFileTAR by id", pachd.tar(at, "/nope")
    yield case, "ListFile by id", entries(pachd.ls(at, "/nope"))
    yield case, "GlobFile by id", entries(pachd.glob(at, "/nope"))
    yield case, "WalkFile by id", pachd.walk(at, "/nope")
    yield case, "GetFile empty file commit", pachd.get(at, "/nope/")
    yield case, "InspectFile below a file /f/x", pachd.inspect_file(at, "/f/x")

    case = "5.branch"
    yield case, "DeleteBranch master", pachd.delete_branch("s5", "master")
    await pachd.inspect_file(at, "/f")
    yield case, "InspectFile by id after branch delete", given("still readable")
    yield case, "InspectFile by branch after delete", pachd.inspect_file(head, "/f")
    yield case, "put recreates branch", pachd.modify(head, add("/n", b"n"))
    names = [one.file.path for one in await pachd.ls(head)]
    yield case, "ListFile after recreate", given(str(names))
    parent = (await pachd.inspect(head)).parent_commit.id
    yield case, "recreate: parent", given(f"parent={parent!r}")


@scenario("5.branch-name", "5.branch-name-start", "5.type", "5.msgsize", "5.auth-off")
async def malformed(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s5")
    at = pachd.at("s5", await pachd.put("s5", {"/f": b"hello"}))
    for row in rows("5.branch-name"):
        yield row.case, row.call, pachd.create_branch("s5", name_in(row.call))
    await pachd.create_repo("s5n")
    for row in rows("5.branch-name-start"):
        yield row.case, row.call, silent(pachd.start("s5n", name_in(row.call)))
    for row in rows("5.msgsize"):
        found = re.search(r"of (\d+) bytes", row.call)
        assert found
        body = add("/big", b"x" * int(found[1]))
        # A row tells how large a message became; ours has a path of another length.
        yield row.case, row.call, accepted(pachd.create_file_set(_padded(body, int(found[1]))))

    case = "5.auth-off"
    yield case, "WhoAmI", pachd.unary("/auth_v2.API/WhoAmI", pfs.WhoAmIRequest())
    pachd.token = "some-token"
    yield case, "InspectRepo with some token", pachd.inspect_repo("s5")
    pachd.token = None
    yield case, "unknown method", pachd.unary("Nope", Empty())
    yield case, "unknown service", pachd.unary("/nope_v9.API/Nope", Empty())
    yield case, "1.x pfs.API/ListRepo", pachd.unary("/pfs.API/ListRepo", Empty())
    async for step in nil_messages(pachd, at):
        yield step


def _padded(message: pfs.ModifyFileRequest, body: int) -> pfs.ModifyFileRequest:
    """As large as the message of the row was: 21 bytes more than its body."""
    while message.ByteSize() < body + 21:
        message.add_file.path += "x"
    return message


async def nil_messages(pachd: PachdCalls, at: pfs.Commit) -> Steps:
    case = "5.type"

    def asked(kind: str) -> Awaitable:
        request = pfs.InspectRepoRequest(repo=pachd.repo("s5", kind))
        return pachd.unary("InspectRepo", request, pfs.RepoInfo)

    yield case, 'InspectRepo type=""', asked("")
    yield case, 'InspectRepo type="bogus"', asked("bogus")
    untyped = pfs.Commit(repo=pachd.repo("s5", ""), id=at.id)
    yield case, 'InspectFile with repo type ""', pachd.inspect_file(untyped, "/f")
    call = "InspectFile with only commit.branch (no commit.repo), type user"
    yield case, call, silent(pachd.inspect_file(pfs.Commit(branch=pachd.branch("s5")), "/f"))
    bare = pfs.Commit(repo=pachd.repo("s5"), id=at.id)
    call = "InspectFile with only commit.repo+id, no branch msg"
    yield case, call, silent(pachd.inspect_file(bare, "/f"))
    homeless = pfs.Commit(repo=pfs.Repo(name=pachd.repo("s5").name, type="user"), id=at.id)
    yield case, "InspectFile project unset", silent(pachd.inspect_file(homeless, "/f"))
    yield case, "ModifyFile id, repo only, no branch message", pachd.modify(bare, add("/f"))
    start = pfs.StartCommitRequest(branch=pachd.branch("s5", ""))
    yield case, "StartCommit no branch", pachd.unary("StartCommit", start, pfs.Commit)
    start = pfs.StartCommitRequest(branch=pfs.Branch(name="master"))
    yield case, "StartCommit branch without repo", pachd.unary("StartCommit", start, pfs.Commit)
    unary = {
        "InspectFile nil file": ("InspectFile", pfs.InspectFileRequest(), pfs.FileInfo),
        "InspectCommit nil": ("InspectCommit", pfs.InspectCommitRequest(), pfs.CommitInfo),
        "InspectRepo nil": ("InspectRepo", pfs.InspectRepoRequest(), pfs.RepoInfo),
        "CreateRepo nil": ("CreateRepo", pfs.CreateRepoRequest(), Empty),
        "DeleteBranch nil": ("DeleteBranch", pfs.DeleteBranchRequest(), Empty),
    }
    for call, asking in unary.items():
        yield case, call, pachd.unary(*asking)
    streams = {
        "GetFile nil file": ("GetFile", pfs.GetFileRequest(), Empty),
        "ListFile nil file": ("ListFile", pfs.ListFileRequest(), pfs.FileInfo),
        "FindCommits nil start": ("FindCommits", more.FindCommitsRequest(), Empty),
    }
    for call, streamed in streams.items():
        yield case, call, pachd.stream(*streamed)


@scenario("5.repo-name", "5.project", only_fake=True)
async def names_of_repos(pachd: PachdCalls) -> Steps:
    """Only where no prefix comes before the names."""
    for row in rows("5.repo-name"):
        yield row.case, row.call, pachd.create_repo(name_in(row.call))
    for row in rows("5.project"):
        if row.call.startswith("CreateProject"):
            name = "p1" if row.call.endswith("again") else name_in(row.call)
            request = pfs.CreateProjectRequest(project=pfs.Project(name=name))
            yield row.case, row.call, pachd.unary("CreateProject", request)
    pachd.project = "noproj"
    yield "5.project", "CreateRepo in missing project", pachd.create_repo("r1")
    pachd.project = "p1"
    yield "5.project", "CreateRepo in p1", pachd.create_repo("r1")
    pachd.project = "default"
    yield "5.project", "InspectRepo p1 repo under default", pachd.inspect_repo("r1")


def name_in(call: str) -> str:
    """The name that a row was about; long ones are told by their length."""
    found = re.search(r"'(.*)'$", call)
    assert found
    long = re.fullmatch(r"xxx\.\.\.\((\d+)\)", found[1])
    return "x" * int(long[1]) if long else found[1]


async def entries(asked) -> str:
    return f"{len(await asked)} entries"

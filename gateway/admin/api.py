"""The JSON API, `/-/api/v1`: addresses and parameters. What is done stands in repos and history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from gateway.admin import (
    changing,
    checking,
    dataset,
    deliveries,
    exports,
    finding,
    graphs,
    history,
    repos,
    triggers,
)
from gateway.admin.models import (
    BranchesOut,
    CommitPage,
    CreateBranch,
    CreateRepo,
    CreateTag,
    DeliveriesOut,
    DiffOut,
    ErrorAnswer,
    LineageOut,
    LogOut,
    MovesOut,
    ParkedOut,
    Promote,
    PromotedOut,
    RefOut,
    RepoOut,
    ReposOut,
    Restore,
    Revert,
    ServerOut,
    TagsOut,
    UndoneOut,
    iso,
)
from gateway.admin.services import Caller
from gateway.admin.traced import CheckOut, GraphOut, WritesOut
from gateway.admin.triggered import CreateTrigger, FiringOut, FiringsOut, TriggerOut, TriggersOut
from gateway.lineage.graph import Way
from gateway.lineage.openlineage import Granularity
from gateway.lineage.standing import Standing
from gateway.versioning.model import RefKind

PAGE_MAX = 1000

refused: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "Refused; nothing was changed"},
    "5XX": {"model": ErrorAnswer, "description": "The server cannot do it, or not now"},
}
api = APIRouter(prefix="/-/api/v1", responses=refused)


def caller_of(request: Request) -> Caller:
    """Who signed the request; the edge has checked it."""
    caller: Caller = request.state.caller
    return caller


Signed = Annotated[Caller, Depends(caller_of)]
RepoPath = Annotated[str, Path(description="`name[.project]`", examples=["labels"])]
RefText = Annotated[
    str,
    Path(
        description="`[commit.]branch.repo[.project]`, a tag for the branch, or a commit id",
        examples=["master.labels"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="rows of a page")]
AfterKey = Annotated[str, Query(description="`next_after` of the page before")]
Force = Annotated[
    bool, Query(description="also when it is the repo's last ref, so that all its commits go")
]


@api.get("", tags=["server"])
async def server(caller: Signed) -> ServerOut:
    """The server's version and time, and whom it takes the caller for."""
    services = caller.services
    return ServerOut(
        version=services.version,
        time=iso(services.clock()),
        account=caller.key.account,
        key_name=caller.key.name,
    )


@api.get("/repos", tags=["repos"])
async def list_repos(caller: Signed) -> ReposOut:
    """Every repo the key may read."""
    return ReposOut(repos=await repos.list_repos(caller))


@api.post("/repos", status_code=201, tags=["repos"])
async def create_repo(caller: Signed, body: CreateRepo) -> RepoOut:
    """Make a repo, without any branch."""
    return await repos.create_repo(caller, body.repo)


@api.delete("/repos/{repo}", status_code=204, tags=["repos"])
async def delete_repo(
    caller: Signed,
    repo: RepoPath,
    confirm: Annotated[str, Query(description="the repo's name once more")] = "",
) -> None:
    """Take a repo away with all its branches, tags and commits; its name is free again."""
    await repos.delete_repo(caller, repo, confirm)


@api.get("/branches", tags=["branches"])
async def list_all_branches(caller: Signed) -> BranchesOut:
    """The branches of every repo the key may read."""
    return BranchesOut(branches=await repos.list_refs(caller, RefKind.BRANCH))


@api.get("/repos/{repo}/branches", tags=["branches"])
async def list_branches(caller: Signed, repo: RepoPath) -> BranchesOut:
    """The branches of a repo."""
    return BranchesOut(branches=await repos.list_refs(caller, RefKind.BRANCH, repo))


@api.post("/repos/{repo}/branches", status_code=201, tags=["branches"])
async def create_branch(caller: Signed, repo: RepoPath, body: CreateBranch) -> RefOut:
    """Make a branch at a REF, or an empty one."""
    return await repos.create_branch(caller, repo, body.name, body.from_)


@api.delete("/repos/{repo}/branches/{branch}", status_code=204, tags=["branches"])
async def delete_branch(caller: Signed, repo: RepoPath, branch: str, force: Force = False) -> None:
    """Take the branch's name away; its commits stay readable by id while the repo exists."""
    await repos.delete_branch(caller, repo, branch, force=force)


@api.put("/repos/{repo}/branches/{branch}/protected", tags=["branches"])
async def protect_branch(caller: Signed, repo: RepoPath, branch: str) -> RefOut:
    """Let the branch change by promote, revert and restore alone."""
    return await repos.protect(caller, repo, branch, protected=True)


@api.delete("/repos/{repo}/branches/{branch}/protected", tags=["branches"])
async def unprotect_branch(caller: Signed, repo: RepoPath, branch: str) -> RefOut:
    """Let the branch be written to again."""
    return await repos.protect(caller, repo, branch, protected=False)


@api.get("/repos/{repo}/moves/{name}", tags=["branches"])
async def list_moves(caller: Signed, repo: RepoPath, name: str) -> MovesOut:
    """What happened to a branch or tag but for commits: who made it, moved it, deleted it."""
    return await repos.moves(caller, repo, name)


@api.get("/tags", tags=["tags"])
async def list_all_tags(caller: Signed) -> TagsOut:
    """The tags of every repo the key may read."""
    return TagsOut(tags=await repos.list_refs(caller, RefKind.TAG))


@api.get("/repos/{repo}/tags", tags=["tags"])
async def list_tags(caller: Signed, repo: RepoPath) -> TagsOut:
    """The tags of a repo."""
    return TagsOut(tags=await repos.list_refs(caller, RefKind.TAG, repo))


@api.post("/repos/{repo}/tags", status_code=201, tags=["tags"])
async def create_tag(caller: Signed, repo: RepoPath, body: CreateTag) -> RefOut:
    """Name a commit for ever."""
    return await repos.create_tag(caller, repo, body.name, body.from_)


@api.delete("/repos/{repo}/tags/{tag}", status_code=204, tags=["tags"])
async def delete_tag(caller: Signed, repo: RepoPath, tag: str, force: Force = False) -> None:
    """Take the tag's name away; its commit stays."""
    await repos.delete_tag(caller, repo, tag, force=force)


@api.get("/refs/{ref}/log", tags=["history"])
async def log(
    *,
    caller: Signed,
    ref: RefText,
    path: Annotated[
        str | None,
        Query(description="only commits that changed this key, or with a final `/` any below it"),
    ] = None,
    author: Annotated[str | None, Query(description="only commits of this account")] = None,
    since: Annotated[str | None, Query(description="an ISO 8601 time; none older")] = None,
    until: Annotated[str | None, Query(description="an ISO 8601 time; none younger")] = None,
    task: Annotated[
        int | None, Query(description="only with labels of this task, by Label Studio's id")
    ] = None,
    annotator: Annotated[
        int | None, Query(description="only with labels by this user, by Label Studio's id")
    ] = None,
    annotation: Annotated[
        int | None, Query(description="only with this annotation of the task")
    ] = None,
    after: Annotated[str | None, Query(description="`next_after` of the page before")] = None,
    limit: Limit = 100,
) -> LogOut:
    """Commits from a REF back along first parents, newest first."""
    wanted = history.Filter(path, author, since, until, task, annotator, annotation)
    return await history.log_page(caller, ref, wanted, after=after, limit=limit)


@api.get("/refs/{ref}/commit", tags=["history"])
async def commit(
    caller: Signed, ref: RefText, after: AfterKey = "", limit: Limit = PAGE_MAX
) -> CommitPage:
    """The commit a REF names, with its changes and the lineage of each."""
    return await history.commit_page(caller, ref, after=after, limit=limit)


@api.post("/refs/{ref}/promote", tags=["changes"])
async def promote(caller: Signed, ref: RefText, body: Promote) -> PromotedOut:
    """Bring what another state of the repo has to a branch."""
    return await changing.promote_to(caller, ref, body)


@api.post("/refs/{ref}/revert", tags=["changes"])
async def revert(caller: Signed, ref: RefText, body: Revert) -> UndoneOut:
    """Undo commits of a branch by a new one; what came since stays."""
    return await changing.revert_on(caller, ref, body)


@api.post("/refs/{ref}/restore", tags=["changes"])
async def restore(caller: Signed, ref: RefText, body: Restore) -> UndoneOut:
    """Bring an earlier state of a branch, or of a path of it, back by a new commit."""
    return await changing.restore_on(caller, ref, body)


@api.get("/refs/{ref}/lineage", tags=["history"])
async def lineage(
    caller: Signed,
    ref: RefText,
    key: Annotated[str, Query(description="the object's key, raw", examples=["sentiment/1"])],
    version: Annotated[str | None, Query(description="of the object; else the current one")] = None,
) -> LineageOut:
    """Where an object comes from: who labeled, in which task, from which source's version."""
    return await history.lineage(caller, ref, key, version)


@api.get("/writes", tags=["lineage"])
async def writes(
    *,
    caller: Signed,
    source: Annotated[
        str | None,
        Query(
            description="what was made from it: an s3 URI of an object at any version (a branch), "
            "at one (a commit or tag), or of all in a bucket or below a `/`",
            examples=["s3://master.raw/images/1.png"],
        ),
    ] = None,
    annotator: Annotated[int | None, Query(description="Label Studio's id of the user")] = None,
    person: Annotated[str | None, Query(description="the keyed hash of somebody")] = None,
    task: Annotated[int | None, Query(description="Label Studio's id of the task")] = None,
    project: Annotated[int | None, Query(description="Label Studio's id, of that task")] = None,
    repo: Annotated[str | None, Query(description="only writes in it: `name[.project]`")] = None,
    current: Annotated[bool, Query(description="only those that were not written over")] = False,
    standing: Annotated[
        Standing | None, Query(description="only where the source's URI stands so now")
    ] = None,
    after: Annotated[str | None, Query(description="`next_after` of the page before")] = None,
    limit: Limit = 100,
) -> WritesOut:
    """Writes by one of source, annotator, person and task: those made from it, or by them."""
    sought = finding.Sought(source, annotator, person, task, project, repo, current, standing)
    return await finding.writes_page(caller, sought, after=after, limit=limit)


@api.get("/refs/{ref}/graph", tags=["lineage"])
async def graph(
    *,
    caller: Signed,
    ref: RefText,
    key: Annotated[str, Query(description="the object's; without it the state is meant")] = "",
    version: Annotated[str | None, Query(description="of the object; else the current one")] = None,
    way: Annotated[Way, Query(description="only sources, only products, or both")] = Way.BOTH,
    nodes: Annotated[int, Query(ge=1, le=2000, description="at most so many")] = 200,
) -> GraphOut:
    """What an object was made from and what was made from it, through all repos."""
    return await graphs.graph(caller, ref, key, version, way=way, nodes=nodes)


@api.get("/refs/{ref}/check", tags=["lineage"])
async def check(
    *,
    caller: Signed,
    ref: RefText,
    prefix: Annotated[str, Query(description="only objects whose keys begin so")] = "",
    after: AfterKey = "",
    limit: Limit = PAGE_MAX,
) -> CheckOut:
    """Doubts about the lineage of a page of objects: weak or missing evidence, stale sources."""
    return await checking.check_page(caller, ref, prefix=prefix, after=after, limit=limit)


@api.get("/refs/{ref}/prov", tags=["exports"])
async def prov(
    caller: Signed,
    ref: RefText,
    key: Annotated[str | None, Query(description="only the write that made this object")] = None,
    version: Annotated[str | None, Query(description="of that object; else the current")] = None,
) -> dict[str, Any]:
    """The commit a REF names, or the write that made an object, as W3C PROV-JSON."""
    return await exports.prov_of(caller, ref, key, version)


@api.get("/refs/{ref}/openlineage", tags=["exports"])
async def openlineage(
    caller: Signed,
    ref: RefText,
    datasets: Annotated[
        Granularity, Query(description="what one dataset is: the beginning of keys, or an object")
    ] = Granularity.PREFIX,
) -> dict[str, Any]:
    """The commit a REF names as an OpenLineage RunEvent."""
    return await exports.event_of(caller, ref, datasets)


@api.get("/refs/{ref}/croissant", tags=["exports"])
async def croissant(
    caller: Signed,
    ref: RefText,
    prefix: Annotated[str, Query(description="only objects whose keys begin so")] = "",
) -> dict[str, Any]:
    """The state a REF names, a tag as a rule, as a Croissant dataset (JSON-LD)."""
    return await dataset.croissant_of(caller, ref, prefix)


@api.get("/diff", tags=["history"])
async def diff(
    *,
    caller: Signed,
    old: Annotated[str, Query(description="a REF", examples=["v1.labels"])],
    new: Annotated[str, Query(description="a REF", examples=["master.labels"])],
    prefix: Annotated[str, Query(description="only keys that begin so")] = "",
    labels: Annotated[
        bool, Query(description="also what changed in labels; at most 100 rows a page then")
    ] = False,
    after: AfterKey = "",
    limit: Limit = PAGE_MAX,
) -> DiffOut:
    """Objects that differ between two REFs."""
    return await history.diff_page(
        caller, old, new, prefix=prefix, after=after, limit=limit, labels=labels
    )


@api.get("/deliveries", tags=["deliveries"])
async def list_deliveries(
    caller: Signed,
    after: Annotated[int, Query(ge=0, description="`next_after` of the page before")] = 0,
    limit: Limit = 100,
) -> DeliveriesOut:
    """Who is told of commits, and what they could not be told."""
    return await deliveries.page(caller, after=after, limit=limit)


@api.post("/deliveries/{number}/replay", tags=["deliveries"])
async def replay_delivery(caller: Signed, number: int) -> ParkedOut:
    """Have one that was given up tried again, once."""
    return await deliveries.replay(caller, number)


@api.delete("/deliveries/{number}", status_code=204, tags=["deliveries"])
async def drop_delivery(caller: Signed, number: int) -> None:
    """Forget one that was given up."""
    await deliveries.drop(caller, number)


@api.get("/triggers", tags=["triggers"])
async def list_all_triggers(caller: Signed) -> TriggersOut:
    """The triggers of every repo, where the key has `admin`."""
    return await triggers.list_triggers(caller, None)


@api.get("/repos/{repo}/triggers", tags=["triggers"])
async def list_triggers(caller: Signed, repo: RepoPath) -> TriggersOut:
    """The triggers of a repo, where the key has `admin`."""
    return await triggers.list_triggers(caller, repo)


@api.post("/repos/{repo}/triggers", status_code=201, tags=["triggers"])
async def create_trigger(caller: Signed, repo: RepoPath, body: CreateTrigger) -> TriggerOut:
    """When a branch gained this much, or a tag was made: do that."""
    return await triggers.create(caller, repo, body)


@api.delete("/repos/{repo}/triggers/{name}", status_code=204, tags=["triggers"])
async def delete_trigger(caller: Signed, repo: RepoPath, name: str) -> None:
    """Forget a trigger, and what it fired."""
    await triggers.delete(caller, repo, name)


@api.post("/repos/{repo}/triggers/{name}/test", tags=["triggers"])
async def test_trigger(caller: Signed, repo: RepoPath, name: str) -> FiringOut:
    """Have it do once what it does, told that it is a test. A promote or tag is only tried."""
    return await triggers.test(caller, repo, name)


@api.get("/repos/{repo}/triggers/{name}/firings", tags=["triggers"])
async def trigger_history(
    caller: Signed, repo: RepoPath, name: str, limit: Limit = 100
) -> FiringsOut:
    """What it fired and what came of that, newest first."""
    return await triggers.history(caller, repo, name, limit=limit)


@api.post("/repos/{repo}/triggers/{name}/firings/{firing}/replay", tags=["triggers"])
async def replay_firing(caller: Signed, repo: RepoPath, name: str, firing: str) -> FiringOut:
    """Have a firing done again; its receiver sees the same id."""
    return await triggers.replay(caller, repo, name, firing)

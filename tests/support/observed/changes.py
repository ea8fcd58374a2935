"""Case 6: what changes branches, commits and metadata, and how commits carry words."""

from __future__ import annotations

from fake_pachd.wire import more, pfs
from pachd_calls import PachdCalls, add

from observed.commits import UNKNOWN_ID, given, written
from observed.paths import accepted, same, silent
from observed.play import Steps, scenario


@scenario("6.promote", "6.prov")
async def branches(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s6")
    ids = [await pachd.put("s6", {f"/{number}": b"x"}) for number in range(7)]
    case = "6.promote"

    def point(number: int):
        return pachd.create_branch("s6", "prod", pachd.at("s6", ids[number]))

    yield case, "CreateBranch prod head=id[3]", point(3)
    yield case, "InspectBranch prod", same(pachd.head("s6", "prod"), ids[3])
    yield case, "CreateBranch prod head=id[6] (forward)", point(6)
    yield case, "CreateBranch prod head=id[1] (back)", point(1)
    head = pachd.master("s6")
    yield case, "CreateBranch prod head=branch master", pachd.create_branch("s6", "prod", head)
    yield case, "head equal to master", same(pachd.head("s6", "prod"), ids[6])
    unknown = pachd.at("s6", UNKNOWN_ID)
    call = "CreateBranch prod head=missing id"
    yield case, call, pachd.create_branch("s6", "prod", unknown)
    await pachd.create_repo("s6o")
    other = pachd.at("s6o", await pachd.put("s6o", {"/x": b"x"}))
    call = "CreateBranch prod head in other repo"
    yield case, call, pachd.create_branch("s6", "prod", other)
    yield case, "new_commit_set", point(2)
    made = await pachd.put("s6", {"/new": b"x"}, "prod")
    parent = (await pachd.inspect(pachd.at("s6", made))).parent_commit.id
    yield case, "put on prod after moving back: parent", given(str(ids.index(parent)))
    names = [one.branch.name for one in await pachd.branches("s6")]
    yield case, "Commit shared by two branches: ListBranch", given(str(names))

    case = "6.prov"
    for name in ("s6up", "s6out"):
        await pachd.create_repo(name)
    await pachd.put("s6up", {"/f": b"1"})
    up = pachd.branch("s6up")
    call = "CreateBranch with provenance"
    yield case, call, pachd.create_branch("s6out", "master", None, [up])
    out = pachd.master("s6out")
    info = await pachd.inspect(out)
    state = f"origin={info.origin.kind} finishing={info.HasField('finishing')}"
    yield case, "InspectCommit output head", given(state)
    yield case, "StartCommit on output branch", silent(pachd.start("s6out"))
    call = "ModifyFile one-shot on output branch (head open)"
    yield case, call, pachd.modify(out, add("/o", b"1"))
    yield case, "FinishCommit output", pachd.finish(out)
    await pachd.finished(out)
    call = "ModifyFile one-shot on output branch (head finished)"
    yield case, call, pachd.modify(out, add("/o", b"2"))
    call = "DeleteRepo upstream of provenance no force"
    yield case, call, silent(pachd.delete_repo("s6up", force=False))
    yield case, "DeleteBranch upstream no force", pachd.delete_branch("s6up", "master")


@scenario("6.desc", "6.meta", "6.txn", "6.delete")
async def words(pachd: PachdCalls) -> Steps:
    await pachd.create_repo("s6c")
    case, head = "6.desc", pachd.master("s6c")
    for size in (1000, 100_000, 1_000_000, 3_000_000, 8_000_000, 19_000_000):
        call = f"StartCommit description {size} bytes"
        yield case, call, accepted(pachd.start("s6c", description="d" * size))
        text_size = len((await pachd.inspect(head)).description)
        yield case, f"InspectCommit returns description {size}", given(str(text_size))
        text_size = len((await pachd.commits("s6c", number=1))[0].description)
        yield case, f"ListCommit number=1 with {size} description", given(str(text_size))
        await pachd.finish(head)
        yield case, "wait FINISHED", silent(pachd.finished(head))
    for call, later, left in (
        ("FinishCommit(description) replaces", "second", "second"),
        ("FinishCommit without description keeps", "", "first"),
    ):
        await pachd.start("s6c", description="first")
        await pachd.finish(head, description=later)
        assert (await pachd.inspect(head)).description == left
        yield case, call, given(left)
    call = "description utf-8/newlines/NUL"
    yield case, call, silent(pachd.start("s6c", description="a\0b"))
    odd = 'é漢😀\n{"k":"v"}'
    yield case, "description utf-8/newlines", accepted(pachd.start("s6c", description=odd))
    yield case, "read back", given(repr((await pachd.inspect(head)).description))

    case = "6.meta"
    yield case, "EditMetadata repo", edit(pachd, "s6c", add_key={"key": "r", "value": "v"})
    metadata = (await pachd.inspect_repo("s6c")).metadata
    yield case, "InspectRepo metadata", given(str(dict(metadata)))

    async for step in transactions(pachd):
        yield step
    case = "6.delete"
    gone = pachd.at("s6c", await pachd.head("s6c"))
    yield case, "DeleteRepo force", deleted(pachd.delete_repo("s6c"), "deleted: true")
    yield case, "DeleteRepo again", deleted(pachd.delete_repo("s6c"), "deleted=False")
    call = "DeleteRepo no force with branches and commits"
    yield case, call, deleted(pachd.delete_repo("s6t", force=False), "deleted=True")
    yield case, "InspectCommit after repo delete", pachd.inspect(gone)


async def transactions(pachd: PachdCalls) -> Steps:
    case = "6.txn"
    for name in ("s6t", "s6u"):
        await pachd.create_repo(name)

    def start(repo: str):
        return {"start_commit": pfs.StartCommitRequest(branch=pachd.branch(repo))}

    async def batch(*requests) -> list[str]:
        request = more.BatchTransactionRequest(requests=requests)
        path = "/transaction_v2.API/BatchTransaction"
        answer = await pachd.unary(path, request, more.TransactionInfo)
        return [one.commit.id for one in answer.responses if one.commit.id]

    finish = {"finish_commit": pfs.FinishCommitRequest(commit=pachd.master("s6t"))}
    yield case, "Batch start_commit+finish_commit same repo", silent(batch(start("s6t"), finish))
    made = await batch(start("s6t"), start("s6u"))
    assert made[0] == made[1]
    yield case, "Batch start_commit on two repos same id", given("")
    await pachd.finish(pachd.at("s6t", made[0]))
    requests = (start("s6t"), finish, start("s6t"))
    yield case, "Batch two start_commits one repo", silent(batch(*requests))


@scenario("6.squash")
async def rewriting(pachd: PachdCalls) -> Steps:
    case = "6.squash"
    await pachd.create_repo("s6sq")
    ids = [await pachd.put("s6sq", {f"/f{n}": b"%d" % n}) for n in range(5)]
    head = pachd.master("s6sq")

    def at(number: int) -> pfs.Commit:
        return pachd.at("s6sq", ids[number])

    yield case, "SquashCommitSet middle", pachd.squash_set(ids[1])
    yield case, "InspectCommit squashed", pachd.inspect(at(1))
    yield case, "file of squashed commit still in head", written(pachd.get(head, "/f1"))
    names = [one.file.path for one in await pachd.ls(at(2))]
    yield case, "read child of squashed", given(str(names))
    yield case, "SquashCommitSet head", pachd.squash_set(ids[4])
    yield case, "DropCommitSet middle", pachd.drop_set(ids[2])
    yield case, "DropCommitSet head", pachd.drop_set(ids[4])
    yield case, "head after drop", given(str(ids.index(await pachd.head("s6sq"))))
    yield case, "DropCommit head (single)", pachd.drop(at(3))
    yield case, "Drop unknown set", pachd.drop_set(UNKNOWN_ID)
    opened = await pachd.start("s6sq")
    yield case, "DropCommitSet on OPEN head (abort a commit)", pachd.drop_set(opened)
    opened = await pachd.start("s6sq")
    yield case, "StartCommit after dropping open head", given("")
    await pachd.finish(head)
    yield case, "DropCommit on FINISHING head", pachd.drop(pachd.at("s6sq", opened))
    assert len(await pachd.commits("s6sq")) == 2
    yield case, "ListCommit remaining", given("2")


async def edit(pachd: PachdCalls, repo: str, **op) -> None:
    name = pfs.RepoPicker.RepoName(
        project=pfs.ProjectPicker(name="default"), name=pachd.repo(repo).name, type="user"
    )
    request = pfs.EditMetadataRequest(edits=[pfs.Edit(repo=pfs.RepoPicker(name=name), **op)])
    await pachd.unary("/metadata.API/EditMetadata", request, pfs.EditMetadataResponse)


async def deleted(asked, words_of_row: str) -> str:
    """How a row words what was deleted."""
    assert (await asked) == ("rue" in words_of_row)
    return words_of_row

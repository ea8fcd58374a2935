"""Notes on repos: in metadata where pachd has it, in the description below that."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from fake_pachd import FakePachd
from hands import REPO

from gateway.stores.pachyderm import faults
from gateway.stores.pachyderm.notes import BRANCHES, Notes, opening
from gateway.stores.pachyderm.pfs import Pfs, RepoInfo
from gateway.stores.pachyderm.words import COMPANION_REPO
from gateway.versioning.errors import AlreadyExists
from gateway.versioning.names import RepoName

NOTE = {"account": "änn", "n": 1}


@pytest.fixture(params=["2.12.0", "2.6.0"])
def notes(request: pytest.FixtureRequest, fake: FakePachd, pfs: Pfs) -> Notes:
    """On a pachd with metadata, and on one that has none yet."""
    fake.version = tuple(map(int, request.param.split(".")))
    return Notes(pfs)


async def there(pfs: Pfs) -> dict:
    """As somebody reads them who knows of nothing."""
    repo = await pfs.inspect_repo(REPO)
    assert (await Notes(pfs).of_all([repo]))[0][1] == await Notes(pfs).of(repo)
    return await Notes(pfs).of(repo)


async def made(pfs: Pfs, description: str = "") -> RepoInfo:
    await pfs.create_repo(REPO, description)
    return await pfs.inspect_repo(REPO)


async def test_a_note_is_added_once_replaced_and_removed(pfs: Pfs, notes: Notes):
    repo = await made(pfs, "what people wrote")
    await notes.add(repo, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}
    with pytest.raises(AlreadyExists):
        await notes.add(repo, "ref.a", {"n": 2})
    assert await there(pfs) == {"ref.a": NOTE}
    await notes.add(repo, "ref.a", {"n": 3}, instead=True)
    await notes.add(repo, "ref.b", {"n": 4}, instead=True)
    assert await there(pfs) == {"ref.a": {"n": 3}, "ref.b": {"n": 4}}
    await notes.remove(repo, ["ref.a", "never"])
    assert await there(pfs) == {"ref.b": {"n": 4}}
    assert (await pfs.inspect_repo(REPO)).description.startswith("what people wrote")


async def test_of_many_who_add_a_note_one_succeeds(pfs: Pfs, notes: Notes):
    repo = await made(pfs)
    added = await asyncio.gather(
        *(notes.add(repo, "ref.a", {"n": n}) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, AlreadyExists) for one in added) == 7
    assert added.count(None) == 1


async def test_a_repo_that_is_made_with_notes_has_them_from_the_first_moment(
    pfs: Pfs, notes: Notes
):
    repo = await made(pfs, opening({"repo": NOTE}))
    assert await there(pfs) == {"repo": NOTE}
    await notes.add(repo, "ref.a", {"n": 1})
    assert await there(pfs) == {"repo": NOTE, "ref.a": {"n": 1}}
    await notes.add(repo, "repo", {"account": "bob"}, instead=True)
    assert (await there(pfs))["repo"] == {"account": "bob"}


@pytest.mark.parametrize(
    "description",
    ["", "labelgate", "labelgate: ", "labelgate: []", "a\nlabelgate: {", 'labelgate: {"a":1}'],
)
async def test_what_is_none_of_ours_is_passed_over(pfs: Pfs, notes: Notes, description: str):
    repo = await made(pfs, description)
    assert await there(pfs) == {}
    await notes.add(repo, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}


async def test_metadata_of_others_is_left_alone(fake: FakePachd, pfs: Pfs):
    repo = await made(pfs)
    await Notes(pfs).add(repo, "ref.a", NOTE)
    companion = RepoName(COMPANION_REPO)
    (branch,) = await pfs.list_branches(companion)
    bad = {"owner": "x", "labelgate.bad": "{", "labelgate.0.labels.bad": "{"}
    await pfs.edit_branch_metadata(companion, branch.name, add=bad)
    await Notes(pfs).remove(repo, ["ref.b"])
    assert await there(pfs) == {"ref.a": NOTE}
    assert (await pfs.list_branches(companion))[0].metadata.items() >= bad.items()


async def test_a_repo_is_never_changed_for_its_notes(pfs: Pfs):
    """pachd would finish its commits once more from then on."""
    repo = await made(pfs, opening({"repo": NOTE}))
    await Notes(pfs).add(repo, "ref.a", NOTE)
    assert await pfs.inspect_repo(REPO) == repo
    assert [one.name for one in await pfs.list_branches(REPO)] == []


async def test_a_repo_has_none_of_the_notes_of_one_that_had_its_name(pfs: Pfs, notes: Notes):
    await notes.add(await made(pfs), "ref.a", NOTE)
    await pfs.delete_repo(REPO)
    await made(pfs)
    assert await there(pfs) == {}


async def test_nothing_is_made_to_take_away_what_is_not_there(pfs: Pfs, notes: Notes):
    repo = await made(pfs)
    await notes.remove(repo, ["ref.a"])
    assert [one.name for one in await pfs.list_repos()] == [REPO]


async def test_many_repos_share_few_branches_and_each_has_its_own_notes(pfs: Pfs):
    """A branch for each repo would cost the more, the more of them there are."""
    notes, repos = Notes(pfs), []
    for number in range(200):
        name = RepoName(f"repo{number}")
        await pfs.create_repo(name, "")
        repos.append(await pfs.inspect_repo(name))
        await notes.add(repos[-1], "ref.a.b", {"n": number})
    assert len(await pfs.list_branches(RepoName(COMPANION_REPO))) <= BRANCHES
    await notes.forget(repos[7])
    found = [one for _, one in await notes.of_all(repos)]
    assert found == [{} if n == 7 else {"ref.a.b": {"n": n}} for n in range(200)]
    assert [await notes.of(repo) for repo in repos] == found


@pytest.mark.parametrize("step", ["CreateRepo", "CreateBranch", "EditMetadata"])
async def test_a_rollback_of_any_step_is_tried_again(fake: FakePachd, pfs: Pfs, step: str):
    repo = await made(pfs)
    rollback = grpc.StatusCode.UNKNOWN, "commit unexpectedly resulted in rollback"
    fake.fail_next(step, *rollback, times=2)
    await Notes(pfs).add(repo, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}


async def test_notes_that_go_again_and_again_are_given_up(
    pfs: Pfs, monkeypatch: pytest.MonkeyPatch
):
    repo = await made(pfs)
    await Notes(pfs).add(repo, "ref.a", NOTE)
    notes = Notes(pfs)

    companion = RepoName(COMPANION_REPO)

    async def gone(*_: object) -> None:
        """Somebody takes away what was made before a note is on it."""

    monkeypatch.setattr(notes, "_make", gone)
    (branch,) = await pfs.list_branches(companion)
    await pfs.delete_branch(companion, branch.name)
    with pytest.raises(faults.NotFound):
        await notes.add(repo, "ref.a", NOTE)

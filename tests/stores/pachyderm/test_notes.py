"""Notes on repos: in the metadata where pachd has it, in the description below that."""

from __future__ import annotations

import asyncio

import pytest
from fake_pachd import FakePachd
from hands import REPO

from gateway.stores.pachyderm.notes import Notes, notes_of, opening
from gateway.stores.pachyderm.pfs import Pfs
from gateway.versioning.errors import AlreadyExists

NOTE = {"account": "änn", "n": 1}


@pytest.fixture(params=["2.12.0", "2.6.0"])
def notes(request: pytest.FixtureRequest, fake: FakePachd, pfs: Pfs) -> Notes:
    """On a pachd with metadata, and on one that has none yet."""
    fake.version = tuple(map(int, request.param.split(".")))
    return Notes(pfs)


async def there(pfs: Pfs) -> dict:
    return notes_of(await pfs.inspect_repo(REPO))


async def test_a_note_is_added_once_replaced_and_removed(pfs: Pfs, notes: Notes):
    await pfs.create_repo(REPO, "what people wrote")
    await notes.add(REPO, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}
    with pytest.raises(AlreadyExists):
        await notes.add(REPO, "ref.a", {"n": 2})
    assert await there(pfs) == {"ref.a": NOTE}
    await notes.add(REPO, "ref.a", {"n": 3}, instead=True)
    await notes.add(REPO, "ref.b", {"n": 4}, instead=True)
    assert await there(pfs) == {"ref.a": {"n": 3}, "ref.b": {"n": 4}}
    await notes.remove(REPO, ["ref.a", "never"])
    assert await there(pfs) == {"ref.b": {"n": 4}}
    assert (await pfs.inspect_repo(REPO)).description.startswith("what people wrote")


async def test_of_many_who_add_a_note_one_succeeds(pfs: Pfs, notes: Notes):
    await pfs.create_repo(REPO)
    made = await asyncio.gather(
        *(notes.add(REPO, "ref.a", {"n": n}) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, AlreadyExists) for one in made) == 7
    assert made.count(None) == 1


async def test_a_repo_that_is_made_with_notes_has_them_from_the_first_moment(
    pfs: Pfs, notes: Notes
):
    await pfs.create_repo(REPO, opening({"repo": NOTE}))
    assert await there(pfs) == {"repo": NOTE}
    await notes.add(REPO, "ref.a", {"n": 1})
    assert await there(pfs) == {"repo": NOTE, "ref.a": {"n": 1}}
    await notes.add(REPO, "repo", {"account": "bob"}, instead=True)
    assert (await there(pfs))["repo"] == {"account": "bob"}


@pytest.mark.parametrize(
    "description",
    ["", "labelgate", "labelgate: ", "labelgate: []", "a\nlabelgate: {", 'labelgate: {"a":1}'],
)
async def test_what_is_none_of_ours_is_passed_over(pfs: Pfs, notes: Notes, description: str):
    await pfs.create_repo(REPO, description)
    assert await there(pfs) == {}
    await notes.add(REPO, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}


async def test_metadata_of_others_is_left_alone(fake: FakePachd, pfs: Pfs):
    await pfs.create_repo(REPO)
    await pfs.edit_repo_metadata(REPO, add={"owner": "x", "labelgate.bad": "{"})
    await Notes(pfs).add(REPO, "ref.a", NOTE)
    assert await there(pfs) == {"ref.a": NOTE}
    assert (await pfs.inspect_repo(REPO)).metadata["owner"] == "x"

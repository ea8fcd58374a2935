"""One person over several Label Studios: the keyed hash in records, and no address anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hands import Hand
from hypothesis import given
from hypothesis import strategies as st
from labels import annotation, encoded, task

from gateway.lineage.person import Persons
from gateway.lineage.reads import ReadLog
from gateway.lineage.recorder import Recorder, Write
from gateway.versioning.store import Store

PERSONS = Persons(b"a key of at least sixteen bytes")
# printf ann@example.com | openssl dgst -sha256 -hmac 'a key of at least sixteen bytes'
ANN = "7972cbc8fee8ddade289690643a2eb9e"


async def recorded(store: Store, hand: Hand, form: Any, persons: Persons | None) -> dict[str, Any]:
    body = encoded(form)
    given = Write(
        bucket=await hand.head(), key="1", size=len(body), etag="e", time_ms=1, account="ann",
        key_name="laptop", request_id="R",
    )  # fmt: skip
    return (await Recorder(store, ReadLog(), persons).describe_put(given, body)).record


@pytest.mark.parametrize(
    "called", ["ann@example.com", "Ann@Example.COM", "  ann@example.com\n", "ANN@EXAMPLE.COM"]
)
def test_an_address_has_one_hash_however_it_is_written(called: str) -> None:
    assert PERSONS.hash_of(called) == ANN


def test_letters_are_the_same_however_they_are_composed() -> None:
    assert PERSONS.hash_of("zo\u00eb@example.com") == PERSONS.hash_of("zoe\u0308@example.com")


@pytest.mark.parametrize("called", ["ann@example.org", "ann.@example.com", "an@example.com", ""])
def test_another_address_has_another_hash(called: str) -> None:
    assert PERSONS.hash_of(called) != ANN


def test_without_the_key_a_hash_cannot_be_tried_out() -> None:
    assert Persons(b"another key of so many bytes").hash_of("ann@example.com") != ANN


@given(st.text(st.characters()))
def test_whatever_someone_is_called_has_a_hash(called: str) -> None:
    assert len(PERSONS.hash_of(called)) == 32


async def test_a_record_has_the_hash_only_where_a_key_is_set(store: Store, labels: Hand) -> None:
    record = await recorded(store, labels, annotation(), PERSONS)
    assert (record["annotator"], record["annotator_hash"]) == (7, ANN)
    assert "annotator_hash" not in await recorded(store, labels, annotation(), None)


async def test_two_label_studios_know_one_person_by_one_hash(store: Store, labels: Hand) -> None:
    elsewhere = {"id": 31, "email": "Ann@example.com", "first_name": "A.", "last_name": "Lee"}
    record = await recorded(store, labels, annotation(completed_by=elsewhere), PERSONS)
    assert (record["annotator"], record["annotator_hash"]) == (31, ANN)


async def test_of_a_task_everybody_has_a_hash(store: Store, labels: Hand) -> None:
    [one] = task()["annotations"]
    other = {**one, "id": 5, "completed_by": {"id": 8, "email": "bob@example.com"}}
    nobody = {**one, "id": 6, "completed_by": 9}
    form = task(annotations=[one, other, nobody])
    record = await recorded(store, labels, form, PERSONS)
    hashes = {one["annotator"]: one["annotator_hash"] for one in record["annotations"]}
    assert hashes == {7: ANN, 8: PERSONS.hash_of("bob@example.com"), 9: None}
    record = await recorded(store, labels, form, None)
    assert {frozenset(one) for one in record["annotations"]} == {
        frozenset({"annotation", "annotator"})
    }


@pytest.mark.parametrize(
    ("by", "called"),
    [
        ({"id": 7, "email": "", "username": "ann"}, "ann"),
        ({"id": 7, "email": None, "username": "ann"}, "ann"),
        ({"id": 7, "email": "ann@example.com", "username": "x"}, "ann@example.com"),
        ({"id": 7, "email": " "}, None),
        ({"id": 7, "email": 7, "username": ["ann"]}, None),
        ({"id": 7}, None),
        (7, None),
        (None, None),
        ("ann@example.com", None),
    ],
)
async def test_the_hash_is_of_the_address_else_of_the_user_name(
    store: Store, labels: Hand, by: Any, called: str | None
) -> None:
    record = await recorded(store, labels, annotation(completed_by=by), PERSONS)
    assert record["annotator_hash"] == (None if called is None else PERSONS.hash_of(called))


@pytest.mark.parametrize("persons", [None, PERSONS])
@pytest.mark.parametrize("layout", [annotation, task])
async def test_no_name_and_no_address_is_in_a_record(
    store: Store, labels: Hand, layout: Any, persons: Persons | None
) -> None:
    form = layout()
    one = form if layout is annotation else form["annotations"][0]
    one["completed_by"] |= {"first_name": "Annabel", "last_name": "Leeward"}
    told = repr(await recorded(store, labels, form, persons)).casefold()
    assert not [name for name in ("annabel", "leeward", "example.com") if name in told]

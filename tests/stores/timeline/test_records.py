"""What a commit's record says, and what it keeps to itself."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.stores.timeline import records

PARTS = records.ChangeParts(kind=1, nul=False, key=b"k", digest=b"d", attributes=b"a", lineage=b"l")


def digest(salt: bytes, parts: records.ChangeParts) -> bytes:
    return records.commitments(salt, parts).change_digest(parts.kind, parts.nul)


@pytest.mark.parametrize(
    "other",
    [
        {"key": b"K"},
        {"digest": b""},
        {"attributes": b"b"},
        {"lineage": b""},
        {"kind": 2},
        {"nul": True},
    ],
)
def test_whatever_differs_in_a_change_shows_in_its_digest(other: dict):
    salt = records.new_salt()
    assert digest(salt, PARTS) != digest(salt, dataclasses.replace(PARTS, **other))


def test_the_same_change_under_another_salt_has_another_digest():
    assert digest(records.new_salt(), PARTS) != digest(records.new_salt(), PARTS)


def test_equal_parts_of_a_change_do_not_show_that_they_are_equal():
    same = records.commitments(records.new_salt(), records.ChangeParts(1, False, *[b"x"] * 4))
    assert len({same.key, same.content, same.attributes, same.lineage}) == 4


def test_a_change_is_verified_by_its_commitments_once_its_parts_are_erased():
    salt = records.new_salt()
    kept = records.commitments(salt, PARTS)
    assert kept.change_digest(1, False) == digest(salt, PARTS)


def test_ids_are_in_the_order_of_time_and_tell_it():
    ids = [records.commit_id(time, records.record_hash(b"r")) for time in (0, 1, 2**40, 2**48 - 1)]
    assert ids == sorted(ids)
    assert [records.id_time(one) for one in ids] == [0, 1, 2**40, 2**48 - 1]
    assert {len(one) for one in ids} == {16}


def test_a_move_of_a_ref_is_chained_to_the_one_before_it():
    move = {"n": 2, "name": "v1"}
    assert records.reflog_hash(b"a" * 32, move) != records.reflog_hash(b"b" * 32, move)
    assert records.reflog_hash(b"a" * 32, move) != records.reflog_hash(b"a" * 32, move | {"n": 3})


def test_a_manifest_is_known_by_the_order_and_size_of_its_parts():
    one, two = (3, b"1" * 32), (5, b"2" * 32)
    digests = {records.manifest_digest(parts) for parts in ([one, two], [two, one], [one], [])}
    assert len(digests) == 4

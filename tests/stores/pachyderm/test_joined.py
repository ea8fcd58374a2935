"""What another writer did in a commit of ours is told apart from what we did."""

from __future__ import annotations

import pytest
from recorded import commit, deleted, wrote

from gateway.stores.pachyderm.joined import differing
from gateway.versioning.model import ChangeKind

OURS = commit(2, 1, [wrote("put", b"1"), deleted("gone"), deleted("k", kind=ChangeKind.POINT)])


def test_what_pfs_tells_of_our_own_changes_is_nothing_new():
    found = commit(2, 1, [wrote("put", b"1"), deleted("gone"), deleted("k")])
    assert list(differing(OURS, found, {"gone", "k"})) == []


@pytest.mark.parametrize(
    "change", [wrote("other"), wrote("put", b"22"), deleted("put"), wrote("gone"), wrote("k")]
)
def test_what_our_record_does_not_say_is_another_writers(change):
    others = [one for one in OURS.changes if one.key != change.key]
    found = commit(2, 1, [*others, change])
    assert list(differing(OURS, found, set())) == [change]


def test_a_file_of_ours_that_is_not_there_was_deleted_by_another():
    found = commit(2, 1, [deleted("gone"), deleted("k")])
    assert list(differing(OURS, found, {"gone", "k"})) == [deleted("put")]
    assert list(differing(OURS, found, {"put"})) == []

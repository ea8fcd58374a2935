"""What is asked, judged at a head: conditions, the no-op rule, and keys that would collide."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import commit_id

from gateway.stores.pachyderm import paths
from gateway.stores.pachyderm.judge import Judged, Live, Taken, judge, written
from gateway.stores.pachyderm.words import Content, Staged
from gateway.versioning.errors import ConditionFailed, NoKey, PathConflict
from gateway.versioning.model import (
    Attributes,
    Change,
    ChangeKind,
    Condition,
    Delete,
    ObjectInfo,
    Put,
)
from gateway.versioning.names import CommitId, RepoName

REPO = RepoName("labels")
ABSENT, PRESENT = Condition(not_etag="*"), Condition(etag="*")
HERE = commit_id(100)


@dataclass
class Before:
    """A head: live keys with their ETag, and keys with a marker. places: paths by other tools."""

    lives: dict[str, str] = field(default_factory=dict)
    markers: dict[str, CommitId] = field(default_factory=dict)
    same_as: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def live(self, key: str) -> Live | None:
        if key not in self.lives:
            return None
        path = self.places.get(key, paths.escape(key))
        content = Content(REPO, commit_id(1), path, 10, b"")
        info = ObjectInfo(key, commit_id(1), 10, self.lives[key], 1, Attributes(), content=content)
        return Live(info, self.same_as.get(key))

    def marker(self, key: str) -> CommitId | None:
        return self.markers.get(key)

    def in_the_way(self, key: str, gone: Collection[str]) -> str | None:
        return next((one for one in self.lives if one not in gone and collide(one, key)), None)


def collide(one: str, other: str) -> bool:
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def put(key: str, etag: str = "e", **more: Any) -> Put:
    return replace(Put(key, Staged(3, b"d", data=b"xyz"), 3, etag, Attributes()), **more)


def judged(state: Before, *changes: Change) -> Judged:
    return judge(state, Taken(), changes)


def test_a_change_to_a_key_counts_for_those_behind_it():
    one = judged(
        Before({"gone": "x"}),
        put("a", "1", condition=ABSENT),
        put("a", "2", condition=Condition(etag="1")),
        Delete("gone"),
        put("gone", "3", condition=ABSENT),
    )
    assert [change.etag for change in one.effective.values() if isinstance(change, Put)] == [
        "2", "3",
    ]  # fmt: skip
    outcomes = one.outcomes(REPO, HERE, 5)
    assert [outcome.version for outcome in outcomes] == [HERE] * 4
    assert [outcome.info and outcome.info.etag for outcome in outcomes] == ["2", "2", "3", "3"]


def test_an_outcome_tells_the_object_as_it_is_then():
    (outcome,) = judged(Before(), put("ä", "1", null=True)).outcomes(REPO, HERE, 5)
    assert outcome.info == ObjectInfo("ä", HERE, 3, "1", 5, Attributes(), null=True)
    assert outcome.info.content == Content(REPO, HERE, paths.escape("ä"), 3, b"d")


@pytest.mark.parametrize(
    ("condition", "live", "refusal"),
    [
        (ABSENT, None, None),
        (ABSENT, "1", "not_etag"),
        (PRESENT, "1", None),
        (Condition(etag="1"), "1", None),
        (Condition(etag="2"), "1", "etag"),
        (Condition(not_etag="1"), "1", "not_etag"),
        (Condition(not_etag="2"), "1", None),
        (Condition(not_etag="1"), None, None),
    ],
)
def test_a_condition_is_judged_at_the_head(condition, live, refusal):
    state = Before({} if live is None else {"a": live})
    for change in (put("a", condition=condition), Delete("a", condition=condition)):
        if refusal is None:
            assert judged(state, change).effective == {"a": change}
            continue
        with pytest.raises(ConditionFailed) as failed:
            judged(state, change)
        assert failed.value.condition == refusal


@pytest.mark.parametrize("condition", [PRESENT, Condition(etag="1")])
def test_what_is_absent_is_no_key_and_tells_its_marker(condition):
    with pytest.raises(NoKey) as never:
        judged(Before(), Delete("a", condition=condition))
    assert never.value.marker is None
    with pytest.raises(NoKey) as deleted:
        judged(Before(markers={"a": commit_id(7)}), Delete("a", condition=condition))
    assert deleted.value.marker == commit_id(7)
    with pytest.raises(NoKey) as just_now:
        judged(Before({"a": "1"}), Delete("a"), Delete("a", condition=condition))
    assert just_now.value.marker is None


def test_the_same_again_is_no_change_and_tells_what_stands():
    state = Before({"a": "1"}, same_as={"a": "digest"})
    one = judged(state, put("a", "2", same_as="digest"))
    assert one.effective == {}
    (outcome,) = one.outcomes(REPO, None, 0)
    assert (outcome.changed, outcome.version) == (False, commit_id(1))
    assert outcome.info is not None
    assert outcome.info.etag == "1"


@pytest.mark.parametrize(
    "again",
    [
        {"same_as": None},
        {"same_as": "other"},
        {"same_as": "digest", "attributes": Attributes(content_type="text/plain")},
    ],
)
def test_what_differs_in_anything_is_a_change(again):
    state = Before({"a": "1"}, same_as={"a": "digest"})
    assert judged(state, put("a", "2", **again)).effective


def test_the_condition_of_what_is_no_change_is_judged():
    state = Before({"a": "1"}, same_as={"a": "digest"})
    with pytest.raises(ConditionFailed):
        judged(state, put("a", same_as="digest", condition=ABSENT))


def test_the_same_after_a_delete_in_the_same_request_is_a_change():
    state = Before({"a": "1"}, same_as={"a": "digest"})
    one = judged(state, Delete("a"), put("a", same_as="digest"))
    assert list(one.effective) == ["a"]


def test_a_file_by_another_tool_leaves_its_own_path():
    state = Before({"%zz": "1", "b": "1"}, places={"%zz": "/%zz"})
    assert judged(state, put("%zz"), put("b")).stale == ("/%zz",)
    assert judged(state, Delete("%zz")).stale == ("/%zz",)


def test_growth_is_what_the_head_gains():
    state = Before({"a": "1", "b": "1"})
    assert judged(state, put("a"), Delete("b"), put("c")).growth == 3 - 10 - 10 + 3


# ---- collisions


@pytest.mark.parametrize(
    ("there", "key"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a/")]
)
def test_a_file_is_no_folder_whoever_comes_first(there, key):
    with pytest.raises(PathConflict) as conflict:
        judged(Before({there: "1"}), put(key))
    assert (conflict.value.key, conflict.value.other) == (key, there)
    with pytest.raises(PathConflict):
        judged(Before(), put(there), put(key))
    taken = Taken()
    taken.add(judge(Before(), taken, [put(there)]))
    with pytest.raises(PathConflict):
        judge(Before(), taken, [put(key)])
    assert judged(Before({there: "1"}), Delete(there), put(key)).effective
    assert judged(Before(), put(there), put(key), Delete(there)).effective


def test_what_the_batch_deleted_makes_room():
    taken, state = Taken(), Before({"a": "1"})
    taken.add(judge(state, taken, [Delete("a")]))
    assert judge(state, taken, [put("a/b")]).effective


@pytest.mark.parametrize("key", ["a", "ab", "a.c", "b/a", "a%2Fb"])
def test_other_names_are_no_folders(key):
    assert judged(Before({"a.b/c": "1", "abc": "1", "b/ac": "1"}), put(key)).effective


KEYS = st.sampled_from(["a", "a/b", "a/b/c", "a/c", "b", "b/a", "ab"])


@given(
    st.sets(KEYS),
    st.lists(st.lists(st.tuples(KEYS, st.booleans()), max_size=3), max_size=5),
)
def test_no_batch_ever_holds_two_files_that_collide(before, requests):
    """A plain set of files is the oracle."""
    live = {key for key in before if not any(collide(key, other) for other in before)}
    state, taken, files = Before(dict.fromkeys(live, "1")), Taken(), set(live)
    written_already: set[str] = set()
    for request in requests:
        changes = [put(key) if is_put else Delete(key) for key, is_put in request]
        keys = {key for key, _ in request}
        if keys & written_already:
            continue  # two writes of a key never share a commit
        last = dict(request)
        after = files - keys | {key for key, is_put in last.items() if is_put}
        fits = not any(collide(one, other) for one in after for other in after)
        try:
            taken.add(judge(state, taken, changes))
        except PathConflict:
            assert not fits
            continue
        assert fits
        files = after
        written_already |= keys


# ---- as it is recorded


def test_a_change_is_recorded_with_all_that_pfs_does_not_hold():
    change = put("a", same_as="s", null=True, lineage={"v": 1})
    made = written(change)
    assert (made.kind, made.key, made.size, made.etag, made.digest) == (
        ChangeKind.PUT, "a", 3, "e", b"d",
    )  # fmt: skip
    assert (made.same_as, made.null, made.lineage, made.path) == ("s", True, {"v": 1}, None)
    assert written(Delete("a", {"v": 1}, null=True)).kind is ChangeKind.DELETE


def test_a_content_of_another_store_is_a_mistake():
    with pytest.raises(TypeError, match="none of this store's"):
        written(put("a", content=b"bytes"))

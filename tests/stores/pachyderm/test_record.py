"""Records: what a commit's description says of it comes back, and nobody else's text is one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import KEY, TEXT, TEXTS, WRITTEN, commit_id, deleted, wrote

from gateway.stores.pachyderm import record
from gateway.stores.pachyderm.pfs import CommitInfo
from gateway.stores.pachyderm.words import Recorded
from gateway.versioning.model import About, ChangeKind
from gateway.versioning.names import RepoName

ABOUT = st.builds(About, author=TEXT, kind=TEXT, message=TEXT, metadata=TEXTS)
REQUESTS = st.lists(st.tuples(ABOUT, st.lists(WRITTEN, max_size=3)), min_size=1, max_size=3)
ANN = About("ann", "put")


def info(description: str, number: int = 2, error: str = "") -> CommitInfo:
    return CommitInfo(
        RepoName("labels"), commit_id(number), commit_id(number - 1), "user", description,
        1, 2, 3, error, None, "", (),
    )  # fmt: skip


@given(REQUESTS, st.integers(0, 2**45), st.sampled_from(["", "set"]))
def test_what_was_written_comes_back(requests, time_ms, file_set):
    text = record.encode("b-1", file_set, "master", time_ms, requests)
    assert record.decode(info(text)) == record.recorded(
        commit_id(2), commit_id(1), batch="b-1", file_set=file_set, branch="master",
        time_ms=time_ms, requests=requests,
    )  # fmt: skip
    assert record.batch_of(text) == "b-1"
    assert text.isprintable() or "\n" in text
    assert "\0" not in text


def test_a_long_record_is_packed_and_still_tells_its_batch():
    requests = [(ANN, [wrote(f"a/{number}.json") for number in range(1000)])]
    text = record.encode("b-1", "set", "master", 1, requests)
    assert len(text) < 100_000
    assert record.batch_of(text) == "b-1"
    made = record.decode(info(text))
    assert made is not None
    assert made.changes == tuple(requests[0][1])


@given(st.text() | st.builds(lambda line: f"labelgate: x\n{line}", st.text()))
def test_the_text_of_others_is_no_record(text):
    assert record.decode(info(text)) is None
    assert record.batch_of(text) is None
    assert record.kept_at(text) is None


@given(st.data())
def test_a_record_that_somebody_edited_is_none_or_well_formed(data):
    text = record.encode("b-1", "set", "master", 1, [(ANN, [wrote("a", same_as="x")])])
    first, _, line = text.partition("\n")
    form = json.loads(line)
    requests = form["requests"]
    target = data.draw(st.sampled_from([form, requests[0], requests[0]["changes"][0]]))
    name = data.draw(st.sampled_from(sorted(target)))
    target[name] = data.draw(
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({"a": {}})
    )
    edited = json.dumps(form, separators=(",", ":"))
    made = record.decode(info(f"{first}\n{edited}"))
    assert made is None or isinstance(made, Recorded)
    record.batch_of(f"{first}\n{edited}")


@pytest.mark.parametrize("z", ["", "!", "aGVsbG8=", 7, None])
def test_a_packed_record_that_is_damaged_is_none(z):
    line = json.dumps({"labelgate": 1, "batch": "b", "z": z}, separators=(",", ":"))
    assert record.decode(info(f"x\n{line}")) is None


def test_a_record_that_unpacks_to_too_much_is_none(monkeypatch):
    requests = [(ANN, [wrote(f"a/{number}.json") for number in range(1000)])]
    text = record.encode("b-1", "set", "master", 1, requests)
    monkeypatch.setattr(record, "UNPACKED_BYTES_MAX", 1000)
    assert record.decode(info(text)) is None


def test_what_several_requests_have_in_common_is_the_commits():
    made = record.recorded(
        commit_id(2),
        None,
        batch="b",
        file_set="",
        branch="master",
        time_ms=1,
        requests=[
            (About("ann", "put", "one", {"a": "1", "b": "2"}), [wrote("a")]),
            (About("bob", "delete", "two", {"a": "1", "b": "3"}), [deleted("b")]),
            (About("ann", "put", "one", {"a": "1"}), [wrote("c")]),
        ],
    )
    assert (made.author, made.kind, made.message) == ("ann, bob", "batch", "one\ntwo")
    assert made.metadata == {"a": "1"}
    assert [change.key for change in made.changes] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("requests", "line"),
    [
        ([(ANN, [wrote("a"), wrote("b")])], "labelgate: 2 puts by ann"),
        ([(ANN, [wrote("a")]), (About("bob", "delete"), [deleted("b")])],
         "labelgate: 1 put, 1 delete by ann, bob"),
        ([(About("a\nb\ud800", "put"), [wrote("a")])], "labelgate: 1 put by a?b?"),
        ([(About("", "create"), [])], "labelgate: create"),
        ([(ANN, [deleted("a"), deleted("b", kind=ChangeKind.POINT)])],
         "labelgate: 2 deletes by ann"),
        ([(About(name, "put"), [wrote(name)]) for name in "abcde"],
         "labelgate: 5 puts by a, b, c and 2 more"),
    ],
)  # fmt: skip
def test_the_first_line_is_for_people(requests, line):
    assert record.encode("b", "", "master", 1, requests).partition("\n")[0] == line


@given(KEY, st.sampled_from([object(), {1}, float("nan"), b"x"]))
def test_what_is_no_json_is_its_callers_mistake(key, value):
    with pytest.raises((TypeError, ValueError)):
        record.demand_recordable(ANN, [wrote(key, lineage={"x": value})])
    with pytest.raises((TypeError, ValueError)):
        record.demand_recordable(replace(ANN, metadata={"x": value}), [])


def test_half_a_character_is_its_callers_mistake_and_no_record():
    with pytest.raises(ValueError, match="surrogates"):
        record.demand_recordable(replace(ANN, message="\ud800"), [])
    text = record.encode("b", "", "master", 1, [(replace(ANN, message="\ud800"), [])])
    assert record.decode(info(text)) is None


def test_a_kept_record_says_where_it_is():
    kept = record.Kept(commit_id(9), "/records/labels/b")
    text = record.describe_kept(kept, "b", [(ANN, [wrote("a")])])
    assert record.kept_at(text) == kept
    assert record.batch_of(text) == "b"
    assert record.decode(info(text)) is None


# ---- repairs


def repair(number: int, *of: int) -> tuple[CommitInfo, Recorded]:
    replaces = ",".join(commit_id(one) for one in of)
    about = About("labelgate", record.REPAIR, metadata={record.REPLACES: replaces})
    return chained(number, about)


def chained(number: int, about: About = ANN, error: str = "") -> tuple[CommitInfo, Recorded]:
    made = info(record.encode(f"b-{number}", "set", "master", 1, [(about, [])]), number, error)
    decoded = record.decode(made)
    assert decoded is not None
    return made, decoded


def test_a_spoiled_commit_is_owed_a_repair_until_there_is_one():
    spoiled, good = chained(2, error="collision"), chained(3)
    assert record.unrepaired([good, spoiled]) == [commit_id(2)]
    assert record.unrepaired([repair(4, 2), good, spoiled]) == []
    assert record.unrepaired([(info("pachctl", 4), None), good, spoiled]) == [commit_id(2)]


def test_a_repair_that_was_spoiled_itself_repairs_nothing():
    failed_info, failed = repair(4, 2)
    failed_repair = (replace(failed_info, error="collision"), failed)
    chain = [failed_repair, chained(3), chained(2, error="collision")]
    assert record.unrepaired(chain) == [commit_id(4), commit_id(2)]
    assert record.unrepaired([repair(5, 2, 4), *chain]) == []


def test_only_a_repair_replaces():
    _, put = chained(2, About("ann", "put", metadata={record.REPLACES: commit_id(1)}))
    assert record.replaced_by(put) == frozenset()
    assert record.replaced_by(repair(3, 1, 2)[1]) == {commit_id(1), commit_id(2)}

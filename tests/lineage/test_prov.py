"""A commit as PROV-JSON. The judge is the `prov` package: it parses, we ask its document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commits import EXTERNAL, MADE, MISSING, PARENT, READ, commit, deleted, label, source
from hypothesis import given
from hypothesis import strategies as st
from prov.model import (
    ProvActivity,
    ProvAssociation,
    ProvAttribution,
    ProvCommunication,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvInvalidation,
    ProvRecord,
    ProvSpecialization,
    ProvUsage,
)

from gateway.lineage import prov
from gateway.versioning.model import ChangeInfo, ChangeKind, Commit

LABEL = f"urn:labelgate:version:default/labels/{MADE}/proj1/101"
IMAGE = f"urn:labelgate:version:vision/raw/{READ}/cats/1%20%C3%BC%23.jpg"
COMMIT = f"urn:labelgate:commit:default/labels/{MADE}"


def parsed(*changes: ChangeInfo, made: Commit | None = None) -> ProvDocument:
    """What an independent reader makes of it; its warnings are errors, as everywhere in tests."""
    text = json.dumps(prov.document(made or commit(), changes))
    document = ProvDocument.deserialize(content=text, format="json")
    assert ProvDocument.deserialize(content=document.serialize(format="json")) == document
    assert document.get_provn()
    return document


def uris(document: ProvDocument, kind: type[ProvRecord]) -> list[tuple[str, ...]]:
    """Of each record of a kind: the URIs that it names, in the order of the model."""
    return [
        tuple(value.uri for value in record.args if hasattr(value, "uri"))
        for record in document.get_records(kind)
    ]


def said(document: ProvDocument, uri: str) -> dict[str, Any]:
    """What is said of a thing, by the local names of the attributes."""
    [record] = [
        one for one in document.get_records() if one.identifier and one.identifier.uri == uri
    ]
    return {name.localpart: value for name, value in record.extra_attributes}


def test_a_label_was_derived_from_the_version_of_its_source() -> None:
    document = parsed(label("proj1/101", source()))
    [derivation] = document.get_records(ProvDerivation)
    assert uris(document, ProvDerivation) == [(LABEL, IMAGE, COMMIT)]
    assert {str(n): v for n, v in derivation.extra_attributes} == {"lg:evidence": "head-at-put"}
    assert uris(document, ProvUsage) == [(COMMIT, IMAGE)]
    assert uris(document, ProvGeneration) == [(LABEL, COMMIT)]
    assert said(document, IMAGE) == {
        "location": f"s3://{READ}.master.raw.vision/cats/1%20%C3%BC%23.jpg"
    }


def test_who_did_it_and_after_what() -> None:
    document = parsed(label())
    assert uris(document, ProvAttribution) == [(LABEL, "urn:labelgate:annotator:7")]
    assert uris(document, ProvAssociation) == [(COMMIT, "urn:labelgate:account:ann")]
    parent = f"urn:labelgate:commit:default/labels/{PARENT}"
    assert uris(document, ProvCommunication) == [(COMMIT, parent)]
    [activity] = document.get_records(ProvActivity)
    assert activity.get_startTime().isoformat() == "2026-11-23T04:19:03.536000+00:00"
    assert activity.get_endTime() == activity.get_startTime()


def test_what_the_record_knows_stands_on_the_version() -> None:
    told = said(parsed(label()), LABEL)
    assert str(told.pop("type")) == "lg:Label"
    assert told == {
        "location": f"s3://{MADE}.dev.labels/proj1/101", "size": 42, "etag": "e" * 32,
        "sha256": "ab" * 32, "layout": "annotation", "project": 12, "task": 11, "annotation": 4,
        "lead_time": 9.1, "result_count": 1, "was_cancelled": False,
    }  # fmt: skip


def test_a_version_is_one_of_the_object_that_was_named() -> None:
    document = parsed(label("proj1/101", source()))
    assert sorted(uris(document, ProvSpecialization)) == sorted(
        [
            (LABEL, "s3://dev.labels/proj1/101"),
            (IMAGE, "s3://master.raw.vision/cats/1%20%C3%BC%23.jpg"),
        ]
    )


def test_a_source_of_unknown_version_is_the_object_that_was_named() -> None:
    document = parsed(label("k", EXTERNAL, MISSING))
    used = [pair[1] for pair in uris(document, ProvUsage)]
    assert used == ["s3://elsewhere/x.png", "s3://master.raw.vision/gone"]
    evidence = [one.extra_attributes[0][1] for one in document.get_records(ProvDerivation)]
    assert evidence == ["external", "missing"]


def test_a_source_that_moved_while_the_work_went_on_says_so() -> None:
    document = parsed(label("k", source(changed_during=True)))
    [derivation] = document.get_records(ProvDerivation)
    assert {str(n): v for n, v in derivation.extra_attributes}["lg:changed_during"] is True


def test_one_version_has_one_name_whatever_it_was_seen_through() -> None:
    pinned = source(uri=f"s3://{READ}.raw/x", ref=None, path="x", pinned=READ)
    tagged = source(uri="s3://v1.raw.vision/x", ref="v1", path="x", pinned=READ)
    used = uris(parsed(label("k", pinned, tagged)), ProvUsage)
    assert used == [(COMMIT, f"urn:labelgate:version:vision/raw/{READ}/x")]


def test_a_tasks_annotators_are_all_told() -> None:
    several = [{"annotation": 4, "annotator": 7}, {"annotation": 5, "annotator": None},
               {"annotation": 6, "annotator": 9}]  # fmt: skip
    document = parsed(label("k", layout="task", annotations=several))
    assert [pair[1][-1] for pair in uris(document, ProvAttribution)] == ["7", "9"]


def test_a_delete_ends_the_object() -> None:
    document = parsed(deleted("proj1/100"))
    assert uris(document, ProvInvalidation) == [("s3://dev.labels/proj1/100", COMMIT)]
    assert uris(document, ProvGeneration) == []


def test_what_was_erased_or_written_by_another_tool_is_there_without_its_record() -> None:
    erased = ChangeInfo("a", ChangeKind.ERASED, 0, "", None)
    foreign = ChangeInfo("b", ChangeKind.PUT, 3, "e", None)
    nothing = ChangeInfo("c", ChangeKind.POINT, 0, "", None)
    document = parsed(erased, foreign, nothing)
    versions = [pair[0].rpartition("/")[2] for pair in uris(document, ProvGeneration)]
    assert versions == ["a", "b"]
    assert said(document, f"urn:labelgate:version:default/labels/{MADE}/a")["erased"] is True
    assert "erased" not in said(document, f"urn:labelgate:version:default/labels/{MADE}/b")


def test_sources_that_are_left_out_are_counted() -> None:
    told = said(parsed(label("proj1/101", source(), sources_left_out=3)), LABEL)
    assert told["sources_left_out"] == 3


def test_a_first_commit_that_changes_nothing_is_an_activity() -> None:
    document = parsed(made=commit(parents=(), kind="create", message=""))
    assert [type(one) for one in document.get_records()].count(ProvActivity) == 1
    assert list(document.get_records(ProvEntity)) == []


@given(key=st.text(min_size=1).filter(lambda key: key.isprintable()), author=st.text(min_size=1))
def test_any_key_and_any_account_make_a_document(key: str, author: str) -> None:
    document = parsed(label(key, source(key)), made=commit(author=author))
    assert len(list(document.get_records(ProvEntity))) == 4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form["prefix"].pop("version"),
        lambda form: form.update(wasFoundBy=form.pop("wasDerivedFrom")),
    ],
    ids=["a prefix that is not declared", "a relation that nobody knows"],
)
def test_the_judge_refuses_what_is_no_prov(spoil: Any) -> None:
    form = json.loads(json.dumps(prov.document(commit(), [label("k", source())])))
    spoil(form)
    with pytest.raises(Exception, match=r"."):
        ProvDocument.deserialize(content=json.dumps(form), format="json")

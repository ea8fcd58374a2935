"""Terms of lineage records: any record gives some, and one that is not of our form gives none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.versioning.names import RepoName
from gateway.versioning.terms import below_source, of_source, terms

RAW = RepoName("raw")
VERSION = "0" * 31 + "1"

_anything = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(["a"])
_fields = st.sampled_from(["annotator", "task", "project", "repo", "path", "uri", "commit"])
_forms = st.dictionaries(_fields, _anything, max_size=4)
_lists = st.lists(_forms, max_size=2) | _anything


@given(_forms, _lists, _lists, _lists)
def test_no_record_of_another_form_makes_trouble(
    form: dict[str, Any], sources: Any, provenance: Any, annotations: Any
):
    record = form | {"sources": sources, "provenance": provenance, "annotations": annotations}
    assert all(isinstance(term, bytes) for term in terms(record))


@pytest.mark.parametrize("path", ["a", "a/b", "\u00fc", "a\0b", "x" * 1024, ""])
def test_a_source_is_found_by_each_question_that_means_it(path: str):
    source = {"uri": "-", "repo": "raw", "project": "default", "path": path, "commit": VERSION}
    (term,) = terms({"sources": [source]})
    asked = [of_source(RAW, path), of_source(RAW, path, VERSION), below_source(RAW, path[:1])]
    assert all(first <= term < end for first, end in asked)


def test_what_a_pipeline_made_is_found_by_the_commits_it_read():
    (term,) = terms({"provenance": [{"repo": "raw", "project": "default", "commit": VERSION}]})
    first, end = of_source(RAW, "", VERSION)
    assert first <= term < end

"""Commits as JSON: all of them come back, and nothing else gets in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from recorded import RECORDED, WRITTEN, commit, commit_id, wrote

from gateway.stores.pachyderm.codec import (
    change_form,
    change_from,
    recorded_form,
    recorded_from,
)
from gateway.stores.pachyderm.words import Recorded, Written
from gateway.versioning.model import ChangeKind


def through_json(form: dict[str, Any]) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(json.dumps(form))
    return parsed


@given(WRITTEN)
def test_a_change_comes_back(change: Written):
    assert change_from(through_json(change_form(change))) == change


@given(RECORDED)
def test_a_commit_comes_back(recorded: Recorded):
    assert recorded_from(through_json(recorded_form(recorded))) == recorded


def test_what_is_as_usual_is_left_out():
    assert change_form(Written("k", ChangeKind.PUT)) == {"k": "k"}
    assert change_form(Written("k", ChangeKind.DELETE)) == {"k": "k", "d": 1}
    assert change_form(Written("k", ChangeKind.POINT, null=True)) == {"k": "k", "d": 2, "n": 1}
    assert set(recorded_form(commit(1, None))) == {"id", "branch", "time", "kind", "author"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": ""},
        {"k": None},
        {"k": 1},
        {"k": "\ud800"},
        {"s": -1},
        {"s": 2**63},
        {"s": "1"},
        {"s": 1.5},
        {"s": None},
        {"e": 1},
        {"h": "not base64"},
        {"h": "é"},
        {"h": "abc"},
        {"a": []},
        {"a": {"type": 1}},
        {"a": {"headers": {"x": 1}}},
        {"a": {"metadata": ["x"]}},
        {"a": {"checksums": {"x": "\ud800"}}},
        {"a": {"parts": 1}},
        {"a": {"parts": ["1"]}},
        {"a": {"parts": [-1]}},
        {"m": 1},
        {"l": []},
        {"p": 1},
        {"d": 3},
        {"d": "1"},
        {"i": []},
        {"i": {"\ud800": 1}},
    ],
)
def test_a_change_that_the_index_would_refuse_is_none(wrong: dict[str, Any]):
    with pytest.raises(ValueError):  # noqa: PT011
        change_from(change_form(wrote("k")) | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"id": "1"},
        {"parent": "1"},
        {"time": -1},
        {"time": 2**50},
        {"time": "now"},
        {"branch": 1},
        {"kind": []},
        {"author": 1},
        {"message": "\udfff"},
        {"metadata": {"x": None}},
        {"changes": {}},
        {"changes": [1]},
        {"changes": [{}]},
        {"batch": 1},
        {"file_set": 1},
    ],
)
def test_a_commit_that_the_index_would_refuse_is_none(wrong: dict[str, Any]):
    form = recorded_form(commit(2, 1, [wrote("k")]))
    assert recorded_from(form).id == commit_id(2)
    with pytest.raises(ValueError):  # noqa: PT011
        recorded_from(form | wrong)

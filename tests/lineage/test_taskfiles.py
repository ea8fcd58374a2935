"""Files of tasks: known again by the data in them, and served with their name in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lineage.taskfiles import EMBEDDED, data_digest, digests, embed

DATA = {"text": "Grüße", "n": 1.5}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
datas = st.dictionaries(st.text(), json_values, max_size=4).filter(
    lambda data: "data" not in data and EMBEDDED not in data
)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(DATA),
        json.dumps({"data": DATA, "predictions": []}),
        json.dumps([{"data": {}}, DATA]),
        f"{json.dumps({'data': {}})}\n\n{json.dumps({'data': DATA})}\n",
        '{"n": 1.50, "text": "Gr\\u00fc\\u00dfe"}',
    ],
)
def test_the_data_of_each_task_is_known(body: str) -> None:
    assert data_digest(DATA) in digests(body.encode())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[1, null]", b'"text"', b"{", b"\xff", b"[" * 10_000, b'{"a": 1} {']
)
def test_what_is_no_file_of_tasks_has_none_and_stays_as_it_is(body: bytes) -> None:
    assert digests(body) == frozenset()
    assert embed(body, "x") is None


@given(datas)
def test_a_served_task_is_the_task_with_its_name(data: dict[str, Any]) -> None:
    for form in (data, {"data": data, "meta": {}}, [data, {"data": data}]):
        served = embed(json.dumps(form).encode(), "v.raw/k")
        assert served is not None
        found = json.loads(served)
        tasks = found if isinstance(found, list) else [found]
        for task in tasks:
            inner = task.get("data", task)
            assert inner == {**data, EMBEDDED: "v.raw/k"}
        assert data_digest(data) in digests(served), "the field is none of the data"


def test_a_line_stays_a_line() -> None:
    served = embed(b'{"data": {"a": 1}}\n{"data": {"a": 2}}\n', "v.raw/k")
    assert served is not None
    lines = served.decode().splitlines()
    assert [json.loads(line)["data"]["a"] for line in lines] == [1, 2]

"""Files of many commits."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import RECORDED, commit, wrote

from gateway.stores.pachyderm import segments
from gateway.stores.pachyderm.words import Recorded

SOME = [commit(1, None), commit(2, 1, [wrote("a"), wrote("é")])]


@given(st.lists(RECORDED, max_size=4))
def test_commits_come_back_in_order(commits: list[Recorded]):
    data = segments.encode(commits)
    assert segments.decode(data) == commits
    assert segments.encode(commits) == data


def test_a_segment_is_lines_that_people_can_read():
    header, *lines = gzip.decompress(segments.encode(SOME)).splitlines()
    assert json.loads(header) == {"labelgate": "segment", "v": 1}
    assert [json.loads(line)["id"] for line in lines] == [one.id for one in SOME]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        segments.encode(SOME)[:-9],
        segments.encode(SOME)[:20],
        segments.encode(SOME)[:40] + b"\xff\xff" + segments.encode(SOME)[42:],
        gzip.compress(b""),
        gzip.compress(b"{}\n"),
        gzip.compress(b"\xff\n"),
        gzip.compress(b'{"labelgate":"segment","v":2}\n'),
        gzip.compress(b'{"labelgate":"segment","v":1}\nno json\n'),
        gzip.compress(b'{"labelgate":"segment","v":1}\n[]\n'),
        gzip.compress(b'{"labelgate":"segment","v":1}\n{"id":"x"}\n'),
        gzip.compress(b'{"labelgate":"segment","v":1}\n' + b'{"x":' * 100_000 + b"\n"),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_a_damaged_segment_says_so(data: bytes):
    with pytest.raises(ValueError):  # noqa: PT011
        segments.decode(data)

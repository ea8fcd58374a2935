"""Globs: as fnmatch has them, and never slow."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.globs import glob_regex


@given(st.text("ab.*?\n", max_size=8), st.text("ab.\n", max_size=8))
def test_a_glob_matches_what_fnmatch_matches(glob: str, text: str) -> None:
    found = re.fullmatch(glob_regex(glob), text, re.DOTALL) is not None
    assert found == fnmatchcase(text, glob)


def test_the_characters_that_a_wildcard_stands_for_may_be_narrowed() -> None:
    assert re.fullmatch(glob_regex("a*b?", "[^.]"), "axbc")
    assert not re.fullmatch(glob_regex("a*b?", "[^.]"), "a.bc")
    assert not re.fullmatch(glob_regex("a*b?", "[^.]"), "axb.")


def test_many_stars_take_no_longer_than_few() -> None:
    """Going back over each of them would take longer than the universe is old."""
    assert not re.fullmatch(glob_regex("*a" * 60 + "*b", "[^.]"), "a" * 190)

"""Keys become paths that PFS takes, and come back."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stores.pachyderm.paths import ancestors, escape, unescape

# What a pachd was seen to take, less the backslash, which it then cannot be asked for.
TAKEN = re.compile(r"""(?:/[ "#$%&',\-.0-9:;<=>A-Z_`a-z|~]+)+""")

awkward = st.text("/.%-2E\\*?[]{}!()@+^ aA\x00\n\x7f\x80é€😀", min_size=1, max_size=12)
keys = awkward | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("labels/task-1.json", "/labels/task-1.json"),
        ("a b/c~d|e,f=g&h'i\"j#k$l;m:n<o>p`q", "/a b/c~d|e,f=g&h'i\"j#k$l;m:n<o>p`q"),
        ("photo (1).jpg", "/photo %281%29.jpg"),
        ("50%", "/50%25"),
        ("%-", "/%25-"),
        ("Grüße/日.txt", "/Gr%C3%BC%C3%9Fe/%E6%97%A5.txt"),
        ("a\\b", "/a%5Cb"),
        ("a\nb\x7f", "/a%0Ab%7F"),
        ("folder/", "/folder/%-"),
        ("/", "/%-/%-"),
        ("a//b", "/a/%-/b"),
        ("./a/../...", "/%2E/a/%2E%2E/..."),
        (".hidden", "/.hidden"),
    ],
)
def test_a_key_has_this_path_and_comes_back(key: str, path: str) -> None:
    assert escape(key) == path
    assert unescape(path) == (key, True)


@given(keys)
def test_every_key_comes_back(key: str) -> None:
    assert unescape(escape(key)) == (key, True)


@given(keys, keys)
def test_different_keys_have_different_paths(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(keys)
def test_pfs_takes_every_path_and_folds_none(key: str) -> None:
    path = escape(key)
    assert TAKEN.fullmatch(path)
    assert not {"", ".", ".."} & set(path[1:].split("/"))


@given(keys)
def test_a_key_keeps_its_segments(key: str) -> None:
    assert escape(key).count("/") == key.count("/") + 1


@pytest.mark.parametrize(
    "path",
    [
        "/photo (1).jpg",  # copied there by another tool
        "/50%",
        "/a%2fb",
        "/a%2Fb",
        "/%41",
        "/%c3%bc",
        "/%FF",
        "/grün",
        "/%-",  # would be the empty key
        "/%--",
        "/a/%2E%2E.",
    ],
)
def test_a_path_of_another_making_shows_under_its_own_name(path: str) -> None:
    assert unescape(path) == (path[1:], False)


@given(st.text("/.%-2EFfa(é", min_size=1).map(lambda text: f"/{text}"))
def test_any_path_has_a_key_and_only_ours_are_called_ours(path: str) -> None:
    key, canonical = unescape(path)
    assert key == path[1:] if not canonical else escape(key) == path


def test_an_empty_key_has_no_path() -> None:
    with pytest.raises(ValueError, match="empty key"):
        escape("")


@pytest.mark.parametrize(
    ("key", "above"),
    [
        ("a", []),
        ("a/b/c", ["a", "a/b"]),
        ("folder/", ["folder"]),
        ("a//b", ["a", "a/"]),
        ("/a", []),
        ("//a", ["/"]),
    ],
)
def test_what_a_key_lies_beneath(key: str, above: list[str]) -> None:
    assert ancestors(key) == above


@given(keys)
def test_ancestors_are_the_directories_of_the_path(key: str) -> None:
    paths = [*map(escape, ancestors(key)), escape(key)]
    assert all(below.startswith(f"{above}/") for above, below in pairwise(paths))
    parents = escape(key).count("/") - 1
    assert len(paths) - 1 == parents - key.startswith("/")  # the empty key is nobody's
